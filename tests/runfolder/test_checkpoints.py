"""One other bit in a checkpoint is told: torch reads it without a word."""

from pathlib import Path

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.checkpoints import state_digest

STATE = {
    "step": 3, "best": float("inf"), "model": {"w": torch.arange(8.0), "n": torch.tensor(5)}, "rows": [{"a": None, "b": (1, True)}],
    "half": torch.ones(3, dtype=torch.bfloat16), "empty": torch.zeros(0), "optimiser": {"state": {0: {"step": torch.tensor(1.0)}}},
}  # fmt: skip


def test_a_state_comes_back_and_one_other_bit_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.save_checkpoint("last.ckpt", STATE)
    assert repr(folder.load_checkpoint("last.ckpt")) == repr(STATE)
    path = tmp_path / "checkpoints" / "last.ckpt"
    content = path.read_bytes()
    place = content.index(torch.arange(8.0).numpy().tobytes()) + 6
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert torch.load(path, weights_only=True)["model"]["w"].tolist() != list(range(8))
    with pytest.raises(InputError, match=r"last\.ckpt is damaged; put it back as it was, or remove the folder"):
        folder.load_checkpoint("last.ckpt")


@pytest.mark.parametrize("other", [
    {"step": 4}, {"step": 3.0}, {"best": 1.0}, {"model": {"w": torch.arange(8.0), "n": torch.tensor(6)}},
    {"half": torch.ones(3)}, {"empty": torch.zeros(0, 2)}, {"rows": [{"a": None, "b": [1, True]}]},
], ids=str)  # fmt: skip
def test_whatever_differs_differs_in_the_digest(other: dict[str, object]) -> None:
    assert state_digest(STATE | other) != state_digest(STATE)


def test_how_a_tensor_lies_in_memory_does_not_matter() -> None:
    image = torch.arange(24.0).reshape(1, 2, 3, 4)
    assert state_digest({"w": image.contiguous(memory_format=torch.channels_last)}) == state_digest({"w": image})
