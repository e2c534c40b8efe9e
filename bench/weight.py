"""What importing costs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from time import perf_counter

from bench.measure import Claim

__all__ = ["measure_weight"]


def measure_weight(*, rounds: int) -> list[Claim]:
    """Return the claim about the time of `import pygent_vec`, of which NumPy is the most."""
    ours = statistics.median(_seconds("import pygent_vec") for _ in range(rounds))
    numpy = statistics.median(_seconds("import numpy") for _ in range(rounds))
    return [
        Claim(
            topic="import",
            text="seconds of `import pygent_vec`",
            bound=0.15,
            measured=ours,
            at_most=True,
            detail=f"of these NumPy {numpy:.3f}",
        )
    ]


def _seconds(statement: str) -> float:
    """Return the median time of *statement* in a new interpreter, less that of starting one."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(code: str) -> float:
        started = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        return perf_counter() - started

    run(statement)
    return run(statement) - run("pass")
