"""Whether the cases of a run may be mixed."""

from medgauge.core.errors import InputError
from medgauge.recipes.schema import Recipe
from medgauge.tasks import Tasks
from medgauge.training.objective import Objective

OF_ONE_CASE = ("embedding", "features", "region", "row")
"""Fields of a step that are of one case, or whose distances are those of plain cases."""


def check_mixup(recipe: Recipe, tasks: Tasks, objective: Objective) -> None:
    """Raise InputError where augmentation.mixup is on and labels, terms or the neck need plain cases.

    Terms of predictions and labels alone (L1, correlations and ranks of predictions) may be given mixed cases, since these
    have labels. Terms of embeddings shape distances between cases that neighbours are looked up by, and terms that ask
    for the region or the row of a case ask for what a mixture has not.
    """
    if not recipe.augmentation.mixup:
        return
    for task in tasks:
        if not task.divides:
            raise InputError(
                f"augmentation.mixup is on, and between two labels of {task.columns[0]} ({task.name}) there need be none; turn it off"
            )
    asked = [field for field in OF_ONE_CASE if field in objective.needs]
    if asked:
        raise InputError(
            f"augmentation.mixup is on, and a term of the objective asks for the {asked[0]} of plain cases; turn it off, or "
            "leave terms of embeddings, regions and rows out"
        )
    if recipe.model.neck == "feature_smoothing":
        raise InputError("augmentation.mixup is on, and model.neck feature_smoothing counts plain cases; turn one off")
