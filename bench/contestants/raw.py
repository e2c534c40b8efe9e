"""The raw libraries in this process, used as well as one does by hand, and NumPy's brute force."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from bench.contestants.contestant import Answers, Effort, Where
from bench.floor import RawFetch, RawFiles, raw_hnsw, unit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bench.data import Corpus

__all__ = ["BruteForce", "RawChroma", "RawFaiss"]

_BATCH = 1000
_FAISS: Any = faiss
"""Its type stubs lack what its classes take."""


def _asked(queries: np.ndarray, answer: Callable[[np.ndarray], list[str]]) -> Answers:
    seconds, found = [], []
    for vector in queries:
        started = perf_counter()
        ids = answer(vector)
        seconds.append(perf_counter() - started)
        found.append(ids)
    return Answers(seconds=seconds, found=found)


class RawFaiss:
    """A faiss graph over the directions, and rows in SQLite, read by slot."""

    ours = False
    name = "raw faiss + sqlite"

    def __init__(self, work: Path) -> None:
        self._work = work
        self._vectors: np.ndarray
        self._index: faiss.IndexHNSWFlat
        self._rows: RawFetch | None = None

    @property
    def efforts(self) -> Sequence[Effort]:
        """`efSearch`."""
        return (16, 32, 64, 128, 256)

    def fill(self, data: Corpus) -> None:
        """Write durable batches."""
        files = RawFiles(self._work)
        for start in range(0, len(data.ids), _BATCH):
            files.write(data, start, start + _BATCH)
        files.close()
        self._vectors = data.vectors

    def finish(self) -> None:
        """Build the graph."""
        self._index = raw_hnsw(self._vectors, m=16, ef_construction=128)
        self._rows = RawFetch(self._work / "raw.sqlite3")
        self.turn(128)

    def turn(self, effort: Effort) -> str:
        """Set `efSearch`."""
        self._index.hnsw.efSearch = int(effort)
        return f"efSearch {effort}"

    def search(self, queries: np.ndarray, where: Where | None = None, *, k: int = 10) -> Answers:
        """Search the graph and fetch the rows; a filter is a selector in the graph."""
        parameters = None
        if where is not None:
            if where.field != "row":
                raise NotImplementedError("raw faiss has no metadata: it selects by row numbers only")
            selector = faiss.IDSelectorRange(0, where.below)
            parameters = _FAISS.SearchParametersHNSW(sel=selector, efSearch=self._index.hnsw.efSearch)

        rows = self._rows
        if rows is None:
            raise RuntimeError("searched before it was finished")

        def answer(vector: np.ndarray) -> list[str]:
            slots = self._index.search(unit(vector[np.newaxis]), k, params=parameters)[1][0]
            return [key for _, key, _, _ in rows.rows(slots[slots >= 0].tolist())]

        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # a team of threads slows single queries
        try:
            return _asked(queries, answer)
        finally:
            faiss.omp_set_num_threads(threads)

    def close(self) -> None:
        """Close the database."""
        if self._rows is not None:
            self._rows.close()


class BruteForce:
    """All similarities by one NumPy product, documents in a list; a filter is a mask made beforehand."""

    ours = False
    name = "numpy brute force"
    efforts: Sequence[Effort] = ()

    def __init__(self) -> None:
        self._data: Corpus
        self._directions: np.ndarray

    def fill(self, data: Corpus) -> None:
        """Keep the directions."""
        self._data, self._directions = data, unit(data.vectors)

    def finish(self) -> None:
        """Nothing is to be built."""

    def turn(self, effort: Effort) -> str:
        """Refuse: it is exact."""
        raise NotImplementedError(f"brute force has no effort {effort}")

    def search(self, queries: np.ndarray, where: Where | None = None, *, k: int = 10) -> Answers:
        """Multiply, and take the best."""
        rows = np.arange(len(self._data.ids)) if where is None else np.flatnonzero(where.mask(self._data))
        matrix = self._directions if where is None else self._directions[rows]

        def answer(vector: np.ndarray) -> list[str]:
            scores = matrix @ unit(vector[np.newaxis])[0]
            count = min(k, len(scores))
            best = np.argpartition(-scores, count - 1)[:count]
            return [self._data.ids[row] for row in rows[best[np.argsort(-scores[best])]]]

        return _asked(queries, answer)

    def close(self) -> None:
        """Nothing is held."""


class RawChroma:
    """Chroma's own client on a directory, with the index settings that ours has."""

    ours = False
    name = "raw chromadb"
    efforts: Sequence[Effort] = ()

    def __init__(self, work: Path) -> None:
        from chromadb import PersistentClient

        from bench.chroma import HNSW, settings

        self._client: Any = PersistentClient(str(work), settings())
        configuration: Any = {"hnsw": dict(HNSW)}
        self._raw: Any = self._client.create_collection(
            "default", embedding_function=None, configuration=configuration
        )

    def fill(self, data: Corpus) -> None:
        """Add batches of 1,000 rows."""
        from bench.chroma import add_raw

        for start in range(0, len(data.ids), _BATCH):
            add_raw(self._raw, data, start, start + _BATCH)

    def finish(self) -> None:
        """The index grew with the rows."""

    def turn(self, effort: Effort) -> str:
        """Refuse: Chroma takes another effort in a new process only."""
        raise NotImplementedError(f"raw Chroma takes no effort {effort} while it runs")

    def search(self, queries: np.ndarray, where: Where | None = None, *, k: int = 10) -> Answers:
        """Query one by one."""
        condition = None if where is None else {where.field: {"$lt": where.below}}

        def answer(vector: np.ndarray) -> list[str]:
            include = ["documents", "metadatas", "distances"]
            found = self._raw.query(query_embeddings=[vector], n_results=k, where=condition, include=include)
            return list(found["ids"][0])

        return _asked(queries, answer)

    def close(self) -> None:
        """Close the client."""
        self._client.close()
