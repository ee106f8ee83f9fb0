"""RM-Loss and L1 in a plain PyTorch loop, on synthetic images whose brightness is the label."""

import torch
from torch import nn

from medgauge.core.batch import Cases
from medgauge.inference import NeighbourPredictor
from medgauge.losses import PointwiseLoss, RMLoss


def main(steps: int = 60) -> float:
    torch.manual_seed(0)
    label = torch.rand(256, 1) * 4 - 2
    image = (label[:, :, None, None] + 0.3 * torch.randn(256, 1, 16, 16)).float()
    encoder = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 16)
    )
    head = nn.Linear(16, 1)
    isometry, error = RMLoss(sigma=0.5, alpha=0.1), PointwiseLoss("l1")
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(steps):
        rows = torch.randperm(192)[:64]
        embedding = encoder(image[rows])
        loss = isometry(embedding, label[rows]) + error(head(embedding), label[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        embedding = encoder(image)
    names = [str(row) for row in range(256)]
    cases = Cases(embedding=embedding, label=label.double(), id=names, group=names)
    gallery, validation, test = (
        cases.take(torch.arange(start, stop)) for start, stop in ((0, 192), (192, 224), (224, 256))
    )
    reading = NeighbourPredictor().fit(gallery, validation).predict(test.embedding, group=test.group)
    return float((reading.value - test.label).abs().mean())


if __name__ == "__main__":
    print(f"MAE of the neighbours' values: {main():.3f}")
