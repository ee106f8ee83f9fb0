"""The command line with odd and wrong input: what works, and what ends with one clear sentence and status 1."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from medgauge.cli import main

SETTINGS = [
    "--training.steps=4", "--training.batch_size=8", "--training.evaluations=1", "--model.encoder.width=0.25",
    "--model.embedding=4",
]  # fmt: skip
COLUMNS = ["--image", "path", "--label", "age", "--group", "patient"]


def make_images(folder: Path, count: int = 40, size: tuple[int, int] = (20, 24)) -> pandas.DataFrame:
    """Small images whose brightness tells the label."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    age = random.uniform(20, 80, count).round(3)
    for row in range(count):
        pixels = random.normal(age[row] * 2, 20, size).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    return pandas.DataFrame(
        {"path": [f"{row}.png" for row in range(count)], "age": age, "patient": [f"p{row:02d}" for row in range(count)]}
    )


@pytest.fixture
def cases(tmp_path: Path) -> tuple[Path, pandas.DataFrame]:
    frame = make_images(tmp_path / "data")
    frame.to_csv(tmp_path / "data" / "cases.csv", index=False)
    return tmp_path / "data" / "cases.csv", frame


def fit(table: Path, out: Path, *more: str) -> int:
    return main(["fit", "--table", str(table), *COLUMNS, "--out", str(out), *SETTINGS, *more])


def refuse(capsys: pytest.CaptureFixture[str], status: int, *words: str) -> str:
    """Assert status 1 and one message, no traceback, with all the words; return it."""
    said = capsys.readouterr().err.strip().splitlines()
    text = "\n".join(said)
    assert status == 1, text
    assert "Traceback" not in text
    for word in words:
        assert word in text, text
    return text


def test_fit_from_a_table_alone(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(cases[0], tmp_path / "run", "--test") == 0
    out = capsys.readouterr().out
    assert "age: test split" in out
    assert "baseline: median" in out
    assert "report.html" in out
    assert "size:\n  - 20\n  - 24" in (tmp_path / "run" / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bom", lambda frame: "\ufeff" + frame.to_csv(index=False)),
        ("semicolons", lambda frame: frame.to_csv(index=False, sep=";")),
        ("windows", lambda frame: frame.to_csv(index=False).replace("\n", "\r\n")),
    ],
)
def test_odd_tables_work(
    cases: tuple[Path, pandas.DataFrame],
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: Callable[[pandas.DataFrame], str],
) -> None:
    table = cases[0].with_name(f"{name}.csv")
    table.write_text(text(cases[1]), encoding="utf-8", newline="")
    assert main(["check", "--table", str(table), *COLUMNS]) == 0
    assert "40 rows read" in capsys.readouterr().out


def test_odd_images_and_paths_work(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, frame = cases
    folder = table.parent
    Image.fromarray(np.arange(480, dtype=np.uint16).reshape(20, 24) * 100).save(folder / "deep.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (20, 24, 4), dtype=np.uint8)).save(folder / "alpha.png")
    shutil.move(folder / "2.png", folder / "with space é.png")
    shutil.move(folder / "3.png", tmp_path / "up.png")
    Image.fromarray(np.full((31, 17), 90, dtype=np.uint8) + np.arange(17, dtype=np.uint8)).save(folder / "other.png")
    frame["path"] = [
        "deep.png",
        "alpha.png",
        "with space é.png",
        "../up.png",
        str(folder / "4.png"),
        "other.png",
        *frame["path"][6:],
    ]
    frame.to_csv(table, index=False)
    more = ["--image.window=[0, 255]", "--image.channels=1"]
    assert main(["check", "--table", str(table), *COLUMNS, *more]) == 0
    out = capsys.readouterr().out
    assert out.count("alpha") == 1, out


def test_markup_in_a_case_id_is_escaped_in_the_report(cases: tuple[Path, pandas.DataFrame], tmp_path: Path) -> None:
    table, frame = cases
    frame["name"] = [f"<script>alert({row})</script>" for row in range(len(frame))]
    frame.to_csv(table, index=False)
    assert fit(table, tmp_path / "run", "--id", "name", "--test") == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(" not in page
    assert "alert(" in page


def change(column: str, row: int, value: object) -> Callable[[Path, pandas.DataFrame], None]:
    def apply(table: Path, frame: pandas.DataFrame) -> None:
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        frame.to_csv(table, index=False)

    return apply


def write(text: str) -> Callable[[Path, pandas.DataFrame], None]:
    return lambda table, frame: table.write_text(text) and None  # type: ignore[func-returns-value]


def constant(table: Path, frame: pandas.DataFrame) -> None:
    frame.assign(age=5.0).to_csv(table, index=False)


def one_group(table: Path, frame: pandas.DataFrame) -> None:
    frame.assign(patient="p").to_csv(table, index=False)


def truncate(table: Path, frame: pandas.DataFrame) -> None:
    path = table.with_name("7.png")
    path.write_bytes(path.read_bytes()[:60])


def not_an_image(table: Path, frame: pandas.DataFrame) -> None:
    table.with_name("7.png").write_text("this is no image")


def dicom_without_pixels(table: Path, frame: pandas.DataFrame) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        ExplicitVRLittleEndian,
        generate_uid(),
        generate_uid(),
    )
    data = FileDataset(str(table.with_name("7.dcm")), {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName, data.SOPClassUID, data.SOPInstanceUID = (
        "Doe^Jane",
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    data.save_as(table.with_name("7.dcm"), enforce_file_format=True)
    change("path", 7, "7.dcm")(table, frame)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda table, frame: table.unlink(), ["cases.csv"]),
        (write(""), ["empty"]),
        (write("path,age,patient\n"), ["cases.csv"]),
        (write("path,age,age,patient\n0.png,1,1,a\n"), ["more than one column", "age"]),
        (write("path,ag,patient\n0.png,1,a\n"), ["no column 'age'", "did you mean 'ag'"]),
        (change("path", 7, "gone.png"), ["gone.png", "missing"]),
        (truncate, ["7.png"]),
        (not_an_image, ["7.png"]),
        (dicom_without_pixels, ["7.dcm"]),
        (change("age", 7, "old"), ["old", "line 9"]),
        (change("age", 7, "inf"), ["inf", "line 9"]),
        (constant, ["age", "is 5 in all 40"]),
        (one_group, ["1 group"]),
    ],
)  # fmt: skip
def test_wrong_input_ends_with_a_sentence_and_leaves_nothing(
    cases: tuple[Path, pandas.DataFrame],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path, pandas.DataFrame], None],
    words: list[str],
) -> None:
    table, frame = cases
    spoil(table, frame)
    before = {path.name: path.read_bytes() for path in table.parent.iterdir()}
    text = refuse(capsys, fit(table, tmp_path / "run"), *words)
    assert "Doe" not in text
    assert not (tmp_path / "run").exists()
    assert {path.name: path.read_bytes() for path in table.parent.iterdir()} == before


