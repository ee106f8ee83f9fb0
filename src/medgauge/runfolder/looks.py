"""How often the test split was looked at: counted in looks.json before any value of it is written.

results.json repeats the count once the values are there. A count in looks.json that is larger is a look that a kill cut
short; the same look is then finished, and not counted again.
"""

from collections.abc import Mapping

from medgauge.runfolder.folder import RunFolder

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
    """Whether a look was begun whose values are not in ``results``."""
    return counted_looks(folder, results) > told_looks(results)


def begin_look(folder: RunFolder, results: Mapping[str, object]) -> int:
    """Count one more look, unless one is unfinished; the count."""
    count = counted_looks(folder, results)
    if count > told_looks(results):
        return count
    return write_looks(folder, count + 1)


def write_looks(folder: RunFolder, count: int) -> int:
    """Write the count down, and return it."""
    folder.write_json(NAME, {"test": count})
    return count


def _count(values: object) -> int:
    found = values.get("test") if isinstance(values, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0
