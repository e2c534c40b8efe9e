"""Streams that are larger than what a call may hold in memory."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import VectorDocument
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from pygent_vec_conformance.world import World

_COUNT = 2000
_DIMENSION = 1024
_BATCH = 10
_MOST = _COUNT * _DIMENSION * 4 // 4
"""A quarter of the bytes of all vectors."""


class _Watched(VectorDocument):
    """A document that tells when it is gone: its class has no slots, and so room for weak references."""


class _Alive:
    """How many of the documents that were made are there still."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self, document: _Watched) -> None:
        self.count += 1
        weakref.finalize(document, self._gone)

    def _gone(self) -> None:
        self.count -= 1


def _stream(alive: _Alive | None = None) -> Iterator[VectorDocument]:
    for number in range(_COUNT):
        vector = np.random.default_rng(number).standard_normal(_DIMENSION, dtype=np.float32)
        document = _Watched(id=f"d{number:05}", embedding=vector, metadata={"n": number})
        if alive is not None:
            alive.watch(document)
        yield document


async def _filled(world: World) -> None:
    await world.collection("default", _DIMENSION)
    await world.store.add_documents(_stream())


async def _peak(work: Awaitable[object]) -> int:
    """Return how many bytes Python held at most while *work* ran, beyond those that it held before."""
    gc.collect()
    started = not tracemalloc.is_tracing()
    if started:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        await work
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if started:
            tracemalloc.stop()


def _is_small(peak: int, what: str) -> None:
    expect.that(
        peak < _MOST,
        f"{what} held {peak / 1e6:.1f} MB more at its height; the vectors are {4 * _MOST / 1e6:.1f} MB, "
        f"and a batch of {_BATCH} is {_BATCH * _DIMENSION * 4 / 1e6:.2f} MB",
    )


@check("VS-244", timeout=180)
async def iteration_takes_constant_memory(world: World) -> None:
    """Iterating 2,000 documents of 1,024 dimensions by tens holds less than a quarter of their vectors."""
    await _filled(world)
    seen = 0

    async def iterate() -> None:
        nonlocal seen
        async for one in world.store.iter_documents(batch_size=_BATCH):
            seen += one.embedding is not None

    _is_small(await _peak(iterate()), "iter_documents()")
    expect.equal(seen, _COUNT, "documents iterated, with their embeddings")


@check("VS-243", timeout=180)
async def a_stream_is_written_in_constant_memory(world: World) -> None:
    """Writing a generator of 2,000 documents by tens keeps few of them alive at any time."""
    await world.collection("default", _DIMENSION)
    alive, most = _Alive(), 0

    def told(_: int) -> None:
        nonlocal most
        most = max(most, alive.count)

    written = await world.store.add_documents(_stream(alive), batch_size=_BATCH, on_progress=told)
    expect.equal(len(written), _COUNT, "the ids written")
    expect.that(
        most <= 5 * _BATCH, f"{most} of the documents given were alive at once, in batches of {_BATCH}"
    )


@check("VS-243", timeout=180)
async def a_stream_that_is_skipped_takes_constant_memory(world: World) -> None:
    """Writing documents that are there already, under "skip", holds less than a quarter of their vectors."""
    await _filled(world)
    written = [""]

    async def write() -> None:
        written[:] = await world.store.add_documents(_stream(), batch_size=_BATCH, on_conflict="skip")

    _is_small(await _peak(write()), 'add_documents(…, on_conflict="skip")')
    expect.equal(written, [], "the ids written under skip")
