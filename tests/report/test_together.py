"""All findings in one table, from the blocks of results.json."""

from types import SimpleNamespace
from typing import Any

from medgauge.report.together import together_words


def view(**more: Any) -> Any:
    block = {
        "kind": "finding", "n": 90, "frequency": "few", "training": {"present": 7, "absent": 60}, "log_loss": 0.25, "roc_auc": 0.75,
        "ci95": {"roc_auc": [0.5, 0.875]}, "by_region": {"present": {"n": 4}}, "baselines": {"base_rate": {"log_loss": 0.5}},
        "shown": {"verdict": "shown better than always saying 0.1"},
    }  # fmt: skip
    macro = {"value": 0.75, "columns": ["a"], "left_out": ["b"], "ci95": "too few groups"}
    part = {
        "least_positives": 10, "columns": ["a"], "few_positives": {"b": 3}, "ranking_precision": 0.5,
        "figures": {"roc_auc": {"macro": macro, "by_frequency": {"many": {**macro, "value": None}, "few": macro}}},
    }  # fmt: skip
    other = block | {"shown": {"verdict": "not shown better than always saying 0.1"}}
    blocks: dict[str, Any] = {"a": block, "b": other, "age": {"kind": "number", "mae": 1.0}, "findings": part} | more
    return SimpleNamespace(block=blocks, targets=["age", "a", "b"])


def test_each_finding_has_a_row_and_numbers_have_none() -> None:
    told = together_words(view())
    assert told["targets"] == ["a", "b"]
    assert told["sentence"] == "1 of 2 findings is shown better than the better baseline: a."
    row = told["rows"][0]
    assert (row["training"], row["present"], row["n"], row["constant"], row["better"]) == (
        "7",
        "4",
        "90",
        "0.500",
        True,
    )
    assert row["cells"][0] == ("0.750", "0.500 to 0.875")
    assert not told["rows"][1]["better"]


def test_means_name_their_columns_and_those_left_out() -> None:
    told = together_words(view())
    assert told["macros"] == [
        {"name": "ROC-AUC", "value": "0.750", "interval": "too few groups", "parts": ["–", "0.750"]}
    ]
    assert told["regions"] == ["many", "few"]
    assert (told["columns"], told["few"], told["ranking"]) == ("a", "b (3)", "0.500")


def test_one_finding_has_no_table() -> None:
    assert together_words(view(findings=None)) == {"there": False, "targets": []}


def test_a_finding_with_something_to_say_against_it_is_not_counted_as_better() -> None:
    told = together_words(view())
    flat = view()
    flat.block["a"]["shown"]["reason"] = "yet its values hardly differ"
    assert told["sentence"].startswith("1 of 2")
    assert together_words(flat)["sentence"] == "None of 2 findings is shown better than the better baseline."
