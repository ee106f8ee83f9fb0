"""A finished run, as Python users hold it: predict, evaluate, look at the test split."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from medgauge.core.errors import InputError, check_switches
from medgauge.data.tables.names import Spelling
from medgauge.data.tables.numbers import Mark
from medgauge.recipes.doors import door
from medgauge.recipes.schema import Recipe
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import answer_note, answering
from medgauge.runfolder.contents import read_results
from medgauge.runs.ensemble import Finished
from medgauge.runs.evaluate import evaluate_table
from medgauge.runs.fitted import Fit
from medgauge.runs.load import load_ensemble, load_fit
from medgauge.runs.look import look_at, look_at_folds
from medgauge.runs.notes import seal_notes
from medgauge.runs.outputs import Outputs
from medgauge.runs.predict import predict_cases

if TYPE_CHECKING:
    from pandas import DataFrame


class Run:
    """A finished run folder, of one fit or of several folds, ready to read values off new images.

    >>> run = medgauge.load("runs/age")  # doctest: +SKIP
    >>> run.predict(["hand.png"])  # doctest: +SKIP

    Args:
        finished: its model, readers and results.
        look: scores one of its own splits: results after that look.
        chosen: which of several candidates it is, in words.
    """

    def __init__(
        self, finished: Finished, look: Callable[[str, Outputs], dict[str, Any]], chosen: Sequence[str] = ()
    ) -> None:
        self.finished, self._look, self.chosen = finished, look, list(chosen)

    @property
    def folder(self) -> RunFolder:
        """The run folder."""
        return self.finished.folder

    @property
    def recipe(self) -> Recipe:
        """The recipe as used."""
        return self.finished.recipe

    @property
    def results(self) -> dict[str, Any]:
        """What results.json holds."""
        return read_results(self.folder)

    @property
    def targets(self) -> list[str]:
        """Names of the targets."""
        return self.finished.tasks.targets

    @property
    def notes(self) -> list[str]:
        """What is said of the folder: which candidate answers, settings that were edited since, files that are damaged."""
        return [*self.chosen, *seal_notes(self.finished)]

    @door
    def predict(
        self,
        cases: str | Path | Sequence[str | Path],
        *,
        covariates: Sequence[str] | Mapping[str, float | str] = (),
        array: str | Path | None = None,
        index: str | None = None,
        ids_are_local: bool = False,
        aggregate: Literal["none", "mean"] = "none",
        out: str | Path | None = None,
        spelling: Spelling | None = None,
        decimal: Mark | None = None,
        source: str | Path | Sequence[str | Path] = (),
        terminal: bool = False,
    ) -> "DataFrame":
        """Values, intervals and evidence of new cases, one row a case, as in predictions.csv without labels.

        ``attrs["notes"]`` of the table says how many of the images are those that the run was made with, how many cases the
        gallery says little of, what is odd in the table and its images, and what is wrong with the folder (``notes``), if
        anything is.

        Args:
            cases: a table with the columns that the run was trained with (labels are not needed), or image files.
            covariates: for image files: name to value (or "name=value" texts), the same for all of them.
            array: array file with the images of the table, relative to its folder (volumes.npz#images or volumes.npy). A run
                whose own images are in one needs it; none is taken by itself.
            index: the table's column of rows in ``array``, from 0; None = called as the run's.
            ids_are_local: the table's group ids are not those of the training table; without it, training cases of the
                same group id are never neighbours.
            aggregate: mean = one row a group of the table, the mean value of its cases, with an interval of its own.
            out: CSV or Parquet file to write; one that is there is written over only if it holds such values.
            spelling: of groups that differ from one another, or from the run's, in spelling alone (case, separators, zeros):
                alike = refused, merge = one group, exact = different groups; None = as the run's recipe says.
            decimal: the mark of decimals of the table, for columns where no cell tells whether 1,234 is a thousand: point
                or comma; None = as the run's recipe says.
            source: of a run that reads a table of features the file of those of these cases; of several files as many, in
                the run's order.
            terminal: write notes on the table.

        Raises:
            InputError: a file or column is missing, or does not fit the model.
        """
        return predict_cases(
            self.finished,
            cases,
            covariates=covariates,
            array=array,
            index=index,
            ids_are_local=ids_are_local,
            aggregate=aggregate,
            out=out,
            spelling=spelling,
            decimal=decimal,
            source=source,
            terminal=terminal,
            said=self.chosen,
        )

    @door
    def evaluate(
        self,
        table: str | Path,
        *,
        out: str | Path | None = None,
        split: str | None = None,
        array: str | Path | None = None,
        index: str | None = None,
        ids_are_local: bool = False,
        spelling: Spelling | None = None,
        decimal: Mark | None = None,
        source: str | Path | Sequence[str | Path] = (),
        terminal: bool = False,
    ) -> dict[str, Any]:
        """Score the run on a table from elsewhere; results.json and predictions.csv go to ``out``.

        Args:
            table: with the run's columns, labels and group.
            out: folder for the files, in no run folder; None: nothing is written.
            split: only the rows whose split column says so.
            array: array file with the images of the table, relative to its folder (volumes.npz#images or volumes.npy). A run
                whose own images are in one needs it; none is taken by itself.
            index: the table's column of rows in ``array``, from 0; None = called as the run's.
            ids_are_local: the table's group ids are not those of the training table.
            spelling: of groups that differ from one another, or from the run's, in spelling alone (case, separators, zeros):
                alike = refused, merge = one group, exact = different groups; None = as the run's recipe says.
            decimal: the mark of decimals of the table, for columns where no cell tells whether 1,234 is a thousand: point
                or comma; None = as the run's recipe says.
            source: of a run that reads a table of features the file of those of these cases; of several files as many, in
                the run's order.
            terminal: write notes on the table.

        Raises:
            InputError: columns or channels do not fit, or the table shares pictures or group ids with the run's cases.
        """
        return evaluate_table(
            self.finished,
            table,
            out=out,
            split=split,
            array=array,
            index=index,
            ids_are_local=ids_are_local,
            spelling=spelling,
            decimal=decimal,
            source=source,
            terminal=terminal,
        )

    @door
    def look(self, split: str = "test", *, images: bool = True) -> dict[str, Any]:
        """Score one of the run's own splits; each look at the test split is counted in results.json.

        Raises:
            InputError: there is no such split, or the table has changed since.
        """
        return dict(self._look(split, Outputs(images=images))[split])

    def promise(self, *, by_group: bool = False) -> str:
        """What is said for certain of values, in a sentence; of cases, or of groups whose images are one value.

        Where not all label columns have the same sentence, each stands after the names of its columns.
        """
        check_switches(by_group=by_group)
        names: dict[str, list[str]] = {}
        for reader in self.finished.readers:
            said = reader.calibrated.groups if by_group else reader.calibrated.cases
            for place, column in enumerate(reader.task.columns):
                names.setdefault(said.note(place), []).append(column)
        if len(names) < 2:
            return " ".join(names)
        return " ".join(f"{', '.join(of)}: {note}" for note, of in names.items())


@door
def load(path: str | Path) -> Run:
    """Load a finished run folder; nothing in it is code.

    Args:
        path: the run folder; of one with several candidates the chosen one answers.

    Raises:
        InputError: it is no whole run folder, or of another version.
    """
    given = RunFolder(path)
    folder, chosen = answering(given), answer_note(given)
    if folder.is_ensemble():
        return of_folds(folder, chosen=chosen)
    fit = load_fit(folder)
    return Run(fit, partial(look_at, fit), chosen)


def of_folds(folder: RunFolder, *, fits: Sequence[Fit] | None = None, chosen: Sequence[str] = ()) -> Run:
    """The run of several folds in a folder; ``fits``: those of the folds, where they are loaded already."""
    whole = load_ensemble(folder, fits)
    return Run(whole, partial(look_at_folds, whole), chosen)


@door
def predict(
    run: str | Path | Run,
    cases: str | Path | Sequence[str | Path],
    *,
    covariates: Sequence[str] | Mapping[str, float | str] = (),
    array: str | Path | None = None,
    index: str | None = None,
    ids_are_local: bool = False,
    aggregate: Literal["none", "mean"] = "none",
    out: str | Path | None = None,
    spelling: Spelling | None = None,
    decimal: Mark | None = None,
    source: str | Path | Sequence[str | Path] = (),
) -> "DataFrame":
    """Values of new cases, by a run or its folder: :meth:`Run.predict`."""
    made = run if isinstance(run, Run) else load(run)
    return made.predict(
        cases,
        covariates=covariates,
        array=array,
        index=index,
        ids_are_local=ids_are_local,
        aggregate=aggregate,
        out=out,
        spelling=spelling,
        decimal=decimal,
        source=source,
    )


@door
def evaluate(
    run: str | Path | Run,
    table: str | Path | None = None,
    *,
    out: str | Path | None = None,
    split: str | None = None,
    array: str | Path | None = None,
    index: str | None = None,
    ids_are_local: bool = False,
    spelling: Spelling | None = None,
    decimal: Mark | None = None,
    source: str | Path | Sequence[str | Path] = (),
) -> dict[str, Any]:
    """Score a run, or that of a folder, on a table from elsewhere: :meth:`Run.evaluate`."""
    if table is None:
        raise InputError(
            "evaluate scores a table from elsewhere: give table=…; a split of the run itself is read by "
            f"load(run).look({split or 'test'!r}), or by `medgauge evaluate RUN --split {split or 'test'}`"
        )
    made = run if isinstance(run, Run) else load(run)
    return made.evaluate(
        table,
        out=out,
        split=split,
        array=array,
        index=index,
        ids_are_local=ids_are_local,
        spelling=spelling,
        decimal=decimal,
        source=source,
    )
