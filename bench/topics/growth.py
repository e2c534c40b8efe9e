"""Growth: how the cost of each call rises with the number of rows."""

from __future__ import annotations

import statistics
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from bench.contestants.field import opened
from bench.contestants.ours import INDEXES, Ours, batch_of
from bench.measure import Measurement
from pygent_vec import F, VectorQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.data import Corpus
    from bench.suites import Finding, Setup

__all__ = ["exponent", "measure_growth"]

_BATCH = 1000
_STEPS = 4


def exponent(sizes: list[int], costs: list[float]) -> float:
    """Return `b` of the least squares fit `cost = a * size**b`."""
    slope, _ = np.polyfit(np.log(sizes), np.log(costs), 1)
    return float(slope)


def measure_growth(setup: Setup) -> Iterator[Finding]:
    """Yield each call's cost at sizes that double, and the exponent fitted to them."""
    rows = len(setup.data.ids)
    sizes = [max(_BATCH, rows // 2**step // _BATCH * _BATCH) for step in reversed(range(_STEPS))]
    sizes = sorted(set(sizes))
    with opened(setup) as (_, stores):
        for one in stores:
            costs: dict[str, list[float]] = {}
            for size, found in zip(sizes, _grown(one, setup.data, sizes), strict=True):
                for what, seconds in found.items():
                    costs.setdefault(what, []).append(seconds)
                    yield _figure(one, what, "µs", seconds * 1e6, {"rows": size})
            for what, values in costs.items():
                if len(sizes) > 1:
                    yield _figure(one, what, "exponent", exponent(sizes, values), {})


def _grown(one: Ours, data: Corpus, sizes: list[int]) -> Iterator[Mapping[str, float]]:
    store = one.store
    store.create_collection("default", data.vectors.shape[1], index=INDEXES[one.name])
    held = 0
    for size in sizes:
        writes = []
        for start in range(held, size, _BATCH):
            started = perf_counter()
            store.add_batch(batch_of(data, start, start + _BATCH))
            writes.append((perf_counter() - started) / _BATCH)
        held = size
        store.optimize()
        yield {"add_batch, a row": statistics.median(writes[-8:]), **_read(one, data, size)}


def _read(one: Ours, data: Corpus, size: int) -> Mapping[str, float]:
    """Return the median seconds of each reading call, with the store in its present size."""
    store = one.store
    condition = F("row") < 100
    calls: Mapping[str, Callable[[int], object]] = {
        "search_similar": lambda place: store.search_similar(_query(data, place)),
        "search, exact": lambda place: store.search_similar(_query(data, place, exact=True)),
        "search, 100 match": lambda place: store.search_similar(
            VectorQuery(query_vector=data.queries[place], metadata_filter=condition)
        ),
        "get_document": lambda place: store.get_document(data.ids[place * 37 % size]),
        "count_documents": lambda _: store.count_documents(),
        "count, 100 match": lambda _: store.count_documents(filter=condition),
    }
    return {what: _median(call) for what, call in calls.items()}


def _query(data: Corpus, place: int, *, exact: bool = False) -> VectorQuery:
    return VectorQuery(query_vector=data.queries[place], exact=exact)


def _median(call: Callable[[int], object], times: int = 30) -> float:
    seconds = []
    for place in range(times + 3):
        started = perf_counter()
        call(place)
        seconds.append(perf_counter() - started)
    return statistics.median(seconds[3:])


def _figure(one: Ours, what: str, unit: str, value: float, case: Mapping[str, str | float]) -> Measurement:
    return Measurement(topic="growth", who=one.name, what=what, unit=unit, value=value, case=case)
