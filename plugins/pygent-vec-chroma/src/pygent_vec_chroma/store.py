"""The Chroma store: the contract's primitives over the collections of one database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from pygent_vec.contract import BlockingVectorStore, Ping
from pygent_vec.errors import CollectionNotFoundError
from pygent_vec_chroma import reading, searching, stats, tuning, writing
from pygent_vec_chroma.capabilities import capabilities_of
from pygent_vec_chroma.catalogue import Catalogue, Handle
from pygent_vec_chroma.filtering.grading import grade
from pygent_vec_chroma.opening import connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pygent_vec.contract import Capabilities, Embedder, SearchHits, SearchRequest, Tuning, WriteMode
    from pygent_vec.filters import Comparison, Filter, Pushdown
    from pygent_vec.model import (
        CollectionSpec,
        CollectionStats,
        DocumentRows,
        IndexSpec,
        Projection,
        VectorBatch,
    )
    from pygent_vec_chroma.config import ChromaConfig

__all__ = ["ChromaStore"]


class ChromaStore(BlockingVectorStore):
    """A store in Chroma: in a directory, in memory, or on a server."""

    backend: ClassVar[str] = "chromadb"

    def __init__(
        self, config: ChromaConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        super().__init__(config, name=name, embedder=embedder)
        self._config = config
        self._connection = connection(config)
        self._catalogue = Catalogue(
            self._connection.driver, alone=not self.capabilities.multi_process, hnsw=config.hnsw
        )

    @property
    def capabilities(self) -> Capabilities:
        """By the mode; see `pygent_vec_chroma.capabilities`."""
        return capabilities_of(self._config)

    def _open(self) -> None:
        self._connection.open()
        try:
            self._catalogue.load()
        except BaseException:
            self._connection.close()
            raise

    def _close(self) -> None:
        self._connection.close()

    def _ping(self) -> Ping:
        return Ping(version=self._connection.driver.ping())

    def _create_collection(self, spec: CollectionSpec) -> bool:
        return self._catalogue.create(spec)

    def _drop_collection(self, name: str) -> bool:
        return self._catalogue.drop(name)

    def _collection_names(self) -> Sequence[str]:
        return self._catalogue.names()

    def _collection(self, name: str) -> CollectionSpec | None:
        handle = self._catalogue.find(name)
        return None if handle is None else handle.spec

    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        with self._reading(spec) as handle:
            return stats.stats(handle)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        with self._changing(spec) as handle:
            return writing.write(handle, batch, mode, preserve_created=preserve_created)

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        with self._changing(spec) as handle:
            return writing.delete(handle, ids)

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        with self._changing(spec) as handle:
            return writing.delete_where(handle, pushed)

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        with self._reading(spec) as handle:
            return reading.fetch(handle, ids, projection)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        with self._reading(spec) as handle:
            return reading.scan(handle, after_id, limit, pushed, projection)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        with self._reading(spec) as handle:
            return searching.search(handle, request)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        with self._reading(spec) as handle:
            return reading.count(handle, pushed)

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        with self._changing(spec) as handle:
            return tuning.rebuild(handle)

    def _tuning(self, spec: CollectionSpec) -> Tuning:
        with self._reading(spec) as handle:
            return tuning.tuning(handle)

    def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        with self._changing(spec) as handle:
            tuning.set_effort(handle, effort)

    def _grade(self, comparison: Comparison) -> Pushdown:
        return grade(comparison)

    @contextmanager
    def _reading(self, spec: CollectionSpec) -> Iterator[Handle]:
        handle = self._catalogue.existing(spec)
        with handle.lock.shared, self._noticed(handle):
            yield handle

    @contextmanager
    def _changing(self, spec: CollectionSpec) -> Iterator[Handle]:
        handle = self._catalogue.existing(spec)
        with handle.lock.exclusive, self._noticed(handle):
            try:
                yield handle
            finally:
                handle.changed()

    @contextmanager
    def _noticed(self, handle: Handle) -> Iterator[None]:
        """Take a collection out of the catalogue when it turns out to be gone."""
        handle.check()
        try:
            yield
        except CollectionNotFoundError:
            self._catalogue.forget(handle)
            raise
