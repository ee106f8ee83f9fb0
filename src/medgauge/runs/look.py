"""Looks at a run's own splits: of one fit, or of the folds' whole; each look at the test split is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.problem import name_cases
from medgauge.core.threads import few_threads
from medgauge.data.cases import make_cases
from medgauge.data.tables.splits import SPLITS
from medgauge.recipes.schema import Recipe
from medgauge.report import write_report
from medgauge.runfolder.contents import read_finished
from medgauge.runfolder.headline import first_shown
from medgauge.runfolder.lock import held
from medgauge.runfolder.looks import begin_look
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import FIGURED, LOOKED, PAGE, rewriting
from medgauge.runfolder.tables import read_rows
from medgauge.runfolder.whole import refuse_damaged
from medgauge.runs import files
from medgauge.runs.ensemble import OUT_OF_FOLD, Ensemble
from medgauge.runs.evaluate import score_table, spaces
from medgauge.runs.fitted import Fit
from medgauge.runs.new_cases import embed_each
from medgauge.runs.notes import refuse_other_splits
from medgauge.runs.outputs import Outputs
from medgauge.runs.reading import check_embedded
from medgauge.runs.score import Scorer, blocks
from medgauge.runs.tables import write_predictions
from medgauge.runs.thumbnails import write_thumbnails
from medgauge.study import Study, load_study
from medgauge.study.changes import changed_cases
from medgauge.study.folds import fold_of_cases


def own_cache(recipe: Recipe) -> Recipe:
    """A stored recipe with the user's own cache of images: nothing is written where a run folder says."""
    return replace(recipe, data=replace(recipe.data, cache="auto"))


def study_of(fit: Fit) -> Study:
    """The cases of a run, read again.

    Raises:
        InputError: the table, or a picture, is not the one that the run was made from; or a file of the run is damaged.
    """
    study = load_study(own_cache(fit.recipe))
    there = read_rows(fit.folder, "splits.csv", ["id", "split", "picture"])
    _refuse_changes(fit, study, there)
    found = list(zip(study.table.id, study.splits, strict=True))
    if found != [(row["id"], row["split"]) for row in there]:
        raise _unlike(fit, found, {row["id"]: row["split"] for row in there})
    refuse_damaged(fit.folder, FIGURED)
    return study


def study_of_folds(run: Ensemble) -> Study:
    """The cases of all folds, read again.

    Raises:
        InputError: the table, or a picture, is not the one that the run was made from; or a file of the run is damaged.
    """
    study = load_study(own_cache(run.recipe))
    there = read_rows(run.folder, "splits.csv", ["id", "fold", "picture"])
    _refuse_changes(run, study, there)
    found = fold_of_cases(study)
    if found != [(row["id"], row["fold"]) for row in there]:
        raise _unlike(run, found, {row["id"]: row["fold"] for row in there})
    refuse_damaged(run.folder, FIGURED)
    return study


def _embedded(run: Ensemble, study: Study, rows: Sequence[int]) -> list[Cases]:
    """Some cases as the model of each fit embeds them; for the candidates of a blend they are read as each reads them.

    Raises:
        InputError: a candidate's settings give other cases.
    """
    found: list[Cases] = []
    studies = [(run.recipe, study)]
    for fit, recipe in zip(run.fits, run.recipes, strict=True):
        wanted = replace(recipe, data=replace(recipe.data, fold=None))
        own = next((one for made, one in studies if (made.image, made.data) == (wanted.image, wanted.data)), None)
        if own is None:
            own = load_study(own_cache(wanted))
            studies.append((wanted, own))
        if own.table.id != study.table.id:
            raise InputError(
                f"{fit.folder / 'recipe.yaml'} gives other cases than {run.folder / 'recipe.yaml'}; {AGAIN}"
            )
        arrays = make_cases(own.images, own.table.label, own.covariates, own.divisor)
        found += embed_each([fit], arrays, own.table, rows)
    return found


