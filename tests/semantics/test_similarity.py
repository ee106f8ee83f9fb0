import numpy as np
import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.semantics.similarity import adjusted, centred, cosines, mean_cosine, whitened


def vectors(rows: int = 5, columns: int = 8) -> torch.Tensor:
    drawn = torch.randn(rows, columns, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return drawn + 4  # nearly parallel, as a text model's


def test_cosines_equal_a_slow_loop() -> None:
    given = vectors()
    rows = given.numpy()
    slow = [[a @ b / np.sqrt(a @ a) / np.sqrt(b @ b) for b in rows] for a in rows]
    assert np.allclose(cosines(given), slow, rtol=0, atol=1e-12)
    pairs = [slow[a][b] for a in range(5) for b in range(5) if a != b]
    assert mean_cosine(cosines(given)) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert mean_cosine(cosines(given[:1])) == 0


def test_nearly_parallel_vectors_are_spread() -> None:
    given = vectors()
    assert mean_cosine(cosines(given)) > 0.9
    for adjust in ("centred", "whitened"):
        made = adjusted(given, adjust)
        assert mean_cosine(cosines(made)) < 0
        assert torch.allclose(made.norm(dim=1), torch.ones(5, dtype=torch.float64))
    assert adjusted(given, "none") is given


def test_whitening_of_strength_0_centres_and_of_1_leaves_no_meaning() -> None:
    given = vectors()
    assert torch.allclose(whitened(given, 0), centred(given), atol=1e-12)
    table = cosines(whitened(given, 1))
    assert torch.allclose(table[~torch.eye(5, dtype=torch.bool)], torch.tensor(-1 / 4, dtype=torch.float64))
    with pytest.raises(ValueError, match="strength must be from 0 to 1, got 2"):
        whitened(given, 2)


def test_what_leaves_nothing_of_a_label_is_refused() -> None:
    with pytest.raises(InputError, match="one label cannot be centred"):
        adjusted(vectors(rows=1), "centred")
    with pytest.raises(InputError, match="the labels have equal vectors"):
        adjusted(torch.ones(3, 4), "whitened")
