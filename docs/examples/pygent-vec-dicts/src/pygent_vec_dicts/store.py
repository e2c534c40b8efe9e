"""The store: the contract's primitives over a dict of dicts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

from pygent_vec.contract import BlockingVectorStore, Ping, SearchHits, Tuning, WriteMode
from pygent_vec.errors import CollectionNotFoundError, DocumentExistsError, UnsupportedFeatureError
from pygent_vec.model import (
    CollectionStats,
    DocumentRows,
    IndexSpec,
    distances_to,
    normalized_object,
    top_k,
)
from pygent_vec_dicts.plugin import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pygent_vec.contract import Capabilities, Embedder, SearchRequest, StoreConfig
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        CollectionSpec,
        Float32Matrix,
        Float32Vector,
        JsonObject,
        OwnFields,
        Projection,
        VectorBatch,
    )


@attrs.frozen(kw_only=True, eq=False)
class Row:
    """A stored document."""

    content: str
    metadata: JsonObject
    own: OwnFields
    vector: Float32Vector
    created_at: int
    updated_at: int


class DictStore(BlockingVectorStore):
    """A store over plain dicts: for each collection, what it was created with and its rows by id."""

    backend: ClassVar[str] = "dicts"

    def __init__(
        self, config: StoreConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        super().__init__(config, name=name, embedder=embedder)
        self._lock = threading.RLock()
        self._specs: dict[str, CollectionSpec] = {}
        self._rows: dict[str, dict[str, Row]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do."""
        return CAPABILITIES

    # ── life ──

    def _open(self) -> None:
        """There is nothing to connect to."""

    def _close(self) -> None:
        self._specs, self._rows = {}, {}

    def _ping(self) -> Ping:
        return Ping(version="0.1.0")

    # ── collections ──

    def _create_collection(self, spec: CollectionSpec) -> bool:
        with self._lock:
            if spec.name in self._specs:
                return False
            self._specs[spec.name], self._rows[spec.name] = spec, {}
            return True

    def _drop_collection(self, name: str) -> bool:
        with self._lock:
            self._rows.pop(name, None)
            return self._specs.pop(name, None) is not None

    def _collection_names(self) -> Sequence[str]:
        with self._lock:
            return list(self._specs)

    def _collection(self, name: str) -> CollectionSpec | None:
        return self._specs.get(name)

    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        count = self._count(spec, None)
        return CollectionStats(document_count=count, dimension=spec.dimension, index="flat (exact)")

    # ── writing ──

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        with self._lock:
            rows = self._existing(spec)
            existing = {one for one in batch.ids if one in rows}
            if existing and mode is WriteMode.ERROR:
                raise DocumentExistsError(sorted(existing), spec.name)
            new = {}
            for place, one in enumerate(batch.ids):
                if one in existing and mode is WriteMode.SKIP:
                    continue
                if one not in existing and mode is WriteMode.UPDATE:
                    continue
                row = _row(batch, place)
                if one in existing and not preserve_created:
                    row = attrs.evolve(row, created_at=rows[one].created_at)
                new[one] = row
            rows.update(new)
            return list(new)

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        with self._lock:
            rows = self._existing(spec)
            return sum(rows.pop(one, None) is not None for one in ids)

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        raise UnsupportedFeatureError(f"no filter is pushed to this backend, and {spec.name!r} got {pushed}")

    # ── reading ──

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        with self._lock:
            rows = self._existing(spec)
            return _columns(spec, {one: rows[one] for one in ids if one in rows}, projection)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,  # noqa: ARG002  # always None: no filter is pushed to this backend
        projection: Projection,
    ) -> DocumentRows:
        with self._lock:
            rows = self._existing(spec)
            ids = sorted(one for one in rows if after_id is None or one > after_id)
            return _columns(spec, {one: rows[one] for one in ids[:limit]}, projection)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        with self._lock:
            rows = self._existing(spec)
            ids, vectors = list(rows), _matrix(spec, rows.values())
            hits = []
            for query in request.vectors:
                distances = distances_to(request.metric, query, vectors)
                nearest = top_k(distances, ids, request.k)
                found = {ids[place]: rows[ids[place]] for place in nearest}
                hits.append(
                    SearchHits(rows=_columns(spec, found, request.projection), distances=distances[nearest])
                )
            return hits

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:  # noqa: ARG002  # as in _scan
        with self._lock:
            return len(self._existing(spec))

    # ── the index: there is none ──

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        self._existing(spec)
        return IndexSpec("flat")

    def _tuning(self, spec: CollectionSpec) -> Tuning:  # noqa: ARG002  # an exact search has no effort
        return Tuning()

    def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        raise UnsupportedFeatureError(f"an exact search has no effort, and {spec.name!r} was given {effort}")

    def _existing(self, spec: CollectionSpec) -> dict[str, Row]:
        rows = self._rows.get(spec.name)
        if rows is None or self._specs.get(spec.name) != spec:
            raise CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")
        return rows


def _row(batch: VectorBatch, place: int) -> Row:
    """Return one document of a batch. Core gives batches whose columns are set."""
    optional = (batch.titles, batch.sources, batch.document_types, batch.chunk_indexes, batch.chunk_counts)
    contents, metadatas, created_at, updated_at = (
        batch.contents,
        batch.metadatas,
        batch.created_at,
        batch.updated_at,
    )
    if contents is None or metadatas is None or created_at is None or updated_at is None:
        raise TypeError("core gives a backend batches whose columns are set")
    return Row(
        content=contents[place],
        metadata=normalized_object(metadatas[place]),
        own=tuple(None if column is None else column[place] for column in optional),  # type: ignore[arg-type]  # five
        vector=batch.vectors[place].copy(),
        created_at=int(created_at[place]),
        updated_at=int(updated_at[place]),
    )


def _columns(spec: CollectionSpec, rows: dict[str, Row], projection: Projection) -> DocumentRows:
    """Return rows as columns, those that were asked for, with metadata that the caller may change."""
    values = list(rows.values())
    wanted = projection.metadata
    return DocumentRows(
        ids=list(rows),
        contents=[row.content for row in values] if projection.content else None,
        metadatas=[normalized_object(row.metadata) for row in values] if wanted else None,
        vectors=_matrix(spec, values) if projection.embedding else None,
        own=[row.own for row in values] if wanted else None,
        created_at=[row.created_at for row in values] if wanted else None,
        updated_at=[row.updated_at for row in values] if wanted else None,
    )


def _matrix(spec: CollectionSpec, rows: Iterable[Row]) -> Float32Matrix:
    """Return the vectors of *rows*, float32 `[n, d]`."""
    return np.array([row.vector for row in rows], dtype=np.float32).reshape(-1, spec.dimension)
