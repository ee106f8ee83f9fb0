"""From a run folder to a finished run."""

import json
from pathlib import Path

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runs.fitted import Fit
from medgauge.runs.load import load_fit


def test_what_is_loaded_is_what_was_fitted(fit: Fit) -> None:
    again = load_fit(fit.folder)
    assert again.recipe == fit.recipe
    assert again.tasks.targets == ["age", "stage"]
    assert [reader.record for reader in again.readers] == [reader.record for reader in fit.readers]
    for name, weight in fit.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], weight)
    assert again.results == fit.results
    assert again.gallery_rows == fit.gallery_rows


def test_a_folder_that_is_not_whole_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "gallery.safetensors").unlink()
    with pytest.raises(InputError, match=r"is not whole \(gallery\.safetensors missing\)"):
        load_fit(RunFolder(copy))
    with pytest.raises(InputError, match="there is no run folder"):
        load_fit(RunFolder(tmp_path / "nowhere"))


def test_a_run_folder_of_an_earlier_version_is_refused_with_what_to_do(copy: Path) -> None:
    path = copy / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"medgauge": "0.1.0"}))
    with pytest.raises(InputError, match=r"was made by medgauge 0\.1\.0, this is 0\.2\.0; fit again"):
        load_fit(RunFolder(copy))
