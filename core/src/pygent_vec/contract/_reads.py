"""What every store reads: documents by id, in id order, by nearness, and how many."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, final

from pygent_vec.contract import _browsing, _reading, _writing
from pygent_vec.contract._engine import StoreEngine
from pygent_vec.contract._ids import checked_id, known_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import VectorBatch, VectorDocument, VectorQuery, VectorSearchResult

__all__ = ["StoreReads"]


class StoreReads(StoreEngine):
    """The public methods of `VectorStore` that change nothing."""

    @final
    async def get_document(self, id: str, *, collection: str | None = None) -> VectorDocument | None:
        """Return a document with its embedding, or None."""
        found = await self._fetched("get_document", known_ids([id]), collection)
        return found.get(id)

    @final
    async def get_documents(
        self, ids: Iterable[str], *, collection: str | None = None
    ) -> list[VectorDocument | None]:
        """Return documents with their embeddings in the order asked, None where there is none."""
        asked = ids if isinstance(ids, str) else list(ids)
        found = await self._fetched("get_documents", known_ids(asked), collection)
        return [found.get(one) for one in asked]

    @final
    async def iter_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,  # the contract's word
        batch_size: int = 1000,
    ) -> AsyncIterator[VectorDocument]:
        """Yield the documents that satisfy a filter in id order, with embeddings, in constant memory.

        A document is yielded at most once; one that is written meanwhile may or may not be.

        Raises:
            InvalidFilterError: the filter is not well formed.
        """
        size = _writing.batch_rows(batch_size, self.capabilities.max_batch)
        after: str | None = None
        while True:
            documents, after = await self._perform(
                "iter_documents",
                partial(_browsing.page, self, self._context, collection, filter, after, size),
                self._named(collection),
            )
            for document in documents:
                yield document
            if after is None:
                return

    @final
    async def iter_batches(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,  # the contract's word
        after: str | None = None,
        batch_size: int = 1000,
    ) -> AsyncIterator[VectorBatch]:
        """Yield the documents of `iter_documents` as columns, ready for `add_batch` of another store.

        A batch has 1 to *batch_size* documents, with vectors, texts, metadata, own fields and timestamps.

        Args:
            collection: Its name.
            filter: What the documents satisfy.
            after: Begin behind this id, which need not exist: so an interrupted reading goes on.
            batch_size: Rows of a batch.

        Raises:
            InvalidDocumentError: *after* is no id.
            InvalidFilterError: the filter is not well formed.
        """
        size = _writing.batch_rows(batch_size, self.capabilities.max_batch)
        behind = None if after is None else checked_id(after)
        while True:
            batch, behind = await self._perform(
                "iter_batches",
                partial(_browsing.batch_page, self, self._context, collection, filter, behind, size),
                self._named(collection),
            )
            if batch is not None:
                yield batch
            if behind is None:
                return

    @final
    async def count_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,  # the contract's word
    ) -> int:
        """Return how many documents satisfy a filter, exactly.

        Raises:
            InvalidFilterError: the filter is not well formed.
        """
        return await self._perform(
            "count_documents",
            lambda: _browsing.count(self, self._context, collection, filter),
            self._named(collection),
        )

    @final
    async def search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        """Return the nearest documents, by distance, ties by id.

        Fewer than `query.limit` only if fewer match: a filter never costs results.

        Raises:
            InvalidQueryError, InvalidVectorError, InvalidFilterError: the query is not valid.
            ConfigError: a `query_text` without an embedder.
            UnsupportedFeatureError: the backend does not declare what the query asks for.
        """
        if not self._observers:
            return await self._searched(query)
        return await self._watched(
            "search_similar",
            lambda: self._searched(query),
            lambda: self._named(getattr(query, "collection", None)),
        )

    def _searched(self, query: VectorQuery) -> Coroutine[object, object, list[VectorSearchResult]]:
        """Return the results of one query, by an operation of its own or by one that it shares."""
        return self._enter("search_similar", partial(_reading.search_one, self, self._context, query))

    @final
    async def search_many(self, queries: Sequence[VectorQuery]) -> list[list[VectorSearchResult]]:
        """Return the results of each query, as `search_similar`; one call of the backend where they agree."""
        return await self._perform(
            "search_many", lambda: _reading.search(self, self._context, _reading.listed(queries))
        )
