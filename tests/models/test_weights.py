"""Files of weights: what is read, what is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from medgauge.core.errors import InputError
from medgauge.models.weights import first_line, load_weights, read_weights


def test_both_formats_and_the_names_inside(tmp_path: Path) -> None:
    weights = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}
    save_file(weights, tmp_path / "a.safetensors")
    torch.save({"state_dict": {f"module.{name}": one for name, one in weights.items()}}, tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        read = read_weights(tmp_path / name)
        assert {key: one.tolist() for key, one in read.items()} == {key: one.tolist() for key, one in weights.items()}


def test_nothing_but_weights_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"no weights")
    torch.save([1, 2], tmp_path / "b.pth")
    for name, told in (
        ("a.pth", "cannot be read as weights"),
        ("b.pth", "holds no table"),
        ("c.pth", "there is no file"),
    ):
        with pytest.raises(InputError, match=told):
            read_weights(tmp_path / name)


def test_weights_that_do_not_fit_are_refused_and_more_than_needed_left_out() -> None:
    layer = nn.Linear(3, 2)
    wanted = {"weight": torch.zeros(2, 3), "bias": torch.ones(2), "classifier": torch.ones(9)}
    load_weights(layer, wanted, "linear", "file")
    assert layer.bias.tolist() == [1.0, 1.0]
    with pytest.raises(
        InputError, match=r"file is not a file of weights for linear: 1 of its 2 weights are of another shape"
    ):
        load_weights(layer, {**wanted, "bias": torch.ones(3)}, "linear", "file")
    with pytest.raises(InputError, match=r"1 of its 2 weights are missing \(the first: weight\)"):
        load_weights(layer, {"bias": torch.ones(2)}, "linear", "file")


def test_the_telling_line_of_an_error() -> None:
    assert first_line(ValueError("\nno such thing\nmore")) == "ValueError: no such thing"
    assert (
        first_line(RuntimeError("Error(s) in loading state_dict for X:\n\tsize mismatch"))
        == "RuntimeError: size mismatch"
    )
