"""Findings on real chest radiographs with one thing wrong: one sentence, exit status 1, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest

from medgauge.cli.main import main

NAMES = ["Cardiomegaly", "Effusion", "Infiltration"]
Change = Callable[[pandas.DataFrame], object]


def put(rows: slice | np.ndarray, value: str) -> Change:
    """Another label of Effusion in some rows."""

    def change(frame: pandas.DataFrame) -> None:
        frame.loc[frame.index[rows], "Effusion"] = value

    return change


def of_split(split: str, value: str) -> Change:
    """Another label of Effusion in a split."""
    return lambda frame: put(np.flatnonzero(frame["split"] == split), value)(frame)


def of_one_patient(value: str, others: str) -> Change:
    """Effusion in one patient alone, or in all but one."""

    def change(frame: pandas.DataFrame) -> None:
        frame["Effusion"] = np.where(frame["patient_id"] == frame["patient_id"].iloc[0], value, others)

    return change


def no_label(frame: pandas.DataFrame) -> None:
    frame[NAMES] = ""


def copied(frame: pandas.DataFrame) -> None:
    frame["Infiltration"] = frame["Effusion"]


def twice(frame: pandas.DataFrame) -> None:
    frame.insert(0, "Effusion", frame["Effusion"], allow_duplicates=True)


def renamed(frame: pandas.DataFrame) -> None:
    frame.insert(0, "effusion_", frame.pop("Effusion"))


SPLIT, FOLDS = ["--split", "split"], ["--folds", "3"]
ROWS: list[tuple[Change, list[str], list[str]]] = [
    (put(slice(5, 6), "2"), SPLIT, ["label Effusion is 2, and a finding is 1 (present), 0 (absent) or empty; correct it"]),
    (put(slice(5, 6), "0.5"), SPLIT, ["label Effusion is 0.5, and a finding is 1"]),
    (put(slice(5, 6), "yes"), SPLIT, ["label Effusion on line 7 is not a number: 'yes'"]),
    (put(slice(0, 9), "-1"), SPLIT, ["say that it means missing (--missing -1)", "so it is in 9 cases"]),
    (put(slice(None), "0"), SPLIT, ["label Effusion: is 0 in all", "leave the column out"]),
    (put(slice(None), "1"), SPLIT, ["label Effusion: is 1 in all", "leave the column out"]),
    (put(slice(None), ""), SPLIT, ["label Effusion: is missing in all", "leave the column out"]),
    (of_split("train", "0"), SPLIT, ["label Effusion: is 0 in all", "labelled training cases", "leave the column out"]),
    (of_split("train", "1"), SPLIT, ["label Effusion: is 1 in all", "labelled training cases", "leave the column out"]),
    (of_one_patient("1", "0"), [*FOLDS, "--findings", "Effusion"], ["is 1 in cases of one group alone", "use no folds"]),
    (of_one_patient("0", "1"), [*FOLDS, "--findings", "Effusion"], ["is 0 in cases of one group alone", "use no folds"]),
    (no_label, SPLIT, ["3 problems", "label Cardiomegaly: is missing in all", "label Infiltration: is missing in all"]),
    (copied, SPLIT, ["label Infiltration: is the same as Effusion in all", "leave one of them out"]),
    (twice, SPLIT, ["has more than one column 'Effusion'; rename or remove all but one"]),
    (renamed, SPLIT, ["no column 'Effusion' for the label (did you mean 'effusion_'?)"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def frame(shared: Path) -> pandas.DataFrame:
    source = shared / "data/nih_cxr1000"
    read = pandas.read_csv(source / "labels.csv", dtype=str, keep_default_na=False)[:240]
    read["path"] = [str(source / one) for one in read["path"]]
    return read


def refused(
    frame: pandas.DataFrame,
    tmp_path: Path,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    recipe: str = "frozen",
) -> str:
    """The one sentence of a fit, which is refused and leaves nothing behind."""
    table, out = tmp_path / "t.csv", tmp_path / "out"
    frame.to_csv(table, index=False)
    before = sorted(tmp_path.rglob("*"))
    findings = [] if "--findings" in words else ["--findings", ",".join(NAMES)]
    given = ["--table", str(table), "--image", "path", "--group", "patient_id", "--out", str(out)]
    assert main(["fit", recipe, *given, *findings, *words]) == 1
    text = capsys.readouterr().err
    assert text.count("medgauge: ") == 1
    assert "Traceback" not in text
    assert "unforeseen" not in text
    assert sorted(tmp_path.rglob("*")) == before
    return text[text.index("medgauge: ") :]


@pytest.mark.parametrize(("change", "words", "said"), ROWS)
def test_a_label_that_is_wrong(
    change: Change,
    words: list[str],
    said: list[str],
    frame: pandas.DataFrame,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = frame.copy()
    change(other)
    text = refused(other, tmp_path, words, capsys)
    assert all(one in text for one in said), text


VECTORS = {
    "a class is missing": ({"names": NAMES[:2], "vectors": np.eye(2, 8)}, "v.npz does not have Infiltration; it has Cardiomegaly"),
    "a name is near": ({"names": ["Cardiomegaly", "Efusion", "Infiltration"], "vectors": np.eye(3, 8)}, "(did you mean Efusion?)"),
    "unlike dimensions": (
        {"Cardiomegaly": np.ones(8), "Effusion": np.arange(8), "Infiltration": np.ones(7)},
        "one vector of equal length a label",
    ),
    "fewer vectors": ({"names": NAMES, "vectors": np.eye(2, 8)}, "got (2, 8) numbers for 3 names"),
}  # fmt: skip


@pytest.mark.parametrize("case", VECTORS)
def test_prototypes_that_do_not_fit(
    case: str, frame: pandas.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays, said = VECTORS[case]
    np.savez(tmp_path / "v.npz", **arrays)  # type: ignore[arg-type]  # a name of numpy's is no key here
    words = [*SPLIT, "--model.semantics.source", str(tmp_path / "v.npz")]
    assert said in refused(frame, tmp_path, words, capsys, "dual_weighted")


def test_a_text_model_without_weights(
    frame: pandas.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "text"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    text = refused(frame, tmp_path, [*SPLIT, "--model.semantics.source", str(folder)], capsys, "dual_weighted")
    assert f"the folder {folder} has no weights (model.safetensors)" in text
