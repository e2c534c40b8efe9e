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

from bench.measure import Claim, Pair, paired
from pygent_vec import DistanceMetric, F, VectorBatch, VectorQuery
from pygent_vec.sync import open_store as open_sync_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.data import Corpus
    from pygent_vec.sync import SyncVectorStore

__all__ = ["measure_chroma"]

_BATCH = 1_000
_K = 10
_CALLS = 20
_HNSW: dict[str, Any] = {
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


def measure_chroma(data: Corpus, work: Path, *, rounds: int) -> list[Claim]:
    """Return the claims about the Chroma store, measured on *data* in the directory *work*."""
    from chromadb import PersistentClient

    client: Any = PersistentClient(str(work / "raw"), _settings())
    raw = client.create_collection("default", embedding_function=None, configuration={"hnsw": _HNSW})
    with open_sync_store("chromadb", path=work / "store") as store:
        store.create_collection("default", data.vectors.shape[1], DistanceMetric.COSINE)
        claims = [_ingest(store, raw, data)]
        store.optimize()
        claims += [
            _search(store, raw, data, rounds=rounds),
            _many(store, raw, data, rounds=max(3, rounds // 5)),
        ]
        claims += [
            _filtered(store, raw, data, values=values, rounds=max(5, rounds // 3)) for values in (1, 5)
        ]
        claims.append(_recall(store, data))
    client.close()
    return [*claims, _upload(data, work, rounds=max(3, rounds // 5))]


def _settings() -> Any:
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


def _add_raw(raw: Any, data: Corpus, start: int, stop: int) -> None:
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
                _add_raw(raw, data, start, start + _BATCH)
                theirs.append(time.perf_counter() - began)
    return Claim(
        topic="ingest",
        text="rows/s of add_batch / rows/s of collection.add, the same rows and sync_threshold",
        bound=0.85,
        measured=sum(theirs) / sum(ours),
        at_most=False,
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
    return Claim(
        topic="search",
        text="search_similar, k 10, content and metadata / collection.query with the same include",
        bound=1.3,
        measured=pair.ratio,
        at_most=True,
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
    return Claim(
        topic="search_many",
        text="search_many of 200 queries / collection.query of the same 200",
        bound=1.3,
        measured=pair.ratio,
        at_most=True,
        detail=_times(pair, len(some)),
    )


def _filtered(store: SyncVectorStore, raw: Any, data: Corpus, *, values: int, rounds: int) -> Claim:
    """Searches among the few rows whose length is one of so many values, each time others."""
    lengths = np.array([int(str(one["length"])) for one in data.metadatas])
    share = values / len(np.unique(lengths))
    draw = np.random.default_rng(1)
    wanted = cycle([draw.choice(lengths, values).tolist() for _ in range(200)])
    vectors = cycle(data.queries)

    def ours() -> None:
        condition = F("length").is_in(next(wanted))
        store.search_similar(VectorQuery(query_vector=next(vectors), limit=_K, metadata_filter=condition))

    def theirs() -> None:
        where = {"length": {"$in": next(wanted)}}
        raw.query(query_embeddings=[next(vectors)], n_results=_K, where=where, include=_INCLUDE)

    pair = paired(ours, theirs, rounds=rounds)
    return Claim(
        topic="filtered",
        text=f"collection.query(where=…) / search_similar with the filter, {share:.1%} match",
        bound=5.0,
        measured=1 / pair.ratio,
        at_most=False,
        detail=_times(pair, 1),
    )


def _recall(store: SyncVectorStore, data: Corpus) -> Claim:
    shares = []
    for one in data.queries[:20]:
        found = store.search_similar(VectorQuery(query_vector=one, limit=_K))
        truth = store.search_similar(VectorQuery(query_vector=one, limit=_K, exact=True))
        bound = truth[-1].distance + 1e-6
        shares.append(sum(hit.distance <= bound for hit in found) / len(truth))
    return Claim(
        topic="recall",
        text="recall@10 at Chroma's own settings",
        bound=0.9,
        measured=statistics.mean(shares),
        at_most=False,
    )


def _upload(data: Corpus, work: Path, *, rounds: int) -> Claim:
    """CPU of this process for batches sent to a server, which itself is left out."""
    from chromadb import HttpClient

    turns = cycle(range(len(data.ids) // _BATCH))
    with _server(work / "server") as (host, port):
        client: Any = HttpClient(host=host, port=port, settings=_settings())
        raw = client.create_collection("raw", embedding_function=None)
        with open_sync_store("chromadb", url=f"http://{host}:{port}") as store:
            store.create_collection("default", data.vectors.shape[1])

            def ours() -> None:
                start = next(turns) * _BATCH
                store.add_batch(_batch(data, start, start + _BATCH))

            def theirs() -> None:
                start = next(turns) * _BATCH
                _add_raw(raw, data, start, start + _BATCH)

            pair = paired(ours, theirs, rounds=rounds, warm_up=1)
    return Claim(
        topic="upload",
        text="CPU of add_batch to a server / CPU of chromadb's own HTTP client, 1,000 rows",
        bound=0.25,
        measured=pair.cpu_ratio,
        at_most=True,
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
    return (
        f"{pair.ours * each:.2f} against {pair.theirs * each:.2f} ms, "
        f"quartiles {pair.spread[0]:.2f}-{pair.spread[1]:.2f}"
    )
