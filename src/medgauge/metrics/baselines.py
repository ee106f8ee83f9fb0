"""What a model has to beat: the training median, and the covariates without the image."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_rows
from medgauge.core.task import Known

Kind = Literal["auto", "neighbours", "ridge"]
COUNTS = (1, 2, 5, 10, 20, 50, 100)  # numbers of neighbours that are tried
PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)  # ridge penalties that are tried


class CovariateBaseline(NamedTuple):
    """Values read off the covariates alone.

    - Shape: value (n, t) float64 in label units; kind and setting: one a target, "neighbours" with their number, or
      "ridge" with its penalty; "none" with NaN values where no training label is observed.
    """

    value: Float[Tensor, "n t"]
    kind: list[str]
    setting: list[float]


def skill(mae_model: Tensor | float, mae_baseline: Tensor | float) -> Tensor:
    """1 - MAE of the model / MAE of the baseline: 1 is perfect, 0 no better than the baseline, below 0 worse.

    A baseline with an error of 0 can't be beaten and gives NaN.

    >>> skill(5.0, 20.0)
    tensor(0.7500, dtype=torch.float64)
    """
    model = torch.as_tensor(mae_model, dtype=torch.float64)
    baseline = torch.as_tensor(mae_baseline, dtype=torch.float64)
    return (1 - model / baseline).masked_fill(baseline == 0, torch.nan)


def median_baseline(train_label: Float[Tensor, "n t"], count: int) -> Float[Tensor, "m t"]:
    """The median of each target's observed training labels, for ``count`` cases; NaN where none is observed.

    The median of an even number of labels is the middle of the two.

    >>> median_baseline(torch.tensor([[1.0], [2.0], [9.0], [4.0]]), 2).flatten()
    tensor([3., 3.], dtype=torch.float64)
    """
    check_rows(train_label=train_label)
    columns = train_label.detach().cpu().double().unbind(1)
    median = [torch.nanquantile(column, 0.5) if len(column) else torch.tensor(torch.nan) for column in columns]
    return torch.stack(median).double().expand(count, -1).clone()


def covariate_baseline(
    train_covariates: Float[Tensor, "n q"],
    train_label: Float[Tensor, "n t"],
    val_covariates: Float[Tensor, "v q"],
    val_label: Float[Tensor, "v t"],
    covariates: Float[Tensor, "m q"],
    *,
    kind: Kind = "auto",
) -> CovariateBaseline:
    """Read each target off the covariates alone, by nearest neighbours or ridge regression.

    Covariates are standardised by the training cases. Kind and setting are those with the smallest MAE on the
    validation cases, for each target by itself; without validation labels the setting is the middle one of the first
    kind. Missing labels are left out of each target.

    - Raises: ValueError if shapes do not fit, there is no covariate, one is missing, or ``kind`` is unknown.

    Args:
        train_covariates: of the training cases.
        train_label: their labels in original units.
        val_covariates: of the validation cases.
        val_label: their labels.
        covariates: of the cases to be read.
        kind: "auto" tries both.
    """
    check_rows(train_covariates=train_covariates, train_label=train_label)
    check_rows(val_covariates=val_covariates, val_label=val_label)
    check_rows(covariates=covariates)
    if kind not in ("auto", "neighbours", "ridge"):
        raise ValueError(f"kind must be auto, neighbours or ridge, got {kind}")
    if train_label.shape[1] != val_label.shape[1]:
        raise ValueError(f"targets must be equal, got {train_label.shape[1]} and {val_label.shape[1]}")
    tables = [table.detach().cpu().double() for table in (train_covariates, val_covariates, covariates)]
    if len({table.shape[1] for table in tables}) > 1 or tables[0].shape[1] == 0:
        raise ValueError(f"covariates must be the same one or more columns, got {[t.shape[1] for t in tables]}")
    if not all(torch.isfinite(table).all() for table in tables):
        raise ValueError("covariates must be finite, none missing")
    pairs = zip(train_label.detach().cpu().double().unbind(1), val_label.detach().cpu().double().unbind(1), strict=True)
    read = [_read(tables[0], truth, tables[1], check, tables[2], kind) for truth, check in pairs]
    return CovariateBaseline(
        torch.stack([value for value, _, _ in read], dim=1),
        [name for _, name, _ in read],
        [size for _, _, size in read],
    )


def _read(
    train: Tensor, truth: Tensor, val: Tensor, check: Tensor, cases: Tensor, kind: Kind
) -> tuple[Tensor, str, float]:
    """Values of one target with the kind and setting that read the validation cases best."""
    known, seen = ~torch.isnan(truth), ~torch.isnan(check)
    if not known.any():
        return torch.full((len(cases),), torch.nan, dtype=torch.float64), "none", float("nan")
    models = list(_models(kind, int(known.sum())))
    for _, _, model in models:
        model.fit(train[known].numpy(), truth[known].numpy())
    best = len([name for name, _, _ in models if name == models[0][0]]) // 2
    if seen.any():
        error = [abs(model.predict(val[seen].numpy()) - check[seen].numpy()).mean() for _, _, model in models]
        best = error.index(min(error))
    name, setting, model = models[best]
    value = torch.as_tensor(model.predict(cases.numpy())) if len(cases) else torch.empty(0)
    return value.double(), name, setting


def _models(kind: Kind, cases: int) -> Iterator[tuple[str, float, Any]]:
    """Every model that is tried: its kind, its setting, and the estimator behind standardised covariates."""
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind != "ridge":
        for count in sorted({min(count, cases) for count in COUNTS}):
            yield "neighbours", float(count), make_pipeline(StandardScaler(), KNeighborsRegressor(n_neighbors=count))
    if kind != "neighbours":
        for penalty in PENALTIES:
            yield "ridge", penalty, make_pipeline(StandardScaler(), Ridge(alpha=penalty))


class OfLabels:
    """A constant baseline: what the training labels alone say of every case."""

    of_covariates: ClassVar[bool] = False
    sort: Sequence[str] = ()

    def __init__(self, label: Float[Tensor, "n t"]) -> None:
        self.label = label

    @classmethod
    def fit(cls, train: Known, validation: Known) -> Self:
        """Take the training labels."""
        return cls(train.label)


class OfCovariates:
    """A baseline that reads the covariates without the image; it is chosen when it reads, and ``sort`` tells then what it is."""

    name: ClassVar[str] = "covariates_only"
    of_covariates: ClassVar[bool] = True

    def __init__(self, train: Known, validation: Known) -> None:
        self.train, self.validation = train, validation
        self.sort: Sequence[str] = ()

    @classmethod
    def fit(cls, train: Known, validation: Known) -> Self:
        """Take training and validation cases."""
        return cls(train, validation)


class TrainingMedian(OfLabels):
    """The constant baseline of numbers and grades."""

    name: ClassVar[str] = "median"

    def read(self, covariates: Float[Tensor, "m q"]) -> Float[Tensor, "m t"]:
        """The median of each target for every case."""
        return median_baseline(self.label, len(covariates))


class CovariatesOnly(OfCovariates):
    """Numbers and grades by :func:`covariate_baseline`."""

    def read(self, covariates: Float[Tensor, "m q"]) -> Float[Tensor, "m t"]:
        """Values in original units."""
        train, validation = self.train, self.validation
        read = covariate_baseline(train.covariates, train.label, validation.covariates, validation.label, covariates)
        self.sort = read.kind
        return read.value
