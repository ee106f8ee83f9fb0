"""How many threads little arithmetic takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

LITTLE = 2000
"""Cases up to which one thread is enough: a kernel of so many takes a few seconds."""


@contextmanager
def few_threads(cases: int) -> Iterator[None]:
    """Inside, torch computes with one thread where there are at most 2,000 cases, and with as many as before beyond.

    Threads that share pieces of milliseconds wait for one another, and on a busy machine they wait for its other work too.
    """
    before = torch.get_num_threads()
    if cases > LITTLE or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
