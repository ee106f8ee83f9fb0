"""The one error for what a user can put right."""

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
