import io
import subprocess
import sys

import pytest

from medgauge.core.display import Display


def test_it_is_silent_unless_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgauge.core.display.QUIET", -1.0)
    with Display(False) as display:
        display.say("a line")
        display.images(1, 2)
        display.training(0.5, "step 1")
        display.runs(1, 2, "")
    assert capsys.readouterr() == ("", "")
    with Display(True) as display:
        display.say("a line")
    assert capsys.readouterr() == ("", "a line\n")


def test_bars_come_after_a_while_and_tell_the_share_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Display(True) as display:
        display.training(0.25, "step 1")
        assert display._bars is None
        monkeypatch.setattr("medgauge.core.display.QUIET", -1.0)
        display.training(0.25, "step 2")
        display.training(1.5, "step 3")
        (task,) = display._bars.tasks
        assert (task.description, task.completed, task.total, task.fields["note"]) == ("training", 1000, 1000, "step 3")
    assert display._bars is None


def test_importing_it_is_light() -> None:
    code = "import sys, medgauge.core.display; print(sorted({'torch', 'rich'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
