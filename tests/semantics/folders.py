"""A folder with a very small BERT."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from medgauge.semantics.bert import Bert

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fluid", "heart", "lung", "in", "the", "large"]
CONFIG = {
    "model_type": "bert", "vocab_size": len(WORDS), "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 12, "max_position_embeddings": 6, "type_vocab_size": 2,
}  # fmt: skip


def write_model(folder: Path, **config: object) -> Path:
    """config.json, vocab.txt and model.safetensors."""
    folder.mkdir(exist_ok=True)
    draw = torch.Generator().manual_seed(4)
    weights = {name: torch.randn(one.shape, generator=draw) for name, one in Bert(CONFIG).state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    return folder
