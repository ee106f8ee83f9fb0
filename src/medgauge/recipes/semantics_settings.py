"""What a recipe may say of label vectors and the prototypes of a head."""

from dataclasses import dataclass
from typing import Annotated, Literal

from medgauge.core.settings import Range, Section, Size

Source = Annotated[str, Size(1)]


@dataclass
class SemanticsSettings(Section):
    """Label vectors, where ``model.head`` is prototypes: what the names of findings mean.

    Args:
        source: chest14 or retina45 (the findings of ChestX-ray14 and RFMiD in words, by the small text model), minilm (the small
            text model), a folder with a text model, a file of vectors (as medgauge prototypes writes it), cooccurrence (in the training
            labels), orthogonal, one_hot, or shuffled (each finding has another's vector).
        of: of shuffled, the source whose vectors are dealt out.
        descriptions: of a text model: chest14, retina45, a YAML file, or names; auto = the first that describes all findings.
        adjust: centred, whitened or none; auto = centred for text models and files, none for the others.
        hidden: width of the hidden layer between label vectors and embedding; 0 = one linear layer.
        similarity: distance of unit vectors, or their cosine.
    """

    place = "model.semantics"

    source: Source = "chest14"
    of: Source = "chest14"
    descriptions: Source = "auto"
    adjust: Literal["auto", "centred", "whitened", "none"] = "auto"
    hidden: Annotated[int, Range(least=0, most=65_536)] = 256
    similarity: Literal["distance", "cosine"] = "distance"
