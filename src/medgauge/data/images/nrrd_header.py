"""The header of an NRRD file: fields, whose names and words may be written in any case."""

import math
import re
from typing import NamedTuple

import numpy as np

TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
KIND = {name: kind for kind, names in TYPES.items() for name in names}
OLD_NAMES = {
    "datafile": "data file",
    "lineskip": "line skip",
    "byteskip": "byte skip",
    "oldmin": "old min",
    "oldmax": "old max",
}
NUMBER = r"[^\s,()\"]+"


class NrrdFault(ValueError):
    """What is wrong in the fields of a header, in words."""


class Header(NamedTuple):
    """The fields by name in lower case, and where the pixels begin in the file."""

    fields: dict[str, str]
    start: int

    def words(self, name: str) -> list[str]:
        """The words of a field, in lower case; those in quotes without them."""
        return [
            quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|([^\s"]+)', self.fields.get(name, "").lower())
        ]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the axes, the fastest first. Raises ValueError where they make no sense."""
        sizes = tuple(self.whole("sizes"))
        if [len(sizes)] != self.whole("dimension"):
            raise NrrdFault("sizes and dimension differ")
        if min(sizes) < 1:
            raise NrrdFault(f"a size is {min(sizes)}")
        return sizes

    @property
    def kind(self) -> np.dtype[np.generic]:
        """The type of the numbers, with its byte order. Raises NrrdFault where it is none."""
        kind = KIND.get(" ".join(self.words("type")), "")
        if not kind:
            raise NrrdFault(f"the type is {self.fields.get('type', 'not given')}")
        endian = {"little": "<", "big": ">"}.get(self.fields.get("endian", "").lower(), "")
        if not endian and kind[1] != "1" and self.encoding not in ("txt", "text", "ascii"):
            raise NrrdFault("no endian (byte order)")
        return np.dtype(f"{endian}{kind}")

    @property
    def encoding(self) -> str:
        """The encoding in lower case."""
        if "encoding" not in self.fields:
            raise NrrdFault("no encoding")
        return self.fields["encoding"].lower()

    @property
    def directions(self) -> list[tuple[float, ...] | None] | None:
        """The step of each axis in space, None where an axis is not of space; None where no axis has any."""
        text = self.fields.get("space directions")
        if text is None:
            return None
        found: list[tuple[float, ...] | None] = []
        for inside in re.findall(r"\(([^)]*)\)|none", text.lower()):
            vector = tuple(_number(word, "space directions", text) for word in inside.split(",")) if inside else None
            found.append(None if vector is None or any(math.isnan(number) for number in vector) else vector)
        if len(found) != len(self.sizes):
            raise NrrdFault("not as many space directions as axes")
        return found

    @property
    def origin(self) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
        """Where the first pixel is in space, as many numbers as its directions have; None where it is not told."""
        text = self.fields.get("space origin", "")
        numbers = [_number(word, "space origin", text) for word in re.findall(NUMBER, text)]
        steps = next((step for step in self.directions or [] if step is not None), ())
        return np.array(numbers) if len(numbers) == len(steps) and np.isfinite(numbers).all() else None

    @property
    def spacings(self) -> list[float]:
        """The step of each axis, NaN where it is not told."""
        words = self.words("spacings")
        if words and len(words) != len(self.sizes):
            raise NrrdFault("not as many spacings as axes")
        return [_number(word, "spacings", word) for word in words] or [math.nan] * len(self.sizes)

    @property
    def kinds(self) -> list[str]:
        """The kind of each axis, ``???`` where none is told."""
        words = self.words("kinds") or ["???"] * len(self.sizes)
        if len(words) != len(self.sizes):
            raise NrrdFault("not as many kinds as axes")
        return words

    def whole(self, name: str, default: str | None = None) -> list[int]:
        """The whole numbers of a field. Raises NrrdFault where it lacks, or holds anything else."""
        text = self.fields.get(name, default)
        if text is None:
            raise NrrdFault(f"no {name}")
        try:
            return [int(word) for word in text.split()]
        except ValueError:
            raise NrrdFault(f"{name}: {text[:40]}") from None

    @property
    def has_steps(self) -> bool:
        """Whether any axis has a direction or a spacing."""
        return self.directions is not None or not all(map(math.isnan, self.spacings))


def _number(word: str, name: str, text: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise NrrdFault(f"{name}: {text[:40]}") from None


def read_header(data: bytes) -> Header:
    """The header at the start of a file.

    - Raises: ValueError where there is none; NrrdFault where a field is there twice, with two values.
    - Source: NRRD 5, "Definition of NRRD File Format", sections 1 to 5.
    """
    if not re.match(rb"NRRD000[1-5]\r?\n", data):
        raise ValueError("no NRRD")
    fields: dict[str, str] = {}
    start = data.index(b"\n") + 1
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        line, start = data[start:end].decode("utf-8", errors="replace").rstrip("\r"), end + 1
        if not line.strip():
            break
        name, colon, value = line.partition(": ")
        if not colon:
            name, colon, value = line.partition(":")
        if not line.startswith("#") and ":=" not in line[: len(name) + 2]:
            name = OLD_NAMES.get(name.strip().lower(), name.strip().lower())
            if fields.get(name, value.strip()) != value.strip():
                raise NrrdFault(f"{name} is there twice, with two values")
            fields[name] = value.strip()
    return Header(fields, start)
