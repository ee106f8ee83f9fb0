"""One sentence for whatever does not hold between the values of files that were read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError, said_as
from medgauge.inference.pooled import AnyReader
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.tensors import not_finite


@contextmanager
def reading(*paths: Path) -> Iterator[None]:
    """Whatever is not there or of another kind than it must be within files that were read is one InputError.

    The kinds of label and the predictors read what is theirs; each raises its own kind of error.
    """
    with said_as(f"{' or '.join(map(str, paths))} cannot be read", AGAIN):
        yield


def check_reader(reader: AnyReader, galleries: Sequence[Cases], *paths: Path) -> None:
    """Read the first training case of each fit, so that what does not fit together is found when a run is loaded.

    Raises:
        InputError: numbers of targets, levels or axes differ between the files.
    """
    with reading(*paths):
        first = [gallery.take(torch.tensor([0])) for gallery in galleries]
        observed = reader.read(first).observed
        for said in (reader.calibrated.cases, reader.calibrated.groups):
            said.apply(observed)
            for place, target in enumerate(reader.task.columns):
                said.columns(target, place)
                said.note(place)


def check_divisor(source: Path, label_times: str | None, gallery: Cases) -> None:
    """Raise InputError unless settings divide labels where those of the gallery were divided.

    Args:
        source: the file of the settings.
        label_times: their covariate by which labels are divided; None = they are not.
        gallery: that was made by them.
    """
    if (label_times is None) != (gallery.divisor is None):
        are = "are not" if gallery.divisor is None else "are"
        raise InputError(
            f"{source} is not as it was written: data.label_times is {label_times or 'null'} there, and labels of the "
            f"gallery {are} divided; {AGAIN}"
        )


def check_embedded(source: Path, gallery: Cases, cases: Cases) -> None:
    """Raise InputError unless outputs of a model are finite and of the shapes that the gallery's are.

    Args:
        source: the file of the run folder that they come from, weights or outputs.
        gallery: of that run folder.
        cases: with the outputs.
    """
    kept = source.with_name("gallery.safetensors")
    for name in ("embedding", "prediction", "logits"):
        here, there = getattr(cases, name), getattr(gallery, name)
        if (here is None) != (there is None) or (here is not None and here.shape[1:] != there.shape[1:]):
            raise InputError(f"{source} and {kept} do not fit together (they differ in {name}); {AGAIN}")
        wrong = "" if here is None else not_finite(here.nan_to_num(0, torch.inf) if name == "logits" else here)
        if wrong:
            raise InputError(f"{source} cannot be used ({name} of {len(cases)} images {wrong}); {AGAIN}")
