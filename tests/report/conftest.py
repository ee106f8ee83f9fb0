from collections.abc import Callable
from pathlib import Path

import pytest

from medgauge.report import write_report
from tests.report.fake_run import FakeRun, make_run

HOSTILE = {
    0: "<script>window.hacked = 1</script>",
    1: "<b>bold</b> & \"quoted\" 'single'",
    2: "</script><img src=x onerror='window.hacked = 1'>",
    3: "{{ 7 * 7 }} %{x} var(--few)",
}
HOSTILE_RECIPE = 'note: "</pre><script>window.hacked = 1</script>"'

VARIANTS = {
    "plain": FakeRun(),
    "head": FakeRun(record="head"),
    "val": FakeRun(looked=False),
    "two": FakeRun(targets=("hc_mm", "hc_px"), count=200),
    "grade": FakeRun(targets=("stage",), count=400),
    "kinds": FakeRun(targets=("hc_mm", "stage"), record="head", count=200),
    "bare": FakeRun(images=False, count=200),
    "few": FakeRun(count=40, infinite=True, left_out=0, head=False),
    "hostile": FakeRun(ids={row: HOSTILE[row % 4] for row in range(120)}, count=120,
                       recipe_extra=HOSTILE_RECIPE),
}  # fmt: skip


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The report of a variant, made once a session."""
    made: dict[str, Path] = {}

    def make(variant: str) -> Path:
        if variant not in made:
            run = make_run(tmp_path_factory.mktemp("runs") / f"run_{variant}", VARIANTS[variant])
            made[variant] = write_report(run)
        return made[variant]

    return make
