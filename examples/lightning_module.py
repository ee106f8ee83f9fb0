"""The losses in the form of a LightningModule: with Lightning installed, inherit LightningModule in place of nn.Module."""

import torch
from torch import Tensor, nn

from medgauge.losses import PointwiseLoss, RMLoss


class Regressor(nn.Module):
    """Encoder and head, trained by RM-Loss and L1; a moving threshold of RM-Loss is a buffer and so in the checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 1)
        self.isometry, self.error = RMLoss(sigma=0.5, alpha=0.1), PointwiseLoss("l1")

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        image, label = batch
        embedding = self.encoder(image)
        return self.isometry(embedding, label) + self.error(self.head(embedding), label)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def main(steps: int = 40) -> tuple[float, float]:
    torch.manual_seed(0)
    label = torch.randn(64, 1)
    image = label[:, :, None].expand(64, 1, 64).reshape(64, 1, 8, 8) + 0.1 * torch.randn(64, 1, 8, 8)
    module = Regressor()
    optimiser = module.configure_optimizers()
    losses = []
    for step in range(steps):
        loss = module.training_step((image, label), step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses[0], losses[-1]


if __name__ == "__main__":
    print("first and last loss: {:.3f} {:.3f}".format(*main()))
