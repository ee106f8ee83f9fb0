"""Descriptions of labels in words: those of chest and retinal findings that come with medgauge, or those of a user's file."""

from importlib import resources
from pathlib import Path

from medgauge.core.errors import InputError
from medgauge.core.faults import os_words
from medgauge.core.settings_text import MOST_BYTES, read_settings

CHEST, RETINA = "chest14", "retina45"
SHIPPED = (CHEST, RETINA)


def read_descriptions(source: str | Path) -> dict[str, list[str]]:
    """Names of labels, each with one or several descriptions.

    - Raises: InputError for a file that is missing, no YAML, or holds anything but texts and lists of texts by name.

    Args:
        source: ``chest14``, ``retina45``, or a YAML file (``Effusion: fluid around the lung``, or a list of texts).
    """
    if str(source) in SHIPPED:
        called, text = (
            str(source),
            (resources.files("medgauge.semantics") / f"{source}.yaml").read_text(encoding="utf-8"),
        )
    else:
        called, text = str(source), _text(Path(source))
    try:
        values = read_settings(text)
    except ValueError as error:
        raise InputError(f"the descriptions {called} cannot be read: {error}") from error
    if not isinstance(values, dict) or not values:
        raise InputError(f"the descriptions {called} must be names of labels, each with a text or a list of texts")
    found = {}
    for name, given in values.items():
        texts = [given] if isinstance(given, str) else given
        good = isinstance(texts, list) and texts and all(isinstance(text, str) and text.strip() for text in texts)
        if not isinstance(name, str) or not good:
            raise InputError(f"the descriptions {called} must give {name} a text or a list of texts")
        found[name] = [" ".join(text.split()) for text in texts]
    return found


def plain_name(name: str) -> str:
    """A name as words: underscores and hyphens are blanks.

    >>> plain_name("Pleural_Thickening")
    'Pleural Thickening'
    """
    return " ".join(name.replace("_", " ").replace("-", " ").split())


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"there is no file of descriptions {path}; give {CHEST}, {RETINA} or a YAML file")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"the descriptions {path} have {path.stat().st_size} bytes, and may have {MOST_BYTES}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"the descriptions {path} cannot be read: {os_words(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the descriptions {path} cannot be read: it is no UTF-8 text") from error
