"""A finished run: predict, evaluate, look at the test split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch

from medgauge.api.readers import Reader, Readings
from medgauge.core.batch import Gallery
from medgauge.core.errors import InputError
from medgauge.data.splits import SPLITS
from medgauge.models import LabelScaling, Model, build_stored
from medgauge.recipes.schema import Recipe
from medgauge.recipes.stored import stored_recipe
from medgauge.runfolder import RunFolder

if TYPE_CHECKING:
    from pandas import DataFrame

    from medgauge.api.study import Study

Named = TypeVar("Named")


class Run:
    """A finished run folder, ready to read values off new images.

    >>> run = medgauge.load("runs/age")  # doctest: +SKIP
    >>> run.predict(["hand.png"])  # doctest: +SKIP

    Args:
        folder: the run folder.
        recipe: the recipe as used.
        model: with the weights of the best checkpoint, in evaluation mode, on the CPU.
        coding: the label scaling.
        reader: the fitted predictors.
        results: what results.json holds.
        gallery_rows: rows of the gallery's cases in splits.csv.
    """

    def __init__(
        self,
        folder: RunFolder,
        recipe: Recipe,
        model: Model,
        coding: LabelScaling,
        reader: Reader,
        results: dict[str, Any],
        gallery_rows: list[int],
    ) -> None:
        self.folder, self.recipe, self.model, self.coding = folder, recipe, model, coding
        self.reader, self.results, self.gallery_rows = reader, results, gallery_rows

    @classmethod
    def load(cls, path: str | Path) -> "Run":
        """Load a run folder; nothing in it is unpickled.

        Raises:
            InputError: it is no whole run folder, or of another version.
        """
        folder = RunFolder(path)
        if folder.is_ensemble():
            from medgauge.api.ensemble import Ensemble

            return Ensemble.load_folds(folder)
        folder.check_complete()
        recipe = read_recipe(folder)
        model, coding, targets = _build(folder)
        weights = folder.read_tensors("model.safetensors")
        try:
            model.load_state_dict(_part(weights, "model."))
            coding.load_state_dict(_part(weights, "scaling."))
        except RuntimeError as error:
            raise InputError(f"the weights in {folder.path} do not fit its model.json; fit again") from error
        rows = folder.read_table("gallery.csv")
        tensors = folder.read_tensors("gallery.safetensors")
        gallery = Gallery(
            embedding=tensors["embedding"],
            label=tensors["label"],
            id=[row["id"] for row in rows],
            group=[row["group"] for row in rows],
            prediction=tensors.get("prediction"),
            times=tensors.get("times"),
        )
        reader = Reader.load(folder, gallery, coding, targets)
        return cls(
            folder,
            recipe,
            model.eval(),
            coding,
            reader,
            folder.read_json("results.json"),
            [int(row["row"]) for row in rows],
        )

    @property
    def targets(self) -> list[str]:
        """Names of the targets."""
        return self.reader.targets

    @property
    def fits(self) -> "Sequence[Run]":
        """The fits that a value is made of: this run alone, or those of an ensemble's folds."""
        return [self]

    def predict(
        self,
        cases: str | Path | Sequence[str | Path],
        *,
        covariates: Sequence[str] | Mapping[str, float] = (),
        ids_are_local: bool = False,
        aggregate: Literal["none", "mean"] = "none",
        out: str | Path | None = None,
    ) -> "DataFrame":
        """Values, intervals and evidence of new cases, one row a case, as in predictions.csv without labels.

        Args:
            cases: a table with the columns that the run was trained with (labels are not needed), or image files.
            covariates: for image files: name to value (or "name=value" texts), the same for all of them.
            ids_are_local: the table's group ids are not those of the training table; without it, training cases of the
                same group id are never neighbours.
            aggregate: mean = one row a group of the table, the mean value of its cases, with an interval of its own.
            out: CSV or Parquet file to write.

        Raises:
            InputError: a file or column is missing, or does not fit the model.
        """
        from medgauge.api.elsewhere import gather, image_table, predict_frame, read_cases, without_groups
        from medgauge.api.study import has_column

        if aggregate not in ("none", "mean"):
            raise InputError(f"aggregate must be none or mean, got {aggregate!r}")
        name = self.recipe.data.group
        if aggregate == "mean" and not (isinstance(cases, str | Path) and has_column(cases, name)):
            raise InputError(f"one value a group needs a table with the group column {name or '(this run has none)'}")
        if isinstance(cases, str | Path):
            table, known = read_cases(self, cases, need_label=False)
        else:
            table, known = image_table(self, cases, covariates), False
        gathered, _ = gather(self, table)
        if ids_are_local or not known:
            gathered = without_groups(gathered)
        frame = predict_frame(self, table, gathered, by_group=aggregate == "mean")
        if out is not None:
            write_frame(frame, Path(out))
        return frame

    def evaluate(
        self, table: str | Path, *, out: str | Path | None = None, split: str | None = None, ids_are_local: bool = False
    ) -> dict[str, Any]:
        """Score the run on a table from elsewhere; results.json and predictions.csv go to ``out``.

        Raises:
            InputError: columns or channels do not fit, or the table shares pictures or group ids with the run's cases.
        """
        from medgauge.api.elsewhere import evaluate_table

        return evaluate_table(self, table, out=out, split=split, ids_are_local=ids_are_local)

    def look(self, split: str = "test", *, images: bool = True) -> dict[str, Any]:
        """Score one of the run's own splits; each look at the test split is counted in results.json."""
        from medgauge.api.finish import Scorer

        if split not in ("val", "test"):
            raise InputError(
                f"--split must be val or test, got {split!r} (calibration serves intervals only, and train is in the gallery)"
            )
        if split == "val":
            return dict(self.results["val"])
        study = self.study()
        if not study.rows("test"):
            raise InputError(f"{self.folder.path} has no test cases; give a table with --table")
        collected = self.stored(study)
        scorer = Scorer(self.folder, study, self.reader, collected, self.gallery_rows)
        self.results = scorer.write(["train", "val", "calibration", "test"], self.results, images=images)
        return dict(self.results["test"])

    def study(self) -> "Study":
        """The cases of the run, read again.

        Raises:
            InputError: the table is not the one that the run was made from.
        """
        from medgauge.api.study import load_study

        study = load_study(self.recipe)
        splits = [row["split"] for row in self.folder.read_table("splits.csv")]
        made = made_from(self.folder)
        if study.table.digest != made or study.splits != splits:
            raise InputError(
                f"{self.recipe.data.table} has changed since {self.folder.path} was made from it; put it back or fit again"
            )
        return study

    def interval_note(self, *, by_group: bool = False) -> str:
        """What the intervals promise, in a sentence; of cases, or of groups whose images are one value."""
        conformal = (self.reader.fitted_by_group if by_group else self.reader.fitted).record
        return " ".join(dict.fromkeys(conformal.note(place) for place in range(len(self.targets))))

    def stored(self, study: "Study") -> dict[str, Gallery]:
        """All splits from the embeddings in the run folder."""
        tensors = self.folder.read_tensors("embeddings.safetensors")
        place = {int(row): at for at, row in enumerate(tensors["row"].tolist())}
        found = {}
        for split in (name for name in SPLITS if name in study.splits):
            rows = study.rows(split)
            at = torch.tensor([place[row] for row in rows])
            found[split] = Gallery(
                embedding=tensors["embedding"][at],
                label=torch.from_numpy(study.table.label[rows]),
                id=[study.table.id[row] for row in rows],
                group=[study.table.group[row] for row in rows],
                prediction=tensors["prediction"][at] if "prediction" in tensors else None,
                times=None if study.times is None else torch.from_numpy(study.times[rows]),
            )
        return found

    def read(self, cases: Sequence[Gallery]) -> Readings:
        """Read values off cases, given as the model of each of ``fits`` embeds them."""
        return self.reader.read_all(cases)


