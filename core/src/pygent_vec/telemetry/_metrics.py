"""Counters and latency histograms in this process."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

import attrs

from pygent_vec.model import OperationEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygent_vec.model import JsonObject, StoreEvent

__all__ = ["EventCount", "LocalMetrics", "MetricsReport", "Observable", "OperationStatistics"]

_PER_DECADE = 10
_BOUNDS = tuple(10 ** (step / _PER_DECADE) for step in range(-6 * _PER_DECADE, 4 * _PER_DECADE + 1))
"""Upper bounds of the buckets in seconds, 1 µs to 10 000 s: a quantile is right to a twelfth part."""


class Observable(Protocol):
    """What tells of its calls: a `VectorStore`, or a `VectorStoreManager` for all of its stores."""

    def subscribe(self, observer: Callable[[OperationEvent | StoreEvent], None], /) -> None:
        """Call *observer* after every call."""


@attrs.frozen(kw_only=True)
class OperationStatistics:
    """What the calls of one operation of one store took, in seconds.

    Attributes:
        store: The store's name.
        operation: The method's name.
        calls: How many, failed ones too.
        errors: How many of them raised, by the class name of the error.
        seconds: What all of them took together.
        p50: Half of them took no longer; right to about an eighth, as the next two.
        p95: 95 of 100 took no longer.
        p99: 99 of 100 took no longer.
        longest: The longest, exactly.
    """

    store: str
    operation: str
    calls: int
    errors: Mapping[str, int]
    seconds: float
    p50: float
    p95: float
    p99: float
    longest: float

    @property
    def mean(self) -> float:
        """The mean of a call."""
        return self.seconds / self.calls


@attrs.frozen(kw_only=True)
class EventCount:
    """How often something other than a call happened to a store, such as a retry.

    Attributes:
        store: The store's name.
        kind: What happened.
        operation: In which method; None for what concerns the store as a whole.
        count: How often.
    """

    store: str
    kind: str
    operation: str | None
    count: int


@attrs.frozen(kw_only=True)
class MetricsReport:
    """What was observed until now, sorted by store and operation."""

    operations: tuple[OperationStatistics, ...]
    events: tuple[EventCount, ...]

    def to_dict(self) -> JsonObject:
        """Return the report as a JSON object."""
        return {
            "operations": [{**attrs.asdict(one), "mean": one.mean} for one in self.operations],
            "events": [attrs.asdict(one) for one in self.events],
        }


class LocalMetrics:
    """Counts calls and how long they took, by store and operation. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[tuple[str, str], _Series] = {}
        self._events: Counter[tuple[str, str, str | None]] = Counter()

    def observe(self, source: Observable) -> None:
        """Count the calls of *source* from now on."""
        source.subscribe(self.record)

    def record(self, event: OperationEvent | StoreEvent) -> None:
        """Count one event."""
        with self._lock:
            if isinstance(event, OperationEvent):
                key = (event.store, event.operation)
                series = self._series.get(key)
                if series is None:
                    series = self._series[key] = _Series()
                series.add(event.seconds, event.error)
            else:
                self._events[event.store, event.kind, event.operation] += 1

    def report(self) -> MetricsReport:
        """Return what was counted until now."""
        with self._lock:
            operations = [
                series.statistics(store, operation) for (store, operation), series in self._series.items()
            ]
            events = [
                EventCount(store=store, kind=kind, operation=operation, count=count)
                for (store, kind, operation), count in self._events.items()
            ]
        return MetricsReport(
            operations=tuple(sorted(operations, key=lambda one: (one.store, one.operation))),
            events=tuple(sorted(events, key=lambda one: (one.store, one.kind, one.operation or ""))),
        )

    def reset(self) -> None:
        """Forget what was counted, and go on counting."""
        with self._lock:
            self._series.clear()
            self._events.clear()


class _Series:
    """The calls of one operation of one store."""

    __slots__ = ("buckets", "calls", "errors", "longest", "seconds")

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0
        self.longest = 0.0
        self.errors: Counter[str] = Counter()
        self.buckets = [0] * (len(_BOUNDS) + 1)

    def add(self, seconds: float, error: str | None) -> None:
        self.calls += 1
        self.seconds += seconds
        self.buckets[bisect_left(_BOUNDS, seconds)] += 1
        self.longest = max(self.longest, seconds)
        if error is not None:
            self.errors[error] += 1

    def statistics(self, store: str, operation: str) -> OperationStatistics:
        return OperationStatistics(
            store=store,
            operation=operation,
            calls=self.calls,
            errors=dict(self.errors),
            seconds=self.seconds,
            p50=self._quantile(0.50),
            p95=self._quantile(0.95),
            p99=self._quantile(0.99),
            longest=self.longest,
        )

    def _quantile(self, share: float) -> float:
        """Return the geometric middle of the bucket in which the quantile lies, or the longest if below."""
        place = bisect_left(list(accumulate(self.buckets)), share * self.calls)
        upper = _BOUNDS[min(place, len(_BOUNDS) - 1)]
        return min(upper * 10 ** (-0.5 / _PER_DECADE), self.longest)
