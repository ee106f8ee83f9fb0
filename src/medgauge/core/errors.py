"""The one error for what a user can put right."""

from collections.abc import Iterator
from contextlib import contextmanager

from medgauge.core.words import printable


class InputError(ValueError):
    """Something in a table, a file, a recipe or a command is wrong.

    The message is one clear sentence: what, where, what to do. The command line prints it and ends with status 1. Names in
    it come from files; what would steer a terminal is written as its escape.

    Args:
        message: the sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


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
