"""Scores splits of a fit and writes predictions.csv, results.json, thumbnails and the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from medgauge.core.batch import Cases
from medgauge.data.tables.splits import SPLITS
from medgauge.evaluation.baselines import read_baselines
from medgauge.evaluation.scored import Scored, judge
from medgauge.evaluation.shown import training_reasons, with_reasons
from medgauge.evaluation.space import choose_graph, space_block
from medgauge.inference.reader import Reader
from medgauge.report import write_report
from medgauge.runfolder import RunFolder
from medgauge.runfolder.headline import first_shown
from medgauge.runs import files
from medgauge.runs.fitted import task_cases, task_known
from medgauge.runs.outputs import Outputs
from medgauge.runs.tables import write_predictions, write_problems
from medgauge.runs.thumbnails import write_thumbnails
from medgauge.study import Study
from medgauge.tasks import Tasks

JUDGED = ("val", "test")


@dataclass(frozen=True)
class Scorer:
    """What scoring the splits of a fit needs.

    Args:
        folder: where everything is written.
        study: the cases.
        tasks: fitted.
        readers: one a task.
        collected: the embedded cases of each split.
        gallery_rows: rows of the gallery's cases.
    """

    folder: RunFolder
    study: Study
    tasks: Tasks
    readers: Sequence[Reader]
    collected: Mapping[str, Cases]
    gallery_rows: Sequence[int]

    def write(self, splits: Sequence[str], results: dict[str, object], outputs: Outputs) -> dict[str, object]:
        """Score the splits and write all that depends on them; results.json comes last but for the page.

        A look at test is counted in ``results`` before.
        """
        recipe, parts = self.study.recipe, []
        by_group = recipe.prediction.aggregate == "mean"
        chosen = choose_graph(self.collected.get("val", self.collected["train"]), self.tasks)
        gallery = self.collected["train"].observed()
        for split in (name for name in SPLITS if name in splits and name in self.collected):
            scored = self.scored(split)
            parts.append((split, self.study.rows(split), scored))
            if split in JUDGED:
                seed = recipe.seed if outputs.report else None
                quality = space_block(self.collected[split], gallery, self.tasks, chosen)
                figures = blocks(scored, seed=seed, by_group=by_group, trainings=[results.get("training")])
                results[split] = figures | {"space": quality}
        write_predictions(self.folder, parts, self.gallery_rows, by_group=by_group)
        write_problems(self.folder, self.study)
        if outputs.images and outputs.report:
            write_thumbnails(self.folder, self.study)
        results = first_shown(results)
        self.folder.write_json("results.json", results)
        if outputs.report:
            write_report(self.folder.path, images=outputs.images)
        return results

    def scored(self, split: str) -> list[Scored]:
        """The cases of a split, read, for each task; with baselines where they are judged."""
        rows = self.study.rows(split)
        subgroups = {name: [values[row] for row in rows] for name, values in self.study.subgroups.items()}
        train, validation = (
            task_known(self.tasks, files.known_of(self.study, self.study.rows(name))) for name in ("train", "val")
        )
        covariates = torch.from_numpy(self.study.table.covariates)[rows]
        cases, found = task_cases(self.tasks, self.collected[split]), []
        for place, reader in enumerate(self.readers):
            values, sorts = (
                read_baselines(reader.task, train[place], validation[place], covariates)
                if split in JUDGED
                else ({}, {})
            )
            found.append(judge(reader, [cases[place]], baselines=values, sorts=sorts, subgroups=subgroups))
        return found


def blocks(
    scored: Sequence[Scored], *, seed: int | None, by_group: bool, trainings: Sequence[object] = ()
) -> dict[str, dict[str, object]]:
    """The figures of all targets of all tasks, and of kinds that have them those of all columns together.

    ``trainings`` of each fit, as results.json tells them, may explain them.
    """
    found = {target: block for one in scored for target, block in one.blocks(seed=seed, by_group=by_group).items()}
    with_reasons(found, training_reasons([one for one in trainings if isinstance(one, Mapping)]))
    for one in scored:
        found |= one.together(seed=seed)
    return found
