"""Features of cases as a Parquet file: the column that names the case, a column a feature, and what made them as metadata."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medgauge.core.errors import InputError, check_path
from medgauge.core.version import __version__
from medgauge.data.features.about import KEY, read_about
from medgauge.runfolder import RunFolder, write_whole
from medgauge.runs.places import refuse_inputs, refuse_inside


class Features(NamedTuple):
    """Features of n cases.

    Args:
        by: the column that ``key`` is.
        key: what the cases are called.
        values: (n, f).
        about: what made them: ``made_by`` (name of the network), ``weights_sha256``, ``settings``, and more for people.
    """

    by: str
    key: list[str]
    values: NDArray[np.floating[Any]]
    about: dict[str, Any]  # as JSON holds it


def weights_digest(module: nn.Module) -> str:
    """SHA-256 of the names and values of all weights and buffers that are saved."""
    made = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        made.update(name.encode())
        made.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return made.hexdigest()


def feature_names(about: Mapping[str, Any], count: int) -> list[str]:  # as JSON holds it
    """Names that are those of other features only where network, weights and the preparing of images are the same.

    >>> feature_names({"made_by": "timm/convnext_tiny", "weights_sha256": "0"}, 2)
    ['timm_convnext_tiny_305de9_0', 'timm_convnext_tiny_305de9_1']
    """
    made = hashlib.sha256(json.dumps([about.get(name) for name in ("made_by", "weights_sha256", "settings")]).encode())
    stem = re.sub(r"\W+", "_", str(about["made_by"]))
    return [f"{stem}_{made.hexdigest()[:6]}_{place}" for place in range(count)]


def check_feature_file(out: str | Path, inputs: Sequence[str | Path], run: RunFolder | None = None) -> Path:
    """Where features are to be written; called before anything is read.

    Args:
        out: the file.
        inputs: files that are read.
        run: whose embedding they are.

    Raises:
        InputError: it has another ending, is an input, lies in a run folder, or is there and no earlier file of features.
    """
    check_path("the file to write", out)
    path = Path(out)
    if path.suffix.lower() != ".parquet":
        raise InputError(f"{out} must end in .parquet")
    refuse_inputs(path, list(map(Path, inputs)))
    refuse_inside(path.parent, run, out)
    if path.is_dir():
        raise InputError(f"{out} is a folder; --out is the Parquet file to write")
    if path.exists() and not read_about(path):
        raise InputError(
            f"{out} is there and neither `medgauge embed` nor `medgauge radiomics` wrote it; give another --out, or move it away"
        )
    return path


def write_features(path: Path, features: Features) -> list[str]:
    """Write features as Parquet, whole or not at all, and return the names of their columns."""
    names = feature_names({"medgauge": __version__, **features.about}, features.values.shape[1])
    write_named(path, names, features)
    return names


def write_named(path: Path, names: Sequence[str], features: Features) -> None:
    """Write features as Parquet under the given f names, whole or not at all, with what made them."""
    import pyarrow
    import pyarrow.parquet

    columns = {features.by: pyarrow.array(features.key, pyarrow.string())} | {
        name: pyarrow.array(np.ascontiguousarray(column)) for name, column in zip(names, features.values.T, strict=True)
    }
    about = {"medgauge": __version__, **features.about}
    table = pyarrow.table(columns).replace_schema_metadata({KEY: json.dumps(about).encode()})
    write_whole(path, lambda part: pyarrow.parquet.write_table(table, part))
