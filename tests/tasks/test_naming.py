from pathlib import Path

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models.prototypes import PrototypeHead
from medgauge.recipes.build import build_tasks
from medgauge.recipes.read import build_recipe, default_values
from medgauge.semantics.cooccurrence import cooccurrence_vectors
from medgauge.tasks.findings import Findings
from medgauge.tasks.naming import Naming
from medgauge.tasks.settings import HeadSettings

LABEL = torch.tensor([[1, 0], [1, 1], [0, 1], [0, 0], [0, float("nan")]], dtype=torch.float64)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    (tmp_path / "v.csv").write_text("name,x,y,z\nEffusion,1,2,0\nHernia,0,1,1\nMass,2,2,2\n")
    return tmp_path / "v.csv"


def task(**naming: object) -> Findings:
    settings = HeadSettings("prototypes", naming=Naming(**naming))  # type: ignore[arg-type]
    return Findings.make(["effusion", "Hernia"], settings, "zscore").fit(LABEL, None)


def test_the_head_of_findings_has_the_vectors_of_their_names(vectors: Path) -> None:
    made = task(source=str(vectors), hidden=6, similarity="cosine")
    head = made.head(4)
    assert isinstance(head, PrototypeHead)
    assert head.describe() == {"name": "prototypes", "dimension": 3, "hidden": 6, "similarity": "cosine"}
    assert made.vectors is not None
    assert torch.equal(head.semantics, made.vectors.vectors)
    assert made.notes(LABEL, None) == ["the label effusion is read as Effusion of v.csv"]
    assert list(made.predictors()) == ["prototypes"]
    assert made.logits == 1


def test_cooccurrence_is_that_of_the_training_labels_and_controls_follow_the_seed() -> None:
    assert torch.equal(task(source="cooccurrence").head(4).semantics, cooccurrence_vectors(LABEL, ["a", "b"]))  # type: ignore[union-attr]
    drawn = [task(source="orthogonal", seed=seed).head(4).semantics for seed in (1, 1, 2)]  # type: ignore[union-attr]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    shuffled = task(source="shuffled", of="one_hot", seed=3).head(4).semantics  # type: ignore[union-attr]
    assert torch.equal(shuffled, torch.eye(2)[[1, 0]])


def test_a_finding_without_a_vector_is_told_with_the_nearest(vectors: Path) -> None:
    settings = HeadSettings("prototypes", naming=Naming(source=str(vectors)))
    with pytest.raises(InputError, match=r"v.csv does not have Efusion \(did you mean Effusion\?\)"):
        Findings.make(["Efusion", "Hernia"], settings, "zscore").fit(LABEL, None)


def test_prototypes_are_of_findings_and_kinds_beside_them_have_their_usual_head() -> None:
    values = default_values({"data": {"label": ["age"]}})
    for name, kinds in (("finding", {"age": "number", "a": "finding"}), (None, {"age": "number", "g": "grade"})):
        given = {"label": list(kinds), "kind": kinds}
        model = {**values.get("model", {}), "head": "prototypes", "semantics": {"source": "one_hot"}}
        recipe = build_recipe({**values, "data": {**values.get("data", {}), **given}, "model": model})
        if name is None:
            with pytest.raises(InputError, match="model.head prototypes reads findings, and age, g is none"):
                build_tasks(recipe)
            continue
        heads = {one.name: one.head_settings.name for one in build_tasks(recipe)}  # type: ignore[attr-defined]
        assert heads == {"number": "auto", "finding": "prototypes"}
        assert [part.semantic for part in build_tasks(recipe).places.values()] == [False, True]
