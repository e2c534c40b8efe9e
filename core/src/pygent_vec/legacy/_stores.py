"""Stores in their old shape: one object for each collection, over a new store and its data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from pygent_vec import contract, model
from pygent_vec.errors import CollectionNotFoundError, InvalidVectorError, StoreClosedError, shown
from pygent_vec.legacy._deprecation import Deprecations
from pygent_vec.legacy._documents import SimilarityResult, VectorDocument, modern
from pygent_vec.manager import VectorStoreManager
from pygent_vec.sync import SyncVectorStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from pygent_vec.filters import Filter

__all__ = ["Modern", "PostgreSQLVectorStore", "VectorStore"]

T = TypeVar("T")

Modern: TypeAlias = contract.VectorStore | SyncVectorStore | VectorStoreManager
"""What an old store can stand on. A manager sends each call to the store that its routes name."""


class VectorStore:
    """One collection in the old interface; the new interface beneath sees the same documents.

    The collection is made when the first documents come, with the dimension of their embeddings; before that
    it reads as empty. What fails raises the errors of `pygent_vec.errors`; nothing is answered with False or
    an empty list instead.

    Args:
        collection_name: The collection.
        store: A new store, a synchronous one, or a manager; None means the default store of what
            `pygent-vec.toml` and the environment configure.
        deprecations: The warnings that this store shares with others.
    """

    def __init__(
        self,
        collection_name: str = "default",
        store: Modern | None = None,
        *,
        deprecations: Deprecations | None = None,
    ) -> None:
        self.collection_name = collection_name
        self._modular_store = store
        self._own_manager: VectorStoreManager | None = None
        self._deprecations = deprecations or Deprecations()
        if deprecations is None:
            self._deprecations.warn("VectorStore of the old interface", "pygent_vec.open_store")

    @property
    def modular_store(self) -> Modern:
        """What this store stands on, for new code over the same data.

        Raises:
            StoreClosedError: `initialize()` was not called yet.
        """
        return self._ensure_modular_store()

    async def initialize(self) -> None:
        """Open the store beneath, where it is not open yet."""
        if self._modular_store is None:
            self._modular_store = self._own_manager = self._configured()
        await self._do(lambda store: store.initialize())

    async def close(self) -> None:
        """Close what `initialize` opened without being given it."""
        if self._own_manager is not None:
            await self._own_manager.shutdown()

    async def add_documents(self, documents: Iterable[VectorDocument | model.VectorDocument]) -> list[str]:
        """Write documents and return their ids; of two with the same id the later one counts.

        Raises:
            InvalidDocumentError, InvalidVectorError: a document breaks a rule; nothing was written.
        """
        self._deprecations.warn("add_documents of the old interface", "VectorStore.add_documents")
        unique = {one.id: one for one in map(self._modern, documents)}
        if not unique:
            return []
        wanted = list(unique.values())
        try:
            return await self._do(lambda store: store.add_documents(wanted))
        except CollectionNotFoundError:
            await self._create(wanted)
            return await self._do(lambda store: store.add_documents(wanted))

    async def get_document(self, document_id: str) -> VectorDocument | None:
        """Return a document, or None."""
        self._deprecations.warn("get_document of the old interface", "VectorStore.get_document")
        name = self.collection_name
        found = await self._read(lambda store: store.get_document(document_id, collection=name), None)
        return None if found is None else VectorDocument.from_modular_document(found)

    async def update_document(self, document: VectorDocument | model.VectorDocument) -> bool:
        """Replace a document; return False if there was none."""
        self._deprecations.warn("update_document", "VectorStore.update_documents")
        wanted = [self._modern(document)]
        return bool(await self._read(lambda store: store.update_documents(wanted), []))

    async def delete_document(self, document_id: str) -> bool:
        """Delete a document; return False if there was none."""
        self._deprecations.warn("delete_document", "VectorStore.delete_documents")
        name = self.collection_name
        return bool(await self._read(lambda store: store.delete_documents([document_id], collection=name), 0))

    async def similarity_search(
        self,
        query_embedding: Sequence[float],
        limit: int = 10,
        similarity_threshold: float = 0.7,
        metadata_filter: Mapping[str, object] | Filter | None = None,
    ) -> list[SimilarityResult]:
        """Return the nearest documents with a `similarity_score` of at least *similarity_threshold*."""
        self._deprecations.warn("similarity_search", "VectorStore.search_similar(VectorQuery(…))")
        query = model.VectorQuery(
            query_vector=query_embedding,
            collection=self.collection_name,
            limit=limit,
            similarity_threshold=similarity_threshold,
            metadata_filter=_modern_filter(metadata_filter),
            include_embedding=True,
        )
        nothing: list[model.VectorSearchResult] = []
        results = await self._read(lambda store: store.search_similar(query), nothing)
        return [SimilarityResult.from_modular_result(result) for result in results]

    async def get_collection_stats(self) -> dict[str, object]:
        """Return the collection's name, its number of documents and the kind of store."""
        self._deprecations.warn("get_collection_stats", "VectorStore.get_collection_info")
        name = self.collection_name
        return {
            "collection_name": name,
            "document_count": await self._read(lambda store: store.count_documents(collection=name), 0),
            "storage_type": (await self.plain_store()).backend,
        }

    async def clear_collection(self) -> bool:
        """Delete all documents of the collection."""
        self._deprecations.warn("clear_collection", "VectorStore.delete_where({})")
        name = self.collection_name
        await self._read(lambda store: store.delete_where({}, collection=name), 0)
        return True

    async def plain_store(self) -> contract.VectorStore:
        """Return the one new store that the collection lies in: that which a manager's routes name."""
        store = self._ensure_modular_store()
        if isinstance(store, VectorStoreManager):
            return await store.get_store(store.explain_route(self.collection_name).read)
        return store.store if isinstance(store, SyncVectorStore) else store

    def _ensure_modular_store(self) -> Modern:
        if self._modular_store is None:
            raise StoreClosedError(
                f"the store of the collection {self.collection_name!r} is not open yet; "
                "call initialize() first"
            )
        return self._modular_store

    def _configured(self) -> VectorStoreManager:
        """Return a manager of the stores that this one means, where it was given none."""
        return VectorStoreManager()

    def _modern(self, document: VectorDocument | model.VectorDocument) -> model.VectorDocument:
        if isinstance(document, model.VectorDocument):
            import attrs

            return attrs.evolve(document, collection=document.collection or self.collection_name)
        return document.to_modular_document(self.collection_name)

    async def _create(self, documents: Sequence[model.VectorDocument]) -> None:
        """Create the collection for *documents*, if nobody did meanwhile."""
        dimensions = {len(one.embedding): one.id for one in documents if one.embedding is not None}
        if len(dimensions) > 1:
            raise InvalidVectorError(
                "the first documents of a collection decide its dimension, and these have several: "
                + ", ".join(f"{size} (document {shown(one)})" for size, one in dimensions.items())
            )
        embedder = (await self.plain_store()).embedder
        dimension = next(iter(dimensions), None if embedder is None else embedder.dimension)
        if dimension is None:
            raise InvalidVectorError(
                f"document {shown(documents[0].id)}: embedding is missing, "
                "and the store has no embedder to make one"
            )
        name = self.collection_name
        await self._do(lambda store: store.create_collection(name, dimension, if_exists="ignore"))

    async def _read(self, call: Callable[[contract.VectorStore], Awaitable[T]], missing: T) -> T:
        """Return what *call* returns, and *missing* where nothing was written to the collection yet."""
        try:
            return await self._do(call)
        except CollectionNotFoundError:
            return missing

    async def _do(self, call: Callable[[contract.VectorStore], Awaitable[T]]) -> T:
        """Make one call of the store beneath, without keeping the event loop waiting."""
        store = self._ensure_modular_store()
        if isinstance(store, SyncVectorStore):
            from anyio import to_thread

            at_once = cast("Callable[[SyncVectorStore], T]", call)
            return await to_thread.run_sync(partial(at_once, store))
        return await call(cast("contract.VectorStore", store))  # a manager has the same methods


class PostgreSQLVectorStore(VectorStore):
    """One collection in PostgreSQL, in the old interface.

    Args:
        db_manager: Where the database is: the old database manager, an address, or a new store or manager.
        collection_name: The collection.
    """

    def __init__(self, db_manager: object, collection_name: str = "default") -> None:
        deprecations = Deprecations()
        deprecations.warn("PostgreSQLVectorStore", 'pygent_vec.open_store("postgresql", …)')
        given = isinstance(db_manager, (contract.VectorStore, SyncVectorStore, VectorStoreManager))
        store = cast("Modern", db_manager) if given else None
        super().__init__(collection_name, store, deprecations=deprecations)
        self.db_manager = db_manager
        self.table_name = f"vector_store_{collection_name}"

    def _configured(self) -> VectorStoreManager:
        return VectorStoreManager({"default_type": "postgresql"}, self.db_manager)


def _modern_filter(
    condition: Mapping[str, object] | Filter | None,
) -> Mapping[str, object] | Filter | None:
    from collections.abc import Mapping

    return modern(condition) if isinstance(condition, Mapping) else condition
