"""The cases of every run of a comparison, in two CSV files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.cells import csv_text
from medgauge.core.errors import InputError
from medgauge.functional.regions import AnyRegions
from medgauge.metrics import REGION_NAMES
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import text_digest


class CaseTable:
    """Cases in a CSV file: id, a number for the group, labels and their regions, then one column a run.

    With several targets a run has a column for each, of classes one for the chance of each class.

    Args:
        folder: where the file is.
        name: of the file.
        regions: of each target, by name: of the labels of all cases that are not test cases.
        classes: of each target that has any, whose labels are places among them.
        whole: id, group and labels of all cases, where a run has some of them; empty: each run has all.
    """

    def __init__(
        self,
        folder: RunFolder,
        name: str,
        regions: Mapping[str, AnyRegions],
        classes: Mapping[str, Sequence[str]],
        whole: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.folder, self.name, self.regions, self.classes = folder, name, regions, classes
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
            keys = value_keys(target, self.classes.get(target, ()))
            for column, key in zip(self._own(name, target, targets), keys, strict=True):
                self.columns[column] = [_text(cases[key][place]) for place in order]

    def _own(self, name: str, target: str, targets: Sequence[str]) -> list[str]:
        """The columns of one run and target."""
        if classes := self.classes.get(target):
            return [f"{name} {target}={one}" for one in classes]
        return [name if len(targets) == 1 else f"{name} {target}"]

    def digest(self, names: Sequence[str], targets: Sequence[str]) -> str:
        """Digest of the cases and of the columns of some runs; empty where one of these is not there."""
        wanted = ["id", "group", *(f"{part}_{target}" for target in targets for part in ("label", "region"))]
        wanted += [column for name in names for target in targets for column in self._own(name, target, targets)]
        if not names or not self.columns.keys() >= set(wanted):
            return ""
        return text_digest(csv_text(wanted, zip(*(self.columns[column] for column in wanted), strict=True)))

    def numbers(self, column: str) -> list[float]:
        """A column of numbers; NaN where there is none."""
        return [float(cell) if cell else float("nan") for cell in self.columns[column]]

    def values(self, name: str, target: str, targets: Sequence[str]) -> Float[Tensor, "n *k"]:
        """Values of one run and target: numbers, or the chance of each class; NaN where there is none."""
        found = [self.numbers(column) for column in self._own(name, target, targets)]
        values = torch.tensor(found, dtype=torch.float64)
        return values.T if target in self.classes else values[0]


def value_keys(target: str, classes: Sequence[str]) -> list[str]:
    """Under which names the cases of a run hold the values of a target: numbers, or the chance of each class.

    >>> value_keys("age", []), value_keys("view", ["AP", "PA"])
    (['value_age'], ['value_view=AP', 'value_view=PA'])
    """
    return [f"value_{target}={one}" for one in classes] or [f"value_{target}"]


def _text(value: float) -> str:
    return "" if value != value else f"{value:.9g}"
