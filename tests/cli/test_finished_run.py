"""Commands on a finished run."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from medgauge.cli.main import main
from tests.cli.small import fit, make_images, refuse

HEAVY = {
    "monai", "nibabel", "pydicom", "nrrd", "lightning_fabric", "torch._dynamo", "sklearn", "scipy", "plotly", "jinja2", "timm",
    "torchvision", "rich", "tensorboard",
}  # fmt: skip
"""What takes seconds to import, or is for other files."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run with a covariate, and a folder of cases from elsewhere."""
    home = tmp_path_factory.mktemp("home")
    frame = make_images(home / "here").assign(sex=lambda frame: frame.index % 2)
    frame.to_csv(home / "here" / "cases.csv", index=False)
    assert fit(home / "here" / "cases.csv", home / "run", "--covariates", "sex") == 0
    there = make_images(home / "there", 30, (20, 24)).assign(sex=1)
    for row in range(30):
        pixels = np.asarray(Image.open(home / "there" / f"{row}.png")).astype(int) + 3
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(home / "there" / f"{row}.png")
    there["patient"] = [f"q{row}" for row in range(30)]
    there[["patient", "sex", "age", "path"]].to_csv(home / "there" / "cases.csv", index=False)
    return home / "run", home / "there" / "cases.csv"


class TestAFinishedRun:
    def test_predict_a_table(self, run: tuple[Path, Path], tmp_path: Path) -> None:
        assert main(["predict", str(run[0]), "--table", str(run[1]), "--out", str(tmp_path / "values.parquet")]) == 0
        frame = pandas.read_parquet(tmp_path / "values.parquet")
        assert list(frame["id"]) == [f"{row}.png" for row in range(30)]
        assert {
            "age",
            "lower_age",
            "upper_age",
            "head_age",
            "neighbours_age",
            "neighbour_ids",
            "weights_age",
            "far",
        } <= set(frame)
        assert (frame["lower_age"] < frame["upper_age"]).all() or frame["lower_age"].isna().all()

    def test_predict_files(self, run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["predict", str(run[0]), str(run[1].with_name("0.png")), "--covariate", "sex=1"]) == 0
        assert "0.png" in capsys.readouterr().out

    def test_predicting_pictures_and_arrays_imports_no_reader_of_scans_and_nothing_that_trains(
        self, run: tuple[Path, Path], tmp_path: Path
    ) -> None:
        pixels = np.asarray(Image.open(run[1].with_name("0.png")))
        files = [tmp_path / f"new.{end}" for end in ("png", "jpg", "tif")]
        for file in files:
            Image.fromarray(pixels).save(file)
        np.save(tmp_path / "new.npy", pixels)
        words = ["predict", str(run[0]), *map(str, files), str(tmp_path / "new.npy"), "--covariate", "sex=1"]
        code = f"""
import sys
from medgauge.cli import main
assert main({[*words, "--out", str(tmp_path / "values.csv")]!r}) == 0
print(sorted({HEAVY!r} & set(sys.modules)), "torch" in sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.splitlines()[-1:] == ["[] True"], done.stderr
        assert len(pandas.read_csv(tmp_path / "values.csv")) == 4

    def test_a_missing_covariate(self, run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
        refuse(
            capsys,
            main(["predict", str(run[0]), str(run[1].with_name("0.png"))]),
            "covariate sex",
            "--covariate sex=VALUE",
        )

    def test_a_missing_covariate_column(
        self, run: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        table = run[1].with_name("no_sex.csv")
        pandas.read_csv(run[1]).drop(columns="sex").to_csv(table, index=False)
        refuse(
            capsys,
            main(["predict", str(run[0]), "--table", str(table), "--out", str(tmp_path / "a.csv")]),
            "no column 'sex'",
        )
        assert not (tmp_path / "a.csv").exists()

    def test_channels_that_do_not_fit(self, run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
        from medgauge.runs.run import load

        loaded = load(run[0])
        loaded.recipe.image.channels = 3
        with pytest.raises(ValueError, match="reads 2-D images with 1 channel"):
            loaded.predict([run[1].with_name("0.png")], covariates={"sex": 1.0})

    def test_evaluate_elsewhere(
        self, run: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["evaluate", str(run[0]), "--table", str(run[1]), "--out", str(tmp_path / "there")]) == 0
        assert "30 cases of 30 groups" in capsys.readouterr().out
        assert {path.name for path in (tmp_path / "there").iterdir()} >= {"results.json", "predictions.csv"}

    def test_evaluate_refuses_shared_groups_and_pictures(
        self, run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        here = run[0].parent / "here" / "cases.csv"
        refuse(capsys, main(["evaluate", str(run[0]), "--table", str(here)]), "groups", "--ids-are-local")
        refuse(capsys, main(["evaluate", str(run[0]), "--table", str(here), "--ids-are-local"]), "pictures")

    def test_a_run_folder_of_another_version_or_half_written(
        self, run: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(run[0], tmp_path / "old")
        text = (tmp_path / "old" / "model.json").read_text()
        (tmp_path / "old" / "model.json").write_text(text.replace('"medgauge": "', '"medgauge": "9.'))
        refuse(capsys, main(["predict", str(tmp_path / "old"), "x.png"]), "made by medgauge 9.")
        (tmp_path / "old" / "model.safetensors").unlink()
        refuse(capsys, main(["report", str(tmp_path / "old")]), "not whole", "model.safetensors")
        refuse(capsys, main(["evaluate", str(tmp_path / "nowhere")]), "no run folder")

    def test_evaluate_another_split_name(self, run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
        refuse(capsys, main(["evaluate", str(run[0]), "--split", "calibration"]), "val or test")