def _refuse_changes(run: Fit | Ensemble, study: Study, there: Sequence[Mapping[str, str]]) -> None:
    if study.table.digest != files.made_from(run.folder):
        made_of = [str(run.recipe.data.table), *(run.recipe.represent.sources if study.columns else [])]
        raise InputError(
            f"{' or '.join(made_of)} has changed since {run.folder.path} was made from it; put it back or fit again"
        )
    refuse_other_splits(run.folder)
    changes = changed_cases(there, study)
    if changes:
        raise InputError(f"{changes} since {run.folder.path} was made; put it back as it was, or fit again")


def _unlike(run: Fit | Ensemble, found: Sequence[tuple[str, str]], there: Mapping[str, str]) -> InputError:
    """What is raised where the table is the same, and cases stand in other splits, or another order, than in splits.csv."""
    cases = [name for name, split in found if there.get(name) != split]
    what = (
        f"{name_cases(cases)} {'is' if len(cases) == 1 else 'are'} in another split" if cases else "its rows are others"
    )
    return InputError(
        f"{run.folder / 'splits.csv'} does not fit {run.recipe.data.table} and recipe.yaml, by which {what}; put "
        "both files of the run back as they were, or fit again"
    )


def look_at(fit: Fit, split: str, outputs: Outputs) -> dict[str, object]:
    """The results of a run of one fit after a look at one of its splits; ``test`` is scored anew.

    Raises:
        InputError: the split is none that may be looked at, or has no cases.
    """
    if split not in ("val", "test"):
        raise InputError(
            f"--split must be val or test, got {split!r} (calibration serves intervals only, and train is in the gallery)"
        )
    if split == "val":
        found = read_finished(fit.folder)
        if "val" not in found:
            raise InputError(f"{fit.folder.path} has no validation cases; see --split test")
        return found
    study = study_of(fit)
    if not study.rows("test"):
        raise InputError(f"{fit.folder.path} has no test cases; give a table with --table")
    cases, folder = files.read_cases(fit.folder, study, SPLITS), fit.folder
    for part in cases.values():
        check_embedded(folder / "embeddings.safetensors", fit.gallery, part)
    scorer = Scorer(folder, study, fit.tasks, fit.readers, cases, fit.gallery_rows)
    with held(folder.path), few_threads(len(study.table)):
        results = read_finished(folder)
        results["looks"] = {"test": begin_look(folder, results)}
        with rewriting(folder, (*LOOKED, *PAGE)):
            return scorer.write(SPLITS, results, outputs)


def look_at_folds(run: Ensemble, split: str, outputs: Outputs) -> dict[str, object]:
    """The results of a run of folds after a look: the averaged values on the test cases that were kept out of all folds.

    Raises:
        InputError: the split is none that may be looked at, or no test cases were kept out.
    """
    if split not in (OUT_OF_FOLD, "test"):
        raise InputError(f"--split must be {OUT_OF_FOLD} or test for a run of folds, got {split!r}")
    before = read_finished(run.folder)
    if split == OUT_OF_FOLD:
        return before
    study, folder, recipe = study_of_folds(run), run.folder, run.recipe
    rows = study.rows("test")
    if not rows:
        raise InputError(
            f"{folder.path} keeps no test cases out of its folds; see --split {OUT_OF_FOLD}, or give a table with --table"
        )
    gathered = _embedded(run, study, rows)
    scored = score_table(run, study.table.take(rows), gathered, ids_are_local=False)
    by_group = recipe.prediction.aggregate == "mean"
    block: dict[str, object] = dict(blocks(scored, seed=recipe.seed, by_group=by_group, trainings=before["folds"]))
    block["space"] = spaces(run, gathered)
    with held(folder.path):
        before = read_finished(folder)
        count = begin_look(folder, before)
        with rewriting(folder, (*LOOKED, *PAGE)):
            write_predictions(folder, [("test", rows, scored)], run.gallery_rows, by_group=by_group, kept=OUT_OF_FOLD)
            if outputs.images:
                write_thumbnails(folder, study)
            results = first_shown(before | {"looks": {"test": count}, "test": block})
            folder.write_json("results.json", results)
            write_report(folder.path, images=outputs.images)
    return results
