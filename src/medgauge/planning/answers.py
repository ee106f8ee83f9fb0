"""The candidate that answers, by candidates.json, made whole."""

from collections.abc import Mapping
from typing import Any

from medgauge.core.display import Display
from medgauge.fitting.fit import fit_cases
from medgauge.planning.blend import make_blend
from medgauge.planning.plan import Plan
from medgauge.planning.stored import as_tried, done_names
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import chosen_name
from medgauge.runs.outputs import Outputs
from medgauge.runs.run import Run
from medgauge.study import load_study


def made_whole(found: Plan, given: Mapping[str, Any], folder: RunFolder, outputs: Outputs, display: Display) -> Run:
    """The run that answers, with what it lacks of its files and of the outputs.

    Raises:
        InputError: candidates.json is missing or damaged, or something is wrong with table, images or settings.
    """
    tried = as_tried(found.candidates, folder)
    chosen = next(one for one in tried if one.name == chosen_name(folder))
    if chosen.blends:
        members = [one for one in tried if one.name in done_names(folder) and not one.blends]
        return make_blend(folder, members, given, outputs, display)
    study = load_study(chosen.recipe(given), progress=display.images)
    return fit_cases(study, folder.inner(chosen.name), outputs, display)
