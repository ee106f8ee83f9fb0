"""What cases are like: label facts beside SciPy's, baselines beside loops."""

import numpy as np
import pandas
import pytest
from scipy import stats

from medgauge.planning.candidates import QUICK, Candidate
from medgauge.planning.fingerprint import baseline_values, developed, fingerprint, label_facts
from medgauge.recipes.build import build_tasks
from medgauge.study import Study, load_study
from tests.fitting.small_study import make_table


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    home = tmp_path_factory.mktemp("small")
    given = {
        "data.table": str(make_table(home / "data")), "data.image": "path", "data.label": ["age"], "data.group": "patient",
        "data.split": "part", "data.covariates": ["sex"], "data.cache": str(home / "cache"), "data.skip_bad": True,
    }  # fmt: skip
    return load_study(Candidate(QUICK, {"data.folds": 4}, 0.0, "").recipe(given))


def test_label_facts_are_those_of_scipy() -> None:
    label = np.random.default_rng(0).gamma(1.5, 3.0, 200)
    found = label_facts(np.concatenate([label, [np.nan, np.nan]]))
    assert found["skew"] == pytest.approx(stats.skew(label))
    assert found["deviation"] == pytest.approx(np.std(label))
    assert (found["known"], found["missing"], found["different"]) == (200, 2, 200)
    assert (found["lowest"], found["median"], found["highest"]) == (label.min(), np.median(label), label.max())


def test_labels_that_are_missing_or_equal_have_facts_too() -> None:
    assert label_facts(np.array([np.nan])) == {"known": 0, "missing": 1}
    found = label_facts(np.array([1.0, 0.0, 1.0, np.nan]), ["AP", "PA", "LL"])
    assert found == {"known": 3, "missing": 1, "classes": {"AP": 1, "PA": 2, "LL": 0}}
    assert label_facts(np.array([2.0, 2.0]))["skew"] == 0.0


def test_a_baseline_reads_each_fold_by_the_other_folds_alone(study: Study) -> None:
    values = baseline_values(study, build_tasks(study.recipe))[0]
    label, splits = study.table.label[:, 0], np.array(study.splits)
    for fold in range(4):
        others = label[(splits != "test") & (splits != f"fold-{fold}")]
        assert values["median"][splits == f"fold-{fold}", 0].numpy() == pytest.approx(np.median(others))
    assert bool(values["median"][splits == "test"].isnan().all())


def test_a_fingerprint_tells_images_cases_and_how_far_no_image_goes(study: Study) -> None:
    found = fingerprint(study)
    frame = pandas.DataFrame({"group": study.table.group})
    assert (found["cases"], found["groups"]) == (len(frame), frame["group"].nunique())
    assert found["largest_group"] == 2
    images = found["images"]
    assert (images["dimensions"], images["channels"], images["usual_size"]) == (2, 1, [20, 24])
    assert found["labels"]["age"]["kind"] == "number"
    rows = developed(study)
    assert found["labels"]["age"]["known"] == len(rows) == sum(split != "test" for split in study.splits)
    median = baseline_values(study, build_tasks(study.recipe))[0]["median"][rows, 0].numpy()
    assert found["baselines"]["age"]["median"] == pytest.approx(np.abs(median - study.table.label[rows, 0]).mean())
    assert {*found["baselines"]["age"]} > {"median"}
