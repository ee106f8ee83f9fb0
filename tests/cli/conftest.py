from pathlib import Path

import pandas
import pytest

from tests.cli.small import make_images


@pytest.fixture
def cases(tmp_path: Path) -> tuple[Path, pandas.DataFrame]:
    frame = make_images(tmp_path / "data")
    frame.to_csv(tmp_path / "data" / "cases.csv", index=False)
    return tmp_path / "data" / "cases.csv", frame
