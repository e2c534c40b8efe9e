"""Good habits against those that they replace: batches, indexes, streaming and many tasks, on FAISS."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from itertools import cycle
from time import perf_counter
from typing import TYPE_CHECKING

from bench.claims import claim
from bench.contestants.ours import INDEXES, batch_of
from bench.measure import paired, percentile
from pygent_vec import VectorDocument, VectorQuery, open_store
from pygent_vec.sync import open_store as open_sync_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.data import Corpus
    from bench.measure import Claim
    from bench.suites import Setup
    from pygent_vec import SyncVectorStore

__all__ = ["measure_habits"]

_BATCH = 1000
_SINGLE = 100
_ASKED = 256
_TASKS = 16


def measure_habits(setup: Setup) -> Iterator[Claim]:
    """Yield the claims about batches, indexes, streaming and concurrency."""
    few = max(3, setup.rounds // 10)
    yield _batches(setup.data, setup.work, few)
    path = setup.work / "habits"
    with open_sync_store("faiss", path=path) as store:
        store.create_collection("default", setup.data.vectors.shape[1], index=INDEXES["faiss"])
        for start in range(0, len(setup.data.ids), _BATCH):
            store.add_batch(batch_of(setup.data, start, start + _BATCH))
        report = store.optimize(target_recall=0.95)
        yield _indexed(store, setup.data, setup.rounds, report.recall or 0.0)
        yield _streamed(store)
    yield asyncio.run(_concurrent(path, setup.data, few))


def _batches(data: Corpus, work: Path, rounds: int) -> Claim:
    """A thousand documents in one call, against one call for each of a hundred; both durable."""
    some = [
        VectorDocument(id=key, embedding=vector, content=text, metadata=metadata)
        for key, vector, text, metadata in zip(
            data.ids[:_BATCH], data.vectors, data.contents, data.metadatas, strict=False
        )
    ]
    with open_sync_store("faiss", path=work / "batches") as store:
        store.create_collection("default", data.vectors.shape[1], index="flat")

        def single() -> None:
            for document in some[:_SINGLE]:
                store.add_documents([document])

        pair = paired(lambda: store.add_documents(some), single, rounds=rounds, warm_up=1)
    times = len(some) / _SINGLE
    return claim(
        "faiss.batch",
        measured=times / pair.ratio,
        spread=(times * pair.inverse[0], times * pair.inverse[1]),
        detail=f"{len(some) / pair.ours:,.0f} against {_SINGLE / pair.theirs:,.0f} rows/s",
    )


def _indexed(store: SyncVectorStore, data: Corpus, rounds: int, recall: float) -> Claim:
    near = cycle([VectorQuery(query_vector=one) for one in data.queries])
    exact = cycle([VectorQuery(query_vector=one, exact=True) for one in data.queries])

    def by_index() -> None:
        for _ in range(10):
            store.search_similar(next(near))

    def by_scan() -> None:
        for _ in range(10):
            store.search_similar(next(exact))

    pair = paired(by_index, by_scan, rounds=rounds)
    return claim(
        "faiss.index",
        words=f"{len(data.ids):,} rows",
        measured=1 / pair.ratio if recall >= 0.95 else 0.0,
        spread=pair.inverse,
        detail=f"{pair.theirs * 1e5:.0f} against {pair.ours * 1e5:.0f} µs, recall@10 estimated {recall:.3f}",
    )


def _streamed(store: SyncVectorStore) -> Claim:
    """Peaks of what Python allocates, by tracemalloc; NumPy's arrays are in them."""

    def peak(*, whole: bool) -> int:
        gc.collect()
        tracemalloc.reset_peak()
        base = tracemalloc.get_traced_memory()[0]
        if whole:
            held = list(store.iter_documents())
            del held
        else:
            for _ in store.iter_documents():
                pass
        return tracemalloc.get_traced_memory()[1] - base

    tracemalloc.start()
    peak(whole=False)
    stream, everything = peak(whole=False), peak(whole=True)
    tracemalloc.stop()
    return claim(
        "faiss.stream",
        measured=everything / stream,
        detail=f"{everything / 2**20:.1f} against {stream / 2**20:.1f} MiB",
    )


async def _concurrent(path: Path, data: Corpus, rounds: int) -> Claim:
    queries = [VectorQuery(query_vector=data.queries[turn % len(data.queries)]) for turn in range(_ASKED)]
    ratios = []
    async with open_store("faiss", path=path) as store:

        async def work(some: Iterator[VectorQuery]) -> None:
            for query in some:
                await store.search_similar(query)

        await work(iter(queries))
        for _ in range(rounds):
            started = perf_counter()
            await work(iter(queries))
            alone = perf_counter() - started
            shared = iter(queries)
            started = perf_counter()
            await asyncio.gather(*(work(shared) for _ in range(_TASKS)))
            ratios.append(alone / (perf_counter() - started))
    spread = (percentile(ratios, 0.25), percentile(ratios, 0.75))
    return claim("faiss.concurrency", measured=percentile(ratios, 0.5), spread=spread)
