"""Many stores for code without an event loop."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from pygent_vec.errors import StoreClosedError
from pygent_vec.manager import VectorStoreManager
from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from anyio.from_thread import BlockingPortal

    from pygent_vec.contract import OnConflict, VectorStore
    from pygent_vec.filters import Filter
    from pygent_vec.manager import (
        FederatedAnswer,
        Fusion,
        GlobalStats,
        ManagerHealth,
        StoreAnswer,
        StoreSettings,
    )
    from pygent_vec.model import (
        CollectionInfo,
        IndexSpec,
        Metadata,
        OptimizeReport,
        VectorBatch,
        VectorDocument,
        VectorQuery,
        VectorSearchResult,
    )

__all__ = ["SyncVectorStoreManager"]

T = TypeVar("T")


class SyncVectorStoreManager:
    """A `VectorStoreManager` whose methods are plain functions; each does what its namesake there does.

    It runs in one background event loop. Threads may share it. Its calls name a store by `store=…`; what
    needs no event loop (`explain_route`, `subscribe`, `register`) is called on `manager`.
    Its arguments are those of `VectorStoreManager`.
    """

    def __init__(self, settings: object = None, db_manager: object = None) -> None:
        self._manager = VectorStoreManager(settings, db_manager)
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    @property
    def manager(self) -> VectorStoreManager:
        """The manager beneath."""
        return self._manager

    def initialize(self) -> None:
        """See `VectorStoreManager.initialize`."""
        with self._lock:
            if self._portal is None:
                from anyio.from_thread import start_blocking_portal

                self._portal = self._stack.enter_context(start_blocking_portal())
        try:
            self._call(self._manager.initialize)
        except BaseException:
            self._release()
            raise

    def shutdown(self) -> None:
        """See `VectorStoreManager.shutdown`."""
        if self._portal is None:
            return
        try:
            self._call(self._manager.shutdown)
        finally:
            self._release()

    def __enter__(self) -> Self:
        self.initialize()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def add_store(self, name: str, config: StoreSettings | Mapping[str, object] | str | VectorStore) -> None:
        """See `VectorStoreManager.add_store`."""
        self._call(lambda: self._manager.add_store(name, config))

    def remove_store(self, name: str) -> bool:
        """See `VectorStoreManager.remove_store`."""
        return self._call(lambda: self._manager.remove_store(name))

    def list_stores(self) -> list[str]:
        """See `VectorStoreManager.list_stores`."""
        return self._manager.list_stores()

    def create_collection(
        self,
        name: str,
        dimension: int,
        distance_metric: DistanceMetric = DistanceMetric.COSINE,
        *,
        index: IndexSpec | str | None = None,
        metadata: Metadata | None = None,
        if_exists: Literal["error", "ignore"] = "error",
        store: str | None = None,
    ) -> CollectionInfo:
        """See `VectorStoreManager.create_collection`."""
        return self._call(
            lambda: self._manager.create_collection(
                name,
                dimension,
                distance_metric,
                index=index,
                metadata=metadata,
                if_exists=if_exists,
                store=store,
            )
        )

    def delete_collection(self, name: str, *, store: str | None = None) -> bool:
        """See `VectorStoreManager.delete_collection`."""
        return self._call(lambda: self._manager.delete_collection(name, store=store))

    def list_collections(self, *, store: str | None = None) -> list[str]:
        """See `VectorStoreManager.list_collections`."""
        return self._call(lambda: self._manager.list_collections(store=store))

    def get_collection_info(self, name: str | None = None, *, store: str | None = None) -> CollectionInfo:
        """See `VectorStoreManager.get_collection_info`."""
        return self._call(lambda: self._manager.get_collection_info(name, store=store))

    def optimize(
        self, collection: str | None = None, *, target_recall: float | None = None, store: str | None = None
    ) -> OptimizeReport:
        """See `VectorStoreManager.optimize`."""
        return self._call(
            lambda: self._manager.optimize(collection, target_recall=target_recall, store=store)
        )

    def add_documents(
        self,
        documents: Iterable[VectorDocument],
        *,
        on_conflict: OnConflict = "overwrite",
        batch_size: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        preserve_timestamps: bool = False,
        store: str | None = None,
    ) -> list[str]:
        """See `VectorStoreManager.add_documents`."""
        return self._call(
            lambda: self._manager.add_documents(
                documents,
                on_conflict=on_conflict,
                batch_size=batch_size,
                on_progress=on_progress,
                preserve_timestamps=preserve_timestamps,
                store=store,
            )
        )

    def update_documents(self, documents: Iterable[VectorDocument], *, store: str | None = None) -> list[str]:
        """See `VectorStoreManager.update_documents`."""
        return self._call(lambda: self._manager.update_documents(documents, store=store))

    def add_batch(
        self,
        batch: VectorBatch,
        *,
        on_conflict: OnConflict = "overwrite",
        preserve_timestamps: bool = False,
        store: str | None = None,
    ) -> list[str]:
        """See `VectorStoreManager.add_batch`."""
        return self._call(
            lambda: self._manager.add_batch(
                batch, on_conflict=on_conflict, preserve_timestamps=preserve_timestamps, store=store
            )
        )

    def delete_documents(
        self, ids: Iterable[str], *, collection: str | None = None, store: str | None = None
    ) -> int:
        """See `VectorStoreManager.delete_documents`."""
        return self._call(lambda: self._manager.delete_documents(ids, collection=collection, store=store))

    def delete_where(
        self,
        filter: Filter | Mapping[str, object],
        *,
        collection: str | None = None,
        store: str | None = None,
    ) -> int:
        """See `VectorStoreManager.delete_where`."""
        return self._call(lambda: self._manager.delete_where(filter, collection=collection, store=store))

    def get_document(
        self, id: str, *, collection: str | None = None, store: str | None = None
    ) -> VectorDocument | None:
        """See `VectorStoreManager.get_document`."""
        return self._call(lambda: self._manager.get_document(id, collection=collection, store=store))

    def get_documents(
        self, ids: Iterable[str], *, collection: str | None = None, store: str | None = None
    ) -> list[VectorDocument | None]:
        """See `VectorStoreManager.get_documents`."""
        return self._call(lambda: self._manager.get_documents(ids, collection=collection, store=store))

    def iter_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        batch_size: int = 1000,
        store: str | None = None,
    ) -> Iterator[VectorDocument]:
        """See `VectorStoreManager.iter_documents`."""
        documents = self._manager.iter_documents(
            collection=collection, filter=filter, batch_size=batch_size, store=store
        )

        async def following() -> VectorDocument | None:
            return await anext(documents, None)

        while (document := self._call(following)) is not None:
            yield document

    def count_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        store: str | None = None,
    ) -> int:
        """See `VectorStoreManager.count_documents`."""
        return self._call(
            lambda: self._manager.count_documents(collection=collection, filter=filter, store=store)
        )

    def search_similar(self, query: VectorQuery, *, store: str | None = None) -> list[VectorSearchResult]:
        """See `VectorStoreManager.search_similar`."""
        return self._call(lambda: self._manager.search_similar(query, store=store))

    def search_many(
        self, queries: Sequence[VectorQuery], *, store: str | None = None
    ) -> list[list[VectorSearchResult]]:
        """See `VectorStoreManager.search_many`."""
        return self._call(lambda: self._manager.search_many(queries, store=store))

    def search_all_stores(
        self, query: VectorQuery, *, stores: Iterable[str] | None = None, deadline: float | None = None
    ) -> dict[str, StoreAnswer]:
        """See `VectorStoreManager.search_all_stores`."""
        return self._call(lambda: self._manager.search_all_stores(query, stores=stores, deadline=deadline))

    def search_federated(
        self,
        query: VectorQuery,
        *,
        fusion: Fusion = "auto",
        deduplicate: bool = False,
        stores: Iterable[str] | None = None,
        deadline: float | None = None,
    ) -> FederatedAnswer:
        """See `VectorStoreManager.search_federated`."""
        return self._call(
            lambda: self._manager.search_federated(
                query, fusion=fusion, deduplicate=deduplicate, stores=stores, deadline=deadline
            )
        )

    def health_check(self, *, deadline: float | None = None) -> ManagerHealth:
        """See `VectorStoreManager.health_check`."""
        return self._call(lambda: self._manager.health_check(deadline=deadline))

    def get_global_stats(self, *, deadline: float | None = None) -> GlobalStats:
        """See `VectorStoreManager.get_global_stats`."""
        return self._call(lambda: self._manager.get_global_stats(deadline=deadline))

    def _call(self, work: Callable[[], Awaitable[T]]) -> T:
        portal = self._portal
        if portal is None:
            raise StoreClosedError("the manager is not open; use `with manager:` or `manager.initialize()`")
        return portal.call(work)

    def _release(self) -> None:
        with self._lock:
            self._portal = None
            self._stack.close()
