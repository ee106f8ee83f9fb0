"""The command embed: features of cases, as a file."""

from medgauge.cli.flags import Parser
from medgauge.cli.show import tell
from medgauge.core.errors import InputError
from medgauge.recipes.read import check_changes
from medgauge.recipes.schema import Recipe


def embed(words: list[str]) -> int:
    """Write features of cases, without labels: of a pretrained network, a finished run, or as those of another such file."""
    about = "A fit reads them as a table (--represent.name table). Flags are those of fit that say where images are and how they are read."
    example = "medgauge embed lite0 --table cases.csv --image path --id case --out features.parquet"
    parser = Parser("embed", f"{embed.__doc__} {about}", "RUN|ENCODER|FILE", example)
    parser.word("what", "run folder, network (lite0, timm/NAME), or a Parquet file that embed wrote")
    parser.flag("--out", "Parquet file to write")
    parser.several(
        "--source", "of a run that reads a table of features: their file for these cases; again for each", "FILE"
    )
    parser.add_settings(Recipe, short=True, listed=False)
    parsed, changes = parser.read(words)
    if parsed.out is None:
        raise InputError("still needed: the file to write (--out features.parquet)")
    check_changes("frozen", changes)
    from medgauge.fitting.embedding import embed as run_embed

    names = run_embed(parsed.what, out=parsed.out, source=parsed.source, changes=changes, terminal=True)
    tell(f"{len(names)} features ({names[0]} …) written to {parsed.out}")
    return 0
