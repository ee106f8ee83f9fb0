"""blend.json: of which candidates a blend is made, beside which it stands, their weights, and digests of their fits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medgauge.core.errors import InputError
from medgauge.core.forms import REAL, TEXT, Group, Listed, Named, check_form
from medgauge.core.version import __version__
from medgauge.data.tables.folds import fold_name
from medgauge.runfolder.folder import RunFolder
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import FITTED, file_digest, text_digest

NAME = "blend.json"
MEMBER = re.compile(r"[a-z][a-z_]{0,40}(_[2-9])?")
FORM = Group({"members": Listed(Group({"name": TEXT, "sha256": TEXT}), least=2), "weights": Named(Named(REAL))})


@dataclass(frozen=True)
class Blend:
    """What a blend is made of.

    Args:
        members: the candidates, the cheapest first, and a digest of the fits of each.
        weights: of each target, for each candidate, none negative and 1 in sum.
    """

    members: Mapping[str, str]
    weights: Mapping[str, Sequence[float]]


def write_blend(folder: RunFolder, blend: Blend, by_fold: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Write blend.json; ``by_fold``: of each target the weights that each fold's own cases have, found without its groups."""
    names = list(blend.members)

    def named(weights: Sequence[float]) -> dict[str, float]:
        return dict(zip(names, weights, strict=True))

    folder.write_json(
        NAME,
        {
            "medgauge": __version__,
            "members": [{"name": name, "sha256": digest} for name, digest in blend.members.items()],
            "weights": {target: named(weights) for target, weights in blend.weights.items()},
            "weights_by_fold": {target: [named(one) for one in folds] for target, folds in by_fold.items()},
        },
    )


def read_blend(folder: RunFolder, targets: Sequence[str]) -> Blend:
    """What blend.json holds.

    Raises:
        InputError: it is missing or damaged, or of other targets.
    """
    values = folder.read_json(NAME)
    try:
        check_form("", values, FORM)
        members = {one["name"]: one["sha256"] for one in values["members"]}
        if len(members) < len(values["members"]) or any(MEMBER.fullmatch(name) is None for name in members):
            raise ValueError("members must have different names of small letters")
        weights = {target: _weights(values["weights"], target, list(members)) for target in targets}
    except ValueError as error:
        raise folder.broken(NAME, error) from error
    return Blend(members, weights)


def _weights(values: Mapping[str, Any], target: str, names: Sequence[str]) -> list[float]:
    own = values.get(target, {})
    found = [float(own[name]) for name in names if name in own]
    if len(found) < len(names) or len(own) > len(names) or min(found) < 0 or abs(sum(found) - 1) > 1e-6:
        raise ValueError(f"weights of {target} must be one >= 0 for each of {', '.join(names)}, 1 in sum")
    return found


def fits_digest(member: RunFolder, folds: int) -> str:
    """One digest of the files of all folds' fits that values rest on; what is not there counts as empty."""
    parts = [f"{fold_name(fold)}/{name}" for fold in range(folds) for name in FITTED]
    return text_digest("\n".join(f"{name} {file_digest(member, name)}" for name in parts))


def member_folder(folder: RunFolder, name: str, digest: str, folds: int) -> RunFolder:
    """The run folder of one of the candidates of a blend, which stands beside it.

    Raises:
        InputError: it is not there, or its fits are not those that the blend was made of.
    """
    path = folder.path if folder.path.name not in ("", "..") else folder.path.resolve()
    inner = RunFolder(Path(path).parent).inner(name)
    if not inner.path.is_dir():
        raise InputError(f"{name}, which {folder.path} is made of, is not beside it; {AGAIN}")
    if fits_digest(inner, folds) != digest:
        raise InputError(
            f"the fits in {inner.path} are damaged, or are not those that {folder.path} was made of; {AGAIN}"
        )
    return inner
