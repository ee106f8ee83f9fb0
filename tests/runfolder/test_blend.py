"""blend.json: what it says, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.blend import Blend, fits_digest, member_folder, read_blend, write_blend
from medgauge.runfolder.seal import FITTED, MODEL

BLEND = Blend({"quick": "a", "scratch": "b"}, {"age": [0.25, 0.75]})


def written(folder: Path) -> RunFolder:
    write_blend(RunFolder(folder), BLEND, {"age": [[0.5, 0.5], [0.0, 1.0]]})
    return RunFolder(folder)


def test_it_is_read_as_it_was_written_and_makes_a_run_of_several_fits(tmp_path: Path) -> None:
    folder = written(tmp_path / "blend")
    assert read_blend(folder, ["age"]) == BLEND
    assert folder.is_ensemble()
    assert "blend.json" in MODEL  # so that it is sealed
    values = json.loads((tmp_path / "blend" / "blend.json").read_text())
    assert values["weights_by_fold"]["age"][1] == {"quick": 0.0, "scratch": 1.0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"members": [{"name": "quick", "sha256": "a"}]}, "members must be a list of 2 or more"),
        ({"members": [{"name": "quick", "sha256": "a"}] * 2}, "members must have different names"),
        (
            {"members": [{"name": "quick", "sha256": "a"}, {"name": "../other", "sha256": "b"}]},
            "must have different names",
        ),
        (
            {"weights": {"age": {"quick": 0.5, "scratch": 0.6}}},
            "weights of age must be one >= 0 for each of quick, scratch",
        ),
        ({"weights": {"age": {"quick": -0.5, "scratch": 1.5}}}, "weights of age must be one >= 0"),
        ({"weights": {"age": {"quick": 1.0}}}, "weights of age must be one >= 0"),
        ({"weights": {"size": {"quick": 0.5, "scratch": 0.5}}}, "weights of age must be one >= 0"),
        ({"weights": {"age": {"quick": "0.5", "scratch": 0.5}}}, "weights.age.quick must be a number"),
        ({"weights": {"age": {"quick": 0.5, "scratch": 0.5, "tuned": 0.0}}}, "weights of age must be one >= 0"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    folder = written(tmp_path)
    values = json.loads((tmp_path / "blend.json").read_text()) | changes
    (tmp_path / "blend.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="blend.json") as refused:
        read_blend(folder, ["age"])
    assert words in str(refused.value)


def test_a_candidate_is_beside_and_the_one_that_was_blended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fold in range(2):
        inner = tmp_path / "quick" / f"fold-{fold}"
        inner.mkdir(parents=True)
        for name in FITTED:
            (inner / name).write_text(f"{fold} {name}")
    folder, digest = written(tmp_path / "blend"), fits_digest(RunFolder(tmp_path / "quick"), 2)
    assert member_folder(folder, "quick", digest, 2).path == tmp_path / "quick"
    monkeypatch.chdir(tmp_path / "blend")
    assert member_folder(RunFolder("."), "quick", digest, 2).path.resolve() == tmp_path / "quick"
    with pytest.raises(InputError, match="scratch, which .* is made of, is not beside it"):
        member_folder(folder, "scratch", digest, 2)
    for fold in range(2):
        for name in FITTED:
            path = tmp_path / "quick" / f"fold-{fold}" / name
            path.write_text("another")
            with pytest.raises(InputError, match="are damaged, or are not those"):
                member_folder(folder, "quick", digest, 2)
            path.write_text(f"{fold} {name}")
    (tmp_path / "real").mkdir()
    (tmp_path / "scratch").symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match="symbolic link"):
        member_folder(folder, "scratch", digest, 2)
