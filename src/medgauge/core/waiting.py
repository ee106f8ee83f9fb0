"""How long the threads of one operation wait for each other before they sleep."""

from collections.abc import Mapping

BRIEFLY = {"GOMP_SPINCOUNT": "3000"}
"""Some seventy microseconds; GNU OpenMP, which torch has on Linux, waits some milliseconds by default."""


def brief_waits(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables to set before torch is loaded, so that its threads sleep soon where another is late: none where the user's
    environment says how they wait.

    A thread that is waited for is late where another program has its core, and those that wait awake keep it from theirs.

    >>> brief_waits({"OMP_NUM_THREADS": "4"}), brief_waits({"OMP_WAIT_POLICY": "active"})
    ({'GOMP_SPINCOUNT': '3000'}, {})
    """
    return {} if {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(environment) else dict(BRIEFLY)
