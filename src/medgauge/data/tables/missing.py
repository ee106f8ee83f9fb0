"""Words for nothing, and the blanks around a cell that nobody sees."""

import re
import unicodedata

MISSING_WORDS = frozenset(
    [
        "",
        "nan",
        "na",
        "n/a",
        "n.a.",
        "<na>",
        "#n/a",
        "#na",
        "null",
        "none",
        "nat",
        "-",
        "--",
        "\u2013",
        "\u2014",
        "?",
        ".",
    ]
)
"""How programs and people write that there is nothing, in small letters."""
ERROR_WORDS = frozenset(["#ref!", "#value!", "#name?", "#div/0!", "#num!", "#null!", "#wert!", "#bezug!", "#zahl!"])
"""What a spreadsheet writes where a formula has failed: no name of anything, and no number either."""
NOBODY_WORDS = frozenset(
    [
        "unknown",
        "unk",
        "not known",
        "anonymous",
        "anonymized",
        "anonymised",
        "anon",
        "no name",
        "noname",
        "unnamed",
        "nobody",
        "no id",
        "missing",
        "tbd",
        "xxx",
    ]
    + [
        "anonym",
        "anonyme",
        "anonimo",
        "anonymisiert",
        "unbekannt",
        "inconnu",
        "inconnue",
        "desconocido",
        "desconocida",
        "sconosciuto",
    ]
)
"""How people write that a name is not known."""
OF_PATIENTS = frozenset(["patient", "subject", "person", "name", "id"])
"""Words that may stand beside these."""
UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\xad"
"""Characters without a width, which copied texts bring along."""


def trim(text: str) -> str:
    """A text without blanks and unseen characters at its ends.

    >>> trim(" P 01\\u200b\\xa0")
    'P 01'
    """
    while text and (text[0].isspace() or text[0] in UNSEEN or text[-1].isspace() or text[-1] in UNSEEN):
        text = text.strip().strip(UNSEEN)
    return text


def tidy(name: str) -> str:
    """The name of a column as it is compared: trimmed, on one line, and with one way to write letters with marks."""
    return unicodedata.normalize("NFC", re.sub(r"\s*[\r\n]\s*", " ", trim(name)))


def is_missing(cell: str) -> bool:
    """Whether a cell of numbers says nothing."""
    return trim(cell).casefold() in MISSING_WORDS


def is_no_name(cell: str) -> bool:
    """Whether a cell of ids or groups names nothing.

    >>> is_no_name(" NA "), is_no_name("#REF!"), is_no_name("Nan Goldin")
    (True, True, False)
    """
    word = trim(cell).casefold()
    return word in MISSING_WORDS or word in ERROR_WORDS


def is_nobody(cell: str) -> bool:
    """Whether a cell of groups says that the name is not known.

    >>> is_nobody("Unknown"), is_nobody("Anonymous^Patient"), is_nobody("P 1")
    (True, True, False)
    """
    words = re.findall(r"[^\W_]+", cell.casefold())
    rest = [word for word in words if word not in OF_PATIENTS]
    return " ".join(words) in NOBODY_WORDS or " ".join(rest) in NOBODY_WORDS
