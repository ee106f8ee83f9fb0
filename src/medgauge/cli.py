"""The command line: one short function a command. Status 0, 1 for anything wrong in the input, 2 for an unknown command or flag."""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

SHORT = {
    "table": "data.table",
    "image": "data.image",
    "array": "data.array",
    "index": "data.index",
    "label": "data.label",
    "group": "data.group",
    "covariates": "data.covariates",
    "id": "data.id",
    "split": "data.split",
    "folds": "data.folds",
    "holdout": "data.holdout",
    "subgroups": "data.subgroups",
    "missing": "data.missing",
    "label_times": "data.label_times",
    "label_scaling": "data.label_scaling",
    "aggregate": "prediction.aggregate",
    "seed": "seed",
}
SWITCHES = {"no_groups": "data.no_groups", "resplit": "data.resplit", "skip_bad": "data.skip_bad"}
LISTS = ("label", "covariates", "subgroups")
NUMBERS = ("missing", "seed", "folds")
EXAMPLES = {
    "folds": "; 5: one model for each fifth left out",
    "holdout": "; site=B, or site=B,C",
    "aggregate": "; mean or none",
}


class UsageError(Exception):
    """An unknown command or flag: status 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    try:
        return _dispatch(given)
    except UsageError as error:
        print(f"medgauge: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("medgauge: stopped", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        print(f"medgauge: {_sentence(error)}", file=sys.stderr)
        return 1


def _sentence(error: Exception) -> str:
    from medgauge.core.errors import InputError

    if isinstance(error, InputError):
        return str(error)
    return f"{type(error).__name__}: {error} (give --debug for the whole trace)"


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0 if given else 2
    if given[0] == "--version":
        from medgauge.core.version import __version__

        print(f"medgauge {__version__}")
        return 0
    command = COMMANDS.get(given[0])
    if command is None:
        close = difflib.get_close_matches(given[0], COMMANDS, n=1)
        raise UsageError(
            f"there is no command {given[0]!r}"
            + (f"; did you mean {close[0]}?" if close else f"; known: {', '.join(COMMANDS)}")
        )
    return command(given[1:])


def _overview() -> str:
    lines = [f"  {name:<10}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: medgauge COMMAND …      (medgauge COMMAND --help tells more)",
            "",
            "Read a number, a grade or findings off medical images, with the training cases behind every value.",
            "",
            *lines,
        ]
    )


def _parser(command: Callable[[list[str]], int], name: str, example: str) -> Any:
    from jsonargparse import ArgumentParser

    class Parser(ArgumentParser):
        def error(self, message: str, ex: Exception | None = None) -> NoReturn:
            raise UsageError(f"{' '.join(message.split())}; see medgauge {name} --help")

    return Parser(
        prog=f"medgauge {name}", description=command.__doc__, epilog=f"example: {example}", exit_on_error=True
    )


def _add_recipe_flags(parser: Any) -> None:
    parser.add_argument(
        "recipe", nargs="?", type=str, help="recipe file, or the name of one of medgauge's (medgauge list recipes)"
    )
    _add_data_flags(parser)


def _add_data_flags(parser: Any) -> None:
    for short, place in SHORT.items():
        kind = EXAMPLES.get(short, "; several: a,b" if short in LISTS else "")
        parser.add_argument(f"--{short.replace('_', '-')}", dest=short, metavar="X", type=str, help=f"{place}{kind}")
    for switch, place in SWITCHES.items():
        parser.add_argument(f"--{switch.replace('_', '-')}", dest=switch, action="store_true", help=place)


def _dotted(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Take ``--section.key value`` out of the words; every setting of a recipe can be given so."""
    from medgauge.recipes.mistakes import unknown_keys
    from medgauge.recipes.read import override, parse_value
    from medgauge.recipes.schema import Recipe

    rest, changes, at = [], {}, 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        if not (name.startswith("--") and "." in name):
            rest.append(words[at])
            at += 1
            continue
        if not equals:
            at += 1
            if at == len(words):
                raise UsageError(f"{name} needs a value")
            value = words[at]
        place = name[2:].replace("-", "_")
        wrong = [] if place.startswith("objective.") else unknown_keys(override({}, {place: 0}), Recipe)
        if wrong:
            raise UsageError(wrong[0].replace(place, name, 1))
        changes[place] = parse_value(value)
        at += 1
    return rest, changes


