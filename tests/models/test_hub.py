"""A hub that is silent, refuses, answers or is down: what is told, and how soon."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models import build_encoder
from medgauge.models.hub import answering, silence
from tests.timm_guard import ensure_timm


@contextmanager
def hanging() -> Iterator[str]:
    """A server that takes connections and never says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def saying(code: int) -> Iterator[str]:
    """A server that answers every request with the same code."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(code)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815 - as http.server names it

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def closed() -> str:
    """An address at which nothing listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("code", [200, 307, 401, 404])
def test_any_answer_is_one(code: int) -> None:
    with saying(code) as address:
        assert silence(address) is None


@pytest.mark.parametrize("code", [407, 503])
def test_a_server_that_is_down_is_none(code: int) -> None:
    with saying(code) as address:
        assert str(silence(address)).endswith(f"answered {code}")


def test_a_silent_server_is_told_in_time() -> None:
    start = monotonic()
    with hanging() as address:
        reason = silence(address, 0.3)
    assert str(reason).endswith("did not answer within 0.3 seconds")
    assert monotonic() - start < 3


def test_looking_up_a_name_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        sleep(1)
        raise socket.gaierror(-3, "no name")

    monkeypatch.setattr("socket.getaddrinfo", slow)
    start = monotonic()
    assert silence("http://nowhere.invalid", 0.2) == "nowhere.invalid did not answer within 0.2 seconds"
    assert monotonic() - start < 0.9


def test_a_closed_door_and_a_broken_address() -> None:
    assert "cannot be reached: [Errno" in str(silence(closed()))
    assert "cannot be reached" in str(silence("nothing"))


@pytest.mark.parametrize("kind", ["hanging", "closed", "down"])
def test_an_encoder_whose_hub_does_not_answer_is_refused_in_seconds_with_the_ways_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    ensure_timm()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("medgauge.models.hub.SECONDS", 0.3)
    start = monotonic()
    with hanging() as silent, saying(503) as down:
        monkeypatch.setattr(
            "huggingface_hub.constants.ENDPOINT", {"hanging": silent, "closed": closed(), "down": down}[kind]
        )
        with pytest.raises(
            InputError,
            match=r"weights of resnet10t could not be fetched from the hub \(127\.0\.0\.1:\d+ (did not|cannot|answered 503).*"
            r"that of timm/resnet10t\.\w+\) by model\.encoder\.pretrained, or .*represent\.source lite0",
        ):
            build_encoder("timm/resnet10t", ndim=2, channels=1, pretrained="hub")
    assert monotonic() - start < 10
    from huggingface_hub import constants

    assert constants.HF_HUB_OFFLINE is False


def test_weights_at_an_address_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    address = f"{closed()}/weights/own.pth"
    with pytest.raises(InputError, match=r"127\.0\.0\.1:\d+ cannot be reached"), answering({"url": address}):
        pass
    (tmp_path / "checkpoints").mkdir()
    torch.save({}, tmp_path / "checkpoints" / "own.pth")
    with answering({"url": address}) as reason:  # fetched before
        assert reason is None


def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", closed())
    with answering({"hf_hub_id": "timm/any"}) as reason:
        assert reason is None
