"""The reference store: everything in memory, everything exact."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

from pygent_vec._about import __version__
from pygent_vec.contract import (
    EXACT_PUSHDOWN,
    BlockingVectorStore,
    Capabilities,
    CrashModel,
    Embedder,
    Ping,
    SearchHits,
    SearchRequest,
    StoreConfig,
    Tuning,
    WriteMode,
)
from pygent_vec.errors import CollectionNotFoundError, DocumentExistsError
from pygent_vec.filters import Filter, matches
from pygent_vec.model import (
    OWN_FIELDS,
    CollectionSpec,
    CollectionStats,
    DocumentRows,
    Float32Matrix,
    Float32Vector,
    IndexSpec,
    JsonObject,
    JsonValue,
    OwnFields,
    Projection,
    VectorBatch,
    distances_to,
    normalized_object,
    rfc3339_from_micros,
    top_k,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MEMORY_CAPABILITIES", "MemoryConfig", "MemoryStore"]

MEMORY_CAPABILITIES = Capabilities(
    index_kinds=frozenset({"auto", "flat"}),
    pushdown=EXACT_PUSHDOWN,
    durable=False,
    crash_model=CrashModel.NONE,
    multi_process=False,
    remote=False,
)


@attrs.frozen(kw_only=True)
class MemoryConfig(StoreConfig):
    """A memory store needs no configuration."""


@attrs.frozen(kw_only=True, eq=False)
class _Record:
    id: str
    content: str
    metadata: JsonObject
    own: OwnFields
    created_at: int
    updated_at: int
    vector: Float32Vector

    def matches(self, node: Filter | None) -> bool:
        return node is None or matches(node, self.metadata, self._own_values())

    def _own_values(self) -> Mapping[str, JsonValue]:
        values: dict[str, JsonValue] = {
            name: value for name, value in zip(OWN_FIELDS, self.own, strict=True) if value is not None
        }
        values["id"] = self.id
        values["created_at"] = rfc3339_from_micros(self.created_at)
        values["updated_at"] = rfc3339_from_micros(self.updated_at)
        return values


@attrs.define(kw_only=True, eq=False)
class _Collection:
    spec: CollectionSpec
    records: dict[str, _Record] = attrs.Factory(dict)

    def matching(self, node: Filter | None) -> list[_Record]:
        return [record for record in self.records.values() if record.matches(node)]

    def matrix(self, records: Sequence[_Record]) -> Float32Matrix:
        rows = np.empty((len(records), self.spec.dimension), dtype=np.float32)
        for row, record in enumerate(records):
            rows[row] = record.vector
        return rows


class MemoryStore(BlockingVectorStore):
    """A store in this process's memory: exact, for tests and small data, and the oracle of other backends.

    Nothing outlives `close()`.
    """

    backend: ClassVar[str] = "memory"

    def __init__(
        self, config: StoreConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        super().__init__(config, name=name, embedder=embedder)
        self._lock = threading.RLock()
        self._data: dict[str, _Collection] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Exact in everything, durable in nothing."""
        return MEMORY_CAPABILITIES

    def _open(self) -> None:
        """Begin empty."""

    def _close(self) -> None:
        self._data.clear()

    def _ping(self) -> Ping:
        return Ping(version=__version__)

    def _create_collection(self, spec: CollectionSpec) -> bool:
        with self._lock:
            if spec.name in self._data:
                return False
            self._data[spec.name] = _Collection(spec=spec)
            return True

    def _drop_collection(self, name: str) -> bool:
        with self._lock:
            return self._data.pop(name, None) is not None

    def _collection_names(self) -> Sequence[str]:
        with self._lock:
            return list(self._data)

    def _collection(self, name: str) -> CollectionSpec | None:
        with self._lock:
            found = self._data.get(name)
            return None if found is None else found.spec

    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        count = self._count(spec, None)
        return CollectionStats(
            document_count=count,
            dimension=spec.dimension,
            index="flat (exact)",
            memory_bytes=count * spec.dimension * np.dtype(np.float32).itemsize,
        )

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        with self._lock:
            records = self._existing(spec).records
            existing = [one for one in batch.ids if one in records]
            if existing and mode is WriteMode.ERROR:
                raise DocumentExistsError(existing, spec.name)
            known = set(existing)
            written = []
            for row, one in enumerate(batch.ids):
                if (mode is WriteMode.SKIP and one in known) or (
                    mode is WriteMode.UPDATE and one not in known
                ):
                    continue
                record = _record(batch, row)
                if one in known and not preserve_created:
                    record = attrs.evolve(record, created_at=records[one].created_at)
                records[one] = record
                written.append(one)
            return written

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        with self._lock:
            records = self._existing(spec).records
            return sum(records.pop(one, None) is not None for one in ids)

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        with self._lock:
            return self._delete(spec, [record.id for record in self._existing(spec).matching(pushed)])

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        with self._lock:
            collection = self._existing(spec)
            found = [collection.records[one] for one in ids if one in collection.records]
            return _rows(collection, found, projection)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        with self._lock:
            collection = self._existing(spec)
            after = [r for r in collection.records.values() if after_id is None or r.id > after_id]
            found: list[_Record] = []
            for record in sorted(after, key=lambda record: record.id):
                if len(found) == limit:
                    break
                if record.matches(pushed):
                    found.append(record)
            return _rows(collection, found, projection)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        with self._lock:
            collection = self._existing(spec)
            found = collection.matching(request.pushed)
            matrix, ids = collection.matrix(found), [record.id for record in found]
            answers = []
            for vector in request.vectors:
                distances = distances_to(request.metric, vector, matrix)
                order = top_k(distances, ids, request.k)
                rows = _rows(collection, [found[row] for row in order], request.projection)
                answers.append(SearchHits(rows=rows, distances=distances[order]))
            return answers

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        with self._lock:
            collection = self._existing(spec)
            return len(collection.records) if pushed is None else len(collection.matching(pushed))

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        with self._lock:
            self._existing(spec)
            return IndexSpec("flat")

    def _tuning(self, spec: CollectionSpec) -> Tuning:  # noqa: ARG002  # no effort to report
        return Tuning()

    def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        """Keep nothing: an exact search has no effort."""

    def _existing(self, spec: CollectionSpec) -> _Collection:
        found = self._data.get(spec.name)
        if found is None or (found.spec is not spec and found.spec != spec):
            raise CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")
        return found


