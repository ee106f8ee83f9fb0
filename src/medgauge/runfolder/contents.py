"""results.json and predictors.json, read by what each of their parts must be."""

from collections.abc import Mapping, Sequence
from typing import Any

from medgauge.core.beside import BESIDE
from medgauge.core.forms import (
    ANY_GROUP,
    CHANCE,
    COUNT,
    ENDS,
    NUMBER,
    NUMBERS,
    PAIR,
    REAL,
    TEXT,
    Again,
    Chosen,
    Form,
    Group,
    Leaf,
    Listed,
    Named,
    check_form,
    one_of,
    optional,
)
from medgauge.functional.findings import STATES
from medgauge.metrics import REGION_NAMES
from medgauge.metrics.catalogue import FIGURES
from medgauge.runfolder.folder import RunFolder
from medgauge.runfolder.headline import SPEAKS
from medgauge.runfolder.tables import TEXTS

_FIGURES: dict[str, Form] = {f"{name}?": NUMBER for figures in FIGURES.values() for name in figures}
_MAIN = {kind: next(iter(figures)) for kind, figures in FIGURES.items()}
"""The figure of each kind that is always there."""
_STRATA: Mapping[str, Sequence[str]] = {"finding": STATES, "class": ()}
"""Parts of the labels of kinds that have no regions by density; none: a run's own."""
_PART: dict[str, Form] = {
    **_FIGURES,
    "n?": COUNT,
    "groups?": COUNT,
    "coverage?": NUMBER,
    "drawn?": COUNT,
    "drawn_covered?": COUNT,
    "ci95?": Named(ENDS),
}
_SAID: dict[str, Form] = {
    **{f"{name}?": NUMBER for name in ("width", "pieces", "size", "set_coverage")},
    **{f"{name}?": NUMBER for name in ("share_empty", "share_infinite", "share_whole")},
    **{
        f"{name}?": COUNT
        for name in (
            "drawn",
            "drawn_covered",
            "set_drawn_covered",
            "calibration_groups",
            "off_levels",
            "merged_groups",
            "groups_needed",
        )
    },
    **{f"{name}?": PAIR for name in ("coverage_ci95", "set_coverage_ci95", "by_chance95")},
    "over_coverage?": Named(NUMBER),
    "merged?": TEXT,
}
_SAID_OF_PART = Group({**_SAID, "n": COUNT, "coverage": NUMBER})
_CERTAINTY: dict[str, Form] = {
    **_SAID,
    "level": CHANCE,
    "note?": TEXT,
    "n": COUNT,
    "n_groups": COUNT,
    "coverage": NUMBER,
    "by_region": Group(dict.fromkeys(REGION_NAMES, _SAID_OF_PART)),
    "by_grade?": Named(_SAID_OF_PART),
    "by_class?": Named(_SAID_OF_PART),
}
_INTERVAL = Group(
    {**_CERTAINTY, "kind": one_of("label_conditional", "split", "cross"), "width": NUMBER, "share_infinite": NUMBER}
)
_SET = Group({**_CERTAINTY, "kind": TEXT, "size": NUMBER, "by_grade": Named(_SAID_OF_PART)})
_CLASS_SET = Group(
    {**_CERTAINTY, "by_region": Named(_SAID_OF_PART), "by_class": Named(_SAID_OF_PART), "kind": TEXT, "size": NUMBER}
)
_CONFUSION = Leaf(
    "levels, and as many counts for each",
    lambda value: (
        isinstance(value, dict)
        and (NUMBERS.holds(value.get("levels")) or TEXTS.holds(value.get("levels")))
        and isinstance(value.get("counts"), list)
        and len(value["counts"]) == len(value["levels"])
        and all(
            isinstance(row, list) and len(row) == len(value["levels"]) and all(map(COUNT.holds, row))
            for row in value["counts"]
        )
    ),
)
_CURVE = Group({**dict.fromkeys(("predicted", "observed", "low", "high"), NUMBERS), "cases": Listed(COUNT)})
_CALIBRATION = Group(
    {
        "level": CHANCE,
        **dict.fromkeys(("kind", "rule", "note"), TEXT),
        **dict.fromkeys(("n", "present_groups", "absent_groups"), COUNT),
        **dict.fromkeys(("threshold", "coverage", "share_positive", "sensitivity", "specificity", "f1"), NUMBER),
        **dict.fromkeys(("calibration_error", "calibration_error_by_chance"), NUMBER),
        "calibration_error_ci95": ENDS,
        "thresholds_of_cases?": ENDS,
        "rate?": NUMBER,
        "losses": Named(NUMBER),
        "uncalibrated": Named(NUMBER),
        "by_region": Named(Group({**_SAID, "n": COUNT, "coverage": NUMBER, "share_positive": NUMBER})),
        "reliability": _CURVE,
    }
)
_SHOWN: dict[str, Form] = {"baseline": TEXT, "skill": NUMBER, "ci95": ENDS, "verdict": TEXT, "reason": TEXT}
_AGAIN = Again()


