"""A backend that does nothing: what is left of a call is core's own cost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pygent_vec.contract import BlockingVectorStore, Capabilities, Ping, SearchHits, StoreConfig, Tuning
from pygent_vec.model import CollectionSpec, CollectionStats, DistanceMetric, DocumentRows, IndexSpec
from pygent_vec.stores import MEMORY_CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import SearchRequest, WriteMode
    from pygent_vec.filters import Filter
    from pygent_vec.model import Projection, VectorBatch

__all__ = ["NullStore"]

_HELD = 1000


class NullStore(BlockingVectorStore):
    """A store whose one collection has a thousand documents that are all alike, made beforehand.

    Args:
        dimension: Of its vectors.
    """

    backend: ClassVar[str] = "null"

    def __init__(self, dimension: int) -> None:
        super().__init__(StoreConfig())
        self._spec = CollectionSpec(
            name="default",
            dimension=dimension,
            distance_metric=DistanceMetric.COSINE,
            index=IndexSpec("flat"),
            metadata={},
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        self._vector = np.ones(dimension, dtype=np.float32)

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store in memory."""
        return MEMORY_CAPABILITIES

    def _rows(self, ids: Sequence[str], projection: Projection) -> DocumentRows:
        count = len(ids)
        vectors = np.tile(self._vector, (count, 1)) if projection.embedding else None
        return DocumentRows(
            ids=ids,
            contents=["text"] * count if projection.content else None,
            metadatas=[{"row": row} for row in range(count)] if projection.metadata else None,
            vectors=vectors,
            own=None,
            created_at=[0] * count if projection.metadata else None,
            updated_at=[0] * count if projection.metadata else None,
        )

    def _open(self) -> None:
        """Nothing is opened."""

    def _close(self) -> None:
        """Nothing is closed."""

    def _ping(self) -> Ping:
        return Ping(version="0")

    def _create_collection(self, _: CollectionSpec) -> bool:
        return True

    def _drop_collection(self, _: str) -> bool:
        return True

    def _collection_names(self) -> Sequence[str]:
        return ["default"]

    def _collection(self, _: str) -> CollectionSpec:
        return self._spec

    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        return CollectionStats(document_count=_HELD, dimension=spec.dimension, index="none")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        del spec, mode, preserve_created
        return batch.ids

    def _delete(self, _: CollectionSpec, ids: Sequence[str]) -> int:
        return len(ids)

    def _delete_where(self, _: CollectionSpec, pushed: Filter) -> int:
        del pushed
        return 0

    def _fetch(self, _: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        return self._rows(ids, projection)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        del spec, after_id, limit, pushed
        return self._rows([], projection)

    def _search(self, _: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        ids = [f"doc-{row}" for row in range(request.k)]
        distances = np.linspace(0.0, 1.0, request.k)
        return [
            SearchHits(rows=self._rows(ids, request.projection), distances=distances) for _ in request.vectors
        ]

    def _count(self, _: CollectionSpec, pushed: Filter | None) -> int:
        del pushed
        return _HELD

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        return spec.index

    def _tuning(self, _: CollectionSpec) -> Tuning:
        return Tuning()

    def _set_effort(self, _: CollectionSpec, effort: int) -> None:
        del effort
