"""Files of pretrained weights: read as data, fitted to a network or refused."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from medgauge.core.errors import InputError


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .pth file; nothing else in it is run.

    - Raises: InputError if there is no such file, or it holds no table of weights.
    """
    if not path.is_file():
        raise InputError(f"there is no file of pretrained weights at {path}; write none, hub, or the path of a file.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            weights: dict[str, Tensor] = load_file(path)
            return weights
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in many ways
        raise InputError(
            f"{path} cannot be read as weights ({first_line(error)}); give a .safetensors or .pth file."
        ) from error
    content = content if isinstance(content, dict) else {}
    inner = [content.get(key) for key in ("state_dict_ema", "state_dict", "model")]
    content = next((one for one in inner if isinstance(one, dict)), content)
    tensors = {str(key).removeprefix("module."): value for key, value in content.items()}
    if not tensors or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise InputError(f"{path} holds no table of weights; give a .safetensors or .pth file of a network.")
    return tensors


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], name: str, source: str) -> None:
    """Load all weights of a network; what else the file holds (a classifier) is left out.

    - Raises: InputError if a weight is missing or of another shape.

    Args:
        network: whose weights they are to be.
        weights: by name.
        name: of the network, for the message.
        source: where they come from, for the message.
    """
    wanted = network.state_dict()
    absent = [key for key in wanted if key not in weights]
    unlike = [key for key in wanted if key in weights and weights[key].shape != wanted[key].shape]
    if absent or unlike:
        what = "missing" if absent else "of another shape"
        raise InputError(
            f"{source} is not a file of weights for {name}: {len(absent or unlike)} of its {len(wanted)} weights are {what} "
            f"(the first: {(absent or unlike)[0]}); give the weights of this network."
        )
    network.load_state_dict({key: weights[key] for key in wanted})


def first_line(error: BaseException) -> str:
    """Class and telling line of an error, shortened."""
    lines = [line for line in str(error).splitlines() if line.strip()] or ["no message"]
    line = lines[1] if "loading state_dict" in lines[0] and len(lines) > 1 else lines[0]
    return f"{type(error).__name__}: {textwrap.shorten(line, 160, placeholder=' ...')}"
