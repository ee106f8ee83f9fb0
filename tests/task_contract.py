"""What every kind of label must do; named in ``tests.contracts``."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Cases
from medgauge.core.task import Observed, Task
from medgauge.inference.readings import asked_by

DIMENSION, SEEDS, NOISE = 4, 20, (0.1, 0.4, 1.6)


class TaskContract:
    """Rules for a kind of label. A subclass gives :meth:`make`, :meth:`labels` and :meth:`bad`."""

    def make(self) -> Any:
        """An unfitted task of one column; twice the same."""
        raise AssertionError("a contract's subclass must make its task")

    def labels(self) -> Tensor:
        """Plausible training labels (n, 1), float64, 60 or more; NaN = missing."""
        raise AssertionError("a contract's subclass must give labels")

    def bad(self) -> list[tuple[Tensor, str]]:
        """Columns (n, 1) that cannot be of this kind, each with words of the sentence that says so."""
        raise AssertionError("a contract's subclass must give bad columns")

    def exact(self, label: Tensor) -> Tensor:
        """Values without any error: the labels, but for kinds whose values are chances."""
        return label

    def noisy(self, label: Tensor, noise: float, seed: int) -> Tensor:
        """Values (n, 1) that miss the label by ``noise`` of its spread; another kind may err in another way."""
        spread = label[~label.isnan()].std()
        draw = torch.Generator().manual_seed(seed)
        return label.nan_to_num(0.0) + noise * spread * torch.randn(label.shape, generator=draw, dtype=torch.float64)

    def fitted(self) -> Any:
        """The task with what it takes from the training labels."""
        return self.make().fit(self.labels(), None)

    def cases(self, task: Task, head: nn.Module | None, seed: int) -> Cases:
        """Cases with the labels, a noisy embedding of them, and what the head says of it."""
        label, names = self.labels(), [str(row) for row in range(len(self.labels()))]
        embedding = self.noisy(label, 0.1, seed).float().flatten(1)
        embedding = embedding.repeat(1, DIMENSION)[:, :DIMENSION].contiguous()
        prediction, logits = None, None
        if head is not None:
            with torch.no_grad():
                said = head(embedding)
            prediction, logits = said if isinstance(said, tuple) else (said, None)
        return Cases(embedding, label, names, names, prediction=prediction, logits=logits)

    def readings(self, task: Task, state: dict[str, Tensor] | None = None) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What each predictor reads of new cases, and the state of the head (taken over if given)."""
        torch.manual_seed(0)
        head = task.head(DIMENSION)
        if head is not None and state:
            head.load_state_dict(state)
        gallery, validation, new = (self.cases(task, head, seed) for seed in range(3))
        every = {"neighbours": task.surroundings(), **task.predictors()}
        found = {name: one.fit(gallery, validation, task.error).read(new) for name, one in every.items()}
        for name, one in every.items():
            assert one.validation.shape == (1,), name
        return found, {} if head is None else head.state_dict()

    def observed(self, task: Task) -> Observed:
        """Cases as the first predictor reads them."""
        reading = next(iter(self.readings(task)[0].values()))
        names = [str(row) for row in range(len(self.labels()))]
        return Observed(reading.value, self.labels(), names, reading.probability)

    def settings(self) -> object:
        """What the certainty is fitted with."""
        return SimpleNamespace(level=0.8, threshold="f1", sensitivity=0.9)

    def test_good_labels_have_no_problem(self) -> None:
        label = self.labels()
        assert len(label) >= 60
        assert self.make().problems(label, [str(row) for row in range(len(label))]) == []

    def test_a_bad_column_is_one_sentence(self) -> None:
        assert self.bad()
        for label, words in self.bad():
            found = [str(problem) for problem in self.make().problems(label, [str(row) for row in range(len(label))])]
            assert any(words in text for text in found), (words, found)
            for text in found:
                assert "\n" not in text
                assert ". " not in text
                assert not text.endswith(".")

    def test_decode_undoes_encode(self) -> None:
        coding, label = self.fitted().coding, self.labels()
        torch.testing.assert_close(coding.decode(coding.encode(label)), label, rtol=1e-9, atol=1e-9, equal_nan=True)

    def test_a_perfect_prediction_has_the_best_score_and_no_error(self) -> None:
        task, label = self.fitted(), self.labels()
        assert task.score(self.exact(label), label) == pytest.approx(0, abs=1e-6)
        value = self.exact(label)
        error = task.error(value.expand(3, *value.shape), label)
        assert error.shape == (3, *label.shape)
        assert error.nan_to_num(0.0).abs().max() < 1e-6
        assert torch.equal(error.isnan()[0], label.isnan())

    def test_the_score_falls_with_the_noise(self) -> None:
        task, label = self.fitted(), self.labels()
        means = [sum(task.score(self.noisy(label, noise, seed), label) for seed in range(SEEDS)) for noise in NOISE]
        assert 0 < means[0] < means[1] < means[2], means

    def test_a_perfect_prediction_gives_the_best_figures(self) -> None:
        task, label = self.fitted(), self.labels()
        assert task.figures
        for name, figure in task.figures.items():
            assert figure.name == name
            assert figure.of(asked_by(figure, self.exact(label), 0), label).item() == pytest.approx(
                figure.best, abs=2e-6
            ), name
            worse = figure.of(asked_by(figure, self.noisy(label, 1.0, 0), 0), label).item()
            assert abs(worse - figure.best) > 1e-4, f"{name} does not see noise"

    def test_strata_place_every_label(self) -> None:
        task, label = self.fitted(), self.labels()
        place = task.strata.of(label)
        assert place.shape == label.shape
        assert torch.equal(place < 0, label.isnan())
        assert 0 <= int(place.max()) < len(task.strata.names)

    def test_strata_can_be_those_of_other_labels(self) -> None:
        task, label = self.fitted(), self.labels()
        known = label[~label.isnan()].sort().values
        other = torch.cat([label, known[-len(known) // 5 :].repeat(8)[:, None]])  # the highest become frequent
        expected = self.make().fit(other, None).strata
        assert torch.equal(task.stratified(other).strata.of(label), expected.of(label))
        assert torch.equal(
            task.coding.encode(label).nan_to_num(0), task.stratified(other).coding.encode(label).nan_to_num(0)
        )

    def test_means_of_labels_are_made_labels(self) -> None:
        task, label = self.fitted(), self.labels()
        torch.testing.assert_close(task.of_group(label), label, rtol=0, atol=0, equal_nan=True)
        mean = task.of_group((label + label.flip(0)) / 2)
        assert task.problems(mean, [str(row) for row in range(len(mean))]) == []

    def test_mean_errors_of_the_score_are_relative_to_the_same_baseline(self) -> None:
        task, label = self.fitted(), self.labels()
        value = self.noisy(label, 0.4, 0)
        mean = task.error(value, label).nanmean(0)
        assert task.relative(mean, label) == pytest.approx(task.score(value, label), rel=1e-9)
        first = next(iter(task.figures.values()))
        assert first.of(asked_by(first, value, 0), label).item() == pytest.approx(mean.item(), rel=1e-9)
        json.dumps(task.further(value, label, 0))

    def test_each_predictor_reads_every_case(self) -> None:
        task = self.fitted()
        found, _ = self.readings(task)
        assert found
        for name, reading in found.items():
            assert reading.value.shape == self.exact(self.labels()).shape, name
            assert reading.value.dtype == torch.float64, name
            assert reading.value.isfinite().all(), name
            if reading.probability is not None:
                torch.testing.assert_close(
                    reading.probability.sum(-1).double(), torch.ones_like(self.labels()), rtol=0, atol=1e-5
                )

    def test_columns_and_cells_of_the_certainty_fit(self) -> None:
        task = self.fitted()
        observed, target = self.observed(task), task.columns[0]
        sure = task.certainty.fit(observed, task.strata, self.settings(), seed=0, cross=False)
        stated = sure.apply(observed)
        assert stated["value"].shape == observed.value.shape
        assert stated["covered"].shape == observed.label.shape
        assert all(len(part) == len(observed.label) for part in stated.values())
        assert not stated["covered"][observed.label.isnan()].any()
        columns, cells = sure.columns(target, 0), sure.cells(stated, 0)
        assert len(set(columns)) == len(columns) > 0
        assert all(target in column for column in columns)
        assert len(cells) == len(observed.label)
        assert {len(row) for row in cells} == {len(columns)}
        json.dumps(sure.figures(stated, observed, task.strata, 0, seed=0))
        assert sure.note(0)

    def test_goes_through_json_and_reads_the_same(self) -> None:
        task, label = self.fitted(), self.labels()
        again = self.make().restored(json.loads(json.dumps(task.to_dict(), allow_nan=False)), task.coding)
        assert (again.kind, again.name, again.columns) == (task.kind, task.name, task.columns)
        assert torch.equal(again.coding.encode(label).nan_to_num(0.0), task.coding.encode(label).nan_to_num(0.0))
        assert list(again.strata.names) == list(task.strata.names)
        assert torch.equal(again.strata.of(label), task.strata.of(label))
        found, state = self.readings(task)
        other, _ = self.readings(again, state)
        assert list(other) == list(found)
        for name, reading in found.items():
            torch.testing.assert_close(other[name].value, reading.value, rtol=0, atol=0)
            torch.testing.assert_close(other[name].probability, reading.probability, rtol=0, atol=0)
        observed = self.observed(task)
        sure = task.certainty.fit(observed, task.strata, self.settings(), seed=0, cross=False)
        back = task.certainty.from_dict(json.loads(json.dumps(sure.to_dict(), allow_nan=False)))
        one, two = sure.apply(observed), back.apply(observed)
        assert one.keys() == two.keys()
        for name in one:
            torch.testing.assert_close(two[name], one[name], rtol=0, atol=0, equal_nan=True)
