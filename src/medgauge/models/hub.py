"""Whether the place that pretrained weights come from answers: told within seconds, before its clients wait and try again."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import urlparse

from medgauge.core.errors import InputError

SECONDS = 5.0
"""Time that it has for an answer."""
FILE = "model.safetensors"  # what its clients ask for first
_ILL = (407, 500, 502, 503, 504)  # of a proxy that asks for a password, or of a server that is down


class _Still(urllib.request.HTTPRedirectHandler):
    """An answer that names another address is an answer."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def silence(address: str, seconds: float | None = None) -> str | None:
    """Why nothing answers at an address, in a few words; None where something does, whatever it says.

    Looking up its name counts as time too. Proxies of the environment are used, as the clients use them.
    """
    seconds = SECONDS if seconds is None else seconds
    host, said = urlparse(address).netloc, Queue[str | None]()
    Thread(target=lambda: said.put(_asked(address, seconds)), daemon=True).start()
    try:
        reason = said.get(timeout=seconds)
    except Empty:
        reason = f"did not answer within {seconds:g} seconds"
    return reason and f"{host} {reason}"


def _asked(address: str, seconds: float) -> str | None:
    try:
        opener = urllib.request.build_opener(_Still)
        opener.open(urllib.request.Request(address, method="HEAD"), timeout=seconds).close()  # noqa: S310 - http(s) only
    except urllib.error.HTTPError as error:
        return f"answered {error.code}" if error.code in _ILL else None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):  # the clients have certificates of their own
            return None
        late = isinstance(error.reason, TimeoutError)
        return f"did not answer within {seconds:g} seconds" if late else f"cannot be reached: {error.reason}"
    except TimeoutError:
        return f"did not answer within {seconds:g} seconds"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"cannot be reached: {error}"
    return None


@contextmanager
def answering(source: Mapping[str, Any]) -> Iterator[str | None]:
    """Within it a hub that does not answer is not asked: what was fetched before is used, and all else fails at once.

    Gives why it does not answer, or None.

    - Raises: InputError if weights are only at an address that does not answer, and were not fetched before.

    Args:
        source: timm's configuration of the weights, with ``hf_hub_id`` or ``url``.
    """
    from huggingface_hub import constants

    if not source.get("hf_hub_id"):
        reason = None if _kept(str(source["url"])) else silence(str(source["url"]))
        if reason is not None:
            raise InputError(reason)
        yield None
        return
    if constants.HF_HUB_OFFLINE:
        yield None
        return
    reason = silence(f"{constants.ENDPOINT}/{str(source['hf_hub_id']).partition('@')[0]}/resolve/main/{FILE}")
    constants.HF_HUB_OFFLINE = reason is not None
    try:
        yield reason
    finally:
        constants.HF_HUB_OFFLINE = False


def _kept(url: str) -> bool:
    """Whether torch has the file of an address already."""
    import torch

    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name).is_file()
