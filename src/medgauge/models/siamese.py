"""Two views of a case through one encoder, for training without labels."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.directions import output_spread
from medgauge.models.encoders import Encoder
from medgauge.models.heads import widened
from medgauge.models.recent_features import RecentFeatures

Method = Literal["siamese", "vicreg"]


class Views(NamedTuple):
    """What two views of n cases give.

    - Shape: projection and twin (2n, p) of siamese, both directions, or (n, p) of vicreg.
    """

    projection: Float[Tensor, "m p"]
    twin: Float[Tensor, "m p"]


def view_spread(projection: Float[Tensor, "m p"], twin: Float[Tensor, "m p"], method: Method) -> dict[str, Tensor]:
    """How far outputs are from collapse: of the first view's representations, and of all predictions of siamese."""
    projection, twin = projection.detach(), twin.detach()
    if method == "vicreg":
        return {"spread": output_spread(projection)}
    return {"spread": output_spread(twin[len(twin) // 2 :]), "spread_predicted": output_spread(projection)}


class SiameseModel(nn.Module):
    """Encoder, projector and predictor over two views of each case; the encoder alone is kept afterwards.

    siamese: the encoder's features, normalised over the batch, are the representation r; a predictor of two layers makes t of
    it. Projections are t of views 1 and 2, their twins r of views 2 and 1, without gradient: equation 2 on stacked rows.
    vicreg: an expander of three layers in the place of both; gradient flows into both views.

    What is behind the encoder sees the whole batch, also where the encoder takes it in parts (:attr:`in_parts`).

    - Shape: view 1 and 2 (n, c, \\*space) -> :class:`Views`.
    - Source: Li et al., MICCAI 2021 (arXiv 2103.04167), Fig. 1 and Eq. 2; SimSiam (Chen and He, CVPR 2021); vicreg: Bardes,
      Ponce and LeCun, ICLR 2022.
    - Departs: the frozen copy E_f is the encoder itself with the gradient stopped, as its weights are the same; t of view 2
      is that of the encoder with gradient. The batch norm behind the encoder and the widths of the predictor are
      SimSiam's.

    Args:
        encoder: image -> features.
        method: what is predicted.
        hidden: width inside the predictor.
        expanded: width p of vicreg's outputs.
        queue: features of so many cases that are kept, for clusters over more than a batch.
    """

    def __init__(
        self, encoder: Encoder, method: Method = "siamese", *, hidden: int = 64, expanded: int = 256, queue: int = 0
    ) -> None:
        super().__init__()
        self.encoder, features = encoder, encoder.features
        self.predictor: nn.Module | None = None
        self.recent = RecentFeatures(queue, features)
        if method == "siamese":
            self.projector: nn.Module = nn.BatchNorm1d(features, affine=False)
            self.predictor = nn.Sequential(
                nn.Linear(features, hidden, bias=False),
                nn.BatchNorm1d(hidden),
                nn.ReLU(inplace=True),
                nn.Linear(hidden, features),
            )
        else:
            inner = [nn.Linear(features, expanded, bias=False), nn.BatchNorm1d(expanded), nn.ReLU(inplace=True)]
            more = [nn.Linear(expanded, expanded, bias=False), nn.BatchNorm1d(expanded), nn.ReLU(inplace=True)]
            self.projector = nn.Sequential(*inner, *more, nn.Linear(expanded, expanded))
        self.in_parts = False

    def forward(self, image: Float[Tensor, "n c *space"], view: Float[Tensor, "n c *space"]) -> Views | Tensor:
        """Return projections and twins; with :attr:`in_parts` the features of both views side by side, (n, 2f)."""
        first, second = (widened(self.encoder(one)) for one in (image, view))
        return torch.cat([first, second], dim=1) if self.in_parts else self.project(first, second)

    def project(self, first: Float[Tensor, "n f"], second: Float[Tensor, "n f"]) -> Views:
        """Projections and twins of the encoder's features of both views."""
        first, second = self.projector(first), self.projector(second)
        if self.predictor is None:
            return Views(first, second)
        projection = torch.cat([self.predictor(first), self.predictor(second)])
        return Views(projection, torch.cat([second, first]).detach())

    def heads(self) -> list[nn.Parameter]:
        """What is learned behind the encoder."""
        behind = [self.projector] if self.predictor is None else [self.projector, self.predictor]
        return [one for part in behind for one in part.parameters()]

    @torch.no_grad()
    def represent(self, image: Float[Tensor, "n c *space"]) -> Float[Tensor, "n f"]:
        """The encoder's features in evaluation mode, without gradient; the mode stays what it was."""
        was = self.encoder.training
        try:
            return widened(self.encoder.eval()(image))
        finally:
            self.encoder.train(was)
