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
