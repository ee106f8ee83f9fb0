"""The folder of a fit without a recipe: which of the runs in it answers."""

import re

from medgauge.core.errors import InputError
from medgauge.runfolder.folder import RunFolder

CANDIDATES, PLAN = "candidates.json", "plan.json"
NAME = re.compile(r"[a-z][a-z_]{0,40}")


def is_planned(folder: RunFolder) -> bool:
    """Whether it holds candidates, and no run of its own."""
    return not folder.has("recipe.yaml") and (folder.has(CANDIDATES) or folder.has(PLAN))


def answering(folder: RunFolder) -> RunFolder:
    """The run that answers for a folder: the chosen candidate inside it, or the run that it is itself.

    Raises:
        InputError: none of the candidates is finished, or candidates.json is damaged.
    """
    if not is_planned(folder):
        return folder
    if not folder.has(CANDIDATES):
        raise InputError(
            f"none of the candidates of {folder.path} is finished; give the same `medgauge fit` command again"
        )
    chosen = folder.read_json(CANDIDATES).get("chosen")
    if not isinstance(chosen, str) or NAME.fullmatch(chosen) is None:
        raise folder.broken(CANDIDATES, "it does not say which candidate answers")
    return folder.inner(chosen)


def answer_note(folder: RunFolder) -> list[str]:
    """Which candidate of a folder answers, in words."""
    inner = answering(folder)
    return [] if inner is folder else [f"{inner.path.name} answers for {folder.path} (see {folder / CANDIDATES})"]
