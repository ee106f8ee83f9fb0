from typing import Any

import pytest
import torch
from torch import nn

from medgauge.semantics.bert import Bert

CONFIG: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "max_position_embeddings": 16, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-5,
}  # fmt: skip


def seeded() -> Bert:
    made, draw = Bert(CONFIG).eval(), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw) * 0.5)
    return made


def test_layers_equal_those_of_torch_and_padding_changes_nothing() -> None:
    made = seeded()
    tokens = torch.randint(0, 50, (3, 7), generator=torch.Generator().manual_seed(1))
    known = torch.ones(3, 7, dtype=torch.bool)
    known[1, 4:] = False
    weights = made.state_dict()
    hidden = weights["embeddings.word_embeddings.weight"][tokens] + weights["embeddings.position_embeddings.weight"][:7]
    hidden = hidden + weights["embeddings.token_type_embeddings.weight"][0]
    norm = [weights[f"embeddings.LayerNorm.{name}"] for name in ("weight", "bias")]
    hidden = nn.functional.layer_norm(hidden, (12,), *norm, eps=1e-5)
    for place in range(2):
        torch_layer = nn.TransformerEncoderLayer(
            12, 3, 20, dropout=0, activation="gelu", batch_first=True, layer_norm_eps=1e-5
        ).eval()
        at = f"encoder.layer.{place}."
        both = {
            kind: torch.cat([weights[f"{at}attention.self.{name}.{kind}"] for name in ("query", "key", "value")])
            for kind in ("weight", "bias")
        }
        names = {
            "self_attn.out_proj": "attention.output.dense", "linear1": "intermediate.dense", "linear2": "output.dense",
            "norm1": "attention.output.LayerNorm", "norm2": "output.LayerNorm",
        }  # fmt: skip
        state = {f"self_attn.in_proj_{kind}": tensor for kind, tensor in both.items()}
        state |= {
            f"{new}.{kind}": weights[f"{at}{old}.{kind}"] for new, old in names.items() for kind in ("weight", "bias")
        }
        torch_layer.load_state_dict(state)
        hidden = torch_layer(hidden, src_key_padding_mask=~known)
    found = made(tokens, known)
    assert torch.allclose(found[known], hidden[known], atol=1e-5)
    assert torch.allclose(made(tokens[1:2, :4], known[1:2, :4])[0], found[1, :4], atol=1e-5)


def test_weights_of_other_names_and_older_norms_are_taken() -> None:
    made, again = seeded(), Bert(CONFIG)
    told = {
        f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma"): tensor
        for name, tensor in made.state_dict().items()
    }
    again.load({**told, "cls.bias": torch.ones(1)})
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), again.parameters(), strict=True))
    with pytest.raises(ValueError, match="there is no weight embeddings.word_embeddings.weight"):
        again.load({})
    with pytest.raises(ValueError, match=r"must have the shape \(50, 12\), got \(1,\)"):
        again.load({**made.state_dict(), "embeddings.word_embeddings.weight": torch.ones(1)})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hidden_size": 10}, "divisible"),
        ({"vocab_size": None}, "vocab_size must be a whole number"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers must be a whole number from 1 to 96"),
        ({"hidden_act": "silu"}, "hidden_act must be gelu or relu"),
        ({"position_embedding_type": "relative_key"}, "must be absolute"),
    ],
)
def test_a_config_that_is_no_bert_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Bert({**CONFIG, **change})
