"""What is said of a folder, and of the folds in it, whose settings or digests are not as they were written."""

from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import claim_folder
from medgauge.runfolder.seal import seal
from medgauge.runfolder.whole import written_notes
from medgauge.runs.files import read_recipe


@pytest.fixture
def whole(tmp_path: Path) -> RunFolder:
    """A run of two folds that holds nothing but its settings."""
    for path in (tmp_path, tmp_path / "fold-0", tmp_path / "fold-1"):
        path.mkdir(exist_ok=True)
        (path / "recipe.yaml").write_text("seed: 0\n")
        seal(RunFolder(path), ["recipe.yaml"])
    return RunFolder(tmp_path)


def test_folds_are_told_like_the_whole(whole: RunFolder) -> None:
    assert written_notes(whole) == []
    (whole / "fold-0/digests.json").unlink()
    (whole / "fold-1/recipe.yaml").write_text("seed: 1\n")
    gone, other = written_notes(whole)
    assert gone.startswith(f"digests.json of {whole / 'fold-0'} is missing")
    assert other.startswith(f"{whole / 'fold-1/recipe.yaml'} is not as it was written")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}"])
def test_of_damaged_digests_it_is_not_said_that_the_settings_are_other(whole: RunFolder, content: bytes) -> None:
    (whole / "digests.json").write_bytes(content)
    assert written_notes(whole) == []


def test_settings_that_the_digests_do_not_tell_of_are_said_to_be_so(whole: RunFolder) -> None:
    (whole / "results.json").write_text("{}")
    (whole / "digests.json").unlink()
    seal(whole, ["results.json"])
    (note,) = written_notes(whole)
    assert "digests.json has no digest of it; it is used as it stands" in note


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"#" * (2**20 + 1)])
def test_settings_that_cannot_be_read_are_told_once(whole: RunFolder, content: bytes) -> None:
    (whole / "recipe.yaml").write_bytes(content)
    assert written_notes(whole) == []
    with pytest.raises(InputError) as found:
        read_recipe(whole)
    assert str(found.value).count("give the same `medgauge fit` again") == 1


def test_settings_as_they_are_now_beside_digests_of_another_run_are_refused(tmp_path: Path) -> None:
    stamp = {"seed": 0, "data": {"folds": 0, "fold": None}}
    folder, other = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "other")
    claim_folder(folder, stamp)
    claim_folder(other, {**stamp, "seed": 7})
    (folder / "digests.json").write_bytes((other / "digests.json").read_bytes())
    with pytest.raises(InputError, match=r"recipe\.yaml and digests\.json of .* are not of one run; put back the one"):
        claim_folder(folder, stamp)
