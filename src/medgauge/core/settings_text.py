"""YAML of settings, read as plain data of a bounded size."""

from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

MOST_BYTES = 2**20
MOST_VALUES = 100_000  # with every alias written out
MOST_LEVELS = 40
LONGEST_NUMBER = 100  # characters
_TEXT = "tag:yaml.org,2002:str"
_CORE = "tag:yaml.org,2002:"
_PLAIN = {f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge")}


class _Loader(yaml.SafeLoader):
    """Plain values alone: no tags, no key twice, dates as texts, and aliases counted as often as they stand there."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = 0
        self._extents: dict[int, tuple[int, int]] = {}  # of each node: its values and its levels

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node, within the bounds."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it untyped
        self._level += 1
        if self._level > MOST_LEVELS:
            raise ValueError(_too_deep(event))
        node = super().compose_node(parent, index)
        self._level -= 1
        if isinstance(event, yaml.AliasEvent) and id(node) not in self._extents:
            raise ValueError(f"{_line(event)}the alias *{event.anchor} stands within what it names")
        if node is not None and id(node) not in self._extents:
            self._extents[id(node)] = self._measured(node)
        return node

    def _measured(self, node: yaml.Node) -> tuple[int, int]:
        """Values and levels of a node whose parts are composed."""
        if node.tag not in _PLAIN:
            raise ValueError(f"{_line(node)}the tag {node.tag.replace(_CORE, '!!')} is for no setting")
        if isinstance(node, yaml.ScalarNode):
            if node.tag != _TEXT and len(node.value) > LONGEST_NUMBER:
                raise ValueError(f"{_line(node)}a number has {len(node.value)} characters")
            return 1, 1
        parts = node.value if isinstance(node, yaml.SequenceNode) else [one for pair in node.value for one in pair]
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        extents = [self._extents[id(part)] for part in parts]
        values, levels = 1 + sum(one[0] for one in extents), 1 + max([one[1] for one in extents], default=0)
        if values > MOST_VALUES:
            raise ValueError(f"{_line(node)}there are more than {MOST_VALUES} values, every alias (*name) written out")
        if levels > MOST_LEVELS:
            raise ValueError(_too_deep(node))
        return values, levels


_Loader.yaml_implicit_resolvers = {
    first: [(tag, words) for tag, words in resolvers if tag in _PLAIN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_settings(text: str) -> Any:
    """The values of a YAML text: groups, lists, texts, numbers, true, false, null.

    >>> read_settings("{training: {steps: 500}, data: {label: [age]}}")
    {'training': {'steps': 500}, 'data': {'label': ['age']}}

    Raises:
        ValueError: it is not YAML, gives a key twice, names a tag, or is larger or deeper than settings are.
    """
    size = len(text.encode(errors="replace"))
    if size > MOST_BYTES:
        raise ValueError(f"it has {size} bytes, settings have at most {MOST_BYTES}")
    return deepcopy(_parsed(text))


@lru_cache(maxsize=16)
def _parsed(text: str) -> Any:
    """As :func:`read_settings`, read once where the same text comes again (a recipe of folds does, four times a fit)."""
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    finally:
        if loader is not None:
            loader.dispose()


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"{_line(key)}a key must be a word or a number")
        if (key.tag, key.value) in seen:
            raise ValueError(f"{_line(key)}{key.value} is given twice; keep one")
        seen.add((key.tag, key.value))


def _too_deep(place: yaml.Node | yaml.Event) -> str:
    return f"{_line(place)}it is nested more than {MOST_LEVELS} levels deep"


def _line(place: yaml.Node | yaml.Event) -> str:
    """Where something stands, in words."""
    return f"line {place.start_mark.line + 1}: " if place.start_mark is not None else ""
