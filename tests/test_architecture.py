"""What holds for the files of the package as a whole; what does not hold yet is listed, and has to leave its list once it does."""

import ast
import io
import os
import re
import statistics
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

from tests.imports import circles, import_graph, imported, parse, read_modules, where_defined

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "medgauge"
MODULES = read_modules(SOURCE)
LINES, MEDIAN = 300, 110  # no file has more lines, and the median of all files is below
KINDS = {"number", "grade", "class", "finding"}
OF_A_KIND = ("tasks/", "report/kinds/")  # where code may ask for the kind of a label
TYPED = ("study", "fitting", "runs", "evaluation", "tasks")  # rooms without parameters of any type

KNOWN_CIRCLES: set[frozenset[str]] = set()
KNOWN_LONG: set[str] = set()
KNOWN_ANY: set[str] = set()
KNOWN_SWITCHES: set[str] = set()
ROOMS_TO_COME: set[str] = set()
UNTESTED: set[str] = {  # tested through what calls them
    "__main__", "comparing.compare", "data.images.arrays",
    "fitting.fit", "models.coding", "models.monai_networks", "models.timm_networks",
}  # fmt: skip


def short(module: str) -> str:
    return module.removeprefix("medgauge.")


def place(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


def defines(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)


def reasons(text: str) -> set[int]:
    """Lines with a comment that says more than what a tool is to pass over."""
    told = re.compile(r"#|type: ignore(\[[^]]*\])?|noqa(: *[A-Z]+[0-9]+(, *[A-Z]+[0-9]+)*)?")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {one.start[0] for one in tokens if one.type == tokenize.COMMENT and told.sub("", one.string).strip()}


def any_parameters(text: str) -> list[str]:
    """Parameters annotated ``Any``, those of a class's own constructor (its annotated fields) too, without a reason beside."""
    found: list[tuple[str, ast.expr | None]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg):
            found.append((node.arg, node.annotation))
        elif isinstance(node, ast.ClassDef):
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            found += [(ast.unparse(one.target), one.annotation) for one in fields]
    excused = reasons(text)
    return [
        name
        for name, kind in found
        if kind is not None and ast.unparse(kind).strip("'") in ("Any", "typing.Any") and kind.lineno not in excused
    ]


def switches(tree: ast.Module) -> list[int]:
    """Lines that compare something with the name of a kind of label, ``match`` included."""
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare | ast.MatchValue):
            continue
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else [node.value]
        parts = [part for side in sides for part in getattr(side, "elts", [side])]
        if any(isinstance(part, ast.Constant) and part.value in KINDS for part in parts):
            lines.append(node.lineno)
    return lines


def test_the_layers_hold() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert "exclude_type_checking_imports" not in written
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert written["contracts"]
    assert f"Contracts: {len(written['contracts'])} kept, 0 broken." in done.stdout


def test_no_files_import_one_another_in_a_circle() -> None:
    graph = import_graph(MODULES)
    assert sum(map(len, graph.values())) > len(MODULES)
    assert {frozenset(map(short, circle)) for circle in circles(graph)} == KNOWN_CIRCLES


def test_a_circle_is_seen_through_functions_type_checking_and_dots(tmp_path: Path) -> None:
    texts = {
        "__init__": "",
        "a": "def late():\n    from house import b\n",
        "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.room import thing\n",
        "room/__init__": "from house.room.c import thing\n",
        "room/c": "from ..a import late\nthing = 1\n",
        "alone": "import house.a, house.room.c\nimport os\n",
    }
    for name, text in texts.items():
        (tmp_path / "house" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "house" / f"{name}.py").write_text(text)
    modules = read_modules(tmp_path / "house")
    assert circles(import_graph(modules)) == {frozenset({"house.a", "house.b", "house.room", "house.room.c"})}
    assert where_defined("house.room", "thing", modules) == "house.room.c"


def test_files_are_short() -> None:
    lines = {place(file): len(file.read_text().splitlines()) for file in MODULES.values()}
    assert lines
    long = {name for name, count in lines.items() if count > LINES}
    assert long | ({"the median"} if statistics.median(lines.values()) >= MEDIAN else set()) == KNOWN_LONG


def test_parameters_of_the_upper_rooms_have_types() -> None:
    assert {room for room in TYPED if not any((SOURCE / room).glob("*.py"))} == ROOMS_TO_COME
    files = [file for file in MODULES.values() if place(file).split("/")[0] in TYPED]
    assert len(files) >= len(TYPED) - len(ROOMS_TO_COME)
    assert {f"{place(file)}: {name}" for file in files for name in any_parameters(file.read_text())} == KNOWN_ANY


def test_parameters_of_any_type_are_seen() -> None:
    text = """
class Parcel:
    held: Any
    kept: list[Any]
def one(a: Any, b: dict[str, Any], *, c: "Any" = None, **rest: Any) -> Any: ...
def two(
    d: Any,  # type: ignore[misc]
    e: Any,  # whatever the user's table holds
    f: typing.Any,  # noqa: ANN401
    g: Any,  # type: ignore[misc]  # third-party, untyped
): ...
"""
    assert sorted(any_parameters(text)) == ["a", "c", "d", "f", "held", "rest"]


def test_no_code_asks_for_the_kind_of_a_label_outside_its_rooms() -> None:
    trees = {place(file): parse(file) for file in MODULES.values() if not place(file).startswith(OF_A_KIND)}
    assert any(isinstance(node, ast.Compare) for tree in trees.values() for node in ast.walk(tree))
    assert {f"{name}:{line}" for name, tree in trees.items() for line in switches(tree)} == KNOWN_SWITCHES


def test_questions_about_the_kind_are_seen() -> None:
    text = """
if task.kind == "grade": ...
same = "number" != kind
if kind in ("l1", "class"): ...
if self.kind == "l1" or kind not in {"bmc", "split"}: ...
match kind:
    case "finding" | "other": ...
names = {"number": 1, "grade": 2}
"""
    assert sorted(switches(ast.parse(text))) == [2, 3, 4, 7]


def test_every_file_has_a_test() -> None:
    """A test file imports it by its full path, or imports from a package a name that this file defines."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    found = {pair for file in tests for pair in imported(parse(file), MODULES)}
    assert found
    tested = {where_defined(module, name, MODULES) if name else module for module, name in found}
    tested |= {module for module, _ in found if MODULES[module].stem != "__init__"}
    wanted = {name for name, file in MODULES.items() if file.stem != "__init__" or defines(parse(file))}
    assert {short(module) for module in wanted - tested} == UNTESTED
