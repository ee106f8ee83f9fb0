import pytest

from medgauge.core.errors import InputError
from medgauge.recipes.idle import idle_settings, refuse_idle
from medgauge.recipes.read import build_recipe
from medgauge.recipes.semantics_settings import SemanticsSettings


def test_label_vectors_without_a_prototype_head_do_nothing() -> None:
    found = idle_settings(build_recipe({"model": {"semantics": {"source": "one_hot"}}}))
    assert found == {"model.semantics.source": "a model.head other than prototypes"}
    found = idle_settings(build_recipe({"model": {"head": "prototypes", "semantics": {"of": "minilm"}}}))
    assert found == {"model.semantics.of": "a model.semantics.source other than shuffled"}
    with pytest.raises(InputError, match="model.semantics.of"):
        refuse_idle(found, ["model.semantics.of"])
    assert SemanticsSettings().source == "chest14"


@pytest.mark.parametrize("given", [{"hidden": -1}, {"similarity": "angle"}, {"adjust": "white"}, {"source": ""}])
def test_values_out_of_range_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"model.semantics.{next(iter(given))}"):
        build_recipe({"model": {"semantics": given}})
