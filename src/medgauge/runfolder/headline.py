"""The first sentence of a run: whether it is shown better than the better of its baselines, on the split that speaks for it."""

from collections.abc import Mapping
from typing import Any

SPEAKS = ("test", "out_of_fold", "val")
"""Splits by how much they say of new cases: test after a look, else the out-of-fold cases, else validation."""
CASES = {
    "test": "test cases",
    "out_of_fold": "out-of-fold cases",
    "val": "validation cases",
    "table": "cases of the table",
}
SINGLE = {"cases of the table": "case of the table"}
SHOWN_KEYS = ("baseline", "skill", "ci95", "verdict", "reason")


def first_shown(results: Mapping[str, Any]) -> dict[str, Any]:
    """``results`` with ``shown`` before everything else: split, target, what is shown of it, and the sentence.

    Of several targets the one that is shown least stands for the run; the sentence tells of each. Without a judged split
    that has baselines there is no ``shown``.
    """
    rest = {key: part for key, part in results.items() if key != "shown"}
    split = next((name for name in SPEAKS if name in rest), None)
    blocks = {} if split is None else {name: one for name, one in rest[split].items() if (one or {}).get("shown")}
    if split is None or not blocks:
        return rest
    target = min(blocks, key=lambda name: _how_far(blocks[name]["shown"]))
    said = {key: blocks[target]["shown"][key] for key in SHOWN_KEYS}
    sentence = " ".join(shown_sentence(name, block, split) for name, block in blocks.items())
    return {"shown": {"split": split, "target": target, **said, "sentence": sentence}, **rest}


def shown_sentence(target: str, block: Mapping[str, Any], split: str) -> str:
    """What is shown of one target, with its skill, the cases and the likely reason; nothing where nothing was judged."""
    shown = block.get("shown")
    if not shown:
        return ""
    cases = f"{_counted(block['n'], CASES.get(split, f'{split} cases'))} of {_counted(block['groups'], 'groups')}"
    selected = ", which selected the model" if split == "val" else ""
    reason = f": {shown['reason']}" if shown["reason"] else ""
    said = f"{target} is {shown['verdict']} ({_skill_words(shown)}; {cases}{selected}){reason}."
    return " ".join(filter(None, [said, _endless_words(block.get("interval") or {})]))


def _endless_words(interval: Mapping[str, Any]) -> str:
    """How many calibration groups finite intervals need, where some are not; nothing where all are."""
    share, needed, held = (interval.get(name) for name in ("share_infinite", "groups_needed", "n_groups"))
    if not share or needed is None or held is None:
        return ""
    which = (
        f"Its {100 * interval['level']:g} % intervals are"
        if share == 1
        else f"{100 * share:.0f} % of its intervals are"
    )
    if held < needed:
        return f"{which} infinite: {needed} calibration groups are needed, and there are {held}."
    return (
        f"{which} infinite: {needed} calibration groups are needed, and fewer are left without a case's own fold; those of new "
        f"cases rest on {held}."
    )


def _skill_words(shown: Mapping[str, Any]) -> str:
    ends = shown["ci95"]
    if isinstance(ends, str):
        return f"skill {_number(shown['skill'])}, no 95 % interval: {ends}"
    return f"skill {_number(shown['skill'])}, 95 % interval {_number(ends[0])} to {_number(ends[1])}"


def alarm_words(results: Mapping[str, Any], target: str) -> str:
    """How often the flag of far cases is a false alarm, by the run's cases that set nothing; nothing where it has none.

    Where groups have several cases, the share of one drawn case a group stands beside the interval, which is of it.

    >>> far = {"cases": 400, "flagged": 5, "drawn": 200, "drawn_flagged": 3, "share": 0.015, "ci95": [0.0031, 0.0432]}
    >>> alarm_words({"test": {"age": {"far": far}}}, "age")
    '5 of 400 test cases are flagged so (of one drawn case of each of 200 groups 1.5 %, 95 % interval 0.3 to 4.3 %)'
    """
    for split in SPEAKS[:2]:
        far = ((results.get(split) or {}).get(target) or {}).get("far")
        if far and far["cases"]:
            share, low, high = map(_percent, (far["share"], *far["ci95"]))
            are = "is" if far["flagged"] == 1 else "are"
            of = "of one drawn case a group"
            if far.get("drawn") is not None:  # else the share is that of all cases
                of = f"{share} %"
                if far["drawn"] < far["cases"]:
                    of = f"of one drawn case of each of {_counted(far['drawn'], 'groups')} {of}"
            said = f"{far['flagged']:,} of {_counted(far['cases'], CASES[split])} {are} flagged so"
            return f"{said} ({of}, 95 % interval {low} to {high} %)"
    return ""


def _counted(count: int, nouns: str) -> str:
    return f"{count:,} {SINGLE.get(nouns, nouns.removesuffix('s')) if count == 1 else nouns}"


def _number(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.1f}"


def _how_far(shown: Mapping[str, Any]) -> tuple[bool, float]:
    """What is not shown comes first, then what has the smaller skill."""
    value = shown["skill"]
    return shown["verdict"].startswith("shown"), float("-inf") if value is None or value != value else float(value)
