"""The FAISS store against raw FAISS, SQLite and files."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from time import perf_counter
from typing import TYPE_CHECKING

import faiss
import numpy as np

from bench.claims import claim
from bench.floor import RawFetch, RawFiles, raw_hnsw, unit
from bench.life import asynchronous, memory, reopen
from bench.measure import paired, set_aside
from pygent_vec import DistanceMetric, F, IndexSpec, VectorBatch, VectorQuery
from pygent_vec.sync import SyncVectorStore
from pygent_vec.sync import open_store as open_sync_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.data import Corpus
    from bench.measure import Claim
    from pygent_vec.filters import Filter

__all__ = ["measure_embedded"]

_BATCH = 1000
_K = 10
_CALLS = 50
_GRAPH = {"m": 16, "ef_construction": 128}


def measure_embedded(data: Corpus, work: Path, *, rounds: int) -> Iterator[Claim]:
    """Yield the claims about the FAISS store, measured on *data* in the directory *work*."""
    yield _ingest(data, work, rounds=max(3, rounds // 10))
    path = work / "store"
    with open_sync_store("faiss", path=path) as store:
        _filled(store, data)
        set_aside()
        raw = raw_hnsw(data.vectors, **_GRAPH)
        database = path / "collections" / "default" / "documents.sqlite3"
        for target in (None, 0.95):
            report = store.optimize(target_recall=target)
            raw.hnsw.efSearch = report.effort or 128
            words = f"ef_search {report.effort}" + (" (tuned)" if target else " (default)")
            print(f"  {words}: optimized in {report.seconds:.1f} s, recall@10 estimated {report.recall}")
            yield from _search(store, data, raw, database, words, rounds=rounds)
        yield from _filtered(store, data, rounds=max(3, rounds // 5))
    yield asynchronous(path, data, rounds=rounds)
    yield reopen(path, data, raw, work, rounds=max(3, rounds // 10))
    yield memory(data, work)


def _filled(store: SyncVectorStore, data: Corpus) -> None:
    index = IndexSpec("hnsw", options=_GRAPH)
    store.create_collection("default", data.vectors.shape[1], DistanceMetric.COSINE, index=index)
    for start in range(0, len(data.ids), _BATCH):
        store.add_batch(_batch(data, start, start + _BATCH))


def _batch(data: Corpus, start: int, stop: int) -> VectorBatch:
    part = slice(start, stop)
    return VectorBatch(
        ids=data.ids[part],
        vectors=data.vectors[part],
        contents=data.contents[part],
        metadatas=data.metadatas[part],
    )


def _ingest(data: Corpus, work: Path, *, rounds: int) -> Claim:
    """Durable batches of 1,000 rows, against the same rows by SQLite and a vector file."""
    count = min(20_000, len(data.ids))
    turns = iter(range(10_000))

    def ours() -> None:
        with open_sync_store("faiss", path=work / f"ingest-{next(turns)}", background=False) as store:
            store.create_collection("default", data.vectors.shape[1], index="flat")
            for start in range(0, count, _BATCH):
                store.add_batch(_batch(data, start, start + _BATCH))

    def theirs() -> None:
        files = RawFiles(work / f"raw-{next(turns)}")
        for start in range(0, count, _BATCH):
            files.write(data, start, start + _BATCH)
        files.close()

    pair = paired(ours, theirs, rounds=rounds, warm_up=1)
    return claim(
        "faiss.ingest",
        measured=1 / pair.ratio,
        spread=pair.inverse,
        detail=f"{count / pair.ours:,.0f} against {count / pair.theirs:,.0f} rows/s",
    )


def _search(
    store: SyncVectorStore,
    data: Corpus,
    raw: faiss.IndexHNSWFlat,
    database: Path,
    effort: str,
    *,
    rounds: int,
) -> Iterator[Claim]:
    """Single searches and batches, at the effort that `raw` has too."""
    fetch = RawFetch(database)
    yield _single(store, data, raw, fetch, effort, rounds)
    yield from _many(store, data, raw, fetch, effort, max(5, rounds // 4))
    fetch.close()
    yield claim("faiss.recall", words=effort, measured=_recall(store, data))


def _single(
    store: SyncVectorStore,
    data: Corpus,
    raw: faiss.IndexHNSWFlat,
    fetch: RawFetch,
    effort: str,
    rounds: int,
) -> Claim:
    directions = unit(data.queries)
    queries = cycle([VectorQuery(query_vector=vector, limit=_K) for vector in data.queries])
    places = cycle(range(len(directions)))
    threads = faiss.omp_get_max_threads()

    def ours() -> None:
        for _ in range(_CALLS):
            store.search_similar(next(queries))

    def theirs() -> None:
        faiss.omp_set_num_threads(1)  # a team of threads slows single queries
        for _ in range(_CALLS):
            place = next(places)
            fetch.rows(raw.search(directions[place : place + 1], _K)[1][0].tolist())
        faiss.omp_set_num_threads(threads)

    pair = paired(ours, theirs, rounds=rounds)
    each = 1e6 / _CALLS
    return claim(
        "faiss.search",
        words=effort,
        measured=pair.ratio,
        spread=pair.spread,
        detail=f"{pair.ours * each:.0f} against {pair.theirs * each:.0f} µs, CPU x{pair.cpu_ratio:.2f}",
    )


def _many(
    store: SyncVectorStore,
    data: Corpus,
    raw: faiss.IndexHNSWFlat,
    fetch: RawFetch,
    effort: str,
    rounds: int,
) -> Iterator[Claim]:
    directions = unit(data.queries)
    queries = [VectorQuery(query_vector=vector, limit=_K) for vector in data.queries]
    bare = [
        VectorQuery(query_vector=one, limit=_K, include_content=False, include_metadata=False)
        for one in data.queries
    ]

    def with_rows() -> None:
        for slots in raw.search(directions, _K)[1].tolist():
            fetch.rows(slots)

    for key, asked, theirs in (
        ("faiss.search_many_documents", queries, with_rows),
        ("faiss.search_many", bare, lambda: raw.search(directions, _K)),
    ):
        pair = paired(partial(store.search_many, asked), theirs, rounds=rounds)
        yield claim(
            key,
            words=effort,
            measured=1 / pair.ratio,
            spread=pair.inverse,
            detail=f"{pair.ours * 1e3:.0f} against {pair.theirs * 1e3:.0f} ms",
        )


def _recall(store: SyncVectorStore, data: Corpus, condition: Filter | None = None) -> float:
    queries = data.queries
    found = store.search_many(
        [VectorQuery(query_vector=one, limit=_K, metadata_filter=condition) for one in queries]
    )
    truth = store.search_many(
        [VectorQuery(query_vector=one, limit=_K, exact=True, metadata_filter=condition) for one in queries]
    )
    shares = [
        sum(hit.distance <= exact[-1].distance + 1e-6 for hit in near) / len(exact)
        for near, exact in zip(found, truth, strict=True)
    ]
    return float(np.mean(shares))


def _filtered(store: SyncVectorStore, data: Corpus, *, rounds: int) -> Iterator[Claim]:
    """Filters of each selectivity: at random, and along the vectors."""
    rows = len(data.ids)
    for field, words in (("row", "at random"), ("near", "along the vectors")):
        for share in (0.5, 0.1, 0.01, 0.001, 0.0001):
            condition = F(field) < max(1, int(rows * share))
            queries = cycle(
                [VectorQuery(query_vector=one, metadata_filter=condition) for one in data.queries]
            )
            started = perf_counter()
            for _ in range(rounds * 10):
                store.search_similar(next(queries))
            each = (perf_counter() - started) / (rounds * 10) * 1e6
            yield claim(
                "faiss.filtered_recall",
                words=f"{share:.2%} of the rows match, {words}",
                measured=_recall(store, data, condition),
                detail=f"{each:.0f} µs a search",
            )
