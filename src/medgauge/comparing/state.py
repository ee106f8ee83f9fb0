"""The files of a comparison: comparison.json, which grows run by run, and the cases of every run in two CSV files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from medgauge.comparing.jobs import Job, Outcome
from medgauge.core.errors import InputError
from medgauge.metrics import REGION_NAMES, LabelRegions
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import differences
from medgauge.runfolder.folder import plain
from medgauge.runfolder.parts import is_part, sweep_parts

NAME = "comparison.json"
LONGEST = 80  # characters of a value in a message


class State:
    """What is done of a comparison.

    A run's column of cases is written before its entry in comparison.json, so that an entry always has its cases; both
    files appear whole or not at all.
    """

    def __init__(self, folder: RunFolder, values: dict[str, Any], regions: Mapping[str, LabelRegions]) -> None:
        self.folder, self.values = folder, values
        self.development = CaseTable(folder, "development.csv", regions)
        self.test = CaseTable(folder, "predictions.csv", regions)

    @classmethod
    def claim(cls, path: str | Path, stamp: Mapping[str, Any], regions: Mapping[str, LabelRegions]) -> "State":
        """Begin a comparison in a new folder, or go on with the same one.

        Raises:
            InputError: the folder holds another comparison (the differences are told), or something else.
        """
        folder = RunFolder(path)
        stamp = plain(stamp)
        if not (folder / NAME).exists():
            if folder.path.exists() and not (
                folder.path.is_dir() and all(is_part(path) for path in folder.path.iterdir())
            ):
                raise InputError(f"{folder.path} exists and is no comparison of medgauge; give another --out")
            sweep_parts(folder.path)
            state = cls(folder, {"settings": stamp, "tuning": [], "chosen": {}, "runs": []}, regions)
            state.write()
            return state
        state = cls(folder, folder.read_json(NAME), regions)
        found = [_short(line) for line in differences(state.values.get("settings"), stamp)]
        if found:
            shown = "; ".join(found[:8]) + ("; …" if len(found) > 8 else "")
            raise InputError(
                f"{folder.path} holds another comparison ({shown}); give another --out, or the same command to go on"
            )
        sweep_parts(folder.path)
        return state

    def write(self) -> None:
        """Write comparison.json whole."""
        self.folder.write_json(NAME, self.values)

    def done(self) -> set[str]:
        """Names of the runs and trials that are recorded."""
        return {entry["name"] for part in ("tuning", "runs") for entry in self.values[part]}

    def record(self, job: Job, outcome: Outcome) -> None:
        """Keep a run's outcome.

        Raises:
            InputError: its cases are not those of the runs before.
        """
        if outcome.cases is not None:
            (self.test if job.trial is None else self.development).add(job.name, outcome.cases)
        entries = self.values["runs" if job.trial is None else "tuning"]
        entries[:] = [entry for entry in entries if entry["name"] != job.name] + [plain(outcome.entry)]
        self.write()


class CaseTable:
    """Cases in a CSV file: id, a number for the group, labels and their regions, then one column a run.

    With several targets a run has a column for each.

    Args:
        folder: where the file is.
        name: of the file.
        regions: of each target, by name: of the labels of all cases that are not test cases.
    """

    def __init__(self, folder: RunFolder, name: str, regions: Mapping[str, LabelRegions]) -> None:
        self.folder, self.name, self.regions = folder, name, regions
        self.columns: dict[str, list[str]] = {}
        if (folder / name).exists():
            rows = folder.read_table(name)
            self.columns = {column: [row[column] for row in rows] for column in (rows[0] if rows else {})}

    def add(self, name: str, cases: Mapping[str, Sequence[Any]]) -> None:
        """Add a run's values and write the file.

        Raises:
            InputError: the cases or their labels differ from those there.
        """
        targets = [column.removeprefix("label_") for column in cases if column.startswith("label_")]
        order = sorted(range(len(cases["id"])), key=lambda place: str(cases["id"][place]))
        groups = {group: code for code, group in enumerate(sorted(set(cases["group"])))}
        fixed = {"id": [str(cases["id"][place]) for place in order]}
        fixed["group"] = [str(groups[cases["group"][place]]) for place in order]
        for target in targets:
            label = [float(cases[f"label_{target}"][place]) for place in order]
            codes = self.regions[target].of(torch.tensor(label, dtype=torch.float64)).tolist()
            fixed[f"label_{target}"] = [_text(value) for value in label]
            fixed[f"region_{target}"] = [REGION_NAMES[code] if code >= 0 else "" for code in codes]
        if self.columns and any(self.columns.get(column) != cells for column, cells in fixed.items()):
            raise InputError(
                f"the cases of {name} are not those of the other runs in {self.folder.path / self.name}; "
                "runs are compared on the same cases only"
            )
        self.columns = {**fixed, **self.columns}
        for target in targets:
            column = name if len(targets) == 1 else f"{name} {target}"
            self.columns[column] = [_text(cases[f"value_{target}"][place]) for place in order]
        rows = zip(*self.columns.values(), strict=True)
        self.folder.write_table(self.name, list(self.columns), rows, texts=("id",))

    def numbers(self, column: str) -> list[float]:
        """A column of numbers; NaN where there is none."""
        return [float(cell) if cell else float("nan") for cell in self.columns[column]]

    def values(self, name: str, targets: Sequence[str]) -> list[list[float]]:
        """Values of one run, a list a target."""
        return [self.numbers(name if len(targets) == 1 else f"{name} {target}") for target in targets]


def _text(value: float) -> str:
    return "" if value != value else f"{value:.9g}"


def _short(line: str) -> str:
    return line if len(line) <= 2 * LONGEST else f"{line[:LONGEST]} … {line[-LONGEST:]}"
