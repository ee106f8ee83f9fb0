"""The encoder of BERT from its config and weights, so that a text model needs no library of models."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

SIZES = {
    "vocab_size": 1_000_000, "hidden_size": 8192, "num_hidden_layers": 96, "num_attention_heads": 256,
    "intermediate_size": 65_536, "max_position_embeddings": 65_536, "type_vocab_size": 64,
}  # fmt: skip
"""The sizes that a config must give, and the most of each."""
ACTIVATIONS = {"gelu": nn.functional.gelu, "relu": nn.functional.relu}


class Bert(nn.Module):
    """Token numbers to a vector a token, as BERT's encoder gives it (without pooler and without dropout).

    - Shape: tokens (n, l) int64, known (n, l), False at padding -> (n, l, s).
    - Source: Devlin et al., NAACL 2019; names of weights as Hugging Face's BertModel has them.
    - Raises: ValueError for a config without a size, with one out of range, or with another activation or position.

    Args:
        config: config.json.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        size = {name: _size(config, name, most) for name, most in SIZES.items()}
        width, heads, epsilon = size["hidden_size"], size["num_attention_heads"], config.get("layer_norm_eps", 1e-12)
        if width % heads:
            raise ValueError(f"hidden_size must be divisible by num_attention_heads, got {width} and {heads}")
        if config.get("hidden_act", "gelu") not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be {' or '.join(ACTIVATIONS)}, got {config['hidden_act']!r}")
        if config.get("position_embedding_type", "absolute") != "absolute":
            raise ValueError(f"position_embedding_type must be absolute, got {config['position_embedding_type']!r}")
        self.longest = size["max_position_embeddings"]
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(size["vocab_size"], width),
                "position_embeddings": nn.Embedding(self.longest, width),
                "token_type_embeddings": nn.Embedding(size["type_vocab_size"], width),
                "LayerNorm": nn.LayerNorm(width, eps=epsilon),
            }
        )
        activation = ACTIVATIONS[config.get("hidden_act", "gelu")]
        layers = [
            _Layer(width, heads, size["intermediate_size"], epsilon, activation)
            for _ in range(size["num_hidden_layers"])
        ]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def forward(self, tokens: Int[Tensor, "n l"], known: Bool[Tensor, "n l"]) -> Float[Tensor, "n l s"]:
        """Return the last layer's vectors."""
        part: Any = self.embeddings
        layers: Any = self.encoder["layer"]
        place = torch.arange(tokens.shape[1], device=tokens.device)
        first = part["token_type_embeddings"].weight[0]  # one sentence alone
        hidden: Tensor = part["LayerNorm"](part["word_embeddings"](tokens) + part["position_embeddings"](place) + first)
        for layer in layers:
            hidden = layer(hidden, known)
        return hidden

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of a file; those of pooler and training heads are left out.

        - Raises: ValueError for a weight that is not there or of another shape.
        """
        plain = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}
        plain = {name.replace(".gamma", ".weight").replace(".beta", ".bias"): tensor for name, tensor in plain.items()}
        for name, mine in self.state_dict().items():
            if name not in plain:
                raise ValueError(f"there is no weight {name}")
            if plain[name].shape != mine.shape:
                raise ValueError(f"{name} must have the shape {tuple(mine.shape)}, got {tuple(plain[name].shape)}")
        self.load_state_dict({name: plain[name].float() for name in self.state_dict()})


class _Layer(nn.Module):
    """Attention and feed-forward, each added to its input and normalised."""

    def __init__(self, width: int, heads: int, inner: int, epsilon: float, activation: Any) -> None:
        super().__init__()
        self.heads, self.activation = heads, activation
        self.attention = nn.ModuleDict(
            {
                "self": nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")}),
                "output": nn.ModuleDict(
                    {"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, eps=epsilon)}
                ),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, eps=epsilon)})

    def forward(self, hidden: Float[Tensor, "n l s"], known: Bool[Tensor, "n l"]) -> Float[Tensor, "n l s"]:
        n, length, width = hidden.shape
        own: Any = self.attention["self"]
        after: Any = self.attention["output"]
        last: Any = self.output
        query, key, value = (
            own[name](hidden).reshape(n, length, self.heads, width // self.heads).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=known[:, None, None])
        hidden = after["LayerNorm"](after["dense"](seen.transpose(1, 2).reshape(n, length, width)) + hidden)
        inner = self.activation(self.intermediate["dense"](hidden))
        normalised: Tensor = last["LayerNorm"](last["dense"](inner) + hidden)
        return normalised


def _size(config: Mapping[str, Any], name: str, most: int) -> int:
    value = config.get(name)
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{name} must be a whole number from 1 to {most}, got {value!r}")
    return value
