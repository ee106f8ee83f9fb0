"""Shards of a comparison in one folder: who makes what, what is taken in, and that the whole is as if one had made it."""

import json
from pathlib import Path
from typing import Any

import pytest

from medgauge.comparing import jobs as compare_jobs
from medgauge.comparing.folds import make_folds
from medgauge.comparing.jobs import Job, Outcome
from medgauge.comparing.shards import Shard, read_shard
from medgauge.comparing.workers import Workers
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from tests.comparing.test_crossed import Fits, compare, few_draws, fits, table

__all__ = ["few_draws", "fits", "table"]
SAME = ("comparison.csv", "table.md")
METHODS = ["l1", "mse"]


def made(fits: Fits) -> list[str]:
    names = [job.name for job in fits.jobs]
    fits.jobs.clear()
    return names


def columns(folder: Path) -> dict[str, list[str]]:
    rows = [line.split(",") for line in (folder / "predictions.csv").read_text(encoding="utf-8").splitlines()]
    return {head: list(cells) for head, *cells in zip(*rows, strict=True)}


def test_every_shard_makes_its_own_and_the_last_one_writes_the_comparison(
    table: Path, tmp_path: Path, fits: Fits
) -> None:
    settings: dict[str, Any] = {"trials": 2, "partitions": 1}
    whole = compare(table, tmp_path / "whole", METHODS, **settings)
    every, parts = made(fits), []
    for number in (2, 1, 3):
        values = compare(table, tmp_path / "c", METHODS, shard=f"{number}/3", **settings)
        parts.append(made(fits))
        assert ("figures" in values) == (number == 3)
        assert (tmp_path / "c" / "comparison.html").exists() == (number == 3)
    assert sorted(sum(parts, [])) == sorted(every)
    assert len(set(sum(parts, []))) == len(every) == 6 * (2 + 2)
    second = {name.rpartition("-")[0] for name in parts[0]}
    assert second == {"mse-p0-f0", "l1-p0-f2"}  # the second and the fifth of six
    assert values["figures"] == whole["figures"]
    for name in SAME:
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert columns(tmp_path / "c") == columns(tmp_path / "whole")
    assert not (tmp_path / "c" / "parts").exists()
    assert compare(table, tmp_path / "c", METHODS, shard="1/3", **settings)["figures"] == whole["figures"]
    assert made(fits) == []


def test_the_command_without_shard_makes_what_is_left_and_merges(table: Path, tmp_path: Path, fits: Fits) -> None:
    compare(table, tmp_path / "c", METHODS, shard="2/4", partitions=1)
    own = made(fits)
    values = compare(table, tmp_path / "c", METHODS, partitions=1)
    rest = made(fits)
    assert not set(own) & set(rest)
    assert len(own) + len(rest) == 3 * 2 * 2
    whole = compare(table, tmp_path / "whole", METHODS, partitions=1)
    assert values["figures"] == whole["figures"]


def test_a_shard_that_is_stopped_goes_on_with_what_is_not_aside(
    table: Path, tmp_path: Path, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(job: Job) -> Outcome:
        if len(fits.jobs) == 2:
            raise KeyboardInterrupt
        return fits(job)

    monkeypatch.setattr(compare_jobs, "run_job", stops)
    with pytest.raises(InputError, match="stopped after 1 of 3 training parts"):
        compare(table, tmp_path / "c", METHODS, shard="1/2", partitions=1)
    monkeypatch.setattr(compare_jobs, "run_job", fits)
    assert [path.name for path in (tmp_path / "c" / "parts").iterdir()] == ["l1-p0-f0.json"]
    made(fits)
    compare(table, tmp_path / "c", METHODS, shard="1/2", partitions=1)
    assert {name[:8] for name in made(fits)} == {"l1-p0-f1", "l1-p0-f2"}


@pytest.mark.parametrize("harm", ["cut", "changed", "other"])
def test_what_lies_aside_damaged_is_made_anew(
    table: Path, tmp_path: Path, fits: Fits, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    compare(table, tmp_path / "c", METHODS, shard="1/2", partitions=1)
    made(fits)
    # a shard takes in what it made; so a file is laid aside by hand, as one that ended before leaves it
    aside = tmp_path / "c" / "parts" / "l1-p0-f0.json"
    text = aside.read_text(encoding="utf-8")
    recorded = json.loads((tmp_path / "c" / "comparison.json").read_text(encoding="utf-8"))
    assert "l1-p0-f0" in recorded["chosen"]
    (tmp_path / "c" / "predictions.csv").unlink()  # what is recorded is lost with it
    changed = {
        "cut": text[:-30],
        "changed": text.replace('"wall": 0.0', '"wall": 1.0'),
        "other": text.replace("-p0-", "-p9-"),
    }
    aside.write_text(changed[harm], encoding="utf-8")
    compare(table, tmp_path / "c", METHODS, partitions=1, terminal=True)
    said = capsys.readouterr()
    assert "l1-p0-f0.json is damaged or of another comparison" in said.out + said.err
    assert [name for name in made(fits) if name.startswith("l1-p0-f0")] == ["l1-p0-f0-s0", "l1-p0-f0-s1"]


def test_shards_of_another_comparison_are_refused(table: Path, tmp_path: Path, fits: Fits) -> None:
    compare(table, tmp_path / "c", METHODS, shard="1/2", partitions=1)
    with pytest.raises(InputError, match="holds another comparison"):
        compare(table, tmp_path / "c", METHODS, shard="2/2", partitions=1, seeds=3)


def test_shards_have_every_part_once() -> None:
    for of in (1, 3, 8):
        shares = [Shard(number, of).own(list(range(20))) for number in range(1, of + 1)]  # type: ignore[arg-type]
        assert sorted(sum(shares, [])) == list(range(20))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert str(read_shard(" 2/8 ")) == "2/8"


def test_nothing_to_make_is_nothing_made() -> None:
    make_folds([], 4, lambda bundle, done: None, Display(False), workers=Workers(2))
