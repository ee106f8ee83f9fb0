"""Splits by group, stratified by label, and checks that nothing stands on two sides."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem, name_cases
from medgauge.core.seeding import derive_seed
from medgauge.core.words import nearest
from medgauge.data.tables.dealing import deal, deal_states, group_states
from medgauge.data.tables.table import Table

SPLITS = ("train", "val", "calibration", "test")
SHARES: Mapping[str, float] = {"train": 0.6, "val": 0.1, "calibration": 0.1, "test": 0.2}


def make_splits(
    group: Sequence[str],
    label: Float64[np.ndarray, "n t"],
    *,
    shares: Mapping[str, float] = SHARES,
    seed: int,
    test_seed: int | None = None,
    states: Collection[int] = (),
) -> list[str]:
    """Draw the split of each case: a group is never divided, and every split covers the label range alike.

    Groups are ordered by their mean standardised label (several targets: along their first principal direction; groups
    without any label come last) and cut into bins of consecutive groups; within a bin the order is drawn, and each
    group in turn goes to the split that is farthest behind its share of cases and of groups. No split with a share
    stays empty. The result depends on the seeds, groups, labels and shares, not on the order of the
    cases. With ``test_seed`` the test split is drawn first, by that seed alone, and the others from what is left: runs
    of several seeds then share their test cases.

    With ``states`` every split has its share of the groups of every state instead, rare ones first
    (:func:`~medgauge.data.tables.dealing.deal_states`); the other columns count by the strata of the groups' scores.

    - Raises: InputError for wrong shares, or fewer groups than splits.

    Args:
        group: the group of each case, n texts.
        label: labels in any unit, (n, t), NaN = missing.
        shares: share of each split, summing to 1; calibration and test may be 0 or left out.
        seed: same seed, same splits.
        test_seed: seed of the test split; None = drawn together with the others, by ``seed``.
        states: columns of ``label`` whose values are states (0 and 1, numbers of classes), not amounts.
    """
    wanted = _checked_shares(shares)
    if test_seed is None or "test" not in wanted:
        return _draw(group, label, wanted, seed, states)
    _check_groups(group, wanted)
    rest = {name: share for name, share in wanted.items() if name != "test"}
    kept = sum(rest.values())
    split = _draw(group, label, {"rest": kept, "test": wanted["test"]}, test_seed, states)
    rows = [row for row, name in enumerate(split) if name == "rest"]
    label = np.asarray(label, dtype=np.float64)[rows]
    parts = {name: share / kept for name, share in rest.items()}
    drawn = _draw([group[row] for row in rows], label, parts, seed, states)
    for row, name in zip(rows, drawn, strict=True):
        split[row] = name
    return split


def make_folds(
    group: Sequence[str], label: Float64[np.ndarray, "n t"], *, folds: int, seed: int, states: Collection[int] = ()
) -> list[int]:
    """Deal the cases to equal parts, numbered from 0: a group is never divided, and the parts have like labels.

    Drawn as :func:`make_splits` draws splits.

    - Raises: InputError for fewer than two folds, or more folds than groups.

    Args:
        group: the group of each case, n texts.
        label: labels in any unit, (n, t), NaN = missing.
        folds: number of parts.
        seed: same seed, same parts.
        states: columns of ``label`` whose values are states.
    """
    count = len(set(map(str, group)))
    if folds < 2:
        raise InputError(f"the number of folds must be at least 2, got {folds}.")
    if folds > count:
        raise InputError(
            f"{folds} folds need at least {folds} groups, and there are {count} "
            f"group{'s' * (count != 1)} to share out; give fewer folds or more groups."
        )
    names = {str(fold): 1 / folds for fold in range(folds)}
    return [int(name) for name in _draw(group, label, names, derive_seed(seed, "folds"), states)]


def _draw(
    group: Sequence[str],
    label: NDArray[np.float64],
    wanted: Mapping[str, float],
    seed: int,
    states: Collection[int] = (),
) -> list[str]:
    """What :func:`make_splits` does, for checked shares."""
    _check_groups(group, wanted)
    names, codes = np.unique(np.asarray(group, dtype=object).astype(str), return_inverse=True)
    label = np.asarray(label, dtype=np.float64)
    amounts = np.delete(label, list(states), axis=1)
    score, size = (
        _group_scores(codes, amounts) if amounts.shape[1] else (np.full(len(names), np.nan), np.bincount(codes))
    )
    random = np.random.default_rng(derive_seed(seed, "split"))
    order = np.lexsort((random.random(len(names)), score))  # NaN sorts last
    share = np.array(list(wanted.values()))
    least = int(np.ceil(1 / share.min() - 1e-9))
    if states:
        drawn = random.permutation(len(names))
        has = group_states(codes, label[:, list(states)], score, least)
        side = deal_states(has[drawn], size[drawn], share)
    else:
        drawn = order[np.lexsort((random.random(len(names)), np.arange(len(names)) // least))]
        side = deal(np.stack([size[drawn] / size.sum(), np.full(len(names), 1 / len(names))], axis=1), share)
    by_group = np.empty(len(names), dtype=object)
    by_group[drawn] = np.array(list(wanted), dtype=object)[side]
    return [str(name) for name in by_group[codes]]


def _check_groups(group: Sequence[str], wanted: Mapping[str, float]) -> None:
    """Raise an InputError if there are fewer groups than splits."""
    count = len(set(map(str, group)))
    if count < len(wanted):
        raise InputError(
            f"the table has {count} group{'s' * (count != 1)}, and splitting by group into "
            f"{_in_words(wanted)} needs at least {len(wanted)}; give more groups, or fewer splits (a share of 0)."
        )


def given_splits(
    table: Table,
    *,
    resplit: bool = False,
    shares: Mapping[str, float] = SHARES,
    seed: int,
    name: str | None = None,
    states: Collection[int] = (),
) -> tuple[list[str], list[Problem]]:
    """The split of each case from the table's split column, and groups that stand on two sides.

    Without such a column, or with ``resplit``, the splits are drawn (:func:`make_splits`). A column with train and val
    only: its val becomes test. What is absent of val and calibration is cut from train by group, in the proportions of
    ``shares``. Everything else is used as it is. Messages call the column by ``name``.

    - Raises: InputError if the column holds another word, no train, or train only, and as :func:`make_splits` does.
    """
    if table.split is None or resplit:
        return make_splits(table.group, table.label, shares=shares, seed=seed, states=states), []
    split = list(table.split)
    present = set(split)
    _check_words(split, table.line, f"the split column {name!r}" if name else "the split column")
    problems = group_problems(table.group, split, table.id)
    if present == {"train", "val"}:
        split = ["test" if name == "val" else name for name in split]
        present = {"train", "test"}
    wanted = _checked_shares(shares)
    cut = {name: share for name, share in wanted.items() if name in ("val", "calibration") and name not in present}
    if cut:
        parts = {"train": wanted["train"], **cut}
        whole = sum(parts.values())
        rows = [row for row, name in enumerate(split) if name == "train"]
        drawn = _cut(table.take(rows), {name: share / whole for name, share in parts.items()}, seed, states)
        for row, name in zip(rows, drawn, strict=True):
            split[row] = name
    return split, problems


def group_problems(group: Sequence[str], split: Sequence[str], id: Sequence[str]) -> list[Problem]:
    """A problem for every group that is in more than one split, with its cases."""
    return [
        Problem(f"group {name}", f"is on both sides of a split: {sides}", "group")
        for name, sides in divided(group, split, id).items()
    ]


def divided(key: Sequence[str], split: Sequence[str], id: Sequence[str]) -> dict[str, str]:
    """Keys that are in more than one split, each with its cases by split in words."""
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for name, side in zip(key, split, strict=True):
        sides[name].add(side)
    cases: dict[str, defaultdict[str, list[str]]] = {
        name: defaultdict(list) for name, on in sides.items() if len(on) > 1
    }
    for name, side, case in zip(key, split, id, strict=True):
        if name in cases:
            cases[name][side].append(case)
    return {
        name: " and ".join(f"{side} ({name_cases(here)})" for side, here in by_side.items())
        for name, by_side in cases.items()
    }


def _checked_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """The shares that are not 0, in the order of SPLITS; an InputError if they make no sense."""
    unknown = [name for name in shares if name not in SPLITS]
    if unknown:
        near = nearest(unknown[0], SPLITS)
        hint = f" (did you mean '{near}'?)" if near else ""
        raise InputError(f"there is no split '{unknown[0]}'{hint}; data.shares gives shares of {_in_words(SPLITS)}.")
    total = sum(shares.values())
    if not all(share >= 0 for share in shares.values()) or abs(total - 1) > 1e-6:
        given = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise InputError(
            f"the shares of the splits (data.shares) must be 0 or more and sum to 1, got {given} (sum {total:g})."
        )
    if not shares.get("train", 0) or not shares.get("val", 0):
        raise InputError("the shares of train and val must be above 0 (data.shares): val selects the checkpoint.")
    return {name: shares[name] for name in SPLITS if shares.get(name, 0) > 0}


def _check_words(split: list[str], line: list[int], column: str) -> None:
    """Raise an InputError if a split column holds a word that means nothing, lacks train, or holds train alone."""
    present = dict.fromkeys(split)
    unknown = [name for name in present if name not in SPLITS]
    if unknown:
        named = ", ".join(f"'{name}'" for name in unknown[:5])
        near = nearest(unknown[0], SPLITS)
        hint = f"did you mean '{near}'? " if near else ""
        where = f"first on line {line[split.index(unknown[0])]}"
        raise InputError(
            f"{column} holds {named} ({where}); {hint}it may hold {_in_words(SPLITS)}; correct it or resplit."
        )
    if "train" not in present or len(present) == 1:
        raise InputError(
            f"{column} holds only {_in_words(list(present))}; it must hold train and val, or train and test "
            "(or leave the column out, or resplit)."
        )


def _cut(table: Table, shares: dict[str, float], seed: int, states: Collection[int]) -> list[str]:
    """Draw val and calibration from the training cases of a given split."""
    try:
        return _draw(table.group, table.label, shares, seed, states)
    except InputError as error:
        raise InputError(f"cutting {_in_words(list(shares)[1:])} from the given train split: {error}") from error


def _in_words(names: Sequence[str] | Mapping[str, float]) -> str:
    *first, last = list(names)
    return f"{', '.join(first)} and {last}" if first else last


def _group_scores(
    codes: NDArray[np.int64], label: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A number to order the groups by (NaN: no label), and the cases in each; the same bits in any order of cases."""
    canonical = np.lexsort((*label.T, codes))
    codes, label = codes[canonical], label[canonical]
    size = np.bincount(codes)
    known = ~np.isnan(label)
    label = np.ldexp(
        label, -np.frexp(np.abs(np.where(known, label, 0.0)).max(axis=0))[1]
    )  # by powers of 2: no bit is lost
    n_known = known.sum(axis=0)
    filled = np.where(known, label, 0.0)
    gap = np.where(known, label - filled.sum(axis=0) / np.maximum(n_known, 1), 0.0)
    spread = np.sqrt((gap**2).sum(axis=0) / np.maximum(n_known, 1))
    standard = gap / np.where(spread > 0, spread, 1.0)
    columns = range(label.shape[1])
    n_in_group = np.stack([np.bincount(codes, weights=known[:, c], minlength=len(size)) for c in columns], axis=1)
    sums = np.stack([np.bincount(codes, weights=standard[:, c], minlength=len(size)) for c in columns], axis=1)
    means = sums / np.maximum(n_in_group, 1)
    if label.shape[1] == 1:
        score = means[:, 0]
    else:
        direction = np.linalg.eigh(means.T @ means)[1][:, -1]
        score = means @ (direction * np.sign(direction[np.abs(direction).argmax()]))
    return np.where(n_in_group.sum(axis=1) > 0, score, np.nan), size
