"""What the page says, as texts and figures, from a run folder that was read."""

from collections.abc import Sequence
from typing import Any

from medgauge.report.evidence import EFFECTS, FAR, Thumbnails
from medgauge.report.kinds import SECTIONS
from medgauge.report.parts import split_words
from medgauge.report.plots import Plot
from medgauge.report.reading import RunView
from medgauge.report.sections import case_counts, seen_pictures, space_quality, training_facts, validation_figure
from medgauge.report.together import together_words
from medgauge.report.words import names_of, times
from medgauge.runfolder import RunFolder
from medgauge.runfolder.headline import shown_sentence


def describe(view: RunView, *, images: bool) -> dict[str, Any]:
    """Everything that the template shows, as texts, and the figures as specifications under ``figures``."""
    picture = Thumbnails(RunFolder(view.path), images=images)
    drawn: dict[str, Plot] = {}
    targets = []
    for place, target in enumerate(view.targets):
        texts, own = _section(view, target, f"target-{place}", picture)
        targets.append({"correction": "", "transformed": "", **texts, "drawn": list(own)})
        drawn |= own
    together = together_words(view)
    made = view.recipe.get("made") or {}
    claim = view.recipe.get("claim") or {}
    unit = targets[0]["unit"] if len(targets) == 1 else ""
    training = training_facts(view, unit, drawn)
    return {
        "name": view.path.resolve().name,
        "targets": targets,
        "named": names_of(view.targets),
        "shown": view.shown,
        "together": together,
        "sentences": [{"text": one, "less": less} for one, less in _sentences(view, together["targets"])],
        "looked": view.shown == "test",
        "words": split_words(view),
        "looks": times((view.results.get("looks") or {}).get("test", 0)),
        "notes": view.results.get("notes", []),
        "cases": case_counts(view),
        "seen": seen_pictures(view, picture),
        "images": len(picture.used),
        "space": space_quality(view, unit),
        "training": training,
        "validation": validation_figure(view)[1],
        "recipe": view.recipe_text,
        "version": str(made.get("medgauge", "")),
        "seed": str(made.get("seed", view.recipe.get("seed", ""))),
        "source": str(claim.get("source") or ""),
        "status": str(claim.get("status") or ""),
        "far": FAR,
        "effects": EFFECTS,
        "figures": drawn,
    }


def _sentences(view: RunView, together: Sequence[str]) -> list[tuple[str, bool]]:
    """The first sentence of each target that is not in the table of all findings, and whether it is not shown better than its baseline."""
    blocks = {target: view.block.get(target) or {} for target in view.targets if target not in together}
    return [
        (shown_sentence(target, block, view.shown), bool(block["shown"]["reason"]))
        for target, block in blocks.items()
        if "shown" in block
    ]


def _section(view: RunView, target: str, key: str, picture: Thumbnails) -> tuple[dict[str, Any], dict[str, Plot]]:
    """Texts and figures of one target, as its kind has them."""
    return SECTIONS[view.kind(target)].section(view, target, key, picture)
