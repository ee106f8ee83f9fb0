"""What a model of classes has to beat: the training shares, and the covariates without the image."""

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.functional.classes import class_log_loss
from medgauge.metrics.baselines import COUNTS, PENALTIES, OfCovariates, OfLabels

_STEPS = 1000  # of the solver at most


def class_shares(label: Float[Tensor, "n t"], classes: int | None = None) -> Float[Tensor, "t k"]:
    """The share of each class among a target's labels; NaN where it has none.

    >>> class_shares(torch.tensor([[0.0], [2.0], [2.0], [torch.nan]]))
    tensor([[0.3333, 0.0000, 0.6667]], dtype=torch.float64)
    """
    most = classes or int(label.nan_to_num(0.0).max() if label.numel() else 0) + 1
    counts = [torch.bincount(column[~column.isnan()].long(), minlength=most) for column in label.cpu().unbind(1)]
    return torch.stack([count.double() / count.sum() for count in counts])


class TrainingShares(OfLabels):
    """The constant baseline of classes: the chance of each is its share of the training labels.

    - Shape: (m, t, k), k the largest number of classes that a target's training labels reach.
    """

    name: ClassVar[str] = "shares"

    def read(self, covariates: Float[Tensor, "m q"]) -> Float[Tensor, "m t k"]:
        """The shares for every case."""
        return class_shares(self.label).expand(len(covariates), -1, -1).clone()


class ClassCovariatesOnly(OfCovariates):
    """Chances of the classes from the covariates alone, by nearest neighbours or logistic regression.

    Covariates are standardised by the training cases. Kind and setting are those of the smallest log loss on the validation
    cases, for each target by itself; without validation labels it is the logistic regression of the middle penalty.

    - Shape: (m, t, k), as :class:`TrainingShares`.
    """

    def read(self, covariates: Float[Tensor, "m q"]) -> Float[Tensor, "m t k"]:
        """The chances."""
        most = class_shares(self.train.label).shape[1]
        found = [self._target(target, covariates.cpu().double(), most) for target in range(self.train.label.shape[1])]
        self.sort = [name for _, name in found]
        return torch.stack([chance for chance, _ in found], 1)

    def _target(self, target: int, covariates: Float[Tensor, "m q"], most: int) -> tuple[Float[Tensor, "m k"], str]:
        truth, check = (part.label[:, target].cpu().double() for part in (self.train, self.validation))
        known, seen = ~truth.isnan(), ~check.isnan()
        if len(set(truth[known].tolist())) < 2:
            shares = class_shares(self.train.label[:, [target]], most)
            return shares.expand(len(covariates), -1), "none"
        features = self.train.covariates.cpu().double()[known].numpy()
        models = list(_models(int(known.sum())))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a solver that stops at its last step is near enough
            for _, model in models:
                model.fit(features, truth[known].long().numpy())
        best = len(models) - 1 - len(PENALTIES) // 2
        if bool(seen.any()):
            rows = self.validation.covariates.cpu().double()[seen]
            losses = [
                float(class_log_loss(_chances(model, rows, most)[:, None], check[seen, None]).mean())
                for _, model in models
            ]
            best = losses.index(min(losses))
        name, model = models[best]
        return _chances(model, covariates, most), name


def _chances(model: Any, covariates: Float[Tensor, "m q"], most: int) -> Float[Tensor, "m k"]:
    """What a model says, with 0 for classes that it does not know."""
    made = torch.zeros(len(covariates), most, dtype=torch.float64)
    if len(covariates):
        made[:, torch.as_tensor(model.classes_)] = torch.from_numpy(model.predict_proba(covariates.numpy()))
    return made


def _models(cases: int) -> Iterator[tuple[str, Any]]:
    """Every model that is tried, behind standardised covariates."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for count in sorted({min(count, cases) for count in COUNTS}):
        yield "neighbours", make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=count))
    for penalty in PENALTIES:
        yield "logistic", make_pipeline(StandardScaler(), LogisticRegression(C=1 / penalty, max_iter=_STEPS))
