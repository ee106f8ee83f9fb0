"""Plans and their outcomes in lines for a terminal."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgauge.core.words import counted, printable
from medgauge.planning.candidates import what_it_is
from medgauge.planning.plan import Plan


def plan_lines(plan: Plan) -> list[str]:
    """What is tried, how long that is expected to take, and what was decided."""
    found = plan.fingerprint
    lines = [
        f"{counted(found['cases'], 'case')} of {counted(found['groups'], 'group')}; expected to take {_minutes(plan.minutes)} in all"
    ]
    lines += [f"  {one.what}: {_value(one.value)} ({printable(one.why, line=True)})" for one in plan.decisions]
    for one in plan.candidates:
        took = f"about {_minutes(one.minutes)}" if one.tried else "not tried"
        lines.append(f"  {one.name}: {took} ({what_it_is(one.name) if one.tried else printable(one.why, line=True)})")
    return lines


def outcome_lines(values: Mapping[str, Any], name: str, folder: Path) -> list[str]:
    """How a candidate came out, and which answers now."""
    own = next(one for one in values["candidates"] if one["name"] == name)
    if own["error"] is None:
        return [f"{name}: {own['state']}; {own['why']}"]
    chosen = values["chosen"]
    return [
        f"{name}: error {own['error']:.4g} {values['read']}, {_minutes(own['minutes'])}; {chosen} answers now",
        f"report: {folder / name / 'report.html'}",
    ]


def choice_line(values: Mapping[str, Any]) -> str:
    """What the choice among all candidates is worth; nothing where nothing was chosen."""
    choice = values.get("choice")
    if choice is None or len(choice["among"]) < 2:
        return ""
    low, high = choice["ci95"]
    around = "" if low is None or math.isnan(low) else f" (95 % interval {low:.4g} to {high:.4g})"
    return (
        f"{values['chosen']} answers, chosen among {', '.join(choice['among'])}; the error of a choice so made, corrected for the "
        f"choosing: {choice['corrected']:.4g}{around}; baseline {choice['baseline_error']:.4g}"
    )


def _value(value: object) -> str:
    return "no" if value is None else str(value)


def _minutes(minutes: float | None) -> str:
    if minutes is None or math.isnan(minutes):
        return "an unknown time"
    return f"{60 * minutes:.0f} s" if minutes < 1.5 else f"{minutes:.0f} minutes"
