"""The command line. Importing it is light: a command imports what it needs once its flags are read."""

from medgauge.cli.main import main

__all__ = ["main"]
