"""Reads and writes the run folder. Every file appears whole or not at all; nothing in it is a pickle of code."""

import csv
import io
import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from medgauge.core.cells import bare, csv_text
from medgauge.core.errors import InputError, check_path
from medgauge.core.settings_text import read_settings
from medgauge.core.version import __version__
from medgauge.runfolder.checkpoints import read_checkpoint, sealed_state
from medgauge.runfolder.opening import AGAIN, inner_path, plain_file, read_whole
from medgauge.runfolder.parts import write_whole
from medgauge.runfolder.values import read_values

POOLED = ("recipe.yaml", "splits.csv", "predictors.json", "results.json")
PRETRAINED = ("recipe.yaml", "splits.csv", "model.json", "model.safetensors", "log.csv", "pretraining.json")
"""All files of a pretraining, the last one written last; it has no run's others."""
COMPLETE = ("recipe.yaml", "splits.csv", "model.json", "model.safetensors", "gallery.safetensors", "predictors.json")


def bytes_to(path: Path, content: bytes) -> None:
    """Fill a file."""
    path.write_bytes(content)


class _Kept:
    """A file that keeps the first error of the system, in whose place torch's writer would raise one of its own."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, content: Any) -> int:  # bytes, or a view of memory
        """Write, unless something went wrong before."""
        try:
            return len(memoryview(content)) if self.error else self.file.write(content)
        except OSError as error:
            self.error = error
            return len(memoryview(content))

    def flush(self) -> None:
        """Nothing: the file is flushed as it is closed."""


def _torch_to(path: Path, state: dict[str, Any]) -> None:
    """Fill a file with what torch saves.

    Raises:
        OSError: the system refuses it.
    """
    with path.open("wb") as file:
        kept = _Kept(file)
        torch.save(state, kept)  # type: ignore[arg-type]  # all that it asks of a file
        if kept.error is not None:
            raise kept.error


def plain(value: Any) -> Any:
    """A value as JSON can hold it: tensors to lists, NaN and infinity to None."""
    if isinstance(value, Tensor):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _turned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Rows as columns; a row with more or fewer cells than ``head`` is a ValueError."""
    for place, row in enumerate(rows):
        if len(row) != len(head):
            raise ValueError(f"row {place + 1} has {len(row)} cells for {len(head)} columns")
    return list(zip(*rows, strict=True)) if rows else [() for _ in head]


