"""The Chroma store against Chroma's own client, with the same rows and the same settings."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from bench.claims import claim
from bench.measure import Pair, paired
from pygent_vec import DistanceMetric, F, VectorBatch, VectorQuery
from pygent_vec.sync import open_store as open_sync_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.data import Corpus
    from bench.measure import Claim
    from pygent_vec.sync import SyncVectorStore

__all__ = ["HNSW", "add_raw", "measure_chroma", "settings"]

_BATCH = 1_000
_K = 10
_CALLS = 20
HNSW: dict[str, Any] = {
    "space": "cosine",
    "ef_construction": 100,
    "ef_search": 100,
    "max_neighbors": 16,
    "sync_threshold": 5_000,
}
"""What a collection of ours has by default."""
_INCLUDE = ["documents", "metadatas", "distances"]
_SERVE = "import sys; from chromadb_rust_bindings import cli; cli(['chroma', 'run', sys.argv[1]])"
_START_SECONDS = 120.0


def measure_chroma(data: Corpus, work: Path, *, rounds: int) -> Iterator[Claim]:
    """Yield the claims about the Chroma store, measured on *data* in the directory *work*."""
    from chromadb import PersistentClient

    client: Any = PersistentClient(str(work / "raw"), settings())
    raw = client.create_collection("default", embedding_function=None, configuration={"hnsw": HNSW})
    with open_sync_store("chromadb", path=work / "store") as store:
        store.create_collection("default", data.vectors.shape[1], DistanceMetric.COSINE)
        yield _ingest(store, raw, data)
        store.optimize()
        yield _search(store, raw, data, rounds=rounds)
        yield _many(store, raw, data, rounds=max(3, rounds // 5))
        yield _filtered(store, raw, data, share=0.01, rounds=max(5, rounds // 3))
        yield _recall(store, data)
    with open_sync_store("chromadb", path=work / "store") as store:
        words = ", in a store just opened"
        yield _filtered(store, raw, data, share=0.01, rounds=max(5, rounds // 3), words=words)
    client.close()
    yield _upload(data, work, rounds=max(3, rounds // 5))


def settings() -> Any:
    """Return settings that depend on nothing of the environment, and send nothing."""
    from chromadb import config

    made: Any = config.Settings
    return made(_env_file=None, anonymized_telemetry=False)


def _batch(data: Corpus, start: int, stop: int) -> VectorBatch:
    part = slice(start, stop)
    return VectorBatch(
        ids=data.ids[part],
        vectors=data.vectors[part],
        contents=data.contents[part],
        metadatas=data.metadatas[part],
    )


def add_raw(raw: Any, data: Corpus, start: int, stop: int) -> None:
    """Add some rows of *data* by Chroma's own client."""
    raw.add(
        ids=data.ids[start:stop],
        embeddings=data.vectors[start:stop],
        documents=data.contents[start:stop],
        metadatas=data.metadatas[start:stop],
    )


def _ingest(store: SyncVectorStore, raw: Any, data: Corpus) -> Claim:
    """Fill both, batch by batch in turns; both write their index to files as often."""
    ours, theirs, waits = [], [], []
    for start in range(0, len(data.ids), _BATCH):
        turns = [True, False] if start // _BATCH % 2 else [False, True]
        for turn in turns:
            began, worked = time.perf_counter(), time.process_time()
            if turn:
                store.add_batch(_batch(data, start, start + _BATCH))
                ours.append(time.perf_counter() - began)
                waits.append(time.process_time() - worked)
            else:
                add_raw(raw, data, start, start + _BATCH)
                theirs.append(time.perf_counter() - began)
    return claim(
        "chroma.ingest",
        measured=sum(theirs) / sum(ours),
        detail=f"{len(data.ids) / sum(ours):,.0f} against {len(data.ids) / sum(theirs):,.0f} rows/s; medians "
        f"{statistics.median(ours) * 1e3:.0f} and {statistics.median(theirs) * 1e3:.0f} ms a batch, "
        f"{statistics.median(waits) * 1e3:.0f} ms of ours in this process",
    )


def _search(store: SyncVectorStore, raw: Any, data: Corpus, *, rounds: int) -> Claim:
    queries = cycle([VectorQuery(query_vector=one, limit=_K) for one in data.queries])
    vectors = cycle(data.queries)

    def ours() -> None:
        for _ in range(_CALLS):
            store.search_similar(next(queries))

    def theirs() -> None:
        for _ in range(_CALLS):
            raw.query(query_embeddings=[next(vectors)], n_results=_K, include=_INCLUDE)

    pair = paired(ours, theirs, rounds=rounds)
    return claim(
        "chroma.search",
        measured=pair.ratio,
        spread=pair.spread,
        detail=_times(pair, _CALLS),
    )


