"""What the files of a package import, read from their text: at the top, inside functions and under TYPE_CHECKING alike.

``importlib.import_module`` with a name as a text is not seen.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path


def read_modules(package: Path) -> dict[str, Path]:
    """Dotted name and file of every module of a package, the package itself included."""
    files = sorted(package.rglob("*.py"))
    return {
        ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


@cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def imported(tree: ast.Module, modules: Mapping[str, Path], home: str = "") -> Iterator[tuple[str, str]]:
    """Module and name of every import of one of ``modules``: ("a.b", "c") of ``from a.b import c``, where a.b.c is no module;
    ("a.b.c", "") where it is one, and of ``import a.b.c``. ``home``: the package that a dot stands for.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            above = home.split(".")[: len(home.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                if f"{source}.{alias.name}" in modules:
                    yield f"{source}.{alias.name}", ""
                elif source in modules:
                    yield source, alias.name


def import_graph(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """The modules that each module imports."""
    graph = {}
    for name, file in modules.items():
        home = name if file.stem == "__init__" else name.rpartition(".")[0]
        graph[name] = {source for source, _ in imported(parse(file), modules, home)}
    return graph


def circles(graph: Mapping[str, set[str]]) -> set[frozenset[str]]:
    """Sets of modules of which each reaches every other by imports; a module that imports itself is one."""
    reached = {name: _reach(graph, name) for name in graph}
    return {
        frozenset(other for other in reached[name] if name in reached[other]) for name in graph if name in reached[name]
    }


def _reach(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(graph[name])
    return seen


def where_defined(module: str, name: str, modules: Mapping[str, Path]) -> str:
    """The module that defines a name which ``module`` has, followed through what packages pass on."""
    for node in ast.walk(parse(modules[module])):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name and node.module in modules:
                    return where_defined(str(node.module), alias.name, modules)
    return module
