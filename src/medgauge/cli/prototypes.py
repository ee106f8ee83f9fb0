"""The command prototypes: what the names of labels mean, as vectors."""

import sys
from typing import TYPE_CHECKING

from medgauge.cli.flags import Parser, UsageError
from medgauge.cli.show import tell
from medgauge.core.errors import InputError
from medgauge.core.words import printable

if TYPE_CHECKING:
    from medgauge.semantics import LabelVectors

MOST_SHOWN = 16
"""Labels of which a terminal has room for every cosine."""


def prototypes(words: list[str]) -> int:
    """Write a vector for each label: from a text that describes it, a table, co-occurrence, or a control."""
    example = "medgauge prototypes --labels Effusion,Edema,Hernia --source chest14 --out prototypes.safetensors"
    parser = Parser("prototypes", prototypes.__doc__, "", example)
    parser.flag("--labels", "names of the labels: a,b,c")
    parser.flag(
        "--source",
        "chest14 or retina45 (chest and retinal findings in words), minilm (the small text model), a folder with a text model, a "
        "file of vectors, cooccurrence, orthogonal, one_hot or shuffled",
        default="chest14",
    )
    parser.flag("--of", "with shuffled, the source whose vectors are dealt out", default="chest14")
    parser.flag(
        "--descriptions",
        "with a text model: chest14, retina45, a YAML file, or names [the first that describes all labels]",
    )
    parser.flag("--pooling", "of a text model: mean over tokens, or the class token", default="mean")
    parser.flag("--adjust", "centred, whitened or none [centred for text models and files, none for the others]")
    parser.flag("--table", "table whose columns the labels are; cooccurrence counts in it")
    parser.flag("--label", "label columns of the table, in place of --labels")
    parser.flag("--split", "with cooccurrence, the column that says which rows are train [all rows]")
    parser.flag("--missing", "with cooccurrence, a number that means a missing label")
    parser.count("--dimension", "of orthogonal vectors", 384)
    parser.flag("--seed", "of orthogonal and shuffled vectors", default="0")
    parser.flag("--out", "safetensors file", default="prototypes.safetensors")
    parsed, _ = parser.read(words)
    if (parsed.labels is None) == (parsed.label is None):
        raise UsageError("give the names of the labels with --labels, or label columns of --table with --label")
    if parsed.label is not None and parsed.table is None:
        raise UsageError("--label names columns of a table; give it too, with --table")
    from medgauge.semantics import prototypes as make

    made = make(
        [name.strip() for name in (parsed.labels or parsed.label).split(",")],
        parsed.source,
        out=parsed.out,
        of=parsed.of,
        descriptions=parsed.descriptions,
        pooling=parsed.pooling,
        adjust=parsed.adjust,
        table=parsed.table,
        split=parsed.split,
        missing=None if parsed.missing is None else _number("--missing", parsed.missing),
        dimension=parsed.dimension,
        seed=int(_number("--seed", parsed.seed)),
    )
    for note in made.notes:
        print(printable(note), file=sys.stderr)
    show_vectors(made)
    tell(f"written to {parsed.out}")
    return 0


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{flag} must be a number, got {text}") from error


def show_vectors(made: "LabelVectors") -> None:
    """How many vectors, of which size, how alike they are, the labels that are most alike, and of few labels every cosine."""
    from medgauge.core.words import counted
    from medgauge.semantics.similarity import cosines, mean_cosine

    after = cosines(made.vectors)
    how = made.source.get("adjusted") or made.source.get("of", {}).get("adjusted")
    before = "" if made.before is None else f"{mean_cosine(made.before):.2f} before and "
    told = f"; mean cosine of two labels {before}{mean_cosine(after):.2f}" + (f" after they were {how}" if how else "")
    t = len(made.names)
    tell(f"{counted(t, 'label')}, {counted(made.vectors.shape[1], 'number')} each{told if t > 1 else ''}")
    pairs = sorted(((float(after[a, b]), a, b) for a in range(t) for b in range(a + 1, t)), reverse=True)[:3]
    for cosine, a, b in pairs:
        was = "" if made.before is None or not how else f" ({float(made.before[a, b]):.2f} before)"
        tell(f"  {made.names[a]} and {made.names[b]}: {cosine:.2f}{was}")
    if made.before is not None and how and 2 < t <= MOST_SHOWN:
        tell(f"cosines before they were {how} (below the diagonal) and after (above)")
        wide = max(map(len, made.names))
        tell(" " * (wide + 5) + "".join(f"{column + 1:6}" for column in range(t)))
        for a, name in enumerate(made.names):
            row = [made.before[a, b] if b < a else after[a, b] for b in range(t)]
            cells = "".join(f"{'–':>6}" if b == a else f"{float(one):6.2f}" for b, one in enumerate(row))
            tell(f"{a + 1:4} {name:{wide}}{cells}")
