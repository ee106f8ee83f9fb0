"""Pictures of what a pretraining compares: two random changes of the same image, of a few cases."""

from dataclasses import replace

import torch

from medgauge.fitting.pretrain_cases import PretrainCases
from medgauge.fitting.pretrain_parts import PretrainParts
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import PAGE, rewriting
from medgauge.runs.thumbnails import write_thumbnail

SHOWN = 4
"""Cases."""


def write_views(folder: RunFolder, cases: PretrainCases, parts: PretrainParts) -> None:
    """Write both views of the first cases of a first step: thumbnails/0.png and 1.png of one case, 2.png and 3.png of another.

    The numbers are not the rows of the table, and nothing tells which case a picture is of.
    """
    study = cases.study
    drawn = parts.batches(rank=0, world_size=1, device=torch.device("cpu"))
    plain = replace(drawn, settings=replace(drawn.settings, selection="none"), first=None)
    batch = plain.parts(0, SHOWN)[0]()
    if batch.view is None:
        return
    with rewriting(folder, PAGE[1:]):
        for place, (row, *views) in enumerate(zip(batch.row.tolist(), batch.image, batch.view, strict=True)):
            fact = study.images.facts[row]
            spacing = study.recipe.image.spacing or (None if fact is None or fact.spacing is None else [*fact.spacing])
            for view, one in enumerate(views):
                write_thumbnail(folder, 2 * place + view, one.contiguous().numpy(), 1.0, spacing=spacing)