class RunFolder:
    """The files of one run, by name."""

    def __init__(self, path: str | Path) -> None:
        check_path("a run folder", path)
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder; a symbolic link is an InputError."""
        return inner_path(self.path, name).exists()

    def inner(self, name: str) -> "RunFolder":
        """The run folder of that name inside this one; a symbolic link is an InputError."""
        return RunFolder(inner_path(self.path, name))

    def write_text(self, name: str, text: str, *, new: bool = False) -> None:
        """Write a text file whole, as UTF-8 with its line ends as they are; ``new`` as :func:`write_whole` says."""
        write_whole(self.path / name, lambda part: bytes_to(part, text.encode()), new=new)

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a JSON file whole; NaN and infinity become null."""
        self.write_text(name, json.dumps(plain(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_bytes(self, name: str) -> bytes:
        """Read a file that is there."""
        return read_whole(self.path, name)

    def read_text(self, name: str) -> str:
        """Read a text file, UTF-8 with its line ends as they are; a missing or broken one is an InputError."""
        try:
            return read_whole(self.path, name).decode("utf-8-sig")
        except FileNotFoundError as error:
            raise InputError(
                f"the run folder {self.path} has no {name}: it is no run of medgauge or it is not finished"
            ) from error
        except UnicodeDecodeError as error:
            raise self.broken(name, "it is no UTF-8 text") from error

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file that holds a mapping; a missing or broken one is an InputError."""
        text = self.read_text(name)
        try:
            return read_values(text)
        except ValueError as error:
            raise self.broken(name, error) from error

    def broken(self, name: str, why: object) -> InputError:
        """What is said of a file that is there and is not what it must be."""
        return InputError(f"{self.path / name} cannot be read ({why}); {AGAIN}")

    def read_yaml(self, name: str) -> dict[str, Any]:
        """Read a YAML file of settings; a missing or broken one is an InputError."""
        text = self.read_text(name)
        try:
            values = read_settings(text)
        except ValueError as error:
            raise self.broken(name, error) from error
        if not isinstance(values, dict):
            raise self.broken(name, "it holds no group of settings")
        return values

    def write_table(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, texts: Collection[str] | None = None
    ) -> None:
        """Write a CSV file whole; texts are guarded as :func:`csv_text` says."""
        self.write_text(name, csv_text(columns, rows, texts=texts))

    def read_columns(self, name: str) -> dict[str, list[str]]:
        """Read a CSV file as one list of texts a column; a missing or broken one is an InputError."""
        text = self.read_text(name)
        try:
            head, *rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row] or [[]]
            columns = zip(map(bare, head), _turned(head, rows), strict=True)
            return {column: list(map(bare, cells)) for column, cells in columns}
        except (ValueError, csv.Error) as error:
            raise self.broken(name, error) from error

    def read_table(self, name: str) -> list[dict[str, str]]:
        """Read a CSV file as one mapping a row, every cell a text; a missing or broken one is an InputError."""
        columns = self.read_columns(name)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def write_tensors(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Write a safetensors file whole."""
        from safetensors.torch import save

        ready = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        write_whole(self.path / name, lambda part: bytes_to(part, save(ready)))

    def read_tensors(self, name: str) -> dict[str, Tensor]:
        """Read a safetensors file."""
        from safetensors.torch import load_file

        with self._opened(name) as path:
            return dict(load_file(path))

    def read_shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors of a safetensors file, from its header alone."""
        from safetensors import safe_open

        with self._opened(name) as path, safe_open(path, framework="pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 # no mapping

    @contextmanager
    def _opened(self, name: str) -> Iterator[str]:
        """The path of a safetensors file; whatever goes wrong while it is read is an InputError."""
        from safetensors import SafetensorError

        try:
            yield str(plain_file(self.path, name))
        except FileNotFoundError as error:
            raise InputError(f"the run folder {self.path} has no {name}; {AGAIN}") from error
        except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
            if isinstance(error, InputError):
                raise
            raise self.broken(name, (str(error).splitlines() or [""])[0]) from error

    def save_checkpoint(self, name: str, state: Mapping[str, Any]) -> None:
        """Write a checkpoint whole, with a digest; its values must load with ``weights_only=True``."""
        write_whole(self.inner("checkpoints") / name, lambda part: _torch_to(part, sealed_state(state)))

    def load_checkpoint(self, name: str) -> dict[str, Any] | None:
        """Read a checkpoint, or None where there is none; one that does not fit its digest is an InputError."""
        path = self.path / "checkpoints" / name
        try:
            return read_checkpoint(plain_file(self.path, f"checkpoints/{name}"))
        except FileNotFoundError:
            return None
        except InputError:
            raise
        except Exception as error:  # torch raises many kinds
            raise InputError(
                f"the checkpoint {path} is damaged; put it back as it was, or remove the folder {self.path} and give the "
                "same `medgauge fit` again, which trains anew"
            ) from error

    def is_ensemble(self) -> bool:
        """Whether it is the folder of several folds' fits, each with a run folder of its own inside, of which some may be lost.

        Those of a blend are inside the folders of its candidates.
        """
        return any(inner_path(self.path, name).is_dir() for name in ("fold-0", "fold-1")) or self.is_blend()

    def is_blend(self) -> bool:
        """Whether it is, or by its seal was, that of a blend of candidates."""
        if self.has("blend.json"):
            return True
        with suppress(InputError):
            return self.has("digests.json") and "blend.json" in self.read_json("digests.json")
        return False

    def is_pretraining(self) -> bool:
        """Whether a pretraining was begun in it, or is finished."""
        if self.has(PRETRAINED[-1]):
            return True
        with suppress(InputError):
            said = self.read_yaml("recipe.yaml").get("pretraining")
            return isinstance(said, Mapping) and said.get("method", "none") != "none"
        return False

    def check_complete(self, *, pretraining: bool = False) -> None:
        """Raise unless this is a whole run folder of this version of the format; ``pretraining``: that of one, which knows no labels."""
        if not self.path.is_dir():
            raise InputError(f"there is no run folder {self.path}")
        whole = self.is_ensemble()
        names = PRETRAINED if pretraining else POOLED if whole else COMPLETE
        missing = [name for name in names if not (self.path / name).is_file()]
        if missing and pretraining:
            raise InputError(
                f"the pretraining {self.path} is not whole ({', '.join(missing)} missing); give the same `medgauge pretrain` command again"
            )
        if missing and self.is_pretraining():
            raise InputError(
                f"{self.path} is a pretraining, which knows no labels; fit some with `medgauge fit --represent.name run "
                f"--represent.source {self.path}`, or write its features with `medgauge embed {self.path}`"
            )
        if missing:
            raise InputError(
                f"the run folder {self.path} is not whole ({', '.join(missing)} missing); give the same `medgauge fit` command again"
            )
        told = "predictors.json" if whole else "model.json"
        version = self.read_json(told).get("medgauge")
        if not isinstance(version, str):
            raise self.broken(told, "it does not say which version of medgauge made it")
        if version.split(".")[:2] != __version__.split(".")[:2]:
            raise InputError(
                f"the run folder {self.path} was made by medgauge {version}, this is {__version__}; fit again or install that version"
            )
