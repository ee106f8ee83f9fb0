"""Flags made from the schema of a recipe, and the parser of one command, which names the nearest of unknown flags."""

import argparse
import shutil
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NoReturn, get_args, get_origin

from medgauge.cli.others import SHORT, called_elsewhere, short_flag, whose
from medgauge.cli.values import default_words, kind_words, read_values, twice
from medgauge.core.errors import InputError
from medgauge.recipes.settings import Setting, meanings, settings

FREE = ".NAME VALUE"  # of a setting that holds anything by name


class UsageError(Exception):
    """An unknown command or flag: status 2."""


class Lines(argparse.HelpFormatter):
    """Help in at most 100 columns, broken between words, with the meanings in one column."""

    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size((100, 24)).columns
        super().__init__(prog, max_help_position=30, width=min(columns, 100))

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return ", ".join(action.option_strings) or str(action.metavar)
        return f"{action.option_strings[0]}{'' if action.metavar == FREE else ' '}{action.metavar}"

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(self._split_lines(text, width))


class Parser(argparse.ArgumentParser):
    """The words and flags of one command.

    Args:
        name: of the command.
        about: what it does.
        takes: its words, for the first line of the help.
        example: a whole command.
    """

    def __init__(self, name: str, about: str | None, takes: str, example: str) -> None:
        usage = " ".join(filter(None, [f"medgauge {name}", takes, "[--flag VALUE …]"]))
        super().__init__(
            prog=f"medgauge {name}", usage=usage, description=about, epilog=f"example: {example}", add_help=False,
            formatter_class=Lines,
        )  # fmt: skip
        self.name = name
        self.settings: dict[str, Setting] = {}
        self.short: dict[str, str] = {}  # flags of settings that have a short one, by place
        self.own = self.add_argument_group(f"words and flags of {name}")

    def word(self, name: str, about: str, nargs: str | None = None) -> None:
        """A word that is no flag."""
        many: dict[str, Any] = {"nargs": nargs, "default": []} if nargs == "*" else {"nargs": nargs}
        self.own.add_argument(name, metavar=name.upper(), help=about, **many)

    def flag(self, name: str, about: str, default: str | None = None) -> None:
        """A flag of this command alone, with a text."""
        about = about if default is None else f"{about} [{default}]"
        self.own.add_argument(name, default=default, metavar=kind_words(str), help=about)

    def count(self, name: str, about: str, default: int) -> None:
        """A flag of this command alone, with a whole number from 1 on."""
        self.own.add_argument(name, type=_count, default=default, metavar=kind_words(int), help=f"{about} [{default}]")

    def switch(self, name: str, about: str) -> None:
        """A flag of this command alone, without a value."""
        self.own.add_argument(name, action="store_true", help=about)

    def several(self, name: str, about: str, words: str) -> None:
        """A flag of this command alone that may be given again and again."""
        self.own.add_argument(name, action="append", default=[], metavar=words, help=about)

    def add_settings(self, schema: type, *, short: bool, listed: bool) -> None:
        """A flag for each setting of a schema, in a group a section.

        Args:
            schema: a dataclass, with dataclasses for its sections.
            short: those of ``SHORT`` have a flag of their last name too.
            listed: the help tells the dotted flags; else they are taken, and not told.
        """
        about = meanings(schema)
        for section, found in groupby(settings(schema), key=lambda setting: setting.place.partition(".")[0]):
            group = self.add_argument_group(section)
            for setting in found:
                self.settings[setting.place] = setting
                inside = "." in setting.place
                named = short and inside and short_flag(setting.place) is not None
                if inside:
                    also = f", also as --{section}.NAME" if short and section in SHORT else ""
                    group.title = f"{section}: {about.get(section, '').rstrip('.')}{also}"
                if named:
                    self.short[setting.place] = str(short_flag(setting.place))
                    _add_flag(group, setting, self.short[setting.place])
                _add_flag(group, setting, f"--{setting.place}", listed=not named and (listed or (short and not inside)))

    def read(self, words: Sequence[str]) -> tuple[argparse.Namespace, dict[str, Any]]:
        """The command's own words and flags, and the settings that were given, by dotted place.

        Raises:
            UsageError: an unknown flag, with the nearest known one; a flag without its value; a word too many.
            InputError: a value that cannot be read, or a number below 1.
        """
        self.add_argument_group("help").add_argument("-h", "--help", action="help", help="this text")
        self._action_groups[-1].add_argument("--debug", action="store_true", help="the whole trace of an error")
        in_order = self._in_order(list(words))
        self._refuse_repeats(in_order)
        parsed, rest = self.parse_known_args(in_order)
        for action in self._actions:
            if action.type is _count and vars(parsed)[action.dest] < 1:
                raise InputError(f"{action.option_strings[0]} must be >= 1, got {vars(parsed)[action.dest]}")
        if rest:
            raise UsageError(f"{self.name} has no place for {rest[0]!r}; see {self.prog} --help")
        given = {place: vars(parsed)[place] for place in self.settings}
        found = {
            place: read_values(self.settings[place].kind, texts, self.short.get(place, f"--{place}"))
            for place, texts in given.items()
            if texts is not None
        }
        for place, value in found.items():
            home, _, name = place.rpartition(".")
            whole = found.get(home)
            if isinstance(whole, dict) and name in whole and whole[name] != value:
                raise InputError(twice(f"--{place}", whole[name], value))
        return parsed, found

    def _refuse_repeats(self, words: Sequence[str]) -> None:
        """Raise InputError for a flag of the command's own, with one value, that has two."""
        found: dict[str, str] = {}
        for name, equals, value in (word.partition("=") for word in words):
            action = self._option_string_actions.get(name) if equals else None
            if action is None or isinstance(action, argparse._AppendAction):
                continue
            if found.setdefault(name, value) != value:
                raise InputError(twice(name, found[name], value))

    def error(self, message: str) -> NoReturn:
        """What argparse finds wrong."""
        raise UsageError(f"{message}; see {self.prog} --help")

    def _in_order(self, words: list[str]) -> list[str]:
        """Words first, then flags, each in one piece with its value."""
        rest: list[str] = []
        flags: list[str] = []
        while words:
            name, equals, value = words.pop(0).partition("=")
            if not f"{name}{equals}{value}":
                raise UsageError(f"{self.name} has no place for an empty word; see {self.prog} --help")
            if not name.startswith("-"):
                rest.append(f"{name}{equals}{value}")
                continue
            name = f"--{name[2:].replace('-', '_')}" if "." in name else f"{name[:2]}{name[2:].replace('_', '-')}"
            action = self._option_string_actions.get(name) or self._add_inner(name)
            if action is None:
                raise UsageError(f"{self.name} has no flag {name}; {self._nearest(name)}")
            if not equals and action.nargs != 0:
                if not words or words[0].startswith("--"):
                    raise UsageError(f"{name} needs a value; see {self.prog} --help")
                equals, value = "=", words.pop(0)
            if action.nargs != 0 and not value and (action.dest not in self.settings or action.dest == "data.label"):
                raise UsageError(f"{name} needs a value that is not empty; see {self.prog} --help")
            flags.append(f"{name}{equals}{value}")
        return [*rest, *flags]

    def _names(self) -> list[str]:
        """Places of settings that hold values by name, any of which can be set alone (``objective.error.factor``)."""
        return [place for place, setting in self.settings.items() if get_origin(setting.kind) is dict]

    def _add_inner(self, name: str) -> argparse.Action | None:
        place = name[2:]
        for home in self._names():
            if place.startswith(f"{home}."):
                kind = get_args(self.settings[home].kind)[1]
                self.settings[place] = Setting(place, kind, None)
                return _add_flag(self, self.settings[place], name, listed=False)
        return None

    def _nearest(self, name: str) -> str:
        keys = name.split(".")
        known = list(self._option_string_actions)
        ends = [flag for flag in known if flag.endswith(f".{name[2:]}")]
        if ends:
            return f"did you mean {' or '.join(ends)}?"
        if called := called_elsewhere(name, known):
            return f"did you mean {called}?"
        for home in self._names():
            inner = keys[home.count(".") + 1 :]
            known += [".".join([f"--{home}", *inner])] if inner else []
        return whose(name, known, settings=bool(self.settings), program=self.prog)


def _count(text: str) -> int:
    if not (text.lstrip("-").isdecimal() and text.isascii() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got {text!r}")
    return int(text)


def _add_flag(
    group: argparse._ActionsContainer, setting: Setting, flag: str, *, listed: bool = True
) -> argparse.Action:
    """One flag of a setting; a short one that is off by default takes no value."""
    about = f"{setting.told} [{default_words(setting.default)}]".replace("%", "%%")
    about = about if listed else argparse.SUPPRESS
    if setting.kind is bool and setting.default is False and "." not in flag:
        return group.add_argument(flag, dest=setting.place, action="append_const", const="true", help=about)
    free = get_origin(setting.kind) is dict and get_args(setting.kind)[1] is Any
    words = FREE if free else kind_words(setting.kind)
    return group.add_argument(flag, dest=setting.place, action="append", metavar=words, help=about)
