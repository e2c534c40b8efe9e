"""The calls of the contract that read, each sent to the store that a name or a route says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import InvalidQueryError, shown
from pygent_vec.manager._keeper import StoreKeeper
from pygent_vec.manager._routing import RouteExplanation
from pygent_vec.model import VectorQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionInfo, OptimizeReport, VectorDocument, VectorSearchResult

__all__ = ["RoutedReads"]


class RoutedReads(StoreKeeper):
    """Every method does what its namesake of `VectorStore` does, in the store *store*, or where routes say.

    A collection of None is the default store's default collection.

    Args:
        settings: As of `VectorStoreManager`.
        db_manager: As of `VectorStoreManager`.
    """

    async def list_collections(self, *, store: str | None = None) -> list[str]:
        """Return the collections of one store, by default of the default store."""
        self._check_open()
        name = self.default_store if store is None else store
        return await self._call(name, "list_collections", lambda one: one.list_collections())

    async def get_collection_info(
        self, name: str | None = None, *, store: str | None = None
    ) -> CollectionInfo:
        """Return a collection as it is now."""
        route = self._route(name, store)
        return await self._call(
            route.read, "get_collection_info", lambda one: one.get_collection_info(route.collection)
        )

    async def optimize(
        self,
        collection: str | None = None,
        *,
        target_recall: float | None = None,
        store: str | None = None,
    ) -> OptimizeReport:
        """Build the index of a collection in the store that answers its searches."""
        route = self._route(collection, store)
        return await self._call(
            route.read,
            "optimize",
            lambda one: one.optimize(route.collection, target_recall=target_recall),
            idempotent=False,
        )

    async def get_document(
        self, id: str, *, collection: str | None = None, store: str | None = None
    ) -> VectorDocument | None:
        """Return a document with its embedding, or None."""
        route = self._route(collection, store)
        return await self._call(
            route.read, "get_document", lambda one: one.get_document(id, collection=route.collection)
        )

    async def get_documents(
        self, ids: Iterable[str], *, collection: str | None = None, store: str | None = None
    ) -> list[VectorDocument | None]:
        """Return documents in the order asked, None where there is none."""
        route = self._route(collection, store)
        asked = ids if isinstance(ids, str) else list(ids)
        return await self._call(
            route.read, "get_documents", lambda one: one.get_documents(asked, collection=route.collection)
        )

    async def iter_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        batch_size: int = 1000,
        store: str | None = None,
    ) -> AsyncIterator[VectorDocument]:
        """Yield documents in id order. Neither timeouts nor retries apply between them."""
        route = self._route(collection, store)
        opened = await self._opened(self._slot(route.read))
        async for document in opened.iter_documents(
            collection=route.collection, filter=filter, batch_size=batch_size
        ):
            yield document

    async def count_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        store: str | None = None,
    ) -> int:
        """Return how many documents satisfy a filter, exactly."""
        route = self._route(collection, store)
        return await self._call(
            route.read,
            "count_documents",
            lambda one: one.count_documents(collection=route.collection, filter=filter),
        )

    async def search_similar(
        self, query: VectorQuery, *, store: str | None = None
    ) -> list[VectorSearchResult]:
        """Return the nearest documents, by distance, ties by id."""
        route, named = self._routed_query(query, store)
        return await self._call(route.read, "search_similar", lambda one: one.search_similar(named))

    async def search_many(
        self, queries: Sequence[VectorQuery], *, store: str | None = None
    ) -> list[list[VectorSearchResult]]:
        """Return the results of each query; those of one store go in one call."""
        groups: dict[str, list[tuple[int, VectorQuery]]] = {}
        for place, query in enumerate(queries):
            route, named = self._routed_query(query, store)
            groups.setdefault(route.read, []).append((place, named))
        results: list[list[VectorSearchResult]] = [[] for _ in range(sum(map(len, groups.values())))]
        for name, group in groups.items():
            asked = [query for _, query in group]
            answers = await self._searched(name, asked)
            for (place, _), answer in zip(group, answers, strict=True):
                results[place] = answer
        return results

    async def _searched(self, name: str, queries: list[VectorQuery]) -> list[list[VectorSearchResult]]:
        return await self._call(name, "search_many", lambda one: one.search_many(queries))

    def _routed_query(self, query: VectorQuery, store: str | None) -> tuple[RouteExplanation, VectorQuery]:
        if not isinstance(query, VectorQuery):
            raise InvalidQueryError(f"expected a VectorQuery, got {shown(query)}")
        route = self._route(query.collection, store)
        named = query if query.collection is not None else attrs.evolve(query, collection=route.collection)
        return route, named

    def _route(self, collection: str | None, store: str | None) -> RouteExplanation:
        """Return where *collection* is; in *store*, if one is named, whatever the routes say."""
        if store is None:
            return self.explain_route(collection)
        name = self._slot(store).default_collection if collection is None else collection
        return RouteExplanation(
            collection=name, read=store, write=(store,), shadow=(), rule=None, reason="the store was named"
        )