def test_check_lists_every_problem_at_once(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, frame = cases
    change("path", 3, "gone.png")(table, frame)
    change("age", 5, "old")(table, frame)
    truncate(table, frame)
    refuse(capsys, main(["check", "--table", str(table), *COLUMNS]), "3 problems", "gone.png", "old", "7.png")


def test_skip_bad_leaves_out_and_lists(cases: tuple[Path, pandas.DataFrame], tmp_path: Path) -> None:
    table, frame = cases
    change("path", 3, "gone.png")(table, frame)
    truncate(table, frame)
    assert fit(table, tmp_path / "run", "--skip-bad") == 0
    listed = pandas.read_csv(tmp_path / "run" / "problems.csv")
    assert sorted(listed["id"]) == ["7.png", "gone.png"]
    assert len(pandas.read_csv(tmp_path / "run" / "splits.csv")) == 38


def test_the_same_picture_on_two_sides_is_refused(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, frame = cases
    for row in range(1, 30):
        shutil.copy(table.with_name("0.png"), table.with_name(f"{row}.png"))
    refuse(capsys, fit(table, tmp_path / "run"), "0.png", "same picture")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--objective.isometry.term.init_args.sigma=-1"], ["sigma must be > 0, got -1"]),
        (["--prediction.level=1.5"], ["prediction.level", "(0, 1)"]),
        (["--model.encoder.name=smal"], ["small"]),
        (["--data.shares={train: 0.9, val: 0.9}"], ["share"]),
    ],
)
def test_wrong_settings(
    cases: tuple[Path, pandas.DataFrame],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: list[str],
) -> None:
    refuse(capsys, fit(cases[0], tmp_path / "run", *words), *said)
    assert not (tmp_path / "run").exists()


def test_a_group_column_is_required(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "fit",
        "--table",
        str(cases[0]),
        "--image",
        "path",
        "--label",
        "age",
        "--out",
        str(tmp_path / "run"),
        *SETTINGS,
    ]
    refuse(capsys, main(words), "--group", "--no-groups")
    assert main([*words, "--no-groups"]) == 0


def test_an_unknown_key_in_a_recipe_names_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("data:\n  labell: [age]\nobjective:\n  a: {term: {class_path: RMLos}}\nseeed: 1\n")
    refuse(
        capsys,
        main(["check", str(recipe)]),
        "3 mistakes",
        "did you mean label?",
        "did you mean RMLoss?",
        "did you mean seed?",
    )


@pytest.mark.parametrize(
    "words", [["fti"], ["fit", "--tabel", "x"], ["fit", "--training.stepz", "3"], ["list", "lossess"], []]
)
def test_unknown_commands_and_flags_end_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2


@pytest.mark.parametrize("command", ["fit", "evaluate", "predict", "report", "check", "list", "demo"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "example: medgauge" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["recipes", "losses", "samplers", "metrics", "encoders", "settings"])
def test_list(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= (1 if what == "samplers" else 2)


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
        from medgauge.api import load

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
