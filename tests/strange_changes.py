"""Seeded changes of the files of a run folder, as chance or a stranger would make them."""

import csv
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load, save

from medgauge.runfolder.checkpoints import read_checkpoint, sealed_state
from medgauge.runfolder.seal import NAME

STRANGE: list[Any] = [
    None, True, -1, 0, 3, 65536, 10**12, 10**17, 0.5, -0.5, 1e300, 1e-300, "", "x", "1", "nan", "../../x", "\x00",
    [], {}, [1, 2], [None], [[]], ["a", "b"], {"a": 1}, [0.5] * 50,
]  # fmt: skip
"""Values in place of others."""
RAW = ["1e999", "-1e999", "NaN", "Infinity", "1" * 400, "[" * 10_000 + "]" * 10_000, '{"a": 1, "a": 2}', "'", "&a [*a]"]
"""Texts in place of values, which no writer of JSON or YAML gives."""
CELLS = [
    "", " ", "x", "-1", "0", "1.5", "1e999", "nan", "-inf", "1e300", "1e-320", "9" * 30, "[]", "[1", "[-1]", "[99999]",
    '["a"]', "[1.5, NaN]", "[" * 10_000, "[1e999]", "{}", "null", "=1+1", "true", "0x10", "1_0", "many", "test", "\x00",
]  # fmt: skip
MARK = "strange_mark"


def change(path: Path, seed: int) -> str:
    """Change one file in a way that the seed decides, and say how."""
    chance = random.Random(f"{path.name} {seed}")
    own = {".json": _tree, ".yaml": _tree, ".csv": _table, ".safetensors": _tensors, ".ckpt": _checkpoint}
    ways = [own.get(path.suffix, _whole)] * 3 + [_whole]
    return chance.choice(ways)(path, chance)


def _whole(path: Path, chance: random.Random) -> str:
    """What can happen to any file."""
    content = path.read_bytes()
    way = chance.choice(["cut", "empty", "gone", "renamed", "link", "folder", "noise", "flip", "other", "twice"])
    match way:
        case "cut":
            path.write_bytes(content[: chance.randrange(max(1, len(content)))])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "renamed":
            path.rename(path.with_name("x" + path.name))
        case "link":
            path.unlink()
            path.symlink_to(__file__)
        case "folder":
            path.unlink()
            path.mkdir()
        case "noise":
            path.write_bytes(chance.randbytes(2000))
        case "flip":
            at = chance.randrange(max(1, len(content)))
            path.write_bytes(content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :])
        case "other":
            others = sorted(one for one in path.parent.iterdir() if one.is_file() and one != path)
            path.write_bytes(chance.choice(others).read_bytes())
        case _:
            path.write_bytes(content * 2)
    return way


def _tree(path: Path, chance: random.Random) -> str:
    """A value, a key or a raw text within a JSON or YAML file."""
    is_yaml = path.suffix == ".yaml"
    values = yaml.safe_load(path.read_text()) if is_yaml else json.loads(path.read_text())
    holder, key, place = chance.choice(list(_nodes(values)))
    way = chance.choice(["value", "value", "value", "gone", "raw", "more"])
    said = f"{way} {place}"
    if way == "gone":
        del holder[key]
    elif way == "more":
        holder[key] = {**(holder[key] if isinstance(holder[key], dict) else {}), "<b>x": chance.choice(STRANGE)}
    else:
        holder[key] = MARK if way == "raw" else chance.choice(STRANGE)
        said += "" if way == "raw" else f" {str(holder[key])[:30]!r}"
    text = yaml.safe_dump(values, sort_keys=False) if is_yaml else json.dumps(values, indent=2)
    if way == "raw":
        raw = chance.choice(RAW)
        said += f" {raw[:20]}"
        text = text.replace(MARK if is_yaml else f'"{MARK}"', raw)
    path.write_text(text)
    return said


def _nodes(values: Any, place: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Every value inside: what holds it, its key, and its place in words."""
    for key in list(values) if isinstance(values, dict) else range(min(len(values), 4)):
        yield values, key, f"{place}.{key}"
        if isinstance(values[key], dict | list):
            yield from _nodes(values[key], f"{place}.{key}")


def _table(path: Path, chance: random.Random) -> str:
    """A cell, a row or a column of a CSV file."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    row, column = chance.randrange(1, max(2, len(rows))), chance.randrange(len(rows[0]))
    way = chance.choice(
        ["cell"] * 6 + ["column gone", "column renamed", "row gone", "row twice", "short", "all", "none"]
    )
    said = f"{way} {rows[0][column]} {row}"
    if way in ("cell", "all"):
        text = chance.choice(CELLS)
        said += f" {text[:20]!r}"
        for one in rows[row : row + 1] if way == "cell" else rows[1:]:
            one[column] = text
    elif way == "column gone":
        rows = [one[:column] + one[column + 1 :] for one in rows]
    elif way == "column renamed":
        rows[0][column] = chance.choice(["x", "", rows[0][0]])
    elif way == "row gone":
        del rows[row]
    elif way == "row twice":
        rows.append(rows[row])
    elif way == "short":
        rows[row].pop()
    else:
        del rows[1:]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return said


def _changed(tensor: torch.Tensor, chance: random.Random) -> tuple[str, torch.Tensor]:
    ways: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "nan": lambda one: torch.full_like(one.float(), torch.nan),
        "one inf": lambda one: one.float().index_fill(0, torch.tensor([0]), torch.inf) if one.ndim else one.float(),
        "huge": lambda one: torch.full_like(one.double(), 1e300),
        "zero": torch.zeros_like,
        "minus": lambda one: -one - 1,
        "shorter": lambda one: one[: len(one) // 2] if one.ndim else one,
        "no rows": lambda one: one[:0] if one.ndim else one,
        "flat": lambda one: one.flatten(),
        "an axis more": lambda one: one[None],
        "wider": lambda one: torch.cat([one, one], dim=-1) if one.ndim else one[None],
        "whole": lambda one: one.nan_to_num().long(),
        "double": lambda one: one.double(),
        "half": lambda one: one.half(),
        "flags": lambda one: one != 0,
        "complex": lambda one: one.to(torch.complex64),
    }
    name = chance.choice(sorted(ways))
    return name, ways[name](tensor).contiguous().clone()


def _tensors(path: Path, chance: random.Random) -> str:
    """A tensor of a safetensors file."""
    tensors = load(path.read_bytes())
    name = chance.choice(sorted(tensors))
    way = chance.choice(["gone", "renamed", "change", "change", "change", "change"])
    if way == "change":
        way, tensors[name] = _changed(tensors[name], chance)
    else:
        there = tensors.pop(name)
        tensors |= {"x" + name: there} if way == "renamed" else {}
    path.write_bytes(save(tensors))
    return f"{way} {name}"


def _checkpoint(path: Path, chance: random.Random) -> str:
    """A value of a checkpoint, however deep."""
    state = read_checkpoint(path)
    holder, key, place = chance.choice(list(_nodes(state)))
    if isinstance(holder[key], torch.Tensor) and chance.random() < 0.8:
        way, holder[key] = _changed(holder[key], chance)
    elif chance.random() < 0.3:
        way = "gone"
        del holder[key]
    else:
        holder[key] = chance.choice(STRANGE)
        way = str(holder[key])[:30]
    torch.save(sealed_state(state), path)
    return f"{way} {place}"


def copied(made: Path, to: Path, *, sealed: bool = False) -> Path:
    """A copy of a run folder, whatever is there removed; without its digests, as somebody who changed it would send it."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(made, to)
    if not sealed:
        (to / NAME).unlink()
    return to
