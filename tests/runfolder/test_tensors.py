"""Tensors of a run folder are of the axes and type that each must be, and hold finite numbers."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.tensors import EMBEDDINGS, GALLERY, KNOWN, not_finite, read_checked

NAN, INF = torch.nan, torch.inf


def gallery() -> dict[str, Tensor]:
    return {"embedding": torch.ones(3, 2), "label": torch.tensor([[1.0], [NAN], [3.0]]).double()}


def read(folder: Path, tensors: dict[str, Tensor], **more: bool) -> dict[str, Tensor]:
    save_file(tensors, folder / "gallery.safetensors")
    return read_checked(RunFolder(folder), "gallery.safetensors", GALLERY, **more)


def test_what_has_a_form_is_read_and_the_rest_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, {**gallery(), "divisor": torch.ones(3).double(), "other": torch.ones(1)})
    assert set(found) == {"embedding", "label", "divisor"}
    torch.testing.assert_close(found["label"], gallery()["label"], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "tensor", "said"),
    [
        ("embedding", torch.ones(3), "embedding must have 2 axes, got 1"),
        ("embedding", torch.ones(3, 2).double(), "embedding must be numbers of float32, got float64"),
        ("embedding", torch.ones(3, 2, dtype=torch.complex64), "embedding must be numbers of float32, got complex64"),
        ("embedding", torch.tensor([[1.0, NAN]] * 3), "embedding holds 3 numbers that are not finite"),
        ("label", torch.tensor([[1.0], [INF], [NAN]]).double(), "label holds 1 numbers that are not finite"),
        ("label", torch.ones(2, 1).double(), "rows must be equal"),
        ("label", torch.ones(3, 1).long(), "label must be numbers of float64, got int64"),
        ("logits", torch.ones(3, 2), "logits must have 3 axes, got 2"),
        ("divisor", torch.tensor([1.0, NAN, 1.0]).double(), "divisor holds 1 numbers"),
    ],
)
def test_what_is_of_another_form_is_named(tmp_path: Path, name: str, tensor: Tensor, said: str) -> None:
    with pytest.raises(InputError, match=rf"gallery\.safetensors cannot be read \({said}"):
        read(tmp_path, {**gallery(), name: tensor})


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has no embedding"):
        read(tmp_path, {"label": gallery()["label"]})
    assert EMBEDDINGS["row"].dtype == torch.int64
    assert not any(form.needed for name, form in GALLERY.items() if name in ("prediction", "logits", "divisor"))


def test_rows_may_differ_where_they_are_of_several_splits(tmp_path: Path) -> None:
    tensors = {name: torch.ones(place + 1, 2).double() for place, name in enumerate(KNOWN)}
    save_file(tensors, tmp_path / "predictors.safetensors")
    found = read_checked(RunFolder(tmp_path), "predictors.safetensors", KNOWN, same_rows=False)
    assert [len(found[name]) for name in KNOWN] == [1, 2, 3]


def test_gaps_are_no_infinities() -> None:
    assert not_finite(torch.tensor([1.0, NAN]), gaps=True) == ""
    assert "1 numbers" in not_finite(torch.tensor([INF, NAN]), gaps=True)
    assert "2 numbers" in not_finite(torch.tensor([INF, NAN]))
