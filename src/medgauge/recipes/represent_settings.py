"""What a recipe may say of how cases become features: the encoder, its weights, or a table in its place."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from medgauge.core.settings import Range, Section, Size

Auto = Literal["auto"]
Name = Annotated[str, Size(1)]
RUN, TABLE = "run", "table"


@dataclass
class RepresentSettings(Section):
    """How images become features.

    Args:
        name: scratch = the encoder is trained from random weights; tuned = a pretrained one is trained on, at a tenth of the
            learning rate of the new layers, below 16 cases a batch with the statistics of its normalisation; frozen = a
            pretrained one is left as it is, and every image is read once; run = the encoder of a finished run, left as it is
            (or trained on, with train), with that run's image settings; table = no encoder and no image: features are
            columns of the files that source names; auto = as if it were not given: without a recipe the plan tries several,
            and beside one that recipe says it (scratch, where it is silent).
        source: the pretrained encoder of frozen and tuned: lite0, or timm/NAME from the hub (or, with
            model.encoder.pretrained, from a file); auto = model.encoder where that is given, else lite0. Of run the folder of a
            finished run of one fit. Of table the file
            of features, or several (Parquet, CSV or npz): a row a case with its id, and columns of numbers; columns are
            standardised by the training cases, and those of several files weighted so that each file counts the same.
        size: pixels of the longest side that frozen and tuned read of a 2-D image: larger images are shrunk to it, smaller
            ones stay as they are (below 96 pixels lite0, and timm's networks where frozen, enlarge them to 96); auto = 160
            where frozen, 224 where tuned; image.size, where given, rules.
        train: of run: its encoder is trained on, as in tuned.
    """

    place = "represent"

    name: Literal["scratch", "tuned", "frozen", "run", "table", "auto"] = "scratch"
    source: Name | Annotated[list[Name], Size(1, distinct=True)] = "auto"
    size: Annotated[int, Range(least=96, most=1024)] | Auto = "auto"
    train: bool = False

    def __post_init__(self) -> None:
        """Read the settings; a list of one source is that source, and auto of a recipe is scratch."""
        super().__post_init__()
        if self.name == "auto":
            self.name = "scratch"
        if isinstance(self.source, list) and len(self.source) == 1:
            self.source = self.source[0]

    @property
    def sources(self) -> list[str]:
        """The sources that are named, one or several; none where that is left open."""
        return [] if self.source == "auto" else [self.source] if isinstance(self.source, str) else list(self.source)

    @property
    def is_table(self) -> bool:
        """Whether features are columns of files."""
        return self.name == TABLE

    @property
    def is_run(self) -> bool:
        """Whether the encoder is that of a finished run."""
        return self.name == RUN

    @property
    def is_kept(self) -> bool:
        """Whether features are what they are, and nothing that makes them is trained."""
        return self.name in ("frozen", TABLE) or (self.is_run and not self.train)

    @property
    def is_tuned(self) -> bool:
        """Whether an encoder that was trained before is trained on."""
        return self.name == "tuned" or (self.is_run and self.train)

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        found = list[str]()
        if self.train and not self.is_run:
            found.append(f"represent.train has no effect with represent.name {self.name}; leave it out")
        needed = {RUN: "the folder of a finished run", TABLE: "the file of features"}
        if self.name in needed:
            if not self.sources:
                found.append(f"represent.name {self.name} needs represent.source, {needed[self.name]}")
            if self.size != "auto":
                reads = "reads none" if self.is_table else "reads them as that run does"
                found.append(
                    f"represent.size {self.size} is of images, and represent.name {self.name} {reads}; leave it out"
                )
        if len(self.sources) > 1 and not self.is_table:
            found.append(
                f"represent.source names {len(self.sources)} sources, and only represent.name table reads several; name one"
            )
            return found
        return found + [
            f"represent.{key} {value} has no effect with represent.name scratch; give frozen or tuned"
            for key, value in (("source", ", ".join(self.sources) or "auto"), ("size", self.size))
            if self.name == "scratch" and value != "auto"
        ]


@dataclass
class EncoderSettings(Section):
    """The network from image to features.

    Args:
        name: one of those that medgauge list encoders tells; auto = small.
        width: factor of the channels of small and MONAI's ResNets.
        norm: normalisation; auto = batch in 2-D, group in 3-D, and what timm's networks have (default).
        pretrained: package (of lite0), hub (of timm's networks), or a local file of weights; none or null = random weights.
        settings: further settings of that encoder; of timm's networks also features (last, or stages: mean and deviation of
            the channels at the end of every stage, as frozen has them) and mean and deviation of the pretraining's colours.
    """

    place = "model.encoder"

    name: Annotated[str, Size(1)] = "auto"
    width: Annotated[float, Range(least=0.001, most=64)] = 1.0
    norm: Literal["auto", "default", "batch", "group", "instance"] = "auto"
    pretrained: Annotated[str, Size(1)] | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def represent_conflicts(represent: RepresentSettings, encoder: EncoderSettings, *, average: str) -> list[str]:
    """What does not hold between these settings, a sentence each.

    Args:
        represent: how images become features.
        encoder: the network.
        average: ``prediction.average``.
    """
    name, found = represent.name, list[str]()
    if represent.is_kept and average != "none":
        read = "no image" if represent.is_table else "once"
        found.append(
            f"prediction.average reads images several times, and represent.name {name} {read}; set prediction.average to none"
        )
    if represent.is_run:
        if encoder.pretrained is not None:
            found.append(
                f"represent.name run has the weights of that run, and model.encoder.pretrained is {encoder.pretrained}; leave it out"
            )
        return found
    if represent.is_table:
        if encoder.name not in ("auto", TABLE):
            found.append(
                f"represent.name table has no encoder, and model.encoder.name is {encoder.name}; leave one of them out"
            )
        return found
    by_source = encoder.name == "auto" and bool(represent.sources)
    network = represent.sources[0] if by_source else encoder.name
    if name != "scratch" and not (network in ("auto", "lite0") or network.startswith("timm/")):
        place = "represent.source" if by_source else "model.encoder.name"
        found.append(
            f"represent.name {name} needs pretrained weights, and {place} {network} has none; give lite0 "
            "or timm/NAME, or represent.name scratch"
        )
    if represent.sources and encoder.name not in ("auto", *represent.sources):
        found.append(
            f"represent.source {represent.sources[0]} and model.encoder.name {encoder.name} are two encoders; give one of them"
        )
    if name != "scratch" and encoder.pretrained == "none":
        found.append(
            f"represent.name {name} needs pretrained weights, and model.encoder.pretrained none gives random "
            "ones; leave it out, or give represent.name scratch"
        )
    return found
