"""How often the test split was looked at: counted in looks.json before any value of it is written.

results.json repeats the count once the values are there, and is sealed once the page is. Where it has a smaller count
or is in no seal, a kill cut a look short; the same look is then finished, and not counted again.
"""

from collections.abc import Mapping

from medgauge.runfolder.folder import RunFolder
from medgauge.runfolder.seal import digests, rewriting

NAME = "looks.json"


def told_looks(results: Mapping[str, object]) -> int:
    """The count that results.json has."""
    return _count(results.get("looks"))


def counted_looks(folder: RunFolder, results: Mapping[str, object]) -> int:
    """The looks that were begun.

    Raises:
        InputError: looks.json is damaged.
    """
    begun = _count(folder.read_json(NAME)) if folder.has(NAME) else 0
    return max(begun, told_looks(results))


def is_unfinished(folder: RunFolder, results: Mapping[str, object]) -> bool:
    """Whether a look was begun whose values are not in ``results``, or whose page is not yet made."""
    count, sealed = counted_looks(folder, results), digests(folder)
    return count > told_looks(results) or (count > 0 and sealed is not None and "results.json" not in sealed)


def begin_look(folder: RunFolder, results: Mapping[str, object]) -> int:
    """Count one more look, unless one is unfinished; the count. Called before anything else of the look is written."""
    count = counted_looks(folder, results)
    if is_unfinished(folder, results):
        return count
    with rewriting(folder, (NAME,)):
        return write_looks(folder, count + 1)


def write_looks(folder: RunFolder, count: int) -> int:
    """Write the count down, and return it."""
    folder.write_json(NAME, {"test": count})
    return count


def _count(values: object) -> int:
    found = values.get("test") if isinstance(values, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0
