"""The one error for what a user can put right."""


class InputError(ValueError):
    """Something in a table, a file, a recipe or a command is wrong.

    The message is one clear sentence: what, where, what to do. The command line prints it and ends with status 1.
    """
