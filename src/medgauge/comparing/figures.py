"""The figures of a comparison, from the cases and the entries of its runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.comparing.judged import Cases, Judged, spread_of
from medgauge.comparing.macros import macro_block
from medgauge.core.figure import Figure
from medgauge.metrics import MIN_GROUPS, REGION_NAMES, TOO_FEW_GROUPS, enough_of_both
from medgauge.metrics.catalogue import FIGURES, KAPPA, MAE
from medgauge.metrics.comparison import ends, holm, paired_p, verdict
from medgauge.metrics.crossed import crossed_figures, crossed_means, seed_mean
from medgauge.tasks import KINDS

DRAWS = 10_000
LEVELS = 20  # whole-number labels with at most so many levels have a kappa
ANEW = 2_000  # draws where a figure is computed anew on each


def figures(judged: Judged, *, draws: int = DRAWS, seed: int = 0) -> dict[str, Any]:
    """Every figure of a comparison: one entry a target, ``space``, and ``findings`` where there are several."""
    found: dict[str, Any] = {
        target: _target(judged, place, draws=draws, seed=seed) for place, target in enumerate(judged.targets)
    }
    found["space"] = {
        name: {key: spread_of([run["test"]["space"].get(key) for run in runs]) for key in ("d5", "rv")}
        for name, runs in judged.entries.items()
    }
    several = macro_block(judged, draws=ANEW, seed=seed)
    return found if several is None else found | {"findings": several}


def main_figure(kind: str) -> Figure:
    """The figure that decides between methods: the first one of the kind."""
    return next(iter(FIGURES[kind].values()))


def _target(judged: Judged, place: int, *, draws: int, seed: int) -> dict[str, Any]:
    names, target = list(judged.entries), judged.targets[place]
    kind = str(judged.entries[judged.reference][0]["test"][target]["kind"])
    value, label = judged.value[..., place].double(), judged.label[:, place].double()
    main, further = main_figure(kind), _further(kind, label, chances=target in judged.chances)
    known = ~torch.isnan(label)
    parts = {"all": known} | {
        name: known & torch.tensor([row[place] == name for row in judged.region]) for name in REGION_NAMES
    }
    cases = {
        name: Cases(
            value[..., rows],
            label[rows],
            _named(judged.group, rows),
            None if judged.fold is None else judged.fold[:, rows],
            judged.chances[target][..., rows, :] if target in judged.chances else None,
        )
        for name, rows in parts.items()
    }
    blocks = {name: _part(main, part, judged, draws, seed) for name, part in cases.items()}
    whole, few = blocks["all"], blocks["few"]
    adjusted = holm([block["p"] for name, block in whole["methods"].items() if name != judged.reference])
    others = [name for name in names if name != judged.reference]
    for name, p in zip(others, adjusted, strict=True):
        block = whole["methods"][name]
        block["p_holm"] = p
        block["verdict"] = verdict(
            p,
            _worse(main, block["difference_ci95"]),
            _worse(main, block["relative_ci95"])[1],
            _worse(main, few["methods"][name]["relative_ci95"])[1],
            seeds=judged.value.shape[-3],
            partitions=judged.partitions if name in judged.unseeded else None,
        )
    said = [_further_part(figure, cases["all"], judged, seed) for figure in further]
    for at, name in enumerate(names):
        block, runs = whole["methods"][name], [run["test"][target] for run in judged.entries[name]]
        block["by_seed"] = judged.of_each(main, name, cases["all"]).tolist()
        block |= {key: spread_of([run.get(key) for run in runs]) for key in FIGURES[kind] if key != main.name}
        if judged.partitions:  # a run knows the figures of one fold; nothing is said for certain of it
            block |= {
                key: spread_of(judged.of_each(figure, name, cases["all"]).tolist())
                for key, figure in FIGURES[kind].items()
                if key != main.name and (not figure.chances or target in judged.chances)
            }
        block |= {figure.name: one[at] for figure, one in zip(further, said, strict=True)}
        block["coverage"] = coverage_of(kind, [{}] if judged.partitions else runs)
        block["predictors"] = [str(run.get("predictor")) for run in runs]
    parts_of = {name: {key: block[key] for key in ("n", "groups")} for name, block in blocks.items()}
    for name in names:
        whole["methods"][name]["by_region"] = {part: blocks[part]["methods"][name] for part in REGION_NAMES}
    return {
        "kind": kind,
        "figure": main.name,
        "reference": judged.reference,
        "draws": draws,
        "parts": parts_of,
        "methods": whole["methods"],
    }


def _named(group: Sequence[str], rows: Tensor) -> list[str]:
    return [name for name, keep in zip(group, rows.tolist(), strict=True) if keep]


def _estimate(figure: Figure, cases: Cases) -> Float[Tensor, " m"]:
    """The figure of each method, mean over the seeds."""
    if figure.each is not None:
        return seed_mean(figure.each(cases.read_by(figure), cases.label)).mean(dim=1)
    label, whole = cases.label[:, None], cases.value.flatten(1, -2)
    return torch.stack([figure.of(one.T, label.expand(-1, len(one))).mean() for one in whole])


def _draw(figure: Figure, cases: Cases, draws: int, seed: int) -> Float[Tensor, "b m"]:
    """The figure of each method on draws of groups and seeds: of a mean the cases' numbers are drawn, else it is computed anew.

    Draws in which no method has the figure (all labels equal) are left out.
    """
    if figure.each is not None:
        return crossed_means(figure.each(cases.read_by(figure), cases.label), cases.group, draws=draws, seed=seed)
    drawing = (figure.of, cases.read_by(figure), cases.label, cases.group)
    fold = cases.fold if figure.folded else None
    found = crossed_figures(
        *drawing, drawn=figure.drawn, fold=fold, chances=figure.chances, draws=min(draws, ANEW), seed=seed
    )
    some = ~found.isnan().all(dim=1)
    return found[some] if bool(some.any()) else found


def _further(kind: str, label: Float[Tensor, " n"], *, chances: bool) -> list[Figure]:
    """Figures beside the main one that get an interval: those shown large; kappa too where numbers are whole."""
    main, *others = FIGURES[kind].values()
    found = [figure for figure in others if figure.headline and (chances or not figure.chances)]
    ordered = main is MAE and _whole_numbers(label[~torch.isnan(label)])
    return [*found, KAPPA] if ordered and KAPPA not in found else found


def _further_part(figure: Figure, cases: Cases, judged: Judged, seed: int) -> list[dict[str, Any]]:
    """For each method a further figure: mean and spread over the seeds, its interval and that of the difference."""
    at = list(judged.entries).index(judged.reference)
    by_seed = [judged.of_each(figure, name, cases).tolist() for name in judged.entries]
    few = len(set(cases.group)) < MIN_GROUPS or (figure.ranks and not enough_of_both(cases.label, cases.group))
    found: list[dict[str, Any]] = [spread_of(one) for one in by_seed]
    drawn = None if few else _draw(figure, cases, ANEW, seed)
    for place, block in enumerate(found):
        block["ci95"] = TOO_FEW_GROUPS if drawn is None else ends(drawn[:, [place]])[0].tolist()
        if place != at:
            apart = None if drawn is None else drawn[:, [place]] - drawn[:, [at]]
            block["difference_ci95"] = TOO_FEW_GROUPS if apart is None else ends(apart)[0].tolist()
    return found


def _part(figure: Figure, cases: Cases, judged: Judged, draws: int, seed: int) -> dict[str, Any]:
    """The main figure and its difference to the reference, with intervals, on some of the cases."""
    names = list(judged.entries)
    at = names.index(judged.reference)
    count = len(set(cases.group))
    nothing: Any = float("nan")
    mean = _estimate(figure, cases) if cases.group else torch.full((len(names),), nothing, dtype=torch.float64)
    gap, ratio = mean - mean[at], mean / mean[at] - 1
    lines: dict[str, list[Any]] = {"ci95": [], "difference_ci95": [], "difference_se": [], "relative_ci95": [], "p": []}
    if count >= MIN_GROUPS:
        drawn = _draw(figure, cases, draws, seed)
        apart = drawn - drawn[:, at : at + 1]
        lines = {
            "ci95": ends(drawn).tolist(),
            "difference_ci95": ends(apart).tolist(),
            "difference_se": apart.std(dim=0).tolist(),
            "relative_ci95": ends(drawn / drawn[:, at : at + 1] - 1).tolist(),
            "p": paired_p(apart).tolist(),
        }
    else:
        lines = {key: [nothing if key in ("p", "difference_se") else TOO_FEW_GROUPS] * len(names) for key in lines}
    methods: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        block = {figure.name: float(mean[place]), "ci95": lines["ci95"][place]}
        if place != at:
            block |= {"difference": float(gap[place]), "relative": float(ratio[place])}
            block |= {key: lines[key][place] for key in lines if key != "ci95"}
        methods[name] = block
    return {"n": len(cases.group), "groups": count, "methods": methods}


def _worse(figure: Figure, interval: Any) -> tuple[float, float]:
    """An interval of differences, turned so that more is worse; NaN where there is none."""
    low, high = (float("nan"), float("nan")) if isinstance(interval, str) else interval
    return (low, high) if figure.lower_is_better else (-high, -low)


def coverage_of(kind: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Coverage and extent (width, size) of what is said for certain, over the seeds, whole and by each run's own regions."""
    certainty = KINDS[kind].certainty
    blocks = [run.get(certainty.key) or {} for run in runs]
    found: dict[str, Any] = {"level": blocks[0].get("level")}
    found |= {key: spread_of([one.get(key) for one in blocks])["mean"] for key in ("coverage", certainty.extent)}
    found["by_region"] = {
        name: {
            key: spread_of([((one.get("by_region") or {}).get(name) or {}).get(key) for one in blocks])["mean"]
            for key in ("n", "coverage", certainty.extent)
        }
        for name in REGION_NAMES
    }
    return found


def _whole_numbers(label: Tensor) -> bool:
    return bool((label == label.round()).all()) and len(set(label.tolist())) <= LEVELS
