"""One store for code without an event loop."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from pygent_vec import config
from pygent_vec.contract import BlockingVectorStore, OnConflict, VectorStore, drive
from pygent_vec.errors import InvalidDocumentError
from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from anyio.from_thread import BlockingPortal

    from pygent_vec.contract import Embedder
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        CollectionInfo,
        HealthReport,
        IndexSpec,
        Metadata,
        OptimizeReport,
        StoreStats,
        VectorBatch,
        VectorDocument,
        VectorQuery,
        VectorSearchResult,
    )

__all__ = ["SyncVectorStore", "open_store"]

T = TypeVar("T")


def open_store(
    backend: str, *, name: str | None = None, embedder: Embedder | str | None = None, **settings: object
) -> SyncVectorStore:
    """Return a synchronous store; arguments and errors are those of `pygent_vec.open_store`."""
    return SyncVectorStore(config.open_store(backend, name=name, embedder=embedder, **settings))


class SyncVectorStore:
    """A `VectorStore` whose methods are plain functions; each does what its namesake there does.

    It owns *store*: opening and closing it opens and closes the store. Threads may share it.
    """

    def __init__(self, store: VectorStore) -> None:
        self._store = store
        self._blocking = isinstance(store, BlockingVectorStore)
        self._portal_lock = threading.Lock()
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    @property
    def store(self) -> VectorStore:
        """The store beneath."""
        return self._store

    @property
    def name(self) -> str:
        """What results and reports call this store."""
        return self._store.name

    def initialize(self) -> None:
        """See `VectorStore.initialize`."""
        if not self._blocking:
            with self._portal_lock:
                if self._portal is None:
                    from anyio.from_thread import start_blocking_portal

                    self._portal = self._stack.enter_context(start_blocking_portal())
        try:
            self._call(self._store.initialize)
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """See `VectorStore.close`."""
        try:
            self._call(self._store.close)
        finally:
            self._release()

    def __enter__(self) -> Self:
        self.initialize()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create_collection(
        self,
        name: str,
        dimension: int,
        distance_metric: DistanceMetric = DistanceMetric.COSINE,
        *,
        index: IndexSpec | str | None = None,
        metadata: Metadata | None = None,
        if_exists: Literal["error", "ignore"] = "error",
    ) -> CollectionInfo:
        """See `VectorStore.create_collection`."""
        return self._call(
            lambda: self._store.create_collection(
                name, dimension, distance_metric, index=index, metadata=metadata, if_exists=if_exists
            )
        )

    def delete_collection(self, name: str) -> bool:
        """See `VectorStore.delete_collection`."""
        return self._call(lambda: self._store.delete_collection(name))

    def list_collections(self) -> list[str]:
        """See `VectorStore.list_collections`."""
        return self._call(self._store.list_collections)

    def get_collection_info(self, name: str | None = None) -> CollectionInfo:
        """See `VectorStore.get_collection_info`."""
        return self._call(lambda: self._store.get_collection_info(name))

    def add_documents(
        self,
        documents: Iterable[VectorDocument],
        *,
        on_conflict: OnConflict = "overwrite",
        batch_size: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        preserve_timestamps: bool = False,
    ) -> list[str]:
        """See `VectorStore.add_documents`; async iterables belong to the asynchronous store."""
        if isinstance(documents, AsyncIterable):
            raise InvalidDocumentError(
                "an async iterable of documents needs the asynchronous store; give an iterable here"
            )
        return self._call(
            lambda: self._store.add_documents(
                documents,
                on_conflict=on_conflict,
                batch_size=batch_size,
                on_progress=on_progress,
                preserve_timestamps=preserve_timestamps,
            )
        )

    def add_batch(
        self, batch: VectorBatch, *, on_conflict: OnConflict = "overwrite", preserve_timestamps: bool = False
    ) -> list[str]:
        """See `VectorStore.add_batch`."""
        return self._call(
            lambda: self._store.add_batch(
                batch, on_conflict=on_conflict, preserve_timestamps=preserve_timestamps
            )
        )

    def update_documents(self, documents: Iterable[VectorDocument]) -> list[str]:
        """See `VectorStore.update_documents`."""
        return self._call(lambda: self._store.update_documents(documents))

    def delete_documents(self, ids: Iterable[str], *, collection: str | None = None) -> int:
        """See `VectorStore.delete_documents`."""
        return self._call(lambda: self._store.delete_documents(ids, collection=collection))

    def delete_where(self, filter: Filter | Mapping[str, object], *, collection: str | None = None) -> int:
        """See `VectorStore.delete_where`."""
        return self._call(lambda: self._store.delete_where(filter, collection=collection))

    def get_document(self, id: str, *, collection: str | None = None) -> VectorDocument | None:
        """See `VectorStore.get_document`."""
        return self._call(lambda: self._store.get_document(id, collection=collection))

    def get_documents(
        self, ids: Iterable[str], *, collection: str | None = None
    ) -> list[VectorDocument | None]:
        """See `VectorStore.get_documents`."""
        return self._call(lambda: self._store.get_documents(ids, collection=collection))

    def iter_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        batch_size: int = 1000,
    ) -> Iterator[VectorDocument]:
        """See `VectorStore.iter_documents`."""
        yield from self._each(
            self._store.iter_documents(collection=collection, filter=filter, batch_size=batch_size)
        )

    def iter_batches(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        after: str | None = None,
        batch_size: int = 1000,
    ) -> Iterator[VectorBatch]:
        """See `VectorStore.iter_batches`."""
        yield from self._each(
            self._store.iter_batches(collection=collection, filter=filter, after=after, batch_size=batch_size)
        )

    def _each(self, values: AsyncIterator[T]) -> Iterator[T]:
        async def following() -> T | None:
            return await anext(values, None)

        while (value := self._call(following)) is not None:
            yield value

    def count_documents(
        self, *, collection: str | None = None, filter: Filter | Mapping[str, object] | None = None
    ) -> int:
        """See `VectorStore.count_documents`."""
        return self._call(lambda: self._store.count_documents(collection=collection, filter=filter))

    def search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        """See `VectorStore.search_similar`."""
        return self._call(lambda: self._store.search_similar(query))

    def search_many(self, queries: Sequence[VectorQuery]) -> list[list[VectorSearchResult]]:
        """See `VectorStore.search_many`."""
        return self._call(lambda: self._store.search_many(queries))

    def optimize(
        self, collection: str | None = None, *, target_recall: float | None = None
    ) -> OptimizeReport:
        """See `VectorStore.optimize`."""
        return self._call(lambda: self._store.optimize(collection, target_recall=target_recall))

    def health_check(self) -> HealthReport:
        """See `VectorStore.health_check`."""
        return self._call(self._store.health_check)

    def get_stats(self) -> StoreStats:
        """See `VectorStore.get_stats`."""
        return self._call(self._store.get_stats)

    def _call(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        if self._blocking:
            return drive(work)
        portal = self._portal
        if portal is not None:
            return portal.call(work)
        import anyio

        return anyio.run(work)  # neither open: this closes the store, or says that it is closed

    def _release(self) -> None:
        with self._portal_lock:
            self._portal = None
            self._stack.close()
