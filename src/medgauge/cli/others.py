"""Whose a flag is that a command does not have."""

from collections.abc import Collection, Sequence
from functools import cache

from medgauge.core.words import nearest
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import settings as settings_of

SHORT = ("data", "prediction.aggregate")  # sections and settings that have flags of their last name alone

FLAGS = {
    "demo": ("--out",),
    "fit": ("--out", "--budget", "--test", "--no-images"),
    "plan": ("--out", "--budget"),
    "predict": (
        "--table", "--covariate", "--array", "--index", "--source", "--ids-are-local", "--merge-groups", "--groups-are-exact", "--decimal",
        "--aggregate", "--out",
    ),
    "evaluate": (
        "--table", "--split", "--out", "--array", "--index", "--source", "--ids-are-local", "--merge-groups", "--groups-are-exact",
        "--decimal", "--no-images",
    ),
    "report": ("--no-images",),
    "compare": (
        "--losses", "--seeds", "--partitions", "--trials", "--grid", "--reference", "--workers", "--shard", "--keep-runs",
        "--out",
    ),
    "curve": ("--out", "--draws"),
    "prototypes": (
        "--labels", "--source", "--of", "--descriptions", "--pooling", "--adjust", "--table", "--label", "--split",
        "--missing", "--dimension", "--seed", "--out",
    ),
    "pretrain": ("--out", "--no-images"),
    "embed": ("--out", "--source"),
    "radiomics": (
        "--table", "--image", "--mask", "--mask-label", "--id", "--array", "--index", "--bin-width", "--spacing", "--image.nan",
        "--workers", "--cache", "--out",
    ),
}  # fmt: skip
"""The flags of each command that are no settings, so that one given to another command can be told whose it is."""


def short_flag(place: str) -> str | None:
    """The flag of a setting's last name alone, where it has one.

    >>> short_flag("data.label_times"), short_flag("training.steps")
    ('--label-times', None)
    """
    if place.partition(".")[0] not in SHORT and place not in SHORT:
        return None
    return f"--{place.rpartition('.')[2].replace('_', '-')}"


ELSEWHERE = {
    "lr": "optimiser.learning_rate", "learning-rate": "optimiser.learning_rate", "wd": "optimiser.weight_decay",
    "epochs": "training.steps", "max-epochs": "training.steps", "max-steps": "training.steps", "bs": "training.batch_size",
    "batch-size": "training.batch_size", "gpus": "training.devices", "device": "training.accelerator",
    "amp": "training.precision", "backbone": "model.encoder.name", "model": "model.encoder.name",
    "loss": "objective",
}  # fmt: skip
"""What other tools call settings, by the last part of the name."""


def called_elsewhere(name: str, known: Collection[str]) -> str | None:
    """The setting that other tools call so, as a flag; None where it is none of a command.

    >>> called_elsewhere("--optimizer.lr", ["--optimiser.learning_rate"])
    '--optimiser.learning_rate'
    """
    place = name[2:].replace("optimizer", "optimiser")
    found = ELSEWHERE.get(place.rpartition(".")[2].replace("_", "-"), place)
    return f"--{found}" if f"--{found}" in known and f"--{found}" != name else None


@cache
def fit_flags() -> tuple[str, ...]:
    """The flags of all settings of a recipe."""
    places = [setting.place for setting in settings_of(Recipe)]
    return (*(f"--{place}" for place in places), *filter(None, map(short_flag, places)))


def whose(name: str, own: Sequence[str], *, settings: bool, program: str) -> str:
    """What is said of a flag that a command does not have: the nearest of its own, or whose it is.

    >>> whose("--image.size", ["--table"], settings=False, program="medgauge predict")
    'it is a flag of medgauge fit; see medgauge predict --help'

    Args:
        name: the flag.
        own: those of the command.
        settings: whether the settings of a recipe are among them.
        program: the command, for its help.
    """
    of_fit = () if settings else fit_flags()
    if called := called_elsewhere(name, of_fit):
        return f"{called} is a flag of medgauge fit; see {program} --help"
    if of_fit and (alike := nearest(name, own, likeness=0.9)):
        return f"did you mean {alike}?"
    if any(name == flag or name.startswith(f"{flag}.") for flag in of_fit):
        return f"it is a flag of medgauge fit; see {program} --help"
    if ends := [flag for flag in of_fit if flag.endswith(f".{name[2:]}")]:
        are = "is a flag" if len(ends) == 1 else "are flags"
        return f"{' and '.join(ends)} {are} of medgauge fit; see {program} --help"
    near = nearest(name, [*own, *(flag for flags in FLAGS.values() for flag in flags), *of_fit], likeness=0.6)
    if near is None or near in own:
        return f"did you mean {near}?" if near else f"see {program} --help"
    others = [command for command, flags in FLAGS.items() if near in flags] or ["fit"]
    return (
        f"{'it' if near == name else near} is a flag of {' and '.join(f'medgauge {one}' for one in others)}; "
        f"see {program} --help"
    )
