"""The paper's data sets from their own layouts to its figures, by the code of docs/methods/siamese.md."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas
import pytest

from medgauge.cli.main import main
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.read import build_recipe, load_values
from tests.cli.small import in_place
from tests.data.radiomics.small import need_library
from tests.fitting.paper_folders import brats, nsclc

PAGE = Path(__file__).resolve().parents[2] / "docs" / "methods" / "siamese.md"
SIDE = 12
SMALL = [
    f"--image.size={SIDE},{SIDE},{SIDE}", "--training.steps=4", "--training.batch_size=8", "--pretraining.warmup=2",
    "--model.encoder.width=0.25",
]  # fmt: skip
CHANGES: dict[str, Any] = {"image.size": [SIDE] * 3, "training.batch_size": 8}


def blocks(title: str) -> list[tuple[str, str]]:
    """Language and text of the code blocks below a heading of the page, up to the next one."""
    section = PAGE.read_text(encoding="utf-8").split(f"### {title}\n")[1].split("\n### ")[0]
    return re.findall(r"```(python|bash)\n(.*?)```", section, flags=re.DOTALL)


def run(title: str, small: list[str]) -> None:
    """Run what the page has, in order, pretrainings at a small size, radiomics in one process."""
    more = {"pretrain": small, "radiomics": ["--workers=1"]}
    found = blocks(title)
    assert [language for language, _ in found] == ["python", "bash", "python"]
    for language, text in found:
        if language == "python":
            exec(text, {})
            continue
        for line in text.splitlines():
            words = shlex.split(line)[1:]
            assert main(in_place(words, more.get(words[0], []))) == 0, line


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brats(tmp_path_factory.mktemp("brats") / "MICCAI_BraTS2020_TrainingData")


@pytest.fixture(scope="module")
def chests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nsclc(tmp_path_factory.mktemp("nsclc") / "nsclc")


@pytest.mark.parametrize("name", ["brats_grade", "nsclc_stage"])
def test_the_settings_are_the_papers(name: str) -> None:
    recipe = build_recipe(load_values(name))
    pretraining, optimiser, changes = recipe.pretraining, recipe.optimiser, recipe.augmentation
    assert (pretraining.selection, pretraining.clusters, pretraining.size) == ("reweight", 3, 6)
    assert (recipe.training.batch_size, recipe.training.steps, pretraining.warmup_batch) == (30, 2000, 6)
    assert (optimiser.name, optimiser.learning_rate, optimiser.weight_decay) == ("adam", 0.01, 0.0001)
    assert (changes.rotation, changes.scale, changes.shift, changes.gamma) == (20, [0.7, 1.3], 0.05, [0.7, 1.5])
    assert recipe.image.size == ([96] * 3 if name == "brats_grade" else [112] * 3)


def test_brats_from_its_folders_to_sensitivity_and_specificity(
    heads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need_library()
    monkeypatch.chdir(heads)
    run("High or low grade: BraTS", SMALL)
    said, notes = capsys.readouterr()
    made = json.loads(Path("runs/brats_ssl/pretraining.json").read_text())
    assert (made["cases"], made["scope"], made["selection"]) == (28, "transductive", "reweight")
    took = "that took the images of 28 of these cases, without labels"
    assert took in " ".join(notes.split())
    assert took in Path("runs/brats_grade/report.html").read_text(encoding="utf-8")
    model = json.loads(Path("runs/brats_grade/fold-0/model.json").read_text())
    assert model["model"]["neck"]["blocks"] == [107, 256]
    read = pandas.read_csv("runs/brats_grade/predictions.csv")
    high, called = read["label_HGG"] == 1, read["positive_HGG"] == 1
    assert high.sum() == (~high).sum() == 14
    figures = f"sensitivity {called[high].mean():.3f}, specificity {(~called)[~high].mean():.3f}"
    assert said.splitlines()[-1] == figures
    assert min(called[high].mean(), (~called)[~high].mean()) > 0.7


def test_nsclc_from_its_folders_to_the_accuracy_of_stage_ii(
    chests: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need_library()
    monkeypatch.chdir(chests)
    run("Stage: NSCLC-Radiomics", [*SMALL, "--image.extent=36,36,36"])
    said = capsys.readouterr().out
    read = pandas.read_csv("runs/nsclc_stage/predictions.csv", dtype={"fold": str})
    assert read["label_stage"].value_counts().to_dict() == {"III": 12, "I": 7, "II": 4}
    right = re.fullmatch(r"accuracy (\d\.\d{3}), of stage II (\d\.\d{3})", said.splitlines()[-1])
    assert right
    chances = read[["probability_I_stage", "probability_II_stage", "probability_III_stage"]].to_numpy()
    chosen = np.array(["I", "II", "III"])[(chances / np.array([7, 4, 12])).argmax(1)]
    hits = chosen == read["label_stage"].to_numpy()
    second = hits[(read["label_stage"] == "II").to_numpy()]
    assert right.groups() == (f"{hits.mean():.3f}", f"{second.mean():.3f}")
    assert hits.mean() > 0.6


def test_older_editions_have_grades_as_folders(heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, grade in ((1, "HGG"), (2, "LGG")):
        name = f"BraTS20_Training_{number:03d}"
        (tmp_path / grade).mkdir()
        (tmp_path / grade / name).symlink_to(heads / name)
    pandas.read_csv(heads / "name_mapping.csv").head(2).to_csv(tmp_path / "name_mapping.csv", index=False)
    monkeypatch.chdir(tmp_path)
    exec(blocks("High or low grade: BraTS")[0][1], {})
    assert pandas.read_csv("brats.csv")["seg"].tolist() == [
        "HGG/BraTS20_Training_001/BraTS20_Training_001_seg.nii.gz",
        "LGG/BraTS20_Training_002/W39_1998.09.19_Segm.nii",
    ]


def test_the_box_is_about_the_tumour_with_greys_of_the_head_alone(heads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks are symmetric about an edge between voxels, so that a box is cut without any interpolation."""
    monkeypatch.chdir(heads)
    exec(blocks("High or low grade: BraTS")[0][1], {})
    cases = load_cases(make_recipe("brats_grade", {"table": "brats.csv"}, CHANGES, pretraining=True))
    assert cases.study.images.array.shape[-3:] == (SIDE, SIDE, SIDE)
    for row in (0, 1, 5):
        flair, seg = pandas.read_csv("brats.csv").loc[row, ["flair", "seg"]]
        volume, mask = (np.asanyarray(nibabel.load(one).dataobj).transpose(2, 1, 0) for one in (flair, seg))
        middle = np.round(np.argwhere(mask > 0).mean(0) + 0.5).astype(int)
        padded = np.pad(volume.astype(float), SIDE)
        box = padded[tuple(slice(at + SIDE // 2, at + SIDE // 2 + SIDE) for at in middle)]
        low, high = np.percentile(volume[volume > 0], [0.5, 99.5])
        found = np.asarray(cases.study.images.array[row]).reshape(SIDE, SIDE, SIDE)
        np.testing.assert_allclose(found, ((box - low) / (high - low)).clip(0, 1), atol=0.001)