def _block(kind: str) -> Group:
    """The form of a target's block."""
    main: dict[str, Form] = {_MAIN[kind]: NUMBER}
    strata = _STRATA.get(kind, REGION_NAMES)
    region = Group({**_PART, **main, "n": COUNT, "baselines?": Named(NUMBER)})
    parts: dict[str, Form] = {
        **_PART,
        **main,
        "kind": TEXT,
        "predictor": TEXT,
        "n": COUNT,
        "groups": COUNT,
        "by_region": Group(dict.fromkeys(strata, region)) if strata else Named(region),
        "by_predictor": Named(Group({**_FIGURES, **main})),
        "baselines": Named(Group({**_FIGURES, **main, "kind?": TEXT})),
        "skill?": Named(NUMBER),
        "shown?": Group(_SHOWN),
        "far?": Group(
            {
                **dict.fromkeys(("cases", "flagged", "drawn?", "drawn_flagged?"), COUNT),
                "share": NUMBER,
                "ci95": PAIR,
            }
        ),
        "subgroups?": Named(Named(Group({**_PART, **main, "n": COUNT, "coverage": NUMBER}))),
        "by_fold?": Listed(Group({**_PART, **main, "fold": COUNT, "n": COUNT, "predictor?": TEXT})),
        "spread_over_folds?": Group(_FIGURES),
        **{f"{name}?": _INTERVAL for name in ("interval", "plain_interval", "label_conditional_interval")},
        "set?": _SET if strata else _CLASS_SET,
        "confusion?": _CONFUSION,
        "correction?": Group({"kind?": TEXT, "note?": TEXT, "groups?": COUNT}),
        "uncorrected?": Group({**_FIGURES, **main, "bias": NUMBER}),
        "age_gap?": Group({"groups?": COUNT, "intercept?": NUMBER, "slope?": NUMBER}),
        "transformed?": Group({**_FIGURES, "unit?": TEXT}),
        "by_group_mean?": _AGAIN,
        "labels_within_groups?": Group({"differ": COUNT, "largest_range": NUMBER}),
        "training?": Named(COUNT),
        "frequency?": TEXT,
        "ordered_within?": TEXT,
        "classes?": TEXTS,
        "calibration?": _CALIBRATION,
    }
    return Group(parts)


