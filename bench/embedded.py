"""The FAISS store against raw FAISS, SQLite and files."""

from __future__ import annotations

import gc
from itertools import cycle
from time import perf_counter
from typing import TYPE_CHECKING

import faiss
import numpy as np

from bench.floor import RawFetch, RawFiles, raw_hnsw, unit
from bench.life import asynchronous, memory, reopen
from bench.measure import Claim, paired
from pygent_vec import DistanceMetric, F, IndexSpec, VectorBatch, VectorQuery
from pygent_vec.sync import SyncVectorStore
from pygent_vec.sync import open_store as open_sync_store

if TYPE_CHECKING:
    from pathlib import Path

    from bench.data import Corpus
    from pygent_vec.filters import Filter

__all__ = ["measure_embedded"]

_BATCH = 1000
_K = 10
_CALLS = 50
_GRAPH = {"m": 16, "ef_construction": 128}


def measure_embedded(data: Corpus, work: Path, *, rounds: int) -> list[Claim]:
    """Return the claims about the FAISS store, measured on *data* in the directory *work*."""
    claims = [_ingest(data, work, rounds=max(3, rounds // 10))]
    path = work / "store"
    with open_sync_store("faiss", path=path) as store:
        _filled(store, data)
        gc.collect()
        gc.freeze()  # the corpus would weigh on the collections of whoever makes more objects
        raw = raw_hnsw(data.vectors, **_GRAPH)
        database = path / "collections" / "default" / "documents.sqlite3"
        for target in (None, 0.95):
            report = store.optimize(target_recall=target)
            raw.hnsw.efSearch = report.effort or 128
            words = f"ef_search {report.effort}" + (" (tuned)" if target else " (default)")
            print(f"  {words}: optimized in {report.seconds:.1f} s, recall@10 estimated {report.recall}")
            claims += _search(store, data, raw, database, words, rounds=rounds)
        claims += _filtered(store, data, rounds=max(3, rounds // 5))
    claims += [
        asynchronous(path, data, rounds=rounds),
        reopen(path, data, raw, work, rounds=max(3, rounds // 10)),
    ]
    return [*claims, memory(data, work)]


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
    return Claim(
        topic="ingest",
        text="rows/s of add_batch / rows/s of durable SQLite + vector file, the same rows",
        bound=0.5,
        measured=1 / pair.ratio,
        at_most=False,
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
) -> list[Claim]:
    """Single searches and a batch, at the effort that `raw` has too."""
    fetch = RawFetch(database)
    directions = unit(data.queries)
    queries = [VectorQuery(query_vector=vector, limit=_K) for vector in data.queries]
    bare = [
        VectorQuery(query_vector=one, limit=_K, include_content=False, include_metadata=False)
        for one in data.queries
    ]
    ours_places, raw_places = cycle(range(len(queries))), cycle(range(len(queries)))
    threads = faiss.omp_get_max_threads()

    def ours() -> None:
        for _ in range(_CALLS):
            store.search_similar(queries[next(ours_places)])

    def theirs() -> None:
        faiss.omp_set_num_threads(1)  # a team of threads slows single queries
        for _ in range(_CALLS):
            place = next(raw_places)
            fetch.rows(raw.search(directions[place : place + 1], _K)[1][0].tolist())
        faiss.omp_set_num_threads(threads)

    single = paired(ours, theirs, rounds=rounds)

    def theirs_many() -> None:
        for slots in raw.search(directions, _K)[1].tolist():
            fetch.rows(slots)

    many = paired(lambda: store.search_many(queries), theirs_many, rounds=max(5, rounds // 4))
    ids_only = paired(
        lambda: store.search_many(bare), lambda: raw.search(directions, _K), rounds=max(5, rounds // 4)
    )
    fetch.close()
    each = 1e6 / _CALLS
    return [
        Claim(
            topic="search",
            text=f"search_similar, k 10, all fields, {effort} / raw faiss search + raw fetch of ten rows",
            bound=1.3,
            measured=single.ratio,
            at_most=True,
            detail=f"{single.ours * each:.0f} against {single.theirs * each:.0f} µs, "
            f"CPU x{single.cpu_ratio:.2f}, "
            f"quartiles {single.spread[0]:.2f}-{single.spread[1]:.2f}",
        ),
        Claim(
            topic="search_many",
            text=f"raw faiss batch + raw fetch / search_many of 1,000 queries, all fields, {effort}",
            bound=0.9,
            measured=1 / many.ratio,
            at_most=False,
            detail=f"{many.ours * 1e3:.0f} against {many.theirs * 1e3:.0f} ms",
        ),
        Claim(
            topic="search_many",
            text=f"raw faiss batch (slots only) / search_many of 1,000 queries (ids only), {effort}",
            bound=0.9,
            measured=1 / ids_only.ratio,
            at_most=False,
            detail=f"{ids_only.ours * 1e3:.0f} against {ids_only.theirs * 1e3:.0f} ms",
        ),
        _recall(store, data, words=f", {effort}"),
    ]


def _recall(
    store: SyncVectorStore, data: Corpus, condition: Filter | None = None, words: str = " with a filter"
) -> Claim:
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
    return Claim(
        topic="recall",
        text=f"recall@10 of held-out queries{words}",
        bound=0.95,
        measured=float(np.mean(shares)),
        at_most=False,
    )


def _filtered(store: SyncVectorStore, data: Corpus, *, rounds: int) -> list[Claim]:
    """Filters of each selectivity: random ones by row, correlated ones by what the vectors follow."""
    claims, rows = [], len(data.ids)
    for share in (0.5, 0.1, 0.01, 0.001, 0.0001):
        condition = F("row") < max(1, int(rows * share))
        claim = _recall(store, data, condition)
        queries = cycle([VectorQuery(query_vector=one, metadata_filter=condition) for one in data.queries])
        started = perf_counter()
        for _ in range(rounds * 10):
            store.search_similar(next(queries))
        each = (perf_counter() - started) / (rounds * 10) * 1e6
        claims.append(
            Claim(
                topic="filtered",
                text=f"recall@10 where {share:.2%} of the rows match",
                bound=0.95,
                measured=claim.measured,
                at_most=False,
                detail=f"{each:.0f} µs a search",
            )
        )
    names = sorted({one["lexfile"] for one in data.metadatas}, key=str)
    correlated = _recall(store, data, F("lexfile").is_in(names[: len(names) // 3]))
    return [
        *claims,
        Claim(
            topic="filtered",
            text="recall@10 where the filter follows the vectors (a third of the groups)",
            bound=0.95,
            measured=correlated.measured,
            at_most=False,
        ),
    ]
