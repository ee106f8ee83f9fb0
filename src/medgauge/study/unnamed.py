"""A note on a column of splits that the table has and nobody named."""

from medgauge.core.errors import InputError
from medgauge.data.tables.columns import Wanted, column_names, read_columns
from medgauge.data.tables.missing import is_missing, trim
from medgauge.recipes.schema import Recipe

NAMES = frozenset({"split", "splits", "set", "subset", "fold", "partition", "phase", "dataset_split", "data_split"})
"""Names of columns of splits, in small letters."""
OF_TRAINING = frozenset({"train", "training", "trn", "dev", "development"})
OF_OTHERS = frozenset(
    {"test", "testing", "tst", "val", "valid", "validation", "calibration", "holdout", "tune", "eval"}
)


def unnamed_split_notes(recipe: Recipe) -> list[str]:
    """That a column says which cases are train and test, and is not followed; nothing where the splits are said.

    Args:
        recipe: with the table, its columns and what is said of the splits.
    """
    data = recipe.data
    if data.table is None or data.split is not None or data.split_lists or data.resplit or data.holdout is not None:
        return []
    named = {*data.label, *data.covariates, *data.subgroups, data.group, data.id, data.image, data.index}
    named.add(data.findings_from)
    asked = sorted(name for name in named if name is not None)
    notes = []
    for name in column_names(data.table, asked):
        if name in named or name.casefold().replace(" ", "_") not in NAMES:
            continue
        try:
            cells = read_columns(data.table, [Wanted(one, "column") for one in [*asked, name]]).text[name]
        except InputError:  # of the table itself, which is told by those who need it
            return []
        words = {trim(cell).casefold() for cell in cells if not is_missing(cell)}
        if words & OF_TRAINING and words & OF_OTHERS and words <= OF_TRAINING | OF_OTHERS:
            notes.append(
                f"the column {name} ({', '.join(sorted(words))}) is not used: splits are drawn anew; to follow it, give --split {name}"
            )
    return notes
