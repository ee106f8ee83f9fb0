"""From words to an exit status: 0, 1 for anything wrong in the input, 2 for an unknown command or flag."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from medgauge.cli.commands import COMMANDS
from medgauge.cli.flags import UsageError
from medgauge.core.faults import sentence
from medgauge.core.version import __version__
from medgauge.core.waiting import brief_waits
from medgauge.core.words import did_you_mean, printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows few letters stops nothing
    if "torch" not in sys.modules:
        os.environ.update(brief_waits(os.environ))
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    try:
        return _dispatch(given)
    except UsageError as error:
        print(f"medgauge: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("medgauge: stopped", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        print(f"medgauge: {printable(sentence(error))}", file=sys.stderr)
        return 1


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0 if given else 2
    if given[0] == "--version":
        print(f"medgauge {__version__}")
        return 0
    if given[0] not in COMMANDS:
        raise UsageError(f"there is no command {given[0]!r}; {did_you_mean(given[0], COMMANDS)}")
    return COMMANDS[given[0]](given[1:])


def _overview() -> str:
    lines = [f"  {name:<12}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: medgauge COMMAND …      (medgauge COMMAND --help tells more)",
            "",
            "Read a number, a grade or findings off medical images, with the training cases behind every value.",
            "",
            *lines,
        ]
    )
