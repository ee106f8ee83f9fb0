"""medgauge: read numbers, grades and findings off medical images, with the training cases behind every value."""

from typing import TYPE_CHECKING, Any

from medgauge.core.errors import InputError
from medgauge.core.version import __version__

if TYPE_CHECKING:
    from medgauge.api import Run, compare, evaluate, fit, load, predict

__all__ = ["InputError", "Run", "__version__", "compare", "evaluate", "fit", "load", "predict"]


def __getattr__(name: str) -> Any:
    """Import the Python interface at its first use, so that ``import medgauge.losses`` stays light."""
    if name in {"Run", "compare", "evaluate", "fit", "load", "predict"}:
        import medgauge.api

        return getattr(medgauge.api, name)
    raise AttributeError(f"module 'medgauge' has no attribute {name!r}")
