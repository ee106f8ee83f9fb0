"""The command pretrain: an encoder from images without labels."""

from medgauge.cli.flags import Parser
from medgauge.cli.show import tell
from medgauge.cli.training import RECIPE
from medgauge.recipes.read import check_changes
from medgauge.recipes.schema import Recipe


def pretrain(words: list[str]) -> int:
    """Train an encoder on images without labels; a fit takes it (--represent.name run), and embed writes its features."""
    about = (
        "Recipes of it are siamese, siamese_re, siamese_se and vicreg, and brats_grade and nsclc_stage for two collections. In "
        "brackets stands what holds where neither the recipe nor a flag says otherwise."
    )
    example = "medgauge pretrain siamese_re --table cases.csv --image path --out runs/ssl"
    parser = Parser("pretrain", f"{pretrain.__doc__} {about}", "RECIPE", example)
    parser.word("recipe", RECIPE)
    parser.flag("--out", "folder to write [runs/RECIPE]")
    parser.switch("--no-images", "keep no pictures of what is compared")
    parser.add_settings(Recipe, short=True, listed=True)
    parsed, changes = parser.read(words)
    check_changes(parsed.recipe, changes)
    from pathlib import Path

    from medgauge.fitting.pretrain import pretrain as run_pretrain
    from medgauge.fitting.train import first_process

    out = parsed.out or f"runs/{Path(parsed.recipe).stem}"
    made = run_pretrain(parsed.recipe, out=out, changes=changes, images=not parsed.no_images, terminal=True)
    if first_process():
        spread = " and ".join(f"{name} {value:.2f}" for name, value in made["spread"].items())
        tell(
            f"encoder of {made['cases']} cases ({made['scope']}) written to {out}; {spread} (1 = spread out, 0 = collapsed)"
        )
        tell(f"report: {out}/report.html")
        tell(f"fit labels on it: medgauge fit --represent.name run --represent.source {out} --table …")
    return 0
