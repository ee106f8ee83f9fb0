"""The cases of every run of a comparison, in two CSV files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch

from medgauge.core.cells import csv_text
from medgauge.core.errors import InputError
from medgauge.metrics import REGION_NAMES, LabelRegions
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import text_digest


class CaseTable:
    """Cases in a CSV file: id, a number for the group, labels and their regions, then one column a run.

    With several targets a run has a column for each.

    Args:
        folder: where the file is.
        name: of the file.
        regions: of each target, by name: of the labels of all cases that are not test cases.
        whole: id, group and labels of all cases, where a run has some of them; empty: each run has all.
    """

    def __init__(
        self,
        folder: RunFolder,
        name: str,
        regions: Mapping[str, LabelRegions],
        whole: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.folder, self.name, self.regions = folder, name, regions
        self.whole = whole if whole and whole["id"] else None
        self.columns: dict[str, list[str]] = {}
        with suppress(InputError):  # it is then without columns, and told damaged
            self.columns = folder.read_columns(name)

    def add(self, runs: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Add the values of some runs, by name, and write the file.

        Raises:
            InputError: the cases or their labels differ from those there.
        """
        for name, cases in runs.items():
            self._put(name, self._spread(name, cases))
        if runs:
            rows = zip(*self.columns.values(), strict=True)
            self.folder.write_table(self.name, list(self.columns), rows, texts=("id",))

    def _spread(self, name: str, cases: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """A run's values among all cases, with nothing for those that are not its."""
        if self.whole is None:
            return cases
        places = {case: place for place, case in enumerate(self.whole["id"])}
        foreign = [case for case in cases["id"] if case not in places]
        if foreign:
            raise InputError(f"case {foreign[0]} of {name} is in no fold of {self.folder.path}; give another --out")
        found: dict[str, Any] = dict(self.whole)
        for column in [column for column in cases if column.startswith("value_")]:
            found[column] = [float("nan")] * len(places)
            for case, value in zip(cases["id"], cases[column], strict=True):
                found[column][places[case]] = value
        return found

    def _put(self, name: str, cases: Mapping[str, Sequence[Any]]) -> None:
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

    def digest(self, names: Sequence[str], targets: Sequence[str]) -> str:
        """Digest of the cases and of the columns of some runs; empty where one of these is not there."""
        wanted = ["id", "group", *(f"{part}_{target}" for target in targets for part in ("label", "region"))]
        wanted += [name if len(targets) == 1 else f"{name} {target}" for name in names for target in targets]
        if not names or not self.columns.keys() >= set(wanted):
            return ""
        return text_digest(csv_text(wanted, zip(*(self.columns[column] for column in wanted), strict=True)))

    def numbers(self, column: str) -> list[float]:
        """A column of numbers; NaN where there is none."""
        return [float(cell) if cell else float("nan") for cell in self.columns[column]]

    def values(self, name: str, targets: Sequence[str]) -> list[list[float]]:
        """Values of one run, a list a target."""
        return [self.numbers(name if len(targets) == 1 else f"{name} {target}") for target in targets]


def _text(value: float) -> str:
    return "" if value != value else f"{value:.9g}"
