"""What is said of a folder that is not as it was written, and of cases that are unlike the training cases."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import medgauge
from medgauge.cli.main import main
from medgauge.core.errors import InputError
from medgauge.evaluation.scored import judge
from medgauge.inference.reader import Reader
from medgauge.inference.tuned import Tuned
from medgauge.runs.fitted import Fit
from medgauge.runs.new_cases import image_table
from medgauge.runs.notes import covariate_notes, evidence_notes, far_notes, label_notes, seal_notes
from medgauge.runs.predict import predict_cases
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings
from tests.inference.small import SETTINGS, drawn
from tests.study.small import table_of


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_an_edited_recipe_is_told_by_predict_and_evaluate(
    copy: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert medgauge.load(copy).notes == []
    edit(copy / "recipe.yaml", "seed: 0", "seed: 1")
    said = (
        f"{copy / 'recipe.yaml'} is not as it was written (digests.json): it was edited or is damaged, and is used as it "
        "stands; give the same `medgauge fit` again to have it as it was"
    )
    assert medgauge.load(copy).notes == [said]
    assert said in predict_cases(medgauge.load(copy).finished, table).attrs["notes"]
    for words in (
        ["predict", str(copy), "--table", str(table), "--out", str(tmp_path / "v.csv")],
        ["evaluate", str(copy)],
    ):
        main(words)
        assert said in capsys.readouterr().err


def test_other_files_of_the_seal_are_told_and_no_value_rests_on_them(copy: Path, table: Path) -> None:
    with (copy / "log.csv").open("a") as file:
        file.write("\n")
    [note] = medgauge.load(copy).notes
    assert f"log.csv of {copy} is damaged; give the same `medgauge fit` again" in note
    assert note in medgauge.load(copy).predict(str(table)).attrs["notes"]


def test_splits_that_were_edited_stop_what_rests_on_them(copy: Path, table: Path, tmp_path: Path) -> None:
    edit(copy / "splits.csv", ",val,", ",train,")
    run = medgauge.load(copy)
    said = f"{copy / 'splits.csv'} does not fit the seal of the run (digests.json): it was edited or is damaged"
    for act in (lambda: run.look("test"), lambda: run.evaluate(str(table), out=tmp_path / "elsewhere")):
        with pytest.raises(InputError) as caught:
            act()
        assert said in str(caught.value)
        assert "has changed since" not in str(caught.value)
    assert any("splits.csv" in note for note in run.notes)


def test_without_a_seal_the_splits_are_compared_with_table_and_recipe(copy: Path) -> None:
    (copy / "digests.json").unlink()
    edit(copy / "splits.csv", ",val,", ",train,")
    with pytest.raises(InputError) as caught:
        medgauge.load(copy).look("test")
    assert "splits.csv does not fit" in str(caught.value)
    assert "by which case " in str(caught.value)
    assert "is in another split; put both files of the run back as they were, or fit again" in str(caught.value)


def test_far_cases_are_counted(fit: Fit, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = []
    for place in range(3):
        noise = np.random.default_rng(place).integers(0, 256, (64, 64), dtype=np.uint8)
        names.append(str(tmp_path / f"{place}.png"))
        Image.fromarray(noise).save(names[-1])
    readers = [replace(reader, tuned=replace(reader.tuned, far_distance=0.0)) for reader in fit.readers]
    alarms = {
        "far": {"cases": 400, "flagged": 5, "drawn": 400, "drawn_flagged": 5, "share": 0.0125, "ci95": [0.0041, 0.029]}
    }
    close = replace(fit, readers=readers, results=fit.results | {"test": {"age": alarms}})
    frame = predict_cases(close, names, covariates=["pixel_mm=1"], terminal=True)
    assert frame["number:far"].sum() == 3
    shown = capsys.readouterr().err
    for kind in ("number", "grade"):
        said = f"3 of 3 cases are farther from the gallery than 97.5 % of cases like the training cases (column {kind}:far)"
        assert said in shown
        assert any(said in note for note in frame.attrs["notes"])
        note = next(note for note in frame.attrs["notes"] if said in note)
        rate = "; of the run, 5 of 400 test cases are flagged so (1.2 %, 95 % interval 0.4 to 2.9 %)"
        assert note.endswith(rate) == (kind == "number")
    assert far_notes([], {}) == []
    whole = predict_cases(fit, table)
    assert len([note for note in whole.attrs["notes"] if "farther" in note]) == sum(
        bool(whole[f"{kind}:far"].any()) for kind in ("number", "grade")
    )


def test_values_that_rest_on_many_cases_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, cases = drawn(40, 0, prefix="t"), drawn(3, 5)
    task = Numbers.make(["age"], HeadSettings(kernel=True), "zscore").fit(gallery.label, None)
    for record, listed, said in (("kernel", 2, 3), ("kernel", 40, 0), ("neighbours", 1, 0)):
        monkeypatch.setattr("medgauge.evaluation.predictions.LISTED", listed)
        monkeypatch.setattr("medgauge.runs.notes.LISTED", listed)
        tuned = Tuned.fit(task, gallery, drawn(20, 1, prefix="v"), record=record)
        of = judge(Reader.fit(tuned, None, SETTINGS, seed=0), [cases], baselines={}, sorts={}, subgroups={})
        notes = evidence_notes([of])
        assert len(notes) == (said > 0)
        for note in notes:
            assert note.startswith("age: 3 of 3 values rest on many cases: the 2 training cases that are listed carry ")
            assert note.endswith(" of the weight (column shown_share_age)")


def test_a_covariate_in_another_unit_is_named(fit: Fit, table: Path) -> None:
    """Training cases have 1 and 2 here: what is beyond 0 and 3 is farther outside than they are wide."""
    name = str(table.parent / "1.png")
    assert set(fit.train.covariates.unique().tolist()) == {1.0, 2.0}
    for value in (0.1, 1, 2.9):
        assert covariate_notes(fit.recipe, [fit], image_table(fit, [name], {"pixel_mm": value})) == []
    for value in (3.1, 400):
        assert covariate_notes(fit.recipe, [fit], image_table(fit, [name], {"pixel_mm": value})) == [
            f"pixel_mm of 1 of 1 cases is far outside that of the training cases (case {name}): their values are not to be relied "
            "on; look at its unit"
        ]


def test_another_code_than_the_two_of_the_training_cases_is_told(fit: Fit, table: Path) -> None:
    """Training cases have 1 and 2 here."""
    new = image_table(fit, [str(table.parent / "1.png")], {"pixel_mm": 1})
    for value, said in ((0, 1), (3, 1), (1, 0), (2, 0), (2.5, 0), (-5, 1)):
        found = covariate_notes(fit.recipe, [fit], replace(new, covariates=np.array([[float(value)]])))
        assert len(found) == said
        assert ("which no training case has (these have 1 and 2): if these are codes" in "".join(found)) == (
            value in (0, 3)
        )


def test_labels_in_another_unit_are_told_with_their_ratio(fit: Fit) -> None:
    place, names = fit.tasks.targets.index("age"), list(fit.tasks.targets)
    known = np.concatenate([fit.train.label.numpy(), fit.validation.label.numpy()])[:, place]
    low, high, middle = np.nanmin(known), np.nanmax(known), np.nanmedian(known)

    def notes(*ages: float) -> list[str]:
        label = np.full((len(ages), len(names)), np.nan)
        label[:, place] = ages
        return label_notes([fit], replace(table_of([0.0] * len(ages), target=names), label=label))

    assert low > 0
    assert notes(low * 0.6, high * 1.5, np.nan) == notes(np.nan) == notes(low / 10, middle) == []
    [note] = notes(low / 10, low / 10, np.nan)
    assert note == (
        f"label age of 2 of 2 cases is far outside all of the run's labels, which are {low:.4g} to {high:.4g} (cases c0, c1): the "
        f"median of such labels is {low / 10:.4g}, {low / 10 / middle:.3g} times the run's {middle:.4g}; look at the unit"
    )
    assert notes(middle, -99 * high)[0].startswith("label age of 1 of 2 cases is far outside")


def test_files_that_give_no_size_of_pixels_where_training_files_do_are_told(
    fit: Fit, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = fit.results["images"]
    assert kept == {"count": fit.results["cases"]["by_split"]["train"]["cases"], "sized": 0, "directions": {}}
    seen = {"count": 9, "sized": 9, "pixels": [[0.7, 0.7]] * 2, "shapes": [1, 1], "directions": {}}
    name = str(table.parent / "1.png")
    sized = replace(fit.recipe, augmentation=replace(fit.recipe.augmentation, size_covariates=[]))
    for results, said in ((fit.results | {"images": seen}, 1), ({**fit.results, "images": kept}, 0)):
        predict_cases(replace(fit, results=results, recipe=sized), [name], covariates=["pixel_mm=1"], terminal=True)
        assert capsys.readouterr().err.count("1 of 1 images (case") == said


def test_it_is_said_on_the_terminal(
    copy: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["predict", str(copy), str(table.parent / "1.png"), "--covariate", "pixel_mm=400"])
    assert "pixel_mm of 1 of 1 cases is far outside that of the training cases" in capsys.readouterr().err
    assert seal_notes(medgauge.load(copy).finished) == []
