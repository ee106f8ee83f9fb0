"""The one error for what a user can put right."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medgauge.core.words import printable, shown


class InputError(ValueError):
    """Something in a table, a file, a recipe or a command is wrong.

    The message is one clear sentence: what, where, what to do. The command line prints it and ends with status 1. Names in
    it come from files; what would steer a terminal is written as its escape.

    Args:
        message: the sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def came(value: object) -> str:
    """What came in the place of something else: a plain value as it is, anything else by its type.

    >>> came(3), came([1, 2])
    ('3', 'a list')
    """
    return shown(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def check_path(what: str, value: object) -> None:
    """Raise InputError unless the value is a text or a path.

    >>> check_path("the table", 3)
    Traceback (most recent call last):
    medgauge.core.errors.InputError: the table must be given as a path, got 3
    """
    if not isinstance(value, str | Path):
        raise InputError(f"{what} must be given as a path, got {came(value)}")


def check_switches(**given: object) -> None:
    """Raise InputError unless each of the arguments, by name, is True or False.

    >>> check_switches(test="no")
    Traceback (most recent call last):
    medgauge.core.errors.InputError: test must be True or False, got 'no'
    """
    for name, value in given.items():
        if not isinstance(value, bool):
            raise InputError(f"{name} must be True or False, got {came(value)}")


def check_counts(**given: object) -> None:
    """Raise InputError unless each of the arguments, by name, is a whole number from 1 on.

    >>> check_counts(seeds=2.5)
    Traceback (most recent call last):
    medgauge.core.errors.InputError: seeds must be a whole number >= 1, got 2.5
    """
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number >= 1, got {came(value)}")


def check_texts(**given: object) -> None:
    """Raise InputError unless each of the arguments, by name, is a text or None.

    >>> check_texts(index=3)
    Traceback (most recent call last):
    medgauge.core.errors.InputError: index must be a text, got 3
    """
    for name, value in given.items():
        if not isinstance(value, str | None):
            raise InputError(f"{name} must be a text, got {came(value)}")


def check_lists(**given: object) -> None:
    """Raise InputError unless each of the arguments, by name, is a list of texts or paths; one text is no list.

    >>> check_lists(losses="l1,rm")
    Traceback (most recent call last):
    medgauge.core.errors.InputError: losses must be a list of texts, got 'l1,rm'
    """
    for name, value in given.items():
        if not isinstance(value, list | tuple):
            raise InputError(f"{name} must be a list of texts, got {came(value)}")
        for part in value:
            if not isinstance(part, str | Path):
                raise InputError(f"{name} must be a list of texts, got {came(part)} in it")


@contextmanager
def said_as(what: str, remedy: str) -> Iterator[None]:
    """Whatever is not there or of another kind than it must be within values that were read is one InputError."""
    try:
        yield
    except InputError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError, ArithmeticError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else (str(error).splitlines() or [""])[0][:200]
        raise InputError(f"{what} ({why}); {remedy}") from error
