"""medgauge: read numbers, grades and findings off medical images, with the training cases behind every value."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from medgauge.core.errors import InputError
from medgauge.core.version import __version__

if TYPE_CHECKING:
    from medgauge.comparing.compare import compare
    from medgauge.fitting.check import check
    from medgauge.fitting.curve import curve
    from medgauge.fitting.embedding import embed
    from medgauge.fitting.pretrain import pretrain
    from medgauge.planning.fit import fit, plan
    from medgauge.runs.radiomics import radiomics
    from medgauge.runs.run import Run, evaluate, load, predict
    from medgauge.semantics.sources import prototypes

__all__ = [
    "InputError",
    "Run",
    "__version__",
    "check",
    "compare",
    "curve",
    "embed",
    "evaluate",
    "fit",
    "load",
    "plan",
    "predict",
    "pretrain",
    "prototypes",
    "radiomics",
]

HOMES = {
    "Run": "medgauge.runs.run",
    "check": "medgauge.fitting.check",
    "compare": "medgauge.comparing.compare",
    "curve": "medgauge.fitting.curve",
    "embed": "medgauge.fitting.embedding",
    "evaluate": "medgauge.runs.run",
    "fit": "medgauge.planning.fit",
    "load": "medgauge.runs.run",
    "plan": "medgauge.planning.fit",
    "predict": "medgauge.runs.run",
    "pretrain": "medgauge.fitting.pretrain",
    "prototypes": "medgauge.semantics.sources",
    "radiomics": "medgauge.runs.radiomics",
}


def __dir__() -> list[str]:
    """The names of the Python interface, whether they were used or not."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Import a part of the Python interface at its first use, so that ``import medgauge.losses`` stays light."""
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module 'medgauge' has no attribute {name!r}")