def _recipe_changes(parsed: Any, dotted: dict[str, Any]) -> dict[str, Any]:
    from medgauge.recipes.read import parse_value

    changes: dict[str, Any] = {}
    for short, place in SHORT.items():
        value = getattr(parsed, short)
        if value is not None:
            changes[place] = (
                [part for part in value.split(",") if part]
                if short in LISTS
                else parse_value(value)
                if short in NUMBERS
                else value
            )
    changes |= {place: True for switch, place in SWITCHES.items() if getattr(parsed, switch)}
    return changes | dotted


def fit(words: list[str]) -> int:
    """Train a model from a recipe or a table, and write a run folder with its report."""
    from medgauge.api import fit as run_fit

    rest, dotted = _dotted(words)
    parser = _parser(
        fit, "fit", "medgauge fit --table cases.csv --image path --label age --group patient_id --out runs/age"
    )
    _add_recipe_flags(parser)
    parser.add_argument("--out", type=str, help="run folder; default runs/<recipe or label>")
    parser.add_argument("--test", action="store_true", help="read the test split at the end, and count that look")
    parser.add_argument("--no-images", action="store_true", help="keep no thumbnails of patients' images")
    parsed = parser.parse_args(rest)
    changes = _recipe_changes(parsed, dotted)
    out = parsed.out or f"runs/{_run_name(parsed.recipe, changes)}"
    run = run_fit(parsed.recipe, out=out, changes=changes, test=parsed.test, images=not parsed.no_images, terminal=True)
    _show(run)
    return 0


def _run_name(recipe: str | None, changes: dict[str, Any]) -> str:
    from pathlib import Path

    labels = changes.get("data.label")
    return Path(recipe).stem if recipe else "_".join(labels) if labels else "run"


def _show(run: Any) -> None:
    from medgauge.api.terminal import show_results

    show_results(run)


def check(words: list[str]) -> int:
    """Read recipe, table and every file, and list all that is wrong at once; trains nothing."""
    from medgauge.api import check as run_check

    rest, dotted = _dotted(words)
    parser = _parser(check, "check", "medgauge check --table cases.csv --image path --label age --group patient_id")
    _add_recipe_flags(parser)
    parsed = parser.parse_args(rest)
    for line in run_check(parsed.recipe, changes=_recipe_changes(parsed, dotted), terminal=True):
        print(line)
    return 0


def evaluate(words: list[str]) -> int:
    """Score a run on one of its splits, or on a table from elsewhere."""
    from medgauge.api import load
    from medgauge.api.terminal import show_block

    parser = _parser(evaluate, "evaluate", "medgauge evaluate runs/age --table other_site.csv --out runs/age_elsewhere")
    parser.add_argument("run", type=str, help="run folder")
    parser.add_argument("--table", type=str, help="table from elsewhere; its columns are found by name")
    parser.add_argument(
        "--split",
        type=str,
        help="split of the run (test, or out_of_fold of a run of folds), or rows of the table whose split column says so",
    )
    parser.add_argument("--out", type=str, help="folder for results.json and predictions.csv of a table")
    parser.add_argument(
        "--ids-are-local", action="store_true", help="group ids of the table are not those of the training table"
    )
    parser.add_argument("--no-images", action="store_true", help="keep no thumbnails of patients' images")
    parsed = parser.parse_args(words)
    run = load(parsed.run)
    if parsed.table is None:
        results = run.look(parsed.split or "test", images=not parsed.no_images)
        show_block(results, parsed.split or "test", run)
        return 0
    results = run.evaluate(parsed.table, out=parsed.out, split=parsed.split, ids_are_local=parsed.ids_are_local)
    show_block(results, "test", run)
    return 0


def predict(words: list[str]) -> int:
    """Read values off new images, with intervals and the training cases behind them."""
    from medgauge.api import load

    parser = _parser(predict, "predict", "medgauge predict runs/age --table new.csv --out values.csv")
    parser.add_argument("run", type=str, help="run folder")
    parser.add_argument("images", nargs="*", type=str, help="image files, in place of a table")
    parser.add_argument(
        "--table", type=str, help="table with the image column (and covariates) that the run was trained with"
    )
    parser.add_argument(
        "--covariate",
        action="append",
        default=[],
        type=str,
        help="name=value, for image files; again for each covariate",
    )
    parser.add_argument(
        "--ids-are-local", action="store_true", help="group ids of the table are not those of the training table"
    )
    parser.add_argument(
        "--aggregate", type=str, default="none", help="mean: one row a group of the table, the mean value of its images"
    )
    parser.add_argument("--out", type=str, help="CSV or Parquet file; without it the values are printed")
    parsed = parser.parse_args(words)
    run = load(parsed.run)
    frame = run.predict(
        parsed.table if parsed.table else list(parsed.images),
        covariates=parsed.covariate,
        ids_are_local=parsed.ids_are_local,
        aggregate=parsed.aggregate,
        out=parsed.out,
    )
    by_group = parsed.aggregate == "mean"
    print(
        f"{len(frame)} {'groups' if by_group else 'cases'} written to {parsed.out}"
        if parsed.out
        else frame.to_csv(index=False),
        end="\n" if parsed.out else "",
    )
    print(run.interval_note(by_group=by_group), file=sys.stderr)
    return 0