BLOCK = Chosen("kind", {kind: _block(kind) for kind in FIGURES})
"""The figures of one target on one split."""
_AGAIN.form = BLOCK
_D5 = Leaf(
    "a number, or one for each target",
    lambda value: (
        NUMBER.holds(value)
        or (isinstance(value, list) and all(map(NUMBER.holds, value)))
        or (isinstance(value, dict) and all(map(NUMBER.holds, value.values())))
    ),
)
_SPACE_KEYS = ("rv_neighbours", "rv_share", "rv_n")
_SPACE: dict[str, Form] = {"d5": _D5, "rv": NUMBER, "rv_note?": optional(TEXT)}
_SPACE |= {f"{name}?": NUMBER for name in _SPACE_KEYS}
_MACRO: dict[str, Form] = {"value": NUMBER, "columns": Listed(TEXT), "left_out": Listed(TEXT)}
_TOGETHER = Group(
    {
        "least_positives": COUNT,
        "columns": Listed(TEXT),
        "few_positives": Named(COUNT),
        "figures": Named(Group({"macro": Group({**_MACRO, "ci95": ENDS}), "by_frequency": Named(Group(_MACRO))})),
        "ranking_precision": NUMBER,
    }
)
SPLIT = Group({"findings?": _TOGETHER, "space?": Group({**_SPACE, "by_fold?": Listed(Group(_SPACE))})}, others=BLOCK)
"""A block for each target, and the quality of the space."""
_TRAINING: dict[str, Form] = {"steps?": COUNT, "best_step?": COUNT, "stopped_because?": TEXT, "seconds?": NUMBER}
RESULTS = Group(
    {
        "shown?": Group({**_SHOWN, "split": TEXT, "target": TEXT, "sentence": TEXT}),
        "cases?": Group(
            {
                "read?": COUNT,
                "left_out?": Listed(Group({"reason": TEXT, "n": COUNT})),
                "by_split": Named(Group({"cases": COUNT, "groups": COUNT})),
            }
        ),
        "images?": Group(
            {
                "count": COUNT,
                "sized": COUNT,
                "pixels?": Listed(PAIR, 2),
                "shapes?": PAIR,
                "directions": Named(COUNT),
            }
        ),
        "notes?": Listed(TEXT),
        "looks?": Group({"test?": COUNT}),
        "training?": Group(_TRAINING),
        "folds?": Listed(Group({**_TRAINING, "fold": COUNT})),
        "seconds?": NUMBER,
        "peak_memory_mb?": NUMBER,
        "val?": SPLIT,
        "test?": SPLIT,
        "out_of_fold?": SPLIT,
    }
)
PREDICTORS = Group(
    {
        "medgauge?": TEXT,
        "folds?": COUNT,
        "fits?": Listed(TEXT),
        "tasks": Named(
            Group(
                {
                    "record": TEXT,
                    "records?": Named(TEXT),
                    "level": CHANCE,
                    "far_distance?": NUMBER,
                    "tuned?": Named(Named(NUMBER)),
                    "difficulty?": Named(REAL),
                    "validation?": Named(NUMBER),
                    "task?": ANY_GROUP,
                    "certainty?": ANY_GROUP,
                    "certainty_by_group?": ANY_GROUP,
                }
            )
        ),
    }
)


def read_results(folder: RunFolder, needed: Sequence[str] = ()) -> dict[str, Any]:
    """What results.json holds, with the parts that are needed.

    Raises:
        InputError: it is missing or damaged, or a part is missing or is not what it must be.
    """
    return _read(folder, "results.json", RESULTS, needed)


def read_finished(folder: RunFolder) -> dict[str, Any]:
    """What results.json of a finished run holds: a judged split with the figures of a target, and what every run has.

    Raises:
        InputError: it is missing or damaged, or a part is missing or is not what it must be.
    """
    values = read_results(folder, ("cases", "looks", "folds" if folder.is_ensemble() else "training", "seconds"))
    judged = [split for split in SPEAKS if split in values]
    if not judged:
        raise folder.broken("results.json", f"{', '.join(SPEAKS[:-1])} and {SPEAKS[-1]} are missing")
    bare = [split for split in judged if not values[split].keys() - set(BESIDE)]
    if bare:
        raise folder.broken("results.json", f"{bare[0]} has no figures")
    return values


def read_predictors(folder: RunFolder) -> dict[str, Any]:
    """What predictors.json holds; the parts of each kind of label are read by the kind.

    Raises:
        InputError: it is missing or damaged, or a part is missing or is not what it must be.
    """
    return _read(folder, "predictors.json", PREDICTORS)


def _read(folder: RunFolder, name: str, form: Form, needed: Sequence[str] = ()) -> dict[str, Any]:
    values = folder.read_json(name)
    try:
        check_form("", values, form)
        for part in needed:
            if part not in values:
                raise ValueError(f"{part} is missing")
    except ValueError as error:
        raise folder.broken(name, error) from error
    return values
