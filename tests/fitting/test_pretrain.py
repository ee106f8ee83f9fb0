"""Pretraining from a table without labels to a folder that fit and embed take, and on after a stop."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet
import pytest
import torch

import medgauge
from medgauge.cli.main import main
from medgauge.core.errors import InputError
from medgauge.data.features.about import about_notes
from medgauge.fitting import pretrain as module
from medgauge.fitting.pretrain import collapse_notes, emptied_notes, pretrain
from medgauge.study.source_run import known_notes, read_source
from tests.fitting.small_pretraining import SMALL, WHERE, make_masked_table, make_table


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pretraining")


@pytest.fixture(scope="module")
def table(place: Path) -> Path:
    return make_table(place / "data")


@pytest.fixture(scope="module")
def given(place: Path, table: Path) -> dict[str, Any]:
    return {"table": table, "cache": str(place / "cache"), **WHERE}


@pytest.fixture(scope="module")
def ssl(place: Path, given: dict[str, Any]) -> Path:
    """A pretraining of the training cases, reweighted, with a queue."""
    pretrain("siamese_re", out=place / "ssl", split="part", changes={**SMALL, "pretraining.queue": 10}, **given)
    return place / "ssl"


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_an_encoder_its_cases_and_the_sizes_of_clusters(ssl: Path) -> None:
    made = json.loads((ssl / "pretraining.json").read_text())
    assert (made["scope"], made["cases"], made["of"], made["steps"]) == ("inductive", 16, 24, 6)
    assert made["notes"][0] == "inductive: the 16 training cases of 24 were taken, without labels"
    assert {row["pretrained"] for row in rows_of(ssl, "splits.csv") if row["split"] == "test"} == {"0"}
    log = rows_of(ssl, "log.csv")
    assert [int(row["step"]) for row in log] == [2, 4, 6]
    sizes = [[float(row[f"cluster_{place}"]) for place in (1, 2, 3)] for row in log if row["cluster_1"]]
    assert sizes
    assert all(sum(one) == pytest.approx(8) and one == sorted(one, reverse=True) for one in sizes)
    assert 0 < float(log[-1]["spread"]) <= 1.1
    assert read_source(str(ssl)).encoder.name == "bottleneck"


def test_the_folder_has_a_page_that_is_made_anew_from_it_alone(
    ssl: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = shutil.copytree(ssl, place / "again")
    (again / "report.html").unlink()
    assert main(["report", str(again)]) == 0
    assert f"report: {again / 'report.html'}" in " ".join(capsys.readouterr().out.split())
    text = (again / "report.html").read_text(encoding="utf-8")
    assert "Trained on 16 of 24 cases, without labels, in 6 steps (inductive: training cases alone)." in text
    assert text.replace("again", "ssl") == (ssl / "report.html").read_text(encoding="utf-8").replace("again", "ssl")
    assert text.count('<img src="data:image/png') == 8  # two views of four cases
    assert not re.search(r"\b[cp]\d\d\b", re.sub(r'src="data:[^"]*"', "", text))  # ids and patients
    assert main(["report", str(again), "--no-images"]) == 0
    assert "contains no patients’ images" in (again / "report.html").read_text(encoding="utf-8")
    assert read_source(str(again)).encoder.name == "bottleneck"
    (again / "correlations.safetensors").unlink()
    assert main(["report", str(again)]) == 1
    assert "correlations.safetensors of" in capsys.readouterr().err


def test_it_goes_on_after_a_stop_bit_for_bit(
    ssl: Path, place: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {**SMALL, "pretraining.queue": 10, "training.checkpoint_seconds": 0}
    seen = list[object]()

    def stop(rows: object) -> list[str]:
        seen.append(rows)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return []

    with monkeypatch.context() as patched:
        patched.setattr(module, "collapse_notes", stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain("siamese_re", out=place / "stopped", split="part", changes=changes, **given)
    assert not (place / "stopped" / "pretraining.json").exists()
    with pytest.raises(InputError, match="is not whole .* give the same `medgauge pretrain` command again"):
        read_source(str(place / "stopped"))
    pretrain("siamese_re", out=place / "stopped", split="part", changes=changes, **given)
    for name in ("model.safetensors", "log.csv", "splits.csv"):
        assert (place / "stopped" / name).read_bytes() == (ssl / name).read_bytes()


def test_a_finished_one_is_loaded_and_another_ones_folder_refused(ssl: Path, given: dict[str, Any]) -> None:
    changes = {**SMALL, "pretraining.queue": 10}
    before = (ssl / "model.safetensors").stat().st_mtime_ns
    assert pretrain("siamese_re", out=ssl, split="part", changes=changes, **given)["steps"] == 6
    assert (ssl / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="holds another run .*pretraining.queue is 10 there and 0 here"):
        pretrain("siamese_re", out=ssl, split="part", changes=SMALL, **given)


def test_embed_writes_its_features(ssl: Path, place: Path, given: dict[str, Any]) -> None:
    out = place / "features.parquet"
    names = medgauge.embed(ssl, out=out, **given)
    frame = pandas.read_parquet(out)
    assert len(names) == 8
    assert frame["case"].tolist() == [f"c{row:02d}" for row in range(24)]
    about = json.loads(pyarrow.parquet.read_schema(out).metadata[b"medgauge"])
    assert (about["scope"], about["pretrained_with"]) == ("inductive", 16)
    (note,) = about_notes(out)
    assert note.endswith("are of a pretraining (inductive) that took the images of 16 of these cases, without labels")
    assert medgauge.embed(ssl, out=out, **given) == names
    with pytest.raises(
        InputError, match="is a pretraining, which reads images and no features of a file; leave --source out"
    ):
        medgauge.embed(ssl, out=out, source=out, **given)


def test_judged_cases_that_it_took_are_noted(ssl: Path) -> None:
    rows, source = rows_of(ssl, "splits.csv"), read_source(str(ssl))

    def notes(rows: list[dict[str, str]], *, tested: bool = True) -> list[str]:
        digests, names = [row["picture"] for row in rows], [row["id"] for row in rows]
        return known_notes(source, digests, names, names, [tested] * len(rows), named=False)

    assert notes([row for row in rows if row["split"] == "test"]) == []
    (said,) = notes(rows[14:18])
    assert said.startswith(
        "2 of the 4 cases that are judged, or other images of their groups, had a part in the pretraining of "
    )
    assert "(transductive), without their labels (cases c14, c15)" in said
    (said,) = notes(rows[14:18], tested=False)
    assert "no test case among them, had a part in the pretraining of" in said
    assert "(inductive), without their labels (cases c14, c15)" in said


@pytest.mark.parametrize("train", [False, True])
def test_a_fit_takes_its_encoder_frozen_or_tuned(ssl: Path, place: Path, given: dict[str, Any], train: bool) -> None:
    changes = {"represent.name": "run", "represent.source": str(ssl), "represent.train": train, "training.steps": 2}
    split = "part" if train else None  # which part a case had in the pretraining
    run = medgauge.fit(
        "l1", out=place / f"fit{train}", label="size", group="patient", split=split, changes=changes, **given
    )
    held = torch.load(ssl / "checkpoints" / "last.ckpt", weights_only=True)["model"]["encoder.network.last.weight"]
    kept = run.finished.model.encoder.network.last.weight  # type: ignore[union-attr]  # of one fit
    assert torch.equal(held, kept.cpu()) == (not train)
    (said,) = (note for note in run.results["notes"] if f"had a part in the pretraining of {ssl} (" in note)
    assert ("(inductive)" if train else "(transductive)") in said
    assert said in (place / f"fit{train}" / "report.html").read_text(encoding="utf-8")


def known_of(notes: Any) -> list[str]:
    return [note for note in notes if "had a part in" in note]


def test_a_fit_of_the_fold_that_it_was_trained_for_judges_new_cases(place: Path, given: dict[str, Any]) -> None:
    wanted = {**given, "label": "size", "group": "patient", "folds": 3}
    one = {"data.fold": 0}
    pretrain("siamese_re", out=place / "ssl_fold", changes=SMALL | one, **wanted)
    taken = {"represent.name": "run", "represent.source": str(place / "ssl_fold")}
    assert known_of(medgauge.check("frozen", changes=taken | one, **wanted)) == []
    fold = medgauge.fit("frozen", out=place / "fit_fold", changes=taken | one, **wanted)
    assert known_of(fold.results["notes"]) == []
    (said,) = known_of(medgauge.check("frozen", changes=taken | {"data.fold": 1}, **wanted))
    assert said.startswith("8 of the 8 cases that are judged, ")
    whole = medgauge.fit("frozen", out=place / "fit_folds", changes=taken, **wanted)
    (said,) = known_of(whole.results["notes"])
    splits = pandas.read_csv(place / "ssl_fold" / "splits.csv")
    assert said.startswith(f"{(splits['split'] == 'train').sum()} of the 24 cases that are judged, ")


def test_cases_from_elsewhere_that_it_took_are_noted(ssl: Path, place: Path, given: dict[str, Any]) -> None:
    frame = pandas.read_csv(given["table"])
    other = given["table"].with_name("others.csv")
    frame.iloc[:12].to_csv(given["table"].with_name("some.csv"), index=False)
    frame.iloc[12:].to_csv(other, index=False)
    wanted = {**given, "table": given["table"].with_name("some.csv"), "label": "size", "group": "patient", "folds": 3}
    array = {"array": given["array"], "index": "index"}
    copied = shutil.copytree(ssl, place / "copied")
    taken = {"represent.name": "run", "represent.source": str(copied)}
    run = medgauge.fit("frozen", out=place / "fit_some", changes=taken, **wanted)
    run.evaluate(other, out=place / "figures", **array)
    (said,) = known_of(json.loads((place / "figures" / "results.json").read_text())["notes"])
    assert said.startswith("4 of the 12 cases that are judged, ")
    assert "(cases c12, c13, c14, c15)" in said
    run.evaluate(other, out=place / "local", ids_are_local=True, **array)
    assert known_of(json.loads((place / "local" / "results.json").read_text())["notes"]) == [said]
    shutil.rmtree(copied)
    run.evaluate(other, out=place / "gone", **array)
    notes = json.loads((place / "gone" / "results.json").read_text())["notes"]
    assert any("copied, whose encoder the run has, is not here or not whole" in note for note in notes)
    features = place / "all.parquet"
    medgauge.embed(ssl, out=features, **given)
    of_table = {"id": "case", "label": "size", "group": "patient", "folds": 3, "table": wanted["table"]}
    changes = {"represent.name": "table", "represent.source": str(features)}
    run = medgauge.fit("table", out=place / "fit_features", changes=changes, **of_table)
    run.evaluate(other, source=features, out=place / "of_features")
    notes = json.loads((place / "of_features" / "results.json").read_text())["notes"]
    assert any("of a pretraining (inductive) that took the images of 16 of these cases" in note for note in notes)


def test_masks_that_its_encoder_needs_are_asked_for(place: Path) -> None:
    table = make_masked_table(place / "masked")
    given: dict[str, Any] = {"table": table, "cache": str(place / "cache"), "id": "case", "image": "image"}
    pretrain("siamese_re", out=place / "ssl_masked", mask="mask", changes=SMALL, **given)
    taken = {"represent.name": "run", "represent.source": str(place / "ssl_masked")}
    with pytest.raises(
        InputError, match=r"was trained on images cut around their masks.*name their column with data.mask"
    ):
        medgauge.check("frozen", label="size", group="patient", folds=3, changes=taken, **given)


def test_values_cannot_be_read_with_it(ssl: Path) -> None:
    with pytest.raises(InputError, match="is a pretraining, which knows no labels; fit some with `medgauge fit"):
        medgauge.load(ssl)


def test_a_damaged_one_is_refused(ssl: Path, place: Path, given: dict[str, Any]) -> None:
    broken = shutil.copytree(ssl, place / "broken")
    content = bytearray((broken / "model.safetensors").read_bytes())
    content[-3] ^= 1
    (broken / "model.safetensors").write_bytes(content)
    way = "model.safetensors of .* is damaged; give the same `medgauge pretrain` with another --out"
    with pytest.raises(InputError, match=way):
        read_source(str(broken))
    changes = {**SMALL, "pretraining.queue": 10}
    with pytest.raises(InputError, match=way):
        pretrain("siamese_re", out=broken, split="part", changes=changes, **given)
    (broken / "pretraining.json").unlink()
    (broken / "checkpoints" / "last.ckpt").write_bytes(b"x")
    with pytest.raises(
        InputError, match="last.ckpt is damaged; .* give the same `medgauge pretrain` again, which trains"
    ):
        pretrain("siamese_re", out=broken, split="part", changes=changes, **given)


def test_cases_that_are_left_out_are_listed(place: Path, given: dict[str, Any]) -> None:
    table = place / "data" / "bad.csv"
    table.write_text(given["table"].read_text().replace("c02,2,", "c02,99,"))
    made = pretrain(
        "siamese_re", out=place / "skipping", changes=SMALL, **{**given, "table": table}, skip_bad=True, images=False
    )
    assert (made["cases"], made["of"]) == (23, 23)
    (row,) = rows_of(place / "skipping", "problems.csv")
    assert row["id"] == "c02"
    assert not (place / "skipping" / "thumbnails").exists()


@pytest.mark.parametrize("recipe", ["siamese_se", "vicreg"])
def test_other_methods_train_without_a_split(place: Path, given: dict[str, Any], recipe: str) -> None:
    selects = recipe == "siamese_se"
    small = SMALL if selects else {name: value for name, value in SMALL.items() if not name.startswith("pretraining")}
    more = {"pretraining.size": 4, "pretraining.scope": "transductive"} if selects else {}
    made = pretrain(recipe, out=place / recipe, changes={**small, **more, "training.steps": 3}, **given)
    assert made["cases"] == 24
    said = "transductive: the images of all 24 cases" if selects else "inductive: all 24 cases of the table are taken"
    assert made["notes"][0].startswith(said)


def test_a_collapse_and_empty_clusters_are_told() -> None:
    fine = [{"step": 2, "spread": 0.9, "spread_predicted": 0.6, "cluster_3": 2.0}]
    assert collapse_notes(fine) == []
    assert emptied_notes(fine, 3) == []
    (low,) = collapse_notes([*fine, {"step": 4, "spread": 0.05, "spread_predicted": 0.6}])
    assert low.startswith("the outputs collapsed: spread is 0.05 at step 4 (1 = directions spread over all outputs")
    (empty,) = emptied_notes([*fine, {"step": 4, "cluster_3": 0.0}], 3)
    assert empty.startswith("of 3 clusters some were empty up to step 4")