def read_recipe(folder: RunFolder) -> Recipe:
    """The recipe of a run folder; nothing that it names is imported.

    Raises:
        InputError: it is missing, damaged, or no recipe.
    """
    try:
        return stored_recipe(folder.read_yaml("recipe.yaml"))
    except InputError as error:
        raise InputError(f"{folder / 'recipe.yaml'} is no recipe of a run: {error}") from error


def made_from(folder: RunFolder) -> str:
    """Digest of the table that the run was made from; empty where recipe.yaml does not say."""
    made = folder.read_yaml("recipe.yaml").get("made")
    return str(made.get("table_sha256", "")) if isinstance(made, Mapping) else ""


def _build(folder: RunFolder) -> tuple[Model, LabelScaling, list[str]]:
    """The model, the label scaling and the targets as model.json has them, without their weights.

    Raises:
        InputError: it describes something else, or what the weights are not of.
    """
    saved, shapes = folder.read_json("model.json"), folder.read_shapes("model.safetensors")
    targets, model = saved.get("targets"), saved.get("model")
    try:
        if not isinstance(targets, list) or not targets or not all(isinstance(name, str) for name in targets):
            raise InputError("targets must be a list of names")
        made = build_stored(model, _part(shapes, "model."))
        if not isinstance(model, dict) or model["targets"] != len(targets):
            raise InputError(f"{len(targets)} targets are named, and the model has another number")
        return made, LabelScaling(saved.get("label_scaling", "")), targets
    except ValueError as error:
        raise InputError(f"{folder / 'model.json'} is no model of this version of medgauge: {error}") from error


def _part(values: Mapping[str, Named], prefix: str) -> dict[str, Named]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def write_frame(frame: "DataFrame", path: Path) -> None:
    """Write CSV or Parquet, by the file's ending, whole or not at all."""
    from medgauge.runfolder import write_whole

    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"{path} must end in .csv or .parquet")
    write_whole(
        path,
        lambda part: (
            frame.to_csv(part, index=False) if path.suffix.lower() == ".csv" else frame.to_parquet(part, index=False)
        ),
    )
