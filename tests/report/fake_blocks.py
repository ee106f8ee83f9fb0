"""The figures of a fake run's targets, as results.json holds them: computed where a test compares them, else made up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medgauge.calibration import binomial_interval

WIDER = 1.2  # the interval of record against the one beside it
REGIONS = ("many", "medium", "few")


@dataclass
class Read:
    """What was read off the cases of one split; ``median`` of the training labels."""

    label: np.ndarray
    value: np.ndarray
    region: np.ndarray
    group: np.ndarray
    record: str
    median: float

    @property
    def error(self) -> np.ndarray:
        return self.value - self.label

    @property
    def few_groups(self) -> bool:
        return len(set(self.group)) < 20

    def around(self, value: float, width: float) -> Any:
        return "too few groups" if self.few_groups else [value - width, value + width]

    def shared(self, more: Callable[[np.ndarray], dict[str, Any]]) -> dict[str, Any]:
        """The keys of every kind; ``more``: further figures of some cases."""
        mae, bias = float(abs(self.error).mean()), float(self.error.mean())
        constant = float(abs(self.label - self.median).mean())
        covariates = constant * 0.36
        spread = 2 * float(self.error.std()) / np.sqrt(len(self.error))
        everywhere = np.full(len(self.label), True)
        return {
            "predictor": self.record, "n": len(self.label), "groups": len(set(self.group)), "mae": mae, "bias": bias,
            **more(everywhere), "spearman": 0.981,
            "by_region": {
                key: {
                    "n": int(rows.sum()), "groups": len(set(self.group[rows])),
                    "mae": float(abs(self.error[rows]).mean()) if rows.any() else None,
                    "bias": float(self.error[rows].mean()) if rows.any() else None,
                    **more(rows),
                    "ci95": {"mae": "too few groups"},
                    "baselines": {"median": constant * 1.25, "covariates_only": covariates * 1.25},
                }
                for key, rows in ((key, self.region == key) for key in REGIONS)
            },
            "ci95": {"mae": self.around(mae, spread / 2), "bias": self.around(bias, spread)},
            "by_predictor": {"head": {"mae": mae * 1.06}, "neighbours": {"mae": mae}},
            "baselines": {"median": {"mae": constant}, "covariates_only": {"mae": covariates, "kind": "ridge"}},
            "skill": {"median": 1 - mae / constant, "covariates_only": 1 - mae / covariates},
            "shown": {
                "baseline": "covariates_only", "skill": 1 - mae / covariates, "ci95": self.around(1 - mae / covariates, 0.05),
                "verdict": f"{'not ' * self.few_groups}shown better than the covariates alone",
                "reason": "few groups are there" if self.few_groups else "",
            },
        }  # fmt: skip


def covered(read: Read, inside: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    """Size, coverage and its exact interval of some cases."""
    held, many = int(inside[rows].sum()), int(rows.sum())
    place = np.flatnonzero(rows)
    drawn = place[np.unique(np.asarray(read.group)[place], return_index=True)[1]]  # the first case of each group
    hit = int(inside[drawn].sum())
    return {
        "n": many, "coverage": held / many if many else None,
        "coverage_ci95": list(binomial_interval(hit, len(drawn))) if many else [None, None],
        "drawn": len(drawn), "drawn_covered": hit,
    }  # fmt: skip


def number_block(read: Read, half: float, *, infinite: bool) -> dict[str, Any]:
    error = read.error
    block = read.shared(lambda _: {})
    block |= {
        "kind": "number", "rmse": float(np.sqrt((error**2).mean())), "r2": 1 - float((error**2).mean() / read.label.var()),
        "pearson": float(np.corrcoef(read.label, read.value)[0, 1]), "concordance_correlation": 0.986,
        "geometric_mean_error": block["mae"] * 0.6, "calibration_slope": 1.012, "calibration_intercept": -1.9,
        "interval": _interval("label_conditional", read, np.inf if infinite else WIDER * half),
        "plain_interval": _interval("split", read, half),
    }  # fmt: skip
    block["ci95"]["r2"] = "too few groups" if read.few_groups else [0.97, 0.99]
    return block


def _interval(kind: str, read: Read, half: float) -> dict[str, Any]:
    def figures(rows: np.ndarray) -> dict[str, Any]:
        found = covered(read, abs(read.error) <= half, rows)
        return found | {
            "set_coverage": found["coverage"], "set_coverage_ci95": found["coverage_ci95"],
            "width": None if np.isinf(half) else 2 * half, "pieces": 1.25 if kind != "split" else 1.0,
            "share_empty": 0.0, "share_infinite": float(np.isinf(half)),
            "over_coverage": {"length": 0.04, "coverage": 0.015},
        }  # fmt: skip

    calibration = {"many": 33, "medium": 22, "few": 4 if np.isinf(half) else 16}
    own = kind == "label_conditional"
    note = "A 90 % interval needs 9 calibration groups with this label, and there are 4: it is infinite."
    return {
        "kind": kind, "level": 0.9, "n_groups": 71, "note": note if np.isinf(half) else "", **figures(read.region != ""),
        "by_region": {
            key: figures(read.region == key) | ({"calibration_groups": calibration[key]} if own else {})
            for key in calibration
        },
    }  # fmt: skip


def grade_block(read: Read, sets: Sequence[Sequence[str]], levels: Sequence[int]) -> dict[str, Any]:
    said = np.floor(read.value + 0.5)
    inside = np.array([str(int(label)) in own for label, own in zip(read.label, sets, strict=True)])
    size = np.array([len(own) for own in sets])

    def shares(rows: np.ndarray) -> dict[str, Any]:
        gap = abs(said - read.label)[rows]
        return {
            name: float((gap <= steps).mean()) if rows.any() else None
            for name, steps in (("accuracy", 0), ("within_one", 1))
        }

    def figures(rows: np.ndarray) -> dict[str, Any]:
        return covered(read, inside, rows) | {"size": float(size[rows].mean()) if rows.any() else None}

    everywhere = np.full(len(said), True)
    brief = ("n", "coverage", "size")
    block = {"kind": "grade", **read.shared(shares), "quadratic_kappa": 0.934}
    block["ci95"] |= {
        "quadratic_kappa": read.around(0.934, 0.02), "accuracy": read.around(block["accuracy"], 0.05),
        "within_one": "too few groups",
    }  # fmt: skip
    block["set"] = {
        "kind": "label_conditional", "level": 0.9, "n_groups": 71, **figures(everywhere),
        "note": "A 90 % set needs 9 calibration groups of each grade, and grade 4 has 4: it is in every set.",
        "share_whole": float((size == len(levels)).mean()), "share_empty": float((size == 0).mean()),
        "by_region": {key: {name: figures(read.region == key)[name] for name in brief} for key in REGIONS},
        "by_grade": {
            str(level): figures(read.label == level) | {"calibration_groups": (25, 19, 14, 9, 4)[level]} for level in levels
        },
    }  # fmt: skip
    counts = [[int(((read.label == true) & (said == one)).sum()) for one in levels] for true in levels]
    block["confusion"] = {"levels": list(levels), "counts": counts}
    return block
