"""One short function a command: its flags, the call, and what is shown of it."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from medgauge.cli.curve import curve
from medgauge.cli.embed import embed
from medgauge.cli.flags import Parser, UsageError
from medgauge.cli.pretrain import pretrain
from medgauge.cli.prototypes import prototypes
from medgauge.cli.radiomics import radiomics
from medgauge.cli.show import tell
from medgauge.cli.training import ANY_SETTING, check, demo, fit, plan
from medgauge.core.errors import InputError
from medgauge.core.words import did_you_mean, printable
from medgauge.recipes.read import check_changes
from medgauge.recipes.schema import Recipe

AGGREGATES = ("none", "mean")


def _add_array(parser: Parser) -> None:
    parser.flag(
        "--array", "array file with the images of the table, relative to its folder (volumes.npz#images, volumes.npy)"
    )
    parser.flag("--index", "column of rows in the array [named as the run's]")


def _add_source(parser: Parser) -> None:
    parser.several(
        "--source", "of a run that reads a table of features: their file for these cases; again for each", "FILE"
    )


def _check_run(folder: str) -> None:
    if not Path(folder).is_dir():
        raise InputError(f"there is no run folder {folder}")


def _add_spelling(parser: Parser) -> None:
    parser.switch("--merge-groups", "groups whose names differ in spelling alone, also from the run's, are one group")
    parser.switch("--groups-are-exact", "groups whose names differ so are different groups")


def _spelling(parsed: argparse.Namespace) -> Literal["exact", "merge"] | None:
    if parsed.merge_groups and parsed.groups_are_exact:
        raise UsageError("--merge-groups and --groups-are-exact contradict one another; give one of them")
    return "merge" if parsed.merge_groups else "exact" if parsed.groups_are_exact else None


def evaluate(words: list[str]) -> int:
    """Score a run on one of its splits, or on a table from elsewhere."""
    example = "medgauge evaluate runs/age --table other_site.csv --out runs/age_elsewhere"
    parser = Parser("evaluate", evaluate.__doc__, "RUN", example)
    parser.word("run", "run folder")
    parser.flag("--table", "table from elsewhere; its columns are found by name")
    parser.flag(
        "--split",
        "split of the run (test, or out_of_fold of a run of folds), or rows of the table whose split column says so",
    )
    parser.flag("--out", "folder for results.json and predictions.csv of a table")
    _add_array(parser)
    _add_source(parser)
    parser.switch("--ids-are-local", "group ids of the table are not those of the training table")
    _add_spelling(parser)
    parser.flag("--decimal", "mark of decimals where no cell tells: point or comma [as the run's]")
    parser.switch("--no-images", "keep no thumbnails of patients' images")
    parsed, _ = parser.read(words)
    spelling = _spelling(parsed)
    if parsed.table is None and (parsed.array or parsed.index):
        raise UsageError("--array and --index say where the images of a table are; give it too, with --table")
    if parsed.table is None and parsed.source:
        raise UsageError("--source has the features of a table's cases; give the table too, with --table")
    if parsed.table is None and parsed.out:
        raise UsageError(
            "--out is where the figures of a table go, and those of a split stay in the run; give --table, or no --out"
        )
    _check_run(parsed.run)
    from medgauge.cli.show import show_block
    from medgauge.runs.run import load

    run, split = load(parsed.run), parsed.split
    for note in run.notes:
        print(printable(note), file=sys.stderr)
    if parsed.table is None:
        show_block(run.look(split or "test", images=not parsed.no_images), split or "test")
    else:
        show_block(
            run.evaluate(
                parsed.table,
                out=parsed.out,
                split=split,
                array=parsed.array,
                index=parsed.index,
                ids_are_local=parsed.ids_are_local,
                spelling=spelling,
                decimal=parsed.decimal,
                source=parsed.source,
                terminal=True,
            ),
            "table",
        )
    return 0


def predict(words: list[str]) -> int:
    """Read values off new images, with intervals and the training cases behind them."""
    example = "medgauge predict runs/age --table new.csv --out values.csv"
    parser = Parser("predict", predict.__doc__, "RUN [IMAGE …]", example)
    parser.word("run", "run folder")
    parser.word("images", "image files, in place of a table", "*")
    parser.flag("--table", "table with the image column (and covariates) that the run was trained with")
    parser.several("--covariate", "of image files; again for each covariate", "NAME=VALUE")
    _add_array(parser)
    _add_source(parser)
    parser.switch("--ids-are-local", "group ids of the table are not those of the training table")
    _add_spelling(parser)
    parser.flag("--decimal", "mark of decimals where no cell tells: point or comma [as the run's]")
    parser.flag("--aggregate", "mean: one row a group of the table, the mean value of its images", default="none")
    parser.flag("--out", "CSV or Parquet file; without it the values are printed")
    parsed, _ = parser.read(words)
    spelling = _spelling(parsed)
    if parsed.table and parsed.images:
        raise UsageError(f"give image files ({parsed.images[0]}) or a table with --table, not both")
    if parsed.aggregate not in AGGREGATES:
        raise InputError(
            f"--aggregate must be none or mean, got {parsed.aggregate}; {did_you_mean(parsed.aggregate, AGGREGATES)}"
        )
    _check_run(parsed.run)
    from medgauge.runs.predict import frame_text
    from medgauge.runs.run import load

    run, by_group = load(parsed.run), parsed.aggregate == "mean"
    frame = run.predict(
        parsed.table if parsed.table else list(parsed.images),
        covariates=parsed.covariate,
        array=parsed.array,
        index=parsed.index,
        ids_are_local=parsed.ids_are_local,
        aggregate=parsed.aggregate,
        out=parsed.out,
        spelling=spelling,
        decimal=parsed.decimal,
        source=parsed.source,
        terminal=True,
    )
    if parsed.out:
        tell(f"{len(frame)} {'groups' if by_group else 'cases'} written to {parsed.out}")
    else:
        text = frame_text(frame)
        print(printable(text) if sys.stdout.isatty() else text, end="")
    print(printable(run.promise(by_group=by_group)), file=sys.stderr)
    return 0


def _workers(text: str) -> int | str:
    if text == "auto":
        return text
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and int(text) >= 1):
        raise InputError(f"--workers must be >= 1 or auto, got {text}")
    return int(text)


def compare(words: list[str]) -> int:
    """Compare methods on the same cases over seeds: tuned alike, the test split read once a run."""
    example = "medgauge compare hc18_l1 --losses l1,rm,jocorank --seeds 5 --out runs/hc18_losses"
    parser = Parser("compare", f"{compare.__doc__} {ANY_SETTING}", "RECIPE …", example)
    parser.word("recipes", "recipes, the base of --losses, or finished run folders", "*")
    parser.flag("--losses", "recipes laid over the one base recipe: a,b,c")
    parser.count("--seeds", "runs of each method; fewer than three decide nothing", 5)
    parser.count("--partitions", "with --folds, how often the cases are cut into folds", 1)
    parser.count("--trials", "tuning runs of each method, on val; 1 = no tuning", 3)
    parser.several("--grid", "one more setting to tune; again for each", "[METHOD:]SETTING=A,B")
    parser.flag("--reference", "method that the others are compared with [the first]")
    parser.flag("--workers", "runs at a time; auto = one a visible GPU, else one a thread", "1")
    parser.flag("--shard", "with --folds, 2/8: every 8th training part here, the others elsewhere in the same folder")
    parser.switch("--keep-runs", "keep every run folder, with its weights")
    parser.flag("--out", "folder of the comparison", default="runs/compare")
    parser.add_settings(Recipe, short=True, listed=False)
    parsed, changes = parser.read(words)
    check_changes(None, changes, shared=True)
    from medgauge.cli.show import show_comparison
    from medgauge.comparing.compare import compare as run_compare

    values = run_compare(
        parsed.recipes,
        out=parsed.out,
        losses=[name for name in (parsed.losses or "").split(",") if name],
        seeds=parsed.seeds,
        partitions=parsed.partitions,
        trials=parsed.trials,
        grid=parsed.grid,
        reference=parsed.reference,
        changes=changes,
        workers=_workers(parsed.workers),
        shard=parsed.shard,
        keep_runs=parsed.keep_runs,
        terminal=True,
    )
    if "figures" in values:
        show_comparison(values, parsed.out)
    return 0


def report(words: list[str]) -> int:
    """Write report.html anew, from the run folder alone."""
    parser = Parser("report", report.__doc__, "RUN", "medgauge report runs/age")
    parser.word("run", "run folder")
    parser.switch("--no-images", "leave patients' images out of the page")
    parsed, _ = parser.read(words)
    _check_run(parsed.run)
    from medgauge.report import write_report
    from medgauge.runfolder import RunFolder
    from medgauge.runfolder.chosen import answering
    from medgauge.runfolder.whole import written_notes

    given = RunFolder(parsed.run)
    if given.is_pretraining():
        from medgauge.report.pretraining import write_pretraining_page

        given.check_complete(pretraining=True)
        tell(f"report: {write_pretraining_page(given.path, images=not parsed.no_images)}")
        return 0
    folder = answering(given)
    folder.check_complete()
    for note in written_notes(folder):
        print(printable(note), file=sys.stderr)
    tell(f"report: {write_report(folder.path, images=not parsed.no_images)}")
    if folder is not given:
        from medgauge.report.candidates import write_candidates_page

        tell(f"report of the candidates: {write_candidates_page(given.path)}")
    return 0


def list_parts(words: list[str]) -> int:
    """List what there is: recipes, losses, encoders, samplers, metrics or settings."""
    from medgauge.cli.lists import LISTS, show_list

    parser = Parser("list", list_parts.__doc__, "WHAT", "medgauge list losses")
    parser.word("what", ", ".join(LISTS))
    parsed, _ = parser.read(words)
    if parsed.what not in LISTS:
        raise UsageError(f"there is no list of {parsed.what!r}; {did_you_mean(parsed.what, LISTS)}")
    show_list(parsed.what)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "fit": fit,
    "plan": plan,
    "evaluate": evaluate,
    "predict": predict,
    "compare": compare,
    "curve": curve,
    "prototypes": prototypes,
    "pretrain": pretrain,
    "embed": embed,
    "radiomics": radiomics,
    "report": report,
    "check": check,
    "list": list_parts,
}
