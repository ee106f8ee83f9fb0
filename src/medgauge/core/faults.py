"""What is said of faults that no code of medgauge raised: of the operating system, of memory, of packages not there."""

import errno
from os import PathLike, fspath
from pathlib import Path

from medgauge.core.errors import InputError

PLACE = "name another place"
WORDS = {
    errno.ENOSPC: ("there is no space left on its disk", f"free some, or {PLACE}"),
    errno.EDQUOT: ("the quota of its disk is used up", f"free some, or {PLACE}"),
    errno.EFBIG: ("it would be larger than a file may be", f"raise the limit (ulimit -f), or {PLACE}"),
    errno.EACCES: ("there is no permission", f"give it (chmod), or {PLACE}"),
    errno.EPERM: ("there is no permission", f"give it (chmod), or {PLACE}"),
    errno.EROFS: ("its disk can only be read", PLACE),
    errno.EIO: ("its disk does not answer", f"look after the disk, or {PLACE}"),
    errno.ENOENT: ("it is not there", PLACE),
    errno.EISDIR: ("it is a folder", PLACE),
    errno.ENOTDIR: ("a file stands where a folder must be", f"move it away, or {PLACE}"),
    errno.EEXIST: ("a file stands where a folder must be", f"move it away, or {PLACE}"),
    errno.ENAMETOOLONG: ("its name is too long", "give a shorter one"),
    errno.ELOOP: ("its symbolic links go round in a circle", PLACE),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n)"),
    errno.ENFILE: ("too many files are open", "close other programs"),
    errno.ENOMEM: ("there is not enough memory", "close other programs"),
}
"""What an error of the operating system says of a file, and what can be done."""
MEMORY = "not enough memory", "out of memory", "allocate memory", "DefaultCPUAllocator"


def os_words(error: OSError) -> str:
    """An error of the operating system and its remedy, in words.

    >>> os_words(OSError(errno.ENOSPC, "No space left on device"))
    'there is no space left on its disk; free some, or name another place'
    """
    what, remedy = WORDS.get(error.errno or 0, (error.strerror or str(error) or "the system refuses it", PLACE))
    return f"{what}; {remedy}"


def not_written(path: str | PathLike[str], error: OSError) -> InputError:
    """What is raised for a file or folder that cannot be written."""
    above = [Path(path), *Path(path).parents]
    way = [str(one) for one in above if one.is_file()] if error.errno in (errno.ENOTDIR, errno.EEXIST) else []
    if way:
        return InputError(
            f"{fspath(path)} cannot be written: {way[0]} is a file and no folder; move it away, or {PLACE}"
        )
    home = Path(path).parent
    if error.errno == errno.ENOENT:
        what = f"nothing can be made in {home}" if home.is_dir() else f"there is no folder {home}"
        return InputError(f"{fspath(path)} cannot be written: {what}; {PLACE}")
    return InputError(f"{fspath(path)} cannot be written: {os_words(error)}")


def sentence(error: BaseException) -> str:
    """What a person is told of any error.

    >>> sentence(InputError("the table is empty"))
    'the table is empty'
    """
    text = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{os_words(error)}"
    if isinstance(error, MemoryError) or any(words in str(error) for words in MEMORY):
        return (
            "there is not enough memory; give a smaller training.batch_size, image.size or model.encoder.width, or "
            "close other programs"
        )
    if isinstance(error, ImportError) and error.name:
        home = error.name.partition(".")[0]
        return f"the package {home} cannot be imported ({text}); install it anew: pip install --force-reinstall {home}"
    return f"something unforeseen stopped it, {type(error).__name__} ({text or 'without a word'}); --debug tells the whole trace"