def compare(words: list[str]) -> int:
    """Compare methods on the same cases over seeds: tuned alike, the test split read once a run."""
    from medgauge.api import compare as run_compare

    rest, dotted = _dotted(words)
    parser = _parser(
        compare, "compare", "medgauge compare hc18_l1 --losses l1,rm,jocorank --seeds 5 --out runs/hc18_losses"
    )
    parser.add_argument("recipes", nargs="*", type=str, help="recipes, the base of --losses, or finished run folders")
    parser.add_argument("--losses", type=str, help="recipes laid over the one base recipe: a,b,c")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each method")
    parser.add_argument("--trials", type=int, default=3, help="tuning runs of each method, on val; 1 = no tuning")
    parser.add_argument(
        "--grid",
        action="append",
        default=[],
        type=str,
        help="one more setting to tune: [METHOD:]setting=a,b; repeatable",
    )
    parser.add_argument("--reference", type=str, help="method that the others are compared with; default the first")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    parser.add_argument("--keep-runs", action="store_true", help="keep every run folder, with its weights")
    _add_data_flags(parser)
    parser.add_argument("--out", type=str, default="runs/compare", help="folder of the comparison")
    parsed = parser.parse_args(rest)
    run_compare(
        parsed.recipes,
        out=parsed.out,
        losses=[name for name in (parsed.losses or "").split(",") if name],
        seeds=parsed.seeds,
        trials=parsed.trials,
        grid=parsed.grid,
        reference=parsed.reference,
        changes=_recipe_changes(parsed, dotted),
        workers=parsed.workers,
        keep_runs=parsed.keep_runs,
        terminal=True,
    )
    return 0


def report(words: list[str]) -> int:
    """Write report.html anew, from the run folder alone."""
    from medgauge.report import write_report
    from medgauge.runfolder import RunFolder

    parser = _parser(report, "report", "medgauge report runs/age")
    parser.add_argument("run", type=str, help="run folder")
    parser.add_argument("--no-images", action="store_true", help="leave patients' images out of the page")
    parsed = parser.parse_args(words)
    folder = RunFolder(parsed.run)
    folder.check_complete()
    print(f"report: {write_report(folder.path, images=not parsed.no_images)}")
    return 0


def list_parts(words: list[str]) -> int:
    """List what there is: recipes, losses, encoders, samplers, metrics or settings."""
    from medgauge.api.terminal import LISTS as parts
    from medgauge.api.terminal import show_list

    parser = _parser(list_parts, "list", "medgauge list losses")
    parser.add_argument("what", type=str, help=", ".join(parts))
    parsed = parser.parse_args(words)
    if parsed.what not in parts:
        close = difflib.get_close_matches(parsed.what, parts, n=1)
        raise UsageError(
            f"there is no list of {parsed.what!r}"
            + (f"; did you mean {close[0]}?" if close else f"; known: {', '.join(parts)}")
        )
    show_list(parsed.what)
    return 0


def demo(words: list[str]) -> int:
    """Train on bundled fetal ultrasound images (two minutes on two cores) and write its report."""
    from pathlib import Path

    from medgauge.api import fit as run_fit

    rest, dotted = _dotted(words)
    parser = _parser(demo, "demo", "medgauge demo")
    parser.add_argument("--out", type=str, help="run folder; default runs/demo, or the first free runs/demo-N")
    parsed = parser.parse_args(rest)
    free = (name for name in ["runs/demo", *(f"runs/demo-{n}" for n in range(2, 10_000))] if not Path(name).exists())
    run = run_fit("hc18_demo", out=parsed.out or next(free), changes=dotted, test=True, terminal=True)
    _show(run)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "fit": fit,
    "evaluate": evaluate,
    "predict": predict,
    "compare": compare,
    "report": report,
    "check": check,
    "list": list_parts,
}
