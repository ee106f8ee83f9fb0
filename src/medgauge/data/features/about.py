"""What a file of features says of what made them: JSON in the metadata of a Parquet file."""

import json
from pathlib import Path
from typing import Any

KEY = b"medgauge"


def read_about(path: str | Path) -> dict[str, Any]:  # as JSON holds it
    """What `medgauge embed` wrote of the features of a file; nothing where it is another's file, or none that can be read."""
    if Path(path).suffix.lower() != ".parquet":
        return {}
    import pyarrow
    import pyarrow.parquet

    try:
        held = (pyarrow.parquet.read_schema(path).metadata or {}).get(KEY, b"{}")
        about = json.loads(held)
    except (pyarrow.ArrowException, OSError, ValueError):
        return {}
    return about if isinstance(about, dict) and isinstance(about.get("made_by"), str) else {}


def about_notes(path: Path) -> list[str]:
    """A note where features know the labels, or the images, of some of their cases."""
    about = read_about(path)
    pretrained, scope = about.get("pretrained_with"), about.get("scope")
    if isinstance(pretrained, int) and isinstance(scope, str):
        import pyarrow.parquet

        known = scope == "inductive" and pretrained == pyarrow.parquet.read_metadata(path).num_rows
        return [
            f"features of {path.name} are of a pretraining ({scope}) that took the images of {pretrained} of these cases, without labels"
            + (", all that the file has, so that figures of them are transductive" if known else "")
        ]
    seen = about.get("trained_with")
    if not isinstance(seen, int) or seen < 1:
        return []
    return [
        f"features of {seen} cases of {path.name} are of a network that was trained with these cases and their labels, so that figures on "
        "them are too good; judge by other cases"
    ]
