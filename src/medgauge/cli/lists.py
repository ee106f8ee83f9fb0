"""What ``medgauge list`` shows: names of parts, with a line on each."""

import importlib
import inspect
from typing import Any

from medgauge.cli.values import default_words
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import settings

LISTS = ("recipes", "losses", "samplers", "metrics", "encoders", "settings")


def show_list(what: str) -> None:
    """Print names of parts, with a line on each."""
    if what == "settings":
        for setting in settings(Recipe):
            print(f"{setting.place:<36}{default_words(setting.default):<28} {setting.told}")
        return
    for name, text in parts(what):
        print(f"{name:<32}{text}")


def parts(what: str) -> list[tuple[str, str]]:
    """Names of one kind of part, with the first line of each docstring (losses: also source and what departs)."""
    if what == "recipes":
        from medgauge.recipes.read import load_values, recipe_names

        return [(name, str(load_values(name).get("claim", {}).get("source", ""))) for name in recipe_names()]
    if what == "encoders":
        from medgauge.models import encoder_names

        return list(encoder_names().items())
    home = importlib.import_module(f"medgauge.{what}")
    found = [(name, getattr(home, name)) for name in home.__all__]
    return [(name, _first_lines(part, what)) for name, part in found if callable(part)]


def _first_lines(part: Any, what: str) -> str:  # a class or a function
    text = inspect.getdoc(part) or ""
    first = text.split("\n\n")[0].replace("\n", " ")
    sources = [line.strip("- ") for line in text.splitlines() if line.startswith(("- Source:", "- Departs:"))]
    return " ".join([first, *(f"[{line}]" for line in sources)]) if what == "losses" else first
