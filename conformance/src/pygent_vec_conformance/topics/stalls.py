"""The event loop goes on while a store works."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from pygent_vec import VectorBatch, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pygent_vec_conformance.world import World

_STALL = 0.050
_BEAT = 0.002
_TRIES = 4
_THREADS = Path("/proc/self/task")


def _queued() -> float:
    """Return the seconds that this process's threads have waited for a processor; 0 if unknown.

    What a busy machine takes is not the store's doing, so it is taken off a stall.
    """
    total = 0
    for file in _THREADS.glob("*/schedstat"):
        try:
            total += int(file.read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            continue  # the thread has ended meanwhile
    return total / 1e9


async def _longest_stall(work: Awaitable[object]) -> float:
    """Return the longest time for which a heartbeat did not beat while *work* ran, in seconds."""
    longest, beating = 0.0, True

    async def beat() -> None:
        nonlocal longest
        while beating:
            queued, before = _queued(), perf_counter()
            await asyncio.sleep(_BEAT)
            gap = perf_counter() - before - _BEAT
            if gap > _STALL:
                gap -= max(0.0, _queued() - queued)
            longest = max(longest, gap)

    heart = asyncio.create_task(beat())
    await asyncio.sleep(_BEAT)  # let it begin: a store that blocks would not
    await work
    beating = False
    await heart
    return longest


@check("VS-263", timeout=120)
async def the_event_loop_is_never_blocked(world: World) -> None:
    """A large write, a search, a count, a delete and an optimize let the event loop go on."""
    await world.collection("large", 64)
    store, count = world.store, world.profile.times(20_000, 40_000)
    vectors = world.vectors(count, 64)
    ids = [f"d{n:06}" for n in range(count)]
    batch = VectorBatch(
        ids=ids, vectors=vectors, metadatas=[{"n": n} for n in range(count)], collection="large"
    )
    query = VectorQuery(
        query_vector=vectors[0], collection="large", limit=200, metadata_filter={"n": {"$gte": 5}}
    )
    documents = world.documents(ids[:5000], dimension=64, collection="large")
    works: dict[str, Callable[[], Awaitable[object]]] = {
        "add_batch": lambda: store.add_batch(batch),
        "add_documents": lambda: store.add_documents(documents),
        "optimize": lambda: store.optimize("large"),
        "search_similar": lambda: store.search_similar(query),
        "search_many": lambda: store.search_many([query] * 4),
        "get_documents": lambda: store.get_documents(ids[:5000], collection="large"),
        "count_documents": lambda: store.count_documents(collection="large", filter={"n": {"$gte": 9}}),
        "delete_where": lambda: store.delete_where({"n": {"$gte": count // 2}}, collection="large"),
    }
    for name, work in works.items():
        stalls: list[float] = []
        while len(stalls) < _TRIES and (not stalls or min(stalls) > _STALL):
            stalls.append(await _longest_stall(work()))
        expect.that(
            min(stalls) <= _STALL,
            f"{name} blocked the event loop for {min(stalls) * 1e3:.0f} ms at least, "
            f"in each of {len(stalls)} tries",
        )
