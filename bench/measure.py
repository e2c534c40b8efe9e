"""Measuring in pairs: noise that both sides share cancels in their ratio."""

from __future__ import annotations

import statistics
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Claim", "Pair", "paired"]


@attrs.frozen(kw_only=True)
class Pair:
    """Two sides, measured in turns.

    Attributes:
        ours: Median wall seconds of a call.
        theirs: Median wall seconds of the floor's call.
        ratio: Median of ours / theirs, round by round, in wall time.
        cpu_ratio: The same in CPU time.
        spread: The lowest and highest quartile of `ratio`.
    """

    ours: float
    theirs: float
    ratio: float
    cpu_ratio: float
    spread: tuple[float, float]


@attrs.frozen(kw_only=True)
class Claim:
    """What the project promises, and what was measured.

    Attributes:
        topic: The benchmark.
        text: The promise, with its definition.
        bound: The number promised.
        measured: The number found.
        at_most: Whether the bound is an upper one.
        detail: Figures behind it.
    """

    topic: str
    text: str
    bound: float
    measured: float
    at_most: bool
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


def paired(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    rounds: int,
    warm_up: int = 2,
    after: Callable[[], object] = lambda: None,
) -> Pair:
    """Return how *ours* compares with *theirs*, called in turns; *after* follows ours, not timed."""
    for _ in range(warm_up):
        theirs()
        ours()
        after()
    walls: list[tuple[float, float]] = []
    cpus: list[tuple[float, float]] = []
    for turn in range(rounds):
        sides = [(0, ours), (1, theirs)]
        wall, cpu = [0.0, 0.0], [0.0, 0.0]
        for side, call in sides if turn % 2 else reversed(sides):
            wall_start, cpu_start = perf_counter(), process_time()
            call()
            wall[side], cpu[side] = perf_counter() - wall_start, process_time() - cpu_start
            if call is ours:
                after()
        walls.append((wall[0], wall[1]))
        cpus.append((cpu[0], cpu[1]))
    ratios = sorted(one / other for one, other in walls)
    return Pair(
        ours=statistics.median(one for one, _ in walls),
        theirs=statistics.median(other for _, other in walls),
        ratio=statistics.median(ratios),
        cpu_ratio=statistics.median(one / max(other, 1e-9) for one, other in cpus),
        spread=(ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]),
    )
