"""Batches in which cases with a rare finding come as often as those with a frequent one, or with none."""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.core.errors import InputError
from medgauge.core.seeding import generator
from medgauge.samplers.density_weights import effective_size
from medgauge.samplers.random_batches import RandomBatchSampler
from medgauge.samplers.weighted_draw import check_enough, group_codes, weighted_draw


class RarestLabelSampler(RandomBatchSampler):
    """Each batch is drawn anew, without replacement, with chances by one over the frequency of a case's rarest finding.

    The frequency of a finding is the number of training cases where it is present. Cases without a present finding are one
    class of their own, whose frequency is their number. So each class of cases would have equal chances together, but for
    cases with several findings, which count to the rarest alone. A case is in a batch once, so that a class with fewer
    cases than its share gets less than it.

    As with :class:`RandomBatchSampler`, a batch is drawn globally and then split, ``rank::world_size``, and is a pure
    function of ``seed`` and step. An epoch has ``count // batch_size`` batches. Cases whose labels are all missing (NaN) are never drawn.

    - Raises: InputError for labels other than 0, 1 and missing, and if ``batch_size`` is larger than the number of labelled
      cases, or of their groups with ``one_per_group``; ValueError for other impossible settings.
    - Source: ours; class-balanced sampling (Shen et al., ECCV 2016) for cases of several classes, by the rarest.
    - Departs: chances are those of the first draw; later draws of a batch are among the cases that are left.

    Args:
        label: training labels of findings, (n, t).
        batch_size: cases in a step, over all processes.
        group: each case's group; needed for ``one_per_group``.
        one_per_group: at most one case of a group in a batch.
        seed: what the draws depend on.
        rank: number of this process.
        world_size: number of processes; at most ``batch_size``.

    >>> label = torch.tensor([[1.0, 0.0]] * 8 + [[1.0, 1.0]] * 2 + [[0.0, 0.0]] * 10)
    >>> rarest_label_chances(label)[[0, 8, 10]]
    tensor([0.0357, 0.1786, 0.0357], dtype=torch.float64)
    """

    def __init__(
        self,
        label: Float[Tensor, "n t"],
        batch_size: int,
        *,
        group: Sequence[Any] | None = None,
        one_per_group: bool = False,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(len(label), batch_size, seed=seed, rank=rank, world_size=world_size)
        if group is not None and len(group) != len(label):
            raise ValueError(f"group must have one entry a label, got {len(group)} for {len(label)} labels")
        if one_per_group and group is None:
            raise ValueError("group must be given with one_per_group, got None")
        chances = rarest_label_chances(label)
        self._labelled = torch.nonzero(chances > 0).flatten()
        codes = group_codes(group if one_per_group and group is not None else range(len(label)))
        own = [codes[row] for row in self._labelled.tolist()]
        check_enough(own, batch_size, len(label), one_per_group=one_per_group, way="rarest_label")
        self._group = own if one_per_group else None
        self._log_chance = chances[self._labelled].log()
        self.effective = effective_size(chances[self._labelled])  # cases that chances as unequal are worth
        shown = chances.numpy().tobytes() + str(self._group).encode()
        self._drawn_from = int.from_bytes(hashlib.sha256(shown).digest()[:7], "big")

    def global_batch(self, step: int) -> list[int]:
        """The row positions of all processes at a step, counted from 0 over all epochs."""
        check_number("step", step, least=0, whole=True)
        noise = generator(self.seed, "rarest label", step)
        return self._labelled[weighted_draw(self._log_chance, self.batch_size, noise, self._group)].tolist()

    def state_dict(self) -> dict[str, int]:
        """What is needed to go on: the epoch, and the settings that the draws depend on."""
        return {**super().state_dict(), "drawn_from": self._drawn_from}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on at the saved epoch; ValueError if the saved settings would have drawn other batches."""
        if state["drawn_from"] != self._drawn_from:
            raise ValueError("label, group and one_per_group must be those of the sampler that was saved")
        super().load_state_dict(state)


def rarest_label_chances(label: Float[Tensor, "n t"]) -> Float[Tensor, " n"]:
    """The chance of each case to be the first that is drawn; 0 for a case whose labels are all missing."""
    values = label.detach().cpu().double()
    if values.ndim != 2:
        raise ValueError(f"label must have shape (n, t), got {tuple(values.shape)}")
    if not bool(((values == 0) | (values == 1) | values.isnan()).all()):
        raise InputError("sampler.name rarest_label needs findings, labels of 0 and 1, and some labels are others")
    present = values == 1
    none = ~present.any(1) & ~values.isnan().all(1)
    classes = torch.cat([present, none[:, None]], dim=1)
    count = classes.sum(0, dtype=torch.float64).clamp(min=1)
    weight = (classes / count).amax(1)
    return weight / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)
