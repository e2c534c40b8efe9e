"""Writes: rows a second, bytes on disk, and searches while others write."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from bench.contestants import field_of
from bench.contestants.field import opened, settings_of
from bench.contestants.ours import Ours, batch_of
from bench.contestants.program import Program
from bench.measure import Measurement, percentile
from pygent_vec import VectorQuery, VectorStore, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.data import Corpus
    from bench.suites import Finding, Setup

__all__ = ["measure_ingest", "measure_mixed"]

_READERS = 8
_WRITTEN = 100


def measure_ingest(setup: Setup) -> Iterator[Finding]:
    """Yield rows/s of filling each contestant, of building its index, and bytes on disk a row."""
    notes: list[str] = []
    rows = len(setup.data.ids)
    with field_of(setup, notes) as field:
        while notes:  # the time may be up before the end
            yield notes.pop(0)
        for one in field:
            started = perf_counter()
            try:
                one.fill(setup.data)
            except NotImplementedError as error:
                notes.append(f"{one.name} is left out: {error}")
                continue
            seconds = one.fill_seconds if isinstance(one, Program) else perf_counter() - started
            yield _figure("ingest", one.name, "written", "rows/s", rows / seconds, better="more")
            started = perf_counter()
            one.finish()
            both = seconds + perf_counter() - started
            yield _figure("ingest", one.name, "with index", "rows/s", rows / both, better="more")
            if isinstance(one, Ours):
                yield from _disk(one, setup.data)
    yield from notes


def _disk(one: Ours, data: Corpus) -> Iterator[Measurement]:
    found = one.store.get_stats().collections["default"].disk_bytes
    if found:
        plain = sum(len(text.encode()) for text in data.contents) + data.vectors.nbytes
        yield _figure("disk", one.name, "disk", "bytes/row", found / len(data.ids))
        yield _figure("disk", one.name, "disk", "x texts and vectors", found / plain)


def measure_mixed(setup: Setup) -> Iterator[Finding]:
    """Yield the rate and percentiles of eight searching tasks, alone, and beside one that writes."""
    seconds = 3.0 if setup.quick else 20.0
    half = len(setup.data.ids) // 2
    with opened(setup) as (address, stores):
        for one in stores:
            if one.name == "memory":
                yield from asyncio.run(_both(one.name, open_store("memory"), setup.data, half, seconds))
                continue
            one.release()
            store = open_store(one.name, **settings_of(one.name, setup.work, address))
            yield from asyncio.run(_both(one.name, store, setup.data, half, seconds))


async def _both(name: str, store: VectorStore, data: Corpus, half: int, seconds: float) -> list[Measurement]:
    async with store:
        await store.create_collection("default", data.vectors.shape[1])
        for start in range(0, half, 1000):
            await store.add_batch(batch_of(data, start, min(start + 1000, half)))
        await store.optimize("default")
        alone = await _searched(store, data, seconds)
        writing = asyncio.create_task(_write(store, data, half, seconds))
        beside = await _searched(store, data, seconds)
        written, waits = await writing
        await store.delete_collection("default")
    figures = [
        _figure(
            "mixed", name, "searches", "1/s", len(times) / seconds, better="more", case={"writer": writer}
        )
        for writer, times in (("none", alone), ("one", beside))
    ]
    figures += [
        _figure("mixed", name, what, "ms", percentile(times, share) * 1e3, case={"writer": writer})
        for writer, times in (("none", alone), ("one", beside))
        for what, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    ]
    wait = percentile(waits, 0.95) * 1e3
    return [
        *figures,
        _figure("mixed", name, "written", "rows/s", written / seconds, better="more", case={"writer": "one"}),
        _figure("mixed", name, f"{_WRITTEN} rows, p95", "ms", wait, case={"writer": "one"}),
    ]


async def _searched(store: VectorStore, data: Corpus, seconds: float) -> list[float]:
    times: list[float] = []
    until = perf_counter() + seconds

    async def read(place: int) -> None:
        while perf_counter() < until:
            place = (place + 7) % len(data.queries)
            started = perf_counter()
            await store.search_similar(VectorQuery(query_vector=data.queries[place]))
            times.append(perf_counter() - started)

    await asyncio.gather(*(read(place) for place in range(_READERS)))
    return times


async def _write(store: VectorStore, data: Corpus, half: int, seconds: float) -> tuple[int, list[float]]:
    """Add batches, from the start again where the rows end; return rows written and the time of each."""
    written, waits, start = 0, [], half
    until = perf_counter() + seconds
    while perf_counter() < until:
        began = perf_counter()
        written += len(await store.add_batch(batch_of(data, start, start + _WRITTEN)))
        waits.append(perf_counter() - began)
        start = start + _WRITTEN if start + 2 * _WRITTEN <= len(data.ids) else half
    return written, waits


def _figure(
    topic: str,
    who: str,
    what: str,
    unit: str,
    value: float,
    *,
    better: str = "less",
    case: dict[str, str | float] | None = None,
) -> Measurement:
    return Measurement(
        topic=topic, who=who, what=what, unit=unit, value=value, better=better, case=case or {}
    )
