"""What importing costs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from bench.claims import claim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Claim
    from bench.suites import Setup

__all__ = ["measure_import"]

_ROUNDS = 5


def measure_import(_: Setup) -> Iterator[Claim]:
    """Yield the claim about the time of `import pygent_vec`, of which NumPy is the most."""
    for statement in ("import pygent_vec", "import numpy"):
        _seconds(statement)  # what is compiled once is compiled now
    rounds = [
        [_seconds(statement) for statement in ("pass", "import pygent_vec", "import numpy")]
        for _ in range(_ROUNDS)
    ]
    ours = sorted(both - start for start, both, _ in rounds)
    numpy = statistics.median(both - start for start, _, both in rounds)
    yield claim(
        "import",
        measured=ours[_ROUNDS // 2],
        spread=(ours[1], ours[-2]),
        detail=f"of these NumPy {numpy:.3f}",
    )


def _seconds(statement: str) -> float:
    """Return the time of a new interpreter that executes *statement*."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    return perf_counter() - started
