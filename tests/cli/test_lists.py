import pytest

from medgauge.cli.lists import parts
from medgauge.cli.main import main
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import settings


@pytest.mark.parametrize("what", ["recipes", "losses", "samplers", "metrics", "encoders", "settings"])
def test_list(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= (1 if what == "samplers" else 2)


def test_settings_are_listed_with_default_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "settings"])
    lines = capsys.readouterr().out.splitlines()
    wanted = list(settings(Recipe))
    assert len(lines) == len(wanted) > 60
    assert [line.split()[0] for line in lines] == [setting.place for setting in wanted]
    assert all(setting.meaning.rstrip(".") in line for line, setting in zip(lines, wanted, strict=True))
    assert next(line for line in lines if line.startswith("prediction.level")).endswith("(in (0, 1))")


def test_losses_are_listed_with_source_and_departures() -> None:
    (line,) = [text for name, text in parts("losses") if name == "RMLoss"]
    assert "[Source: " in line
    assert "[Departs: " in line


def test_an_unknown_list_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "metrcs"]) == 2
    assert "did you mean metrics?" in capsys.readouterr().err
