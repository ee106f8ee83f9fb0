"""What does not hold between files of a run folder is one sentence."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.runs.fitted import Fit
from medgauge.runs.reading import check_divisor, check_embedded, check_reader, reading


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KeyError("task"), "it has no 'task'"),
        (ValueError("radius must be > 0\nand more"), "radius must be > 0"),
        (TypeError("x"), "x"),
        (AttributeError("x"), "x"),
        (RuntimeError("shapes"), "shapes"),
        (OverflowError("too large"), "too large"),
    ],
)
def test_whatever_does_not_hold_is_one_sentence(error: Exception, why: str) -> None:
    with pytest.raises(InputError) as found, reading(Path("a.json"), Path("b.csv")):
        raise error
    assert str(found.value).startswith(f"a.json or b.csv cannot be read ({why}); give the same `medgauge fit` again")
    with pytest.raises(InputError, match="^as it is$"), reading(Path("a")):
        raise InputError("as it is")
    with pytest.raises(KeyboardInterrupt), reading(Path("a")):
        raise KeyboardInterrupt


def test_a_reader_of_another_gallery_is_found(fit: Fit) -> None:
    reader = fit.readers[0]
    check_reader(reader, [reader.tuned.gallery], Path("x"))
    other = replace(reader.tuned.gallery, embedding=torch.ones(len(reader.tuned.gallery), 1))
    with pytest.raises(InputError, match=r"x cannot be read \("):
        check_reader(reader, [other], Path("x"))


def test_outputs_of_a_model_fit_the_gallery(fit: Fit) -> None:
    source, cases = Path("run/model.safetensors"), fit.gallery
    assert cases.logits is not None
    check_embedded(source, fit.gallery, cases)
    gap = cases.logits.masked_fill(torch.ones_like(cases.logits, dtype=torch.bool), torch.nan)
    check_embedded(source, fit.gallery, replace(cases, logits=gap))  # NaN stands for levels that a target has not
    for change, said in (
        ({"embedding": cases.embedding[:, :1]}, "do not fit together (they differ in embedding)"),
        ({"prediction": None}, "do not fit together (they differ in prediction)"),
        ({"embedding": cases.embedding / 0}, "cannot be used (embedding of"),
        ({"logits": cases.logits / 0}, "cannot be used (logits of"),
    ):
        with pytest.raises(InputError) as found:
            check_embedded(source, fit.gallery, replace(cases, **change))
        assert said in str(found.value)
        assert str(found.value).startswith(str(source))


def test_settings_divide_labels_where_the_gallery_has_divisors(fit: Fit) -> None:
    source, plain = Path("run/recipe.yaml"), replace(fit.gallery, divisor=None)
    divided = replace(fit.gallery, divisor=torch.ones(len(fit.gallery), dtype=torch.float64))
    check_divisor(source, None, plain)
    check_divisor(source, "size", divided)
    with pytest.raises(
        InputError, match=r"recipe\.yaml is not .*: data\.label_times is null there, and .* are divided; give"
    ):
        check_divisor(source, None, divided)
    with pytest.raises(InputError, match=r"data\.label_times is size there, and labels of the gallery are not divided"):
        check_divisor(source, "size", plain)
