"""The life around a store: the event loop, opening it again, and the memory that it takes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from time import perf_counter
from typing import TYPE_CHECKING

import faiss
import numpy as np

from bench.claims import claim
from bench.measure import paired
from pygent_vec import VectorQuery, open_store
from pygent_vec.sync import SyncVectorStore
from pygent_vec.sync import open_store as open_sync_store

if TYPE_CHECKING:
    from pathlib import Path

    from bench.data import Corpus
    from bench.measure import Claim

__all__ = ["asynchronous", "memory", "reopen"]

_K = 10
_LINKS = 16


def asynchronous(path: Path, data: Corpus, *, rounds: int) -> Claim:
    """Return what a call costs more through the event loop."""
    queries = [VectorQuery(query_vector=one, limit=_K) for one in data.queries]

    async def through_the_loop() -> float:
        async with open_store("faiss", path=path) as store:
            for query in queries[:50]:
                await store.search_similar(query)
            started = perf_counter()
            for query in queries[: rounds * 10]:
                await store.search_similar(query)
            return (perf_counter() - started) / len(queries[: rounds * 10])

    def synchronous() -> float:
        with open_sync_store("faiss", path=path) as store:
            for query in queries[:50]:
                store.search_similar(query)
            started = perf_counter()
            for query in queries[: rounds * 10]:
                store.search_similar(query)
            return (perf_counter() - started) / len(queries[: rounds * 10])

    differences = sorted(asyncio.run(through_the_loop()) - synchronous() for _ in range(5))
    return claim(
        "faiss.loop",
        measured=differences[2] * 1e6,
        spread=(differences[1] * 1e6, differences[3] * 1e6),
    )


def reopen(path: Path, data: Corpus, raw: faiss.IndexHNSWFlat, work: Path, *, rounds: int) -> Claim:
    """Opening the store and its collection, against faiss reading the same index with its vectors."""
    file = work / "raw.faiss"
    faiss.write_index(raw, str(file))
    query = VectorQuery(query_vector=data.queries[0])

    opened: list[SyncVectorStore] = []

    def ours() -> None:
        store = open_sync_store("faiss", path=path)
        store.initialize()
        store.search_similar(query)
        opened.append(store)

    pair = paired(
        ours, lambda: faiss.read_index(str(file)), rounds=rounds, after=lambda: opened.pop().close()
    )
    return claim(
        "faiss.reopen",
        measured=pair.ratio,
        spread=pair.spread,
        detail=f"{pair.ours * 1e3:.0f} against {pair.theirs * 1e3:.0f} ms",
    )


def memory(data: Corpus, work: Path) -> Claim:
    """Peak memory of a process that fills, indexes and searches a store from a stream of batches."""
    rows, dimension = data.vectors.shape
    np.save(work / "vectors.npy", data.vectors)
    settings = {"backend": "faiss", "path": str(work / "memory"), "background": False}
    command = [sys.executable, "-m", "bench.child", str(work / "vectors.npy"), json.dumps(settings)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    graph = rows * (2 * _LINKS * 4 + 16)
    allowed = 1.3 * (rows * dimension * 4 + graph) + 200 * rows
    return claim(
        "faiss.memory",
        measured=answer["peak"] / allowed,
        detail=f"{answer['peak'] / 2**20:.0f} of {allowed / 2**20:.0f} MiB, "
        f"above {answer['base'] / 2**20:.0f} at start",
    )
