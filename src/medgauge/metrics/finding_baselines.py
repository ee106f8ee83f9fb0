"""What a model of findings has to beat: how often each is present, and the covariates without the image."""

from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.metrics.baselines import OfCovariates, OfLabels
from medgauge.metrics.findings import case_log_loss

PENALTIES = (100.0, 10.0, 1.0, 0.1)
"""Of the regression on covariates, from strong to weak."""


class TrainingRate(OfLabels):
    """The constant baseline of findings: the share of the labelled training cases with each."""

    name: ClassVar[str] = "base_rate"

    def read(self, covariates: Float[Tensor, "m q"]) -> Float[Tensor, "m t"]:
        """The rate of each finding for every case; NaN where no training case has a label."""
        return self.label.detach().cpu().double().nanmean(0).expand(len(covariates), -1).clone()


class FindingCovariates(OfCovariates):
    """The covariates without the image, by logistic regression.

    Covariates are standardised by the training cases. The penalty of each finding is the one of the smallest log loss on
    the validation cases, the strongest where these have no label. A finding that no training case has, or every one, has
    its rate.
    """

    def read(self, covariates: Float[Tensor, "m q"]) -> Float[Tensor, "m t"]:
        """The chance of each finding."""
        train, validation, read, sort = self.train, self.validation, [], []
        for target in range(train.label.shape[1]):
            truth, check = train.label[:, target].cpu().double(), validation.label[:, target].cpu().double()
            known, seen = ~truth.isnan(), ~check.isnan()
            if not (bool((truth == 0).any()) and bool((truth == 1).any())):
                read.append(truth.nanmean().expand(len(covariates)))
                sort.append("rate")
                continue
            models = [
                _model(penalty).fit(train.covariates[known].numpy(), truth[known].numpy()) for penalty in PENALTIES
            ]
            costs = [
                float(case_log_loss(_chance(model, validation.covariates[seen]), check[seen]).mean())
                for model in models
            ]
            best = costs.index(min(costs)) if bool(seen.any()) else 0
            read.append(_chance(models[best], covariates))
            sort.append("logistic")
        self.sort = sort
        return torch.stack(read, dim=1)


def _model(penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1 / penalty, max_iter=1000))


def _chance(model: Any, covariates: Float[Tensor, "m q"]) -> Float[Tensor, " m"]:
    if not len(covariates):
        return torch.empty(0, dtype=torch.float64)
    return torch.from_numpy(model.predict_proba(covariates.detach().cpu().numpy())[:, 1]).double()
