"""The finished run whose encoder another run takes: its description, its weights, and how it read images."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from medgauge.core.errors import InputError
from medgauge.core.problem import name_cases
from medgauge.models.encoders import Encoder
from medgauge.models.stored import build_stored
from medgauge.recipes.image_settings import ImageSettings
from medgauge.recipes.represent_settings import EncoderSettings
from medgauge.recipes.schema import Recipe
from medgauge.recipes.stored import stored_recipe
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import answering
from medgauge.runfolder.opening import said_of_pretraining
from medgauge.runfolder.seal import LOADED
from medgauge.runfolder.tables import read_rows
from medgauge.runfolder.tensors import not_finite
from medgauge.runfolder.whole import vouched

ENCODER = "model.encoder."
KNOWN = "had a part in the "
"""What a note says of judged cases that the encoder knows."""

TRAINED = ("train", "val", "calibration")
"""Splits of a run whose cases had a part in its training, or in what was chosen of it."""


class SourceRun(NamedTuple):
    """A finished run of one fit: its folder, its recipe, and the description of its model (:meth:`Model.describe`)."""

    folder: RunFolder
    recipe: Recipe
    description: dict[str, Any]  # as JSON holds it

    @property
    def encoder(self) -> EncoderSettings:
        """Its encoder, as a recipe says it."""
        known = {name: self.description["encoder"][name] for name in ("name", "width", "norm", "settings")}
        return EncoderSettings(**known)


def read_source(path: str) -> SourceRun:
    """A finished run, or a finished pretraining, read as data.

    Raises:
        InputError: it is no whole run of one fit, or has no encoder.
    """
    if not Path(path).is_dir():
        raise InputError(f"represent.source names {path}, and there is no such run folder")
    folder = answering(RunFolder(path))
    folder.check_complete(pretraining=folder.is_pretraining())
    if folder.is_ensemble():
        raise InputError(
            f"represent.source {path} has several fits, whose encoders differ; give one of them ({folder.path / 'fold-0'}), or a run "
            "without folds"
        )
    with _said_of(folder), vouched(folder, LOADED):
        recipe, saved = stored_recipe(folder.read_yaml("recipe.yaml")), folder.read_json("model.json")
        shapes = folder.read_shapes("model.safetensors")
        own = {name.removeprefix("model."): shape for name, shape in shapes.items() if name.startswith("model.")}
        try:
            model = build_stored(saved.get("model"), own)
        except ValueError as error:
            raise InputError(f"{folder / 'model.json'} is no model of this version of medgauge: {error}") from error
    if recipe.represent.is_table:
        raise InputError(
            f"represent.source {path} is a run that reads a table of features and has no encoder; give one of images"
        )
    return SourceRun(folder, recipe, model.describe())


def _said_of(folder: RunFolder) -> AbstractContextManager[None]:
    """Errors about the folder's files in the words of what it is, a run or a pretraining."""
    return said_of_pretraining() if folder.is_pretraining() else nullcontext()


def trained_source(path: str) -> SourceRun:
    """The run in which an encoder was trained last, which a run that left it as it is only names."""
    found = read_source(path)
    before = found.recipe.represent
    if before.is_run and before.is_kept and Path(before.sources[0]).is_dir():
        return trained_source(before.sources[0])
    return found


def load_encoder(encoder: Encoder, folder: RunFolder) -> None:
    """Put the weights of a run's encoder into one of the same description.

    Raises:
        InputError: they are damaged, or of another encoder.
    """
    with _said_of(folder), vouched(folder, LOADED):
        held = folder.read_tensors("model.safetensors")
    weights = {name.removeprefix(ENCODER): tensor for name, tensor in held.items() if name.startswith(ENCODER)}
    for name, tensor in weights.items():
        wrong = not_finite(tensor)
        if wrong:
            raise folder.broken("model.safetensors", f"{name} {wrong}")
    try:
        encoder.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(
            f"the encoder of {folder.path} was trained on images of other channels or axes and does not read these; give images like those"
        ) from error


def source_digest(recipe: Recipe) -> str:
    """SHA-256 of the file of weights that an encoder is taken from; no text where none is."""
    if not recipe.represent.is_run or not Path(recipe.represent.sources[0]).is_dir():
        return ""
    folder = answering(RunFolder(recipe.represent.sources[0]))
    return hashlib.sha256(folder.read_bytes("model.safetensors")).hexdigest()


def taken_image(wanted: ImageSettings, source: SourceRun) -> ImageSettings:
    """The image settings of the source, by which its encoder reads images.

    Raises:
        InputError: a setting that is given says otherwise.
    """
    usual, own = ImageSettings(), source.recipe.image
    for name, value in vars(wanted).items():
        there = getattr(own, name)
        if value not in (getattr(usual, name), there):
            raise InputError(
                f"image.{name} is {value}, and the run {source.folder.path} reads images with {there}; leave it out"
            )
    return own


def known_notes(
    source: SourceRun,
    digests: Sequence[str],
    group: Sequence[str],
    ids: Sequence[str],
    tested: Sequence[bool],
    *,
    named: bool,
) -> list[str]:
    """A note where cases that are judged had a part in the training of the encoder, with their labels or, in a pretraining, without.

    Args:
        source: the run.
        digests: of the pictures of n cases.
        group: of the n cases.
        ids: of the n cases.
        tested: which of them are test cases; the others choose settings and calibrate.
        named: groups are called as the source's.
    """
    if source.recipe.represent.is_kept:  # which no label has changed
        return []
    unlabelled = source.recipe.pretraining.is_on
    rows = read_rows(source.folder, "splits.csv", ["picture", "group", "pretrained" if unlabelled else "split"])
    own = [row for row in rows if (row["pretrained"] == "1" if unlabelled else row["split"] in TRAINED)]
    pictures, groups = {row["picture"] for row in own} - {""}, {row["group"] for row in own} if named else set()
    found = [digest in pictures or of in groups for digest, of in zip(digests, group, strict=True)]
    seen = [name for name, known in zip(ids, found, strict=True) if known]
    if not seen:
        return []
    if unlabelled and not any(known and test for known, test in zip(found, tested, strict=True)):
        return [
            f"{len(seen)} of the {len(ids)} cases that are judged, no test case among them, {KNOWN}pretraining of "
            f"{source.folder.path} (inductive), without their labels ({name_cases(seen)}); figures of the test split are of new cases"
        ]
    if unlabelled:
        return [
            f"{len(seen)} of the {len(ids)} cases that are judged, or other images of their groups, {KNOWN}pretraining of "
            f"{source.folder.path} (transductive), without their labels ({name_cases(seen)}); for figures of new cases judge by others"
        ]
    return [
        f"{len(seen)} of the {len(ids)} cases that are judged, or other images of their groups, {KNOWN}training of "
        f"{source.folder.path} with their labels ({name_cases(seen)}), so that figures on them are too good; judge by other cases"
    ]
