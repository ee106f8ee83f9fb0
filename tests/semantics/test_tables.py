from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from medgauge.core.errors import InputError
from medgauge.semantics.tables import read_vectors
from medgauge.semantics.vectors import LabelVectors

VECTORS = np.array([[0.25, -1.5, 1.234], [2, 0.5, 0]], dtype=np.float32)


def write(folder: Path, kind: str) -> Path:
    path, frame = folder / f"vectors.{kind}", pd.DataFrame(VECTORS, columns=["v0", "v1", "v2"])
    frame.insert(0, "name", ["Edema", "Pleural_Thickening"])
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "tsv":
        frame.to_csv(path, index=False, sep="\t", decimal=",")
    elif kind == "parquet":
        frame.to_parquet(path)
    elif kind == "npz":
        np.savez(path, names=frame["name"].to_numpy(dtype=str), vectors=VECTORS)
    else:
        save_file(dict(zip(frame["name"], torch.from_numpy(VECTORS), strict=True)), path)
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "npz", "safetensors"])
def test_a_table_of_vectors_reads_alike_in_every_form(tmp_path: Path, kind: str) -> None:
    found = read_vectors(write(tmp_path, kind)).of(["Pleural_Thickening", "edema"])
    assert found.names == ("Pleural_Thickening", "edema")
    assert np.array_equal(found.vectors, VECTORS[::-1])
    assert found.notes == (f"the label edema is read as Edema of vectors.{kind}",)


def test_one_array_a_label_is_read_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", Edema=VECTORS[0], Hernia=VECTORS[1])
    assert read_vectors(tmp_path / "v.npz").names == ("Edema", "Hernia")


def test_a_file_of_ours_keeps_names_source_and_cosines(tmp_path: Path) -> None:
    made = LabelVectors(("ä b", "c"), torch.from_numpy(VECTORS), {"kind": "text", "seed": 3}).adjusted("centred")
    found = read_vectors(made.save(tmp_path / "x.safetensors"))
    assert found.names == made.names
    assert torch.equal(found.vectors, made.vectors)
    assert made.before is not None
    assert found.before is not None
    assert torch.allclose(found.before, made.before)
    assert found.source == {"kind": "text", "seed": 3, "adjusted": "centred", "file": "x.safetensors"}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.txt", "x", "a.txt is no file of label vectors"),
        ("a.csv", "name,v0\nEdema,x\n", "a.csv, line 2, column v0: the cell .*x"),
        ("a.csv", "name,v0,v1\nEdema,1,\n", "a.csv has a number for Edema that is missing"),
        ("a.csv", "name,v0\nEdema,0\n", "nothing but zeros for Edema"),
        ("a.csv", "name,v0\nEdema,1\nEdema,2\n", "a.csv has 'Edema' more than once"),
        ("a.csv", "name,v0\n,1\n", "row 1 of a.csv has no name"),
        ("a.csv", "Edema,0.5,1.5\nHernia,1,2\n", r"the first line of a.csv holds numbers \('0.5'\)"),
        ("a.csv", "name\nEdema\n", "a.csv has one column"),
        ("a.npz", "no archive", "a.npz is damaged"),
        ("a.safetensors", "no tensors", "a.safetensors is damaged"),
    ],
)
def test_what_is_no_table_of_vectors_is_one_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_vectors(tmp_path / name)


def test_objects_and_vectors_of_unlike_length_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", names=np.array(["a"], dtype=object), vectors=VECTORS[:1])
    with pytest.raises(InputError, match=r"o\.npz is damaged or holds objects"):
        read_vectors(tmp_path / "o.npz")
    np.savez(tmp_path / "u.npz", a=VECTORS[0], b=VECTORS[0, :2])
    with pytest.raises(InputError, match=r"b has the shape \(2,\), a \(3,\)"):
        read_vectors(tmp_path / "u.npz")
    with pytest.raises(InputError, match="there is no file of label vectors"):
        read_vectors(tmp_path / "none.csv")


def test_a_cut_file_and_names_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    whole = LabelVectors(("a", "b"), torch.from_numpy(VECTORS)).save(tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-5])
    with pytest.raises(InputError, match=r"cut\.safetensors is damaged"):
        read_vectors(tmp_path / "cut.safetensors")
    save_file({"vectors": torch.ones(2, 3)}, tmp_path / "n.safetensors", metadata={"names": '["a"]'})
    with pytest.raises(InputError, match="one vector a label"):
        read_vectors(tmp_path / "n.safetensors")
    save_file({"vectors": torch.ones(2, 3)}, tmp_path / "j.safetensors", metadata={"names": "[a"})
    with pytest.raises(InputError, match="its names are no JSON"):
        read_vectors(tmp_path / "j.safetensors")
