"""Feature distribution smoothing: features borrow mean and variance from those of neighbouring labels."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, distributed, nn
from torch.nn import functional

from medgauge.core.checks import check_number
from medgauge.functional.kernels import published_kernel
from medgauge.models.heads import widened

MOST_NODES = 10_000
ON_NODE = 1e-4  # of a bin's width: rounding of float32 labels must not wake the node next door
NO_SPREAD = 1e-9  # a node whose cases amount to one case has no variance
ROUNDING = 1e-12  # of a sum of squares: less scatter than this is none
LEAST, MOST = 0.1, 10.0  # of a smoothed variance over its own, as published


class FeatureSmoothing(nn.Module):
    """Calibrates the encoder's features by smoothed statistics of their label, then hands them to the inner neck.

    Nodes lie at ``low``, ``low + bin_width``, ... ``high``. A training case counts at the two nodes beside its label,
    by closeness. ``end_epoch`` turns the epoch's sums into means and variances (n - 1) of each node and moves the running
    ones; their smoothed copies are means over neighbouring nodes. From ``start_epoch`` on, training features become
    z' = (z - m) sqrt(clip(v_s / v, .1, 10)) + m_s, where m, v and their smoothed m_s, v_s are interpolated at the label.

    - Shape: features (n, f), covariates (n, q) or None, label (n, 1) normalised, only in training -> embedding (n, d).
      In evaluation, or without a label: the inner neck alone.
    - Missing label, or a feature that is not finite: the row is not counted, and not calibrated. A label beyond the
      ends: the end node. A variance of 0: that feature is not calibrated.
    - Several processes: sums are added over all of them, so every process must call it; buffers stay equal.
    - State: ``sums`` of the running epoch, running and smoothed statistics, in float64 whatever the module's dtype.
    - Raises: ValueError for settings out of range, other shapes, and more than one target.
    - Source: Yang et al., ICML 2021 (feature distribution smoothing): equations, kernel and momentum of their code. With
      one case or more at every node and labels on nodes, statistics are those of their code, with its reflecting ends.
    - Departs: float labels share two nodes in place of one integer bin; nodes without cases keep their statistics, and
      are left out of the smoothing (the kernel is normalised over nodes seen so far); a node's first epoch counts in
      full whenever it comes; statistics are of the features as trained on, before calibration, and take effect in the
      next epoch, unmixed (there: a second pass, and one epoch later).

    Args:
        inner: neck that reads the calibrated features; has ``covariates``, ``embedding`` and ``describe``.
        features: number f of features.
        low: lowest node, in normalised label units.
        high: end of the nodes; > low.
        bin_width: distance of nodes, > 0; at most 10,000 nodes.
        kernel_size: nodes that the smoothing reads; odd, and less than twice the number of nodes.
        sigma: of the kernel, in nodes; > 0.
        momentum: share of the old running statistics in the new ones; in [0, 1).
        start_epoch: first epoch, from 0, that calibrates; >= 1.
    """

    kernel: Tensor
    sums: Tensor
    seen: Tensor
    running_mean: Tensor
    running_variance: Tensor
    smoothed_mean: Tensor
    smoothed_variance: Tensor
    epoch: Tensor

    def __init__(
        self,
        inner: nn.Module,
        features: int,
        *,
        low: float = -3.0,
        high: float = 3.0,
        bin_width: float = 0.1,
        kernel_size: int = 5,
        sigma: float = 2.0,
        momentum: float = 0.9,
        start_epoch: int = 1,
    ) -> None:
        super().__init__()
        nodes = _count_nodes(low, high, bin_width)
        kernel = published_kernel(kernel_size, sigma)
        if kernel_size >= 2 * nodes:
            raise ValueError(f"kernel_size must be < {2 * nodes}, twice the number of nodes, got {kernel_size}")
        if features < 1 or start_epoch < 1:
            raise ValueError(f"features and start_epoch must be >= 1, got {features} and {start_epoch}")
        check_number("momentum", momentum, least=0, below=1)
        self.inner, self.features, self.nodes = inner, features, nodes
        self.settings = {
            "low": low,
            "high": high,
            "bin_width": bin_width,
            "kernel_size": kernel_size,
            "sigma": sigma,
            "momentum": momentum,
            "start_epoch": start_epoch,
        }
        self.low, self.bin_width, self.momentum, self.start_epoch = low, bin_width, momentum, start_epoch
        empty = torch.zeros(nodes, features, dtype=torch.float64)
        self.register_buffer("kernel", kernel, persistent=False)
        self.register_buffer("sums", torch.zeros(nodes, 2 + 2 * features, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros(nodes, dtype=torch.int64))
        for name in ("running_mean", "running_variance", "smoothed_mean", "smoothed_variance"):
            self.register_buffer(name, empty.clone())
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))

    @property
    def covariates(self) -> int:
        """Number of covariates that the inner neck reads."""
        return int(self.inner.covariates)  # type: ignore[arg-type]  # a number

    @property
    def embedding(self) -> int:
        """Dimension of the inner neck's embedding."""
        return int(self.inner.embedding)  # type: ignore[arg-type]  # a number

    def fit(self, covariates: Float[Tensor, "n q"]) -> "FeatureSmoothing":
        """Let the inner neck take what it needs from the covariates of the training cases."""
        self.inner.fit(covariates)  # type: ignore[operator]  # a neck with covariates
        return self

    def forward(
        self,
        features: Float[Tensor, "n f"],
        covariates: Float[Tensor, "n q"] | None = None,
        label: Float[Tensor, "n 1"] | None = None,
    ) -> Float[Tensor, "n d"]:
        """Return the embedding; in training, with a label, count the features and calibrate them first."""
        if self.training and label is not None:
            self._check(features, label)
            with torch.autocast(features.device.type, enabled=False):
                features = widened(features)
                node, share = self._nodes(features, label)
                self._count(features, node, share)
                features = self._calibrated(features, node, share)
        embedding: Tensor = self.inner(features, covariates)
        return embedding

    @torch.no_grad()
    def end_epoch(self) -> None:
        """Move the running statistics by the epoch's, smooth them for the next epoch, and start new sums."""
        count, squares = self.sums[:, :1], self.sums[:, 1:2]
        total, square = self.sums[:, 2:].chunk(2, dim=1)
        cases = torch.where(count > 0, count, 1.0)
        mean = total / cases
        freedom = count - squares / cases  # n - 1 where all cases are on the node
        spread = freedom > NO_SPREAD * count
        scatter = square - total * mean
        variance = scatter * (spread & (scatter > ROUNDING * square)) / torch.where(spread, freedom, 1.0)
        keep = self.momentum * (self.seen > 0).double()[:, None]
        useful = (count > 0) & mean.isfinite() & variance.isfinite()  # a square too large for its type is left out
        for running, now in ((self.running_mean, mean), (self.running_variance, variance)):
            running.copy_(torch.where(useful, keep * running + (1 - keep) * now, running))
        self.seen.add_(count[:, 0] > 0)
        self.smoothed_mean.copy_(self._smoothed(self.running_mean))
        self.smoothed_variance.copy_(self._smoothed(self.running_variance))
        self.sums.zero_()
        self.epoch.add_(1)

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this neck again."""
        inner: dict[str, object] = self.inner.describe()  # type: ignore[operator]  # a neck that can be saved
        return {"name": "feature_smoothing", "inner": inner, **self.settings}

    @torch.no_grad()
    def _nodes(self, features: Tensor, label: Tensor) -> tuple[Int[Tensor, "n 2"], Float[Tensor, "n 2"]]:
        """The two nodes beside each label and how much the case counts at each: 1 in all, 0 for rows left out."""
        place = ((label.double() - self.low) / self.bin_width).nan_to_num().clamp(0, self.nodes - 1)
        place = torch.where((place - place.round()).abs() < ON_NODE, place.round(), place)
        below = place.floor()
        node = torch.cat([below, below + 1], dim=1).long().clamp(max=self.nodes - 1)
        share = torch.cat([1 - (place - below), place - below], dim=1)
        return node, share * (features.sum(dim=1, keepdim=True).isfinite() & ~label.isnan())

    @torch.no_grad()
    def _count(self, features: Tensor, node: Int[Tensor, "n 2"], share: Float[Tensor, "n 2"]) -> None:
        """Add the batch's sums of share, share^2, share z and share z^2 at each node, over all processes.

        Squares are taken about the batch's mean, so that float32 is enough within a batch.
        """
        node, share = torch.where(share > 0, node, self.nodes).flatten(), share.flatten()  # last bag: left out
        order = node.argsort(stable=True)
        start = torch.searchsorted(node[order], torch.arange(self.nodes + 1, device=node.device))

        def summed(rows: Tensor, table: Tensor, factor: Tensor | None = None) -> Tensor:
            bags = functional.embedding_bag(rows, table, start, mode="sum", per_sample_weights=factor)
            return bags[:-1].double()

        cases = summed(order, torch.stack([share, share.square()], dim=1))
        count, rows, factor = cases[:, :1], order // 2, share[order].to(features.dtype)
        total = summed(rows, features, factor)
        centre = (total.sum(dim=0) / count.sum().clamp(min=1)).to(features.dtype)
        square = summed(rows, (features - centre).square(), factor)
        centre = centre.double()
        sums = torch.cat([cases, total, square + centre * (2 * total - centre * count)], dim=1)
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(sums)
        self.sums.add_(sums)

    def _calibrated(
        self, features: Float[Tensor, "n f"], node: Int[Tensor, "n 2"], share: Float[Tensor, "n 2"]
    ) -> Float[Tensor, "n f"]:
        with torch.no_grad():
            share = share * ((self.seen > 0) & (self.epoch >= self.start_epoch))[node]
            total = share.sum(dim=1, keepdim=True)
            share = (share / torch.where(total > 0, total, 1.0)).to(features.dtype)
            statistics = (self.running_mean, self.running_variance, self.smoothed_mean, self.smoothed_variance)
            table = torch.cat([statistic.to(features.dtype) for statistic in statistics], dim=1)
            read = functional.embedding_bag(node, table, mode="sum", per_sample_weights=share)
            mean, variance, goal, spread = read.chunk(4, dim=1)
            on = variance > 0
            factor = torch.where(on, (spread / variance).clamp(LEAST, MOST).sqrt(), 1.0)
        return (features - mean * on) * factor + goal * on

    def _smoothed(self, statistic: Float[Tensor, "nodes f"]) -> Float[Tensor, "nodes f"]:
        """Mean of the neighbouring nodes that were seen, by the kernel; the ends reflect (the end node once)."""
        seen = (self.seen > 0).double()
        half = self.kernel.numel() // 2
        stacked = torch.cat([statistic * seen[:, None], seen[:, None]], dim=1).T[:, None]
        around = functional.conv1d(functional.pad(stacked, (half, half), mode="reflect"), self.kernel[None, None])
        weighted, weight = around[:-1, 0].T, around[-1, 0][:, None]
        return torch.where(seen[:, None] > 0, weighted / torch.where(weight > 0, weight, 1.0), 0.0)

    def _check(self, features: Tensor, label: Tensor) -> None:
        if label.ndim == 2 and label.shape[1] > 1:
            raise ValueError(f"feature smoothing knows one target, got labels of shape {tuple(label.shape)}")
        if features.ndim != 2 or features.shape[1] != self.features or label.shape != (len(features), 1):
            raise ValueError(
                f"features must be (n, {self.features}) and label (n, 1), "
                f"got {tuple(features.shape)} and {tuple(label.shape)}"
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Move to devices as any module does, and keep the statistics in float64: counts stall in half precision."""
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch: untyped
        for name, buffer in before.items():
            moved = self._buffers[name]
            if buffer is not None and moved is not None and moved.dtype != buffer.dtype:
                self._buffers[name] = buffer.to(moved.device)
        return self


def _count_nodes(low: float, high: float, bin_width: float) -> int:
    check_number("bin_width", bin_width, above=0, infinite=True)
    if not -float("inf") < low < high < float("inf"):
        raise ValueError(f"low must be < high, both finite, got {low} and {high}")
    if (high - low) / bin_width >= MOST_NODES:
        raise ValueError(
            f"bin_width must be wider: {low} to {high} in steps of {bin_width} are over {MOST_NODES} nodes"
        )
    return int((high - low) / bin_width + ON_NODE) + 1
