"""The cases of a run folder before training: written down once, and compared ever after."""

import shutil
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.fitting.begin import begin
from medgauge.fitting.stamp import run_stamp
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import digests
from medgauge.runs.fitted import Fit
from medgauge.study import Study
from tests.runs.conftest import fit, run, study, table

__all__ = ["fit", "run", "study", "table"]


@pytest.fixture
def begun(fit: Fit, study: Study, tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    assert begin(folder, study, fit.tasks, run_stamp(study)) == []
    return folder


def test_a_new_folder_has_settings_and_cases_sealed(begun: RunFolder, fit: Fit, study: Study) -> None:
    assert set(digests(begun) or {}) == {"recipe.yaml", "splits.csv"}
    assert (begun / "splits.csv").read_bytes() == (fit.folder / "splits.csv").read_bytes()
    assert begin(begun, study, fit.tasks, run_stamp(study)) == []


@pytest.mark.parametrize("name", ["recipe.yaml", "splits.csv"])
def test_a_damaged_or_lost_file_is_written_anew_and_told(begun: RunFolder, fit: Fit, study: Study, name: str) -> None:
    whole = (begun / name).read_bytes()
    for content, word in ((whole.replace(b"0", b"1", 1), "damaged"), (b"", "damaged"), (None, "missing")):
        (begun / name).unlink()
        if content is not None:
            (begun / name).write_bytes(content)
        told = begin(begun, study, fit.tasks, run_stamp(study))
        assert told == [f"{name} of {begun.path} is {word}; it is written anew"]
        assert (begun / name).read_bytes() == whole


def test_damaged_cases_that_are_not_those_of_now_are_refused(begun: RunFolder, fit: Fit, study: Study) -> None:
    other = RunFolder(shutil.copytree(begun.path, begun.path.parent / "other"))
    (other / "splits.csv").write_bytes(b"id\n")
    changed = study.images.digests[0]
    study.images.digests[0] = "0" * len(changed)
    try:
        with pytest.raises(InputError, match="damaged or missing, and the cases read now are not those that it held"):
            begin(other, study, fit.tasks, run_stamp(study))
        with pytest.raises(InputError, match=r"the picture of case 0\.png changed on disk since .* was begun"):
            begin(begun, study, fit.tasks, run_stamp(study))
    finally:
        study.images.digests[0] = changed
