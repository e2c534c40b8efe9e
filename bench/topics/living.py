"""The life around a store: opening it again, a cold start, peak memory, and the event loop."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from bench.contestants.field import opened, settings_of
from bench.contestants.ours import INDEXES, batch_of
from bench.measure import Measurement
from bench.runs import ROOT
from pygent_vec import VectorQuery, VectorStore, open_store
from pygent_vec.sync import open_store as open_sync_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from bench.data import Corpus
    from bench.suites import Finding, Setup

__all__ = ["measure_life", "measure_stall"]

_TICK = 0.001
_COLD = (
    "import json, sys; name, settings, vector = json.load(sys.stdin); "
    "from pygent_vec import VectorQuery; from pygent_vec.sync import open_store; "
    "store = open_store(name, **settings); store.initialize(); "
    "print(len(store.search_similar(VectorQuery(query_vector=vector)))); store.close()"
)


def measure_life(setup: Setup) -> Iterator[Finding]:
    """Yield what opening again costs, a cold start, and the peak memory of a process that does it all."""
    rounds = 3 if setup.quick else 9
    with opened(setup) as (address, stores):
        for one in stores:
            if one.name == "memory":
                yield "memory keeps nothing, so there is nothing to open again"
            else:
                one.fill(setup.data)
                one.finish()
                one.release()
                settings = settings_of(one.name, setup.work, address)
                yield from _opening(one.name, settings, setup.data, rounds)
    with opened(setup) as (address, stores):
        for one in stores:
            one.release()
            yield _memory(one.name, settings_of(one.name, setup.work, address), setup)


def _opening(name: str, settings: dict[str, str], data: Corpus, rounds: int) -> Iterator[Measurement]:
    query = VectorQuery(query_vector=data.queries[0])

    def again() -> None:
        with open_sync_store(name, **settings) as store:
            store.search_similar(query)

    asked = json.dumps([name, settings, data.queries[0].tolist()])

    def cold() -> None:
        subprocess.run([sys.executable, "-c", _COLD], input=asked, text=True, check=True, capture_output=True)

    for what, call in (("open, search, close", again), ("cold start", cold)):
        call()
        times = sorted(_timed(call) * 1e3 for _ in range(rounds))
        yield Measurement(
            topic="life",
            who=name,
            what=what,
            unit="ms",
            value=statistics.median(times),
            spread=(times[len(times) // 4], times[3 * len(times) // 4]),
        )


def _timed(call: Callable[[], None]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


def _memory(name: str, settings: dict[str, str], setup: Setup) -> Measurement:
    """Measure the client's process alone: a server's memory is not in it."""
    rows, dimension = setup.data.vectors.shape
    np.save(setup.work / "vectors.npy", setup.data.vectors)
    asked = [str(setup.work / "vectors.npy"), json.dumps({"backend": name, **settings})]
    command = [sys.executable, "-m", "bench.child", *asked]
    answer = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return Measurement(
        topic="life",
        who=name,
        what="peak memory",
        unit="x vectors",
        value=answer["peak"] / (4 * rows * dimension),
        case={"base MiB": round(answer["base"] / 2**20)},
    )


def measure_stall(setup: Setup) -> Iterator[Finding]:
    """Yield the longest time that the event loop was held, beyond a tick of a millisecond, by each call."""
    with opened(setup) as (address, stores):
        for one in stores:
            one.release()
            settings = settings_of(one.name, setup.work, address)
            for what, longest in asyncio.run(_held(one.name, settings, setup.data)).items():
                yield Measurement(topic="stall", who=one.name, what=what, unit="ms", value=longest * 1e3)


async def _held(name: str, settings: dict[str, str], data: Corpus) -> dict[str, float]:
    held: dict[str, float] = {}

    async with open_store(name, **settings) as store, _watched() as longest:
        longest()
        await store.create_collection("default", data.vectors.shape[1], index=INDEXES[name])
        for start in range(0, len(data.ids), 1000):
            await store.add_batch(batch_of(data, start, start + 1000))
        held["add_batch"] = longest()
        await store.optimize("default")
        held["optimize"] = longest()
        await _read(store, data)
        held["search_similar"] = longest()
        queries = [VectorQuery(query_vector=vector) for vector in data.queries[:500]]
        await store.search_many(queries)
        held["search_many, 500"] = longest()
        async for _ in store.iter_documents():
            pass
        held["iter_documents"] = longest()
    return held


async def _read(store: VectorStore, data: Corpus) -> None:
    for vector in data.queries[:200]:
        await store.search_similar(VectorQuery(query_vector=vector))


@asynccontextmanager
async def _watched() -> AsyncIterator[Callable[[], float]]:
    """Tick in a task; yield what returns the longest delay of a tick since it was last asked."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            started = perf_counter()
            await asyncio.sleep(_TICK)
            longest = max(longest, perf_counter() - started - _TICK)

    def taken() -> float:
        nonlocal longest
        found, longest = longest, 0.0
        return found

    task = asyncio.create_task(tick())
    try:
        yield taken
    finally:
        task.cancel()
