import os
import signal
import threading

import pytest

from medgauge.training.signals import stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_kept_the_second_ends_and_the_handlers_come_back(number: int) -> None:
    before = signal.getsignal(number)
    with stop_signals() as seen:
        assert seen == []
        os.kill(os.getpid(), number)
        assert seen == [number]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_outside_the_main_thread_nothing_is_caught() -> None:
    found: list[list[int]] = []

    def run() -> None:
        with stop_signals() as seen:
            found.append(seen)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [[]]
