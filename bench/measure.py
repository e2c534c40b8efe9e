"""Measuring in pairs: noise that both sides share cancels in their ratio."""

from __future__ import annotations

import gc
import math
import statistics
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Claim", "Measurement", "Pair", "paired", "percentile", "set_aside"]


def set_aside() -> None:
    """Keep what there is by now, such as the corpus, from the collector of whoever makes more objects.

    Python would look through the benchmark's own documents again and again, and a library in C never does.
    """
    gc.collect()
    gc.freeze()


@attrs.frozen(kw_only=True)
class Pair:
    """Two sides, measured in turns.

    Attributes:
        ours: Median wall seconds of a call.
        theirs: Median wall seconds of the floor's call.
        ratio: Median of ours / theirs, round by round, in wall time.
        cpu_ratio: The same in CPU time.
        spread: The lowest and highest quartile of `ratio`.
        cpu_spread: Those of `cpu_ratio`.
    """

    ours: float
    theirs: float
    ratio: float
    cpu_ratio: float
    spread: tuple[float, float]
    cpu_spread: tuple[float, float] = (0.0, 0.0)

    @property
    def inverse(self) -> tuple[float, float]:
        """The quartiles of theirs / ours."""
        return (1 / self.spread[1], 1 / self.spread[0])


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
        key: Its name in `claims.toml`.
        spread: The quartiles of what was measured, where there are rounds.
        short: Why it falls short, where that is known.
    """

    topic: str
    text: str
    bound: float
    measured: float
    at_most: bool
    detail: str = ""
    key: str = ""
    spread: tuple[float, float] | None = None
    short: str = ""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


@attrs.frozen(kw_only=True)
class Measurement:
    """One figure of one contestant.

    Attributes:
        topic: The benchmark.
        who: The contestant, such as `faiss` or `raw faiss`.
        what: The quantity, such as `p50`.
        unit: Its unit, such as `µs`.
        value: The figure.
        case: What was varied: effort, selectivity, tasks, rows.
        spread: The quartiles of the rounds, where there are some.
        better: Whether "less" or "more" of it is better.
    """

    topic: str
    who: str
    what: str
    unit: str
    value: float
    case: Mapping[str, str | float] = attrs.Factory(dict)
    spread: tuple[float, float] | None = None
    better: str = "less"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of *values*, *share* in (0, 1]."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered) - 1e-9) - 1))]


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
    cpu_ratios = sorted(one / max(other, 1e-9) for one, other in cpus)
    return Pair(
        ours=statistics.median(one for one, _ in walls),
        theirs=statistics.median(other for _, other in walls),
        ratio=statistics.median(ratios),
        cpu_ratio=statistics.median(cpu_ratios),
        spread=(ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]),
        cpu_spread=(cpu_ratios[len(ratios) // 4], cpu_ratios[3 * len(ratios) // 4]),
    )
