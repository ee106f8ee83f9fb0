"""The embedding of a run, of the run's own cases."""

from pathlib import Path

import numpy as np
import torch

from medgauge.runs import files
from medgauge.runs.embedded import embed_run
from medgauge.runs.fitted import Fit
from medgauge.study import Study


def test_the_runs_own_cases_have_the_embedding_of_its_folder(fit: Fit, study: Study, table: Path) -> None:
    found = embed_run(fit.folder.path, {"data.table": str(table)})
    assert found.key == study.table.id
    assert found.by == str(fit.recipe.data.id or fit.recipe.data.image)
    assert found.about["trained_with"] == sum(split != "test" for split in study.splits)
    rows, own = study.rows("val"), files.read_cases(fit.folder, study, ["val"])["val"]
    torch.testing.assert_close(torch.from_numpy(found.values[rows]), own.embedding, rtol=1e-4, atol=1e-5)
    assert found.values.dtype == np.float32
