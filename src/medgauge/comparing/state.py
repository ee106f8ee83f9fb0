"""comparison.json, which grows run by run, and what it vouches for."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medgauge.comparing.cases import CaseTable
from medgauge.comparing.jobs import Job, Outcome
from medgauge.core.errors import InputError
from medgauge.core.words import counted
from medgauge.functional.regions import AnyRegions
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import differences
from medgauge.runfolder.classes import classes_of
from medgauge.runfolder.folder import plain
from medgauge.runfolder.parts import is_part, sweep_parts
from medgauge.runfolder.seal import text_digest

NAME = "comparison.json"
SEAL = "sha256"
PICTURES = "pictures_sha256"
LONGEST = 80  # characters of a value in a message


class State:
    """What is done of a comparison.

    A run's column of cases is written before its entry in comparison.json, so that an entry always has its cases; both
    files appear whole or not at all. comparison.json carries digests of itself and of the columns of its entries.
    """

    def __init__(
        self,
        folder: RunFolder,
        values: dict[str, Any],
        regions: Mapping[str, AnyRegions],
        whole: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.folder, self.values = folder, values
        self.development = CaseTable(folder, "development.csv", regions, self.classes, whole)
        self.test = CaseTable(folder, "predictions.csv", regions, self.classes, whole)
        self.parts = {"tuning": self.development, "runs": self.test}
        self.mended: list[str] = []

    @property
    def classes(self) -> dict[str, list[str]]:
        """The classes of each target that has any, the same for all methods."""
        methods = self.values["settings"].get("methods") or {}
        return classes_of(next(iter(methods.values())) or {}) if methods else {}

    @classmethod
    def claim(
        cls,
        path: str | Path,
        stamp: Mapping[str, Any],
        regions: Mapping[str, AnyRegions],
        whole: Mapping[str, Sequence[Any]] | None = None,
    ) -> "State":
        """Begin a comparison in a new folder, or go on with the same one; ``mended`` tells what is made anew in it.

        Further methods join it, all else equal. ``whole``: of all cases, where a run judges some of them.

        Raises:
            InputError: the folder holds another comparison (the differences are told), or something else; or its
                comparison.json is damaged.
        """
        folder = RunFolder(path)
        stamp = plain(stamp)
        if not (folder / NAME).exists():
            if folder.path.exists() and not (
                folder.path.is_dir() and all(is_part(path) for path in folder.path.iterdir())
            ):
                raise InputError(f"{folder.path} exists and is no comparison of medgauge; give another --out")
            sweep_parts(folder.path)
            state = cls(folder, {"settings": stamp, "tuning": [], "chosen": {}, "runs": []}, regions, whole)
            state.write()
            return state
        state = cls(folder, _read(folder), regions, whole)
        _check_same(folder, state.values.get("settings"), stamp)
        sweep_parts(folder.path)
        state._mend()
        state._join(stamp)
        return state

    def _join(self, stamp: Mapping[str, Any]) -> None:
        """Take in the methods that are not there yet; of those that come after figures it is kept that they do."""
        new = _joining(self.values["settings"], stamp)
        if not new:
            return
        if self.values.pop("figures", None) is not None:
            self.values["joined"] = [*self.values.get("joined", []), *new]
        self.values["settings"] = dict(stamp)
        self.write()

    def write(self) -> None:
        """Write comparison.json whole, with its digests."""
        self.values[SEAL] = {table.name: self._digest(part) for part, table in self.parts.items()}
        self.values[SEAL][NAME] = _own_digest(self.values)
        self.folder.write_json(NAME, self.values)

    def done(self) -> set[str]:
        """Names of the runs and trials that are recorded."""
        return {entry["name"] for part in self.parts for entry in self.values[part]}

    def record(self, done: Sequence[tuple[Job, Outcome]]) -> None:
        """Keep the outcomes of some runs.

        Raises:
            InputError: their cases are not those of the runs before.
        """
        for part, table in self.parts.items():
            own = [(job, outcome) for job, outcome in done if (job.trial is None) == (part == "runs")]
            table.add({job.name: outcome.cases for job, outcome in own if outcome.cases is not None})
            names, entries = {job.name for job, _ in own}, self.values[part]
            entries[:] = [entry for entry in entries if entry["name"] not in names]
            entries += [plain(outcome.entry) for _, outcome in own]
        self.write()

    def _digest(self, part: str) -> str:
        names = [entry["name"] for entry in self.values[part] if "failed" not in entry]
        return self.parts[part].digest(names, self.values["settings"].get("targets", []))

    def _mend(self) -> None:
        """Forget the runs whose cases are not those that were recorded, so that they are made anew."""
        sealed = self.values.get(SEAL, {})
        for part, table in self.parts.items():
            found = self._digest(part)
            if self.values[part] and (not found or found != sealed.get(table.name, found)):
                what = "damaged" if (self.folder / table.name).exists() else "missing"
                count, table.columns = len(self.values[part]), {}
                self.values[part] = []
                self.mended.append(
                    f"{table.name} of {self.folder.path} is {what}; "
                    f"{counted(count, 'run that it is about is', 'runs that it is about are')} made anew"
                )


def recorded_methods(path: str | Path) -> list[str]:
    """The methods of the comparison in a folder; none where there is no comparison.

    Raises:
        InputError: its comparison.json is damaged.
    """
    folder = RunFolder(path)
    return list(_read(folder)["settings"].get("methods", {})) if (folder / NAME).exists() else []


def _joining(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """The methods that come to those there, where none of them is left out."""
    known, given = there.get("methods") or {}, here.get("methods") or {}
    return [name for name in given if name not in known] if known and set(known) <= set(given) else []


def _read(folder: RunFolder) -> dict[str, Any]:
    lost = InputError(
        f"{folder / NAME} is damaged, and what is recorded of the runs is in it alone; remove the folder {folder.path}, "
        "and the same command makes them anew"
    )
    try:
        values = folder.read_json(NAME)
    except InputError as error:
        raise lost from error
    sealed = values.get(SEAL, {NAME: _own_digest(values)})
    kinds = {"settings": dict, "tuning": list, "chosen": dict, "runs": list}
    whole = isinstance(sealed, dict) and all(isinstance(values.get(key), kind) for key, kind in kinds.items())
    if not whole or sealed.get(NAME) != _own_digest(values):
        raise lost
    return values


def _own_digest(values: Mapping[str, Any]) -> str:
    """Digest of what comparison.json holds beside its own digest."""
    tables = {name: digest for name, digest in (values.get(SEAL) or {}).items() if name != NAME}
    return text_digest(json.dumps(plain({**values, SEAL: tables}), sort_keys=True))


def _without(stamp: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A stamp without some methods."""
    kept = dict(stamp)
    for key in {"methods", "trials"} & stamp.keys():
        kept[key] = {name: one for name, one in stamp[key].items() if name not in names}
    if "unseeded" in stamp:
        kept["unseeded"] = [name for name in stamp["unseeded"] if name not in names]
    return kept


def _check_same(folder: RunFolder, there: Any, here: Mapping[str, Any]) -> None:
    new = _joining(there, here)
    here = _without(here, new)
    found = differences(there, here)
    if found and not differences({**there, PICTURES: ""}, {**here, PICTURES: ""}):
        raise InputError(
            f"pictures of the table changed on disk since {folder.path} was begun; put them back as they were, or give "
            "another --out"
        )
    if found:
        lines = [_short(line) for line in found]
        shown = "; ".join(lines[:8]) + ("; …" if len(lines) > 8 else "")
        if new:
            raise InputError(
                f"{' and '.join(new)} cannot join {folder.path}, which holds another comparison ({shown}): give its own command "
                "with that recipe more and all else equal, or another --out"
            )
        raise InputError(
            f"{folder.path} holds another comparison ({shown}); give another --out, or the same command to go on"
        )


def _short(line: str) -> str:
    return line if len(line) <= 2 * LONGEST else f"{line[:LONGEST]} … {line[-LONGEST:]}"
