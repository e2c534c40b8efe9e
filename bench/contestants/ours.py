"""Our stores."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from bench.contestants.contestant import Answers, Effort, Where
from pygent_vec import DistanceMetric, F, IndexSpec, VectorBatch, VectorQuery
from pygent_vec.sync import SyncVectorStore, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from bench.data import Corpus

__all__ = ["INDEXES", "SCHEMA", "Ours", "batch_of"]

SCHEMA = "pygent_vec_bench"
_BATCH = 1000
_TARGETS = (0.8, 0.9, 0.95, 0.99, 1.0)
INDEXES: Mapping[str, IndexSpec | str | None] = {
    "faiss": IndexSpec("hnsw", options={"m": 16, "ef_construction": 128}),
    "postgres": "hnsw",
    "chroma": None,
    "memory": None,
}


def batch_of(data: Corpus, start: int, stop: int) -> VectorBatch:
    """Return some rows of *data* as a batch."""
    part = slice(start, stop)
    return VectorBatch(
        ids=data.ids[part],
        vectors=data.vectors[part],
        contents=data.contents[part],
        metadatas=data.metadatas[part],
    )


class Ours:
    """One of our stores, by its synchronous face.

    Args:
        backend: Which.
        settings: How it is opened.
    """

    ours = True

    def __init__(self, backend: str, settings: Mapping[str, Any]) -> None:
        self.name = backend
        self._settings = settings
        self._released = False
        self.store = self._opened()

    def _opened(self) -> SyncVectorStore:
        store: SyncVectorStore = open_store(self.name, **self._settings)
        store.initialize()
        return store

    def release(self) -> None:
        """Close the store, so that another one may open the same place; `close` cleans up all the same."""
        self.store.close()
        self._released = True

    @property
    def efforts(self) -> Sequence[Effort]:
        """Targets of recall@10 for `optimize`."""
        return () if self.name == "memory" else _TARGETS

    def fill(self, data: Corpus) -> None:
        """Write batches of 1,000 rows."""
        self.store.delete_collection("default")
        self.store.create_collection(
            "default", data.vectors.shape[1], DistanceMetric.COSINE, index=INDEXES[self.name]
        )
        for start in range(0, len(data.ids), _BATCH):
            self.store.add_batch(batch_of(data, start, start + _BATCH))

    def finish(self) -> None:
        """Optimize."""
        self.store.optimize()

    def turn(self, effort: Effort) -> str:
        """Tune to a target."""
        report = self.store.optimize(target_recall=effort)
        return f"effort {report.effort}" if report.effort is not None else "exact"

    def search(self, queries: np.ndarray, where: Where | None = None, *, k: int = 10) -> Answers:
        """Search by `search_similar`."""
        condition = None if where is None else F(where.field) < where.below
        seconds, found = [], []
        for vector in queries:
            query = VectorQuery(query_vector=vector, limit=k, metadata_filter=condition)
            started = perf_counter()
            hits = self.store.search_similar(query)
            seconds.append(perf_counter() - started)
            found.append([hit.document.id for hit in hits])
        return Answers(seconds=seconds, found=found)

    def close(self) -> None:
        """Delete what was made, and close."""
        if self._released:
            self.store = self._opened()
        self.store.delete_collection("default")
        self.store.close()
