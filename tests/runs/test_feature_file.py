"""Files of features: their names, and where they may be written."""

from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from torch import nn

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runs.feature_file import Features, check_feature_file, feature_names, weights_digest, write_features


def test_names_differ_where_the_features_do() -> None:
    about = {"made_by": "lite0", "weights_sha256": "a", "settings": {"image.size": [20, 24]}}
    first = feature_names({**about, "size": "for people"}, 2)
    assert first == feature_names(about, 2)
    for change in ({"made_by": "run"}, {"weights_sha256": "b"}, {"settings": {"image.size": [20, 25]}}):
        assert not set(first) & set(feature_names(about | change, 2))


def test_the_digest_is_of_names_and_values() -> None:
    one, other = nn.Linear(2, 1), nn.Linear(2, 1)
    assert weights_digest(one) != weights_digest(other)
    other.load_state_dict(one.state_dict())
    assert weights_digest(one) == weights_digest(other)
    with torch.no_grad():
        other.bias += 1e-3
    assert weights_digest(one) != weights_digest(other)


def test_a_file_is_written_over_only_by_its_like(tmp_path: Path) -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    features = Features("case", ["007", "b"], values, {"made_by": "lite0", "weights_sha256": "a", "settings": {}})
    path = check_feature_file(tmp_path / "f.parquet", [])
    names = write_features(path, features)
    frame = pandas.read_parquet(path)
    assert (list(frame), list(frame["case"])) == (["case", *names], ["007", "b"])
    np.testing.assert_array_equal(frame[names], values)
    assert check_feature_file(path, []) == path
    frame.to_parquet(path)
    with pytest.raises(
        InputError, match="f.parquet is there and neither `medgauge embed` nor `medgauge radiomics` wrote it"
    ):
        check_feature_file(path, [])
    with pytest.raises(InputError, match="is a run or a comparison; give an --out beside it"):
        check_feature_file(tmp_path / "run" / "f.parquet", [], RunFolder(tmp_path / "run"))
    with pytest.raises(InputError, match="which is read and would be written over"):
        check_feature_file(tmp_path / "new.parquet", [tmp_path / "new.parquet"])
