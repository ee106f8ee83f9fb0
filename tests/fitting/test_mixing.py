"""Mixed cases in a run: refused where they have no label, the same after a stop."""

from pathlib import Path
from typing import Any

import pytest
import torch

import medgauge
from medgauge.core.errors import InputError
from medgauge.fitting.mixing import check_mixup
from medgauge.fitting.parts import build_parts, fit_tasks
from medgauge.fitting.sampling import augmented_batch, build_sampler
from medgauge.recipes.image_settings import AugmentationSettings
from medgauge.recipes.schema import Recipe
from medgauge.training.settings import TrainingSettings
from tests.fitting.small_study import COLUMNS, SMALL, make_table
from tests.fitting.test_train import small_study

L1 = {"error": {"term": {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}}}
PEARSON = {"class_path": "RobustPearsonLoss", "init_args": {"outlier_rule": "region"}}


def test_it_is_refused_where_a_mixture_has_no_label() -> None:
    with pytest.raises(
        ValueError, match="augmentation.mixup is on, but augmentation.label_changes_with says it changes"
    ):
        AugmentationSettings(mixup=True, label_changes_with=["scale", "mixup"])
    with pytest.raises(ValueError, match="augmentation.mixup finds partners in the batch of one process"):
        Recipe(augmentation=AugmentationSettings(mixup=True), training=TrainingSettings(devices=2))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": {**L1, "rm": {"term": {"class_path": "RMLoss"}}}}, "asks for the embedding of plain cases"),
        ({"objective": {"r": {"term": PEARSON}}}, "asks for the region"),
        ({"objective": L1, "model": {"embedding": 4, "neck": "feature_smoothing"}}, "feature_smoothing counts plain cases"),
    ],
)  # fmt: skip
def test_terms_and_necks_that_need_plain_cases_are_refused(changes: dict[str, Any], words: str) -> None:
    build_parts(small_study(**changes))
    with pytest.raises(InputError, match=words):
        build_parts(small_study(**changes, augmentation={"mixup": True}))


def test_grades_are_refused() -> None:
    study = small_study(objective=L1, augmentation={"mixup": True})

    class Grades:
        name, columns, divides = "grade", ("dr",), False

    with pytest.raises(InputError, match=r"between two labels of dr \(grade\) there need be none"):
        check_mixup(study.recipe, [Grades()], build_parts(study).objective)  # type: ignore[arg-type]  # what is asked of it


class Same:
    """Draws the first batch of a sampler at every step."""

    def __init__(self, sampler: Any) -> None:
        self.batch_size, self.rank, self.world_size = sampler.batch_size, sampler.rank, sampler.world_size
        self.first = sampler.batch(0)

    def batch(self, step: int) -> list[int]:
        return list(self.first)


def test_a_batch_is_mixed_by_seed_and_step() -> None:
    def batch(step: int, **changes: Any) -> Any:
        study = small_study(objective=L1, **changes)
        arrays, coding = build_parts(study).arrays, fit_tasks(study).coding
        sampler = Same(build_sampler(study))
        return augmented_batch(arrays, study, sampler, study.rows("train"), step, torch.device("cpu"), coding)  # type: ignore[arg-type]

    plain, one, two, later = (
        batch(step, augmentation={"mixup": on}) for step, on in ((0, False), (0, True), (0, True), (1, True))
    )
    assert torch.equal(one.image, two.image)
    assert not torch.equal(one.image, plain.image)
    assert torch.equal(one.row, plain.row)
    assert not torch.equal(one.label, plain.label)
    assert torch.equal(one.row, later.row)
    assert not torch.equal(one.image, later.image)
    low, high = plain.label.min(), plain.label.max()
    assert bool(((one.label >= low) & (one.label <= high)).all())


def test_a_run_with_mixed_cases_is_made(tmp_path: Path) -> None:
    changes = {**SMALL, "augmentation.mixup": True}
    run = medgauge.fit("l1", out=tmp_path / "run", table=make_table(tmp_path), changes=changes, **COLUMNS)
    assert run.results["training"]["steps"] == 6
