"""The command radiomics: classical features of cases within their masks, as a file."""

import sys

from medgauge.cli.flags import Parser
from medgauge.cli.show import tell
from medgauge.core.errors import InputError
from medgauge.core.words import counted, printable


def radiomics(words: list[str]) -> int:
    """Write the 107 classical features of each case within its mask: shape, first order and textures."""
    about = "A fit reads them as a table (--represent.name table). The table needs no labels."
    example = "medgauge radiomics --table cases.csv --id case --image ct --mask tumour --out radiomics.parquet"
    parser = Parser("radiomics", f"{radiomics.__doc__} {about}", "", example)
    parser.flag("--table", "CSV or Parquet file of cases")
    parser.flag("--image", "column of image files, relative to the table")
    parser.flag(
        "--mask", "column of mask files; beside an array file of images also one with the same rows (volumes.npz#masks)"
    )
    parser.flag("--mask-label", "label of the masks that counts [all above 0]")
    parser.flag("--id", "column of case ids, by which features are joined later [the image column]")
    parser.flag("--array", "array file that holds all images (volumes.npz#images)")
    parser.flag("--index", "column of rows in it")
    parser.flag("--bin-width", "width of a grey level, in the images' own intensities", "25")
    parser.flag("--spacing", "millimetres an axis to resample to, z,y,x or y,x [as it is]")
    parser.flag("--image.nan", "what pixels that are no numbers are read as [they are refused]")
    parser.count("--workers", "cases at a time", 1)
    parser.flag("--cache", "folder in which features are kept by content; auto = the user's cache folder", "auto")
    parser.flag("--out", "Parquet file to write")
    parsed, _ = parser.read(words)
    needed = {
        "a table (--table cases.csv)": parsed.table,
        "the image column (--image path), or an array file with its index column": parsed.image or parsed.array,
        "the mask column (--mask tumour)": parsed.mask,
        "the file to write (--out radiomics.parquet)": parsed.out,
    }
    if missing := [what for what, given in needed.items() if given is None]:
        raise InputError("still needed: " + "; ".join(missing))
    numbers = _numbers("--spacing", parsed.spacing)
    label = _numbers("--mask-label", parsed.mask_label)
    if label and (len(label) > 1 or label[0] < 1 or label[0] != int(label[0])):
        raise InputError(f"--mask-label must be a whole number >= 1, got {parsed.mask_label}")
    from medgauge.runs.radiomics import failure_lines
    from medgauge.runs.radiomics import radiomics as make

    made = make(
        parsed.table,
        image=parsed.image,
        mask=parsed.mask,
        out=parsed.out,
        id=parsed.id,
        array=parsed.array,
        index=parsed.index,
        mask_label=int(label[0]) if label else None,
        bin_width=_number("--bin-width", parsed.bin_width),
        spacing=numbers,
        nan=None if (nan := vars(parsed)["image.nan"]) is None else _number("--image.nan", nan),
        workers=parsed.workers,
        cache=parsed.cache,
        terminal=True,
    )
    for line in failure_lines(made.failed):
        print(printable(line), file=sys.stderr)
    tell(f"{len(made.names)} features of {counted(made.cases, 'case')} written to {parsed.out}")
    if made.failed:
        print(f"{counted(len(made.failed), 'case')} without features, which the file does not have", file=sys.stderr)
    return 1 if made.failed else 0


def _numbers(flag: str, text: str | None) -> tuple[float, ...]:
    return () if text is None else tuple(_number(flag, part) for part in text.split(","))


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{flag} must be a number, got {text}") from error
