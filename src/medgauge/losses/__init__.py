"""Terms of the objective: one file a paper, each usable alone in any training loop."""

from medgauge.losses.pointwise import PointwiseLoss
from medgauge.losses.rm_loss import RMLoss

__all__ = ["PointwiseLoss", "RMLoss"]