def _record(batch: VectorBatch, row: int) -> _Record:
    columns = (batch.titles, batch.sources, batch.document_types, batch.chunk_indexes, batch.chunk_counts)
    if (
        batch.contents is None
        or batch.metadatas is None
        or batch.created_at is None
        or batch.updated_at is None
    ):
        raise TypeError("core gives a backend batches whose columns are set")
    return _Record(
        id=batch.ids[row],
        content=batch.contents[row],
        metadata=normalized_object(batch.metadatas[row]),
        own=tuple(None if column is None else column[row] for column in columns),  # type: ignore[arg-type]
        created_at=int(batch.created_at[row]),
        updated_at=int(batch.updated_at[row]),
        vector=batch.vectors[row].copy(),
    )


def _rows(collection: _Collection, records: Sequence[_Record], projection: Projection) -> DocumentRows:
    wanted = projection.metadata
    return DocumentRows(
        ids=[record.id for record in records],
        contents=[record.content for record in records] if projection.content else None,
        metadatas=[normalized_object(record.metadata) for record in records] if wanted else None,
        vectors=collection.matrix(records) if projection.embedding else None,
        own=[record.own for record in records] if wanted else None,
        created_at=[record.created_at for record in records] if wanted else None,
        updated_at=[record.updated_at for record in records] if wanted else None,
    )
