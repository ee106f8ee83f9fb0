"""Hints for names that are not known."""

from medgauge.core.words import did_you_mean, nearest, nearest_names


def test_the_nearest_name_is_blind_to_case_and_spaces() -> None:
    assert nearest("Split", ["age", " split "]) == " split "
    assert nearest("zzz", ["age", "split"]) is None
    assert nearest("SPLIT", ["Split", "split"]) == "Split"
    assert nearest("split", []) is None


def test_how_alike_names_must_be_can_be_said() -> None:
    assert nearest("zzz", ["age", "split"], likeness=0.0) is not None
    assert nearest("splat", ["split"], likeness=0.8) == "split"
    assert nearest("splat", ["split"], likeness=0.81) is None


def test_several_names_come_nearest_first() -> None:
    known = ["small", "monai/resnet18", "monai/resnet34", "monai/resnet50", "monai/densenet121"]
    assert nearest_names("monai/resnet5", known, most=2)[0] == "monai/resnet50"
    assert len(nearest_names("monai/resnet", known)) == 3
    assert nearest_names("qqq", known) == []


def test_a_hint_names_the_nearest_or_all() -> None:
    assert did_you_mean("Sigm", {"sigma": 1, "alpha": 2}) == "did you mean sigma?"
    assert did_you_mean("zzz", ("mining", "alpha")) == "known: alpha, mining"
