"""What a recipe of a pretraining may say, and the term that it has where it names none."""

import pytest

from medgauge.core.errors import InputError
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.pretraining import check_pretraining, decide_before, method_objective
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.recipes.schema import Recipe

NAMES = ["siamese", "siamese_re", "siamese_se", "vicreg", "brats_grade", "nsclc_stage"]


def changed(name: str, **changes: object) -> Recipe:
    return build_recipe(override(load_values(name), {place.replace("__", "."): one for place, one in changes.items()}))


@pytest.mark.parametrize("name", NAMES)
def test_recipes_that_come_along_are_fine(name: str) -> None:
    check_pretraining(changed(name))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"represent": {"name": "run", "source": "runs/x"}}, "represent.name run has no encoder to train"),
        ({"training__accumulate": 2}, "training.accumulate has no place in a pretraining; leave it out"),
        ({"weights__scheme": "inverse"}, "a pretraining looks at no label"),
        (
            {"pretraining__method": "vicreg"},
            r"objective.agreement \(NegativeCosineLoss\) is the term of pretraining.method siamese",
        ),
        ({"pretraining__method": "none"}, "the recipe says how to fit labels"),
    ],
)
def test_what_has_no_place_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        check_pretraining(changed("siamese", **changes))


def test_a_recipe_without_an_objective_has_the_term_of_its_method() -> None:
    own = {"error": {"term": {"class_path": "PointwiseLoss"}}}
    assert method_objective({"objective": own}) == own
    assert method_objective({})["agreement"]["term"]["class_path"] == "NegativeCosineLoss"


def test_the_papers_encoder_is_taken_where_none_is_named() -> None:
    decided = decide_before(changed("siamese", model__encoder={"name": "auto"}))
    assert (decided.model.encoder.name, decided.model.encoder.norm) == ("bottleneck", "batch")
    assert decided.augmentation.label_changes_with == []
    assert decide_before(changed("siamese", training__micro_batch=2)).model.encoder.norm == "group"
    assert (
        decide_before(changed("siamese", model__encoder={"name": "small", "norm": "group"})).model.encoder.norm
        == "group"
    )


def test_a_fit_refuses_the_recipe_of_a_pretraining() -> None:
    with pytest.raises(
        InputError, match="^pretraining.method siamese is of `medgauge pretrain`, which reads no labels"
    ):
        make_recipe("siamese", {"table": "t.csv", "image": "i", "label": "y", "no_groups": True})
