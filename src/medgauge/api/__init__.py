"""The Python interface: the same commands as on the command line."""

from medgauge.api.checking import check
from medgauge.api.comparing import compare
from medgauge.api.fitting import fit
from medgauge.api.run import Run

__all__ = ["Run", "check", "compare", "evaluate", "fit", "load", "predict"]

load = Run.load


def evaluate(run: str | Run, table: str, **settings: object) -> dict[str, object]:
    """Score a run on a table from elsewhere: :meth:`Run.evaluate`."""
    return (run if isinstance(run, Run) else load(run)).evaluate(table, **settings)  # type: ignore[arg-type]  # passed on as they are


def predict(run: str | Run, cases: object, **settings: object) -> object:
    """Values of new cases: :meth:`Run.predict`."""
    return (run if isinstance(run, Run) else load(run)).predict(cases, **settings)  # type: ignore[arg-type]  # passed on as they are