def _many(store: SyncVectorStore, raw: Any, data: Corpus, *, rounds: int) -> Claim:
    some = data.queries[:200]
    queries = [VectorQuery(query_vector=one, limit=_K) for one in some]
    pair = paired(
        lambda: store.search_many(queries),
        lambda: raw.query(query_embeddings=some, n_results=_K, include=_INCLUDE),
        rounds=rounds,
    )
    return claim(
        "chroma.search_many",
        measured=pair.ratio,
        spread=pair.spread,
        detail=_times(pair, len(some)),
    )


def _filtered(
    store: SyncVectorStore, raw: Any, data: Corpus, *, share: float, rounds: int, words: str = ""
) -> Claim:
    """Searches in windows of the rows, each time another one, so that neither side repeats a filter."""
    count = max(1, int(share * len(data.ids)))
    starts = cycle(np.random.default_rng(1).integers(0, len(data.ids) - count, 500).tolist())
    vectors = cycle(data.queries)

    def ours() -> None:
        start = next(starts)
        condition = (F("row") >= start) & (F("row") < start + count)
        store.search_similar(VectorQuery(query_vector=next(vectors), limit=_K, metadata_filter=condition))

    def theirs() -> None:
        start = next(starts)
        where = {"$and": [{"row": {"$gte": start}}, {"row": {"$lt": start + count}}]}
        raw.query(query_embeddings=[next(vectors)], n_results=_K, where=where, include=_INCLUDE)

    pair = paired(ours, theirs, rounds=rounds)
    return claim(
        "chroma.filtered",
        words=f"{share:.0%} of the rows match{words}",
        measured=1 / pair.ratio,
        spread=pair.inverse,
        detail=_times(pair, 1),
    )


def _recall(store: SyncVectorStore, data: Corpus) -> Claim:
    shares = []
    for one in data.queries[:20]:
        found = store.search_similar(VectorQuery(query_vector=one, limit=_K))
        truth = store.search_similar(VectorQuery(query_vector=one, limit=_K, exact=True))
        bound = truth[-1].distance + 1e-6
        shares.append(sum(hit.distance <= bound for hit in found) / len(truth))
    return claim("chroma.recall", measured=statistics.mean(shares))


def _upload(data: Corpus, work: Path, *, rounds: int) -> Claim:
    """CPU of this process for batches sent to a server, which itself is left out."""
    from chromadb import HttpClient

    turns = cycle(range(len(data.ids) // _BATCH))
    with _server(work / "server") as (host, port):
        client: Any = HttpClient(host=host, port=port, settings=settings())
        raw = client.create_collection("raw", embedding_function=None)
        with open_sync_store("chromadb", url=f"http://{host}:{port}") as store:
            store.create_collection("default", data.vectors.shape[1])

            def ours() -> None:
                start = next(turns) * _BATCH
                store.add_batch(_batch(data, start, start + _BATCH))

            def theirs() -> None:
                start = next(turns) * _BATCH
                add_raw(raw, data, start, start + _BATCH)

            pair = paired(ours, theirs, rounds=rounds, warm_up=1)
    return claim(
        "chroma.upload",
        measured=pair.cpu_ratio,
        spread=pair.cpu_spread,
        detail=f"wall {pair.ours * 1e3:.0f} against {pair.theirs * 1e3:.0f} ms a batch",
    )


@contextmanager
def _server(directory: Path) -> Iterator[tuple[str, int]]:
    """Run Chroma's own server over *directory* on a free port."""
    directory.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    config = directory / "server.yaml"
    config.write_text(f'port: {port}\nlisten_address: "{host}"\npersist_path: "{directory / "data"}"\n')
    command = [sys.executable, "-c", _SERVE, str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _START_SECONDS
        while not _answers(f"http://{host}:{port}/api/v2/heartbeat"):
            if time.monotonic() > until or process.poll() is not None:
                raise RuntimeError(f"the server did not start: {process.poll()}")
            time.sleep(0.05)
        yield host, port
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def _times(pair: Pair, calls: int) -> str:
    each = 1e3 / calls
    return f"{pair.ours * each:.2f} against {pair.theirs * each:.2f} ms"
