"""Puts the page together and writes it."""

from pathlib import Path
from typing import Any

from medgauge.report.describe import describe
from medgauge.report.reading import read_run
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import FIGURED, PAGE, rewriting
from medgauge.runfolder.whole import refuse_cut_look, refuse_mixed_folds, vouched

HERE = Path(__file__).parent


def write_report(run: Path, *, images: bool = True) -> Path:
    """Make ``report.html`` in a run folder, from the run folder alone, and return its path.

    One file, which opens from disk and asks for nothing from any network. It shows the test split once that was looked
    at, else the validation split and says that this was used for selection.

    Args:
        run: the run folder.
        images: False leaves out every thumbnail, also those that the run folder holds.

    Raises:
        InputError: if a file of the run folder is missing, damaged or cannot be read.
    """
    folder = RunFolder(run)
    refuse_cut_look(folder)
    with vouched(folder, FIGURED):
        refuse_mixed_folds(folder)
        view = read_run(Path(run))
        if not view.targets or not view.block:
            raise folder.broken("results.json", f"it has no figures for the split {view.shown}")
    html = render(describe(view, images=images))
    with rewriting(folder, PAGE[:1]):
        folder.write_text("report.html", html)
    return view.path / "report.html"


def render(page: dict[str, Any], template: str = "report.html.j2") -> str:
    """The page as HTML; every text of ``page`` is escaped by the template."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(
        page=page,
        style=Markup((HERE / "report.css").read_text(encoding="utf-8")),  # our own files, nothing from a run
        script=Markup((HERE / "report.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),
    )
