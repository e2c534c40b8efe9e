"""VectorStore: the one public face of every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pygent_vec.contract import _collections, _health, _optimizing, _writing
from pygent_vec.contract._ids import known_ids
from pygent_vec.contract._primitives import settle
from pygent_vec.contract._reads import StoreReads
from pygent_vec.contract._requests import WriteMode
from pygent_vec.errors import ConfigError, hint, shown
from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping

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
    )

__all__ = ["OnConflict", "VectorStore"]

OnConflict = Literal["overwrite", "error", "skip"]


class VectorStore(StoreReads):
    """A vector store. Public methods are final; a backend writes the underscored primitives, as coroutines.

    Every method but the constructor raises `StoreClosedError` before `initialize()` and after `close()`,
    `BackendError` where the backend's own library or server fails, and `CollectionNotFoundError` for a
    collection that does not exist. A collection of None is the store's default collection. Any number of
    tasks may share a store.

    Args:
        config: The backend's configuration.
        name: What results and reports call this store; None means the backend's name.
        embedder: Turns query texts, and documents without an embedding, into vectors.
    """

    # ── collections ──

    @final
    async def create_collection(
        self,
        name: str,
        dimension: int,
        distance_metric: DistanceMetric = DistanceMetric.COSINE,
        *,
        index: IndexSpec | str | None = None,
        metadata: Metadata | None = None,
        if_exists: Literal["error", "ignore"] = "error",
    ) -> CollectionInfo:
        """Create a collection durably, and return it.

        Args:
            name: 1 to 128 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
            dimension: The length of its vectors, 1 to 16 000.
            distance_metric: How vectors are compared.
            index: An index kind, or a spec with options; None: the configured one, or the backend's choice.
            metadata: A JSON object to keep with the collection.
            if_exists: "ignore" returns the collection that exists, if dimension and metric agree.

        Raises:
            CollectionExistsError: the name is taken.
            CollectionMismatchError: it is taken by another dimension or metric.
            ConfigError: an argument is out of range.
            UnsupportedFeatureError: the backend does not declare the metric, index kind or dimension.
        """
        wanted = self._context.default_index if index is None else index

        async def work() -> CollectionInfo:
            spec = _collections.checked_spec(
                self.capabilities, self.backend, name, dimension, distance_metric, wanted, metadata
            )
            return await _collections.create(self, self._context, spec, if_exists=if_exists)

        return await self._perform("create_collection", work, name)

    @final
    async def delete_collection(self, name: str) -> bool:
        """Delete a collection and its documents; return False if there was none."""
        return await self._perform("delete_collection", lambda: settle(self._drop_collection(name)), name)

    @final
    async def list_collections(self) -> list[str]:
        """Return the names of the collections, sorted."""

        async def work() -> list[str]:
            return sorted(await settle(self._collection_names()))

        return await self._perform("list_collections", work)

    @final
    async def get_collection_info(self, name: str | None = None) -> CollectionInfo:
        """Return a collection as it is now, with its exact document count."""
        return await self._perform(
            "get_collection_info",
            lambda: _collections.describe(self, self._context, name),
            self._named(name),
        )

    # ── writing ──

    @final
    async def add_documents(
        self,
        documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument],
        *,
        on_conflict: OnConflict = "overwrite",
        batch_size: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        preserve_timestamps: bool = False,
    ) -> list[str]:
        """Write documents in batches and return the ids written; what is returned is durable.

        A batch is all or nothing. A sequence is checked as a whole before anything is written; an iterator
        is checked batch by batch.

        Args:
            documents: Any iterable or async iterable; an iterator is read in constant memory.
            on_conflict: What to do with ids that exist.
            batch_size: Rows of a batch; None means 1000. The backend's largest batch is the limit.
            on_progress: Called with the number of documents written so far, after each batch.
            preserve_timestamps: Keep given `created_at` and `updated_at`, for copies and imports.

        Raises:
            InvalidDocumentError, InvalidVectorError: a document breaks a rule; nothing was written.
            DocumentExistsError: under `on_conflict="error"`; nothing was written.
            WriteError: a later batch failed; `written` has the ids that are durable, the cause is chained.
        """
        mode = _mode(on_conflict)
        write = _writing.Write(self, self._context, mode, preserve_timestamps=preserve_timestamps)
        size = _writing.batch_rows(batch_size, self.capabilities.max_batch)
        return await self._write_all("add_documents", write, documents, size, on_progress)

    @final
    async def add_batch(
        self, batch: VectorBatch, *, on_conflict: OnConflict = "overwrite", preserve_timestamps: bool = False
    ) -> list[str]:
        """Write columns, without a Python object for each row; else as `add_documents`.

        One batch up to the backend's `max_batch` rows; a larger one is cut there.
        """
        write = _writing.Write(
            self, self._context, _mode(on_conflict), preserve_timestamps=preserve_timestamps
        )
        return await write.accounted(
            lambda: self._perform(
                "add_batch", lambda: write.batch(batch), self._named(getattr(batch, "collection", None))
            )
        )

    @final
    async def update_documents(self, documents: Iterable[VectorDocument]) -> list[str]:
        """Replace documents that exist, whole; return their ids. Unknown ids are not created."""
        write = _writing.Write(self, self._context, WriteMode.UPDATE)
        size = _writing.batch_rows(None, self.capabilities.max_batch)
        return await self._write_all("update_documents", write, documents, size, None)

    @final
    async def delete_documents(self, ids: Iterable[str], *, collection: str | None = None) -> int:
        """Delete documents by id; return how many existed."""
        unique = known_ids(ids)
        return await self._perform(
            "delete_documents",
            lambda: _writing.delete_ids(self, self._context, unique, collection),
            self._named(collection),
        )

    @final
    async def delete_where(
        self,
        filter: Filter | Mapping[str, object],
        *,
        collection: str | None = None,  # the contract's word
    ) -> int:
        """Delete the documents that satisfy a filter; return how many.

        Raises:
            InvalidFilterError: the filter is not well formed.
        """
        return await self._perform(
            "delete_where",
            lambda: _writing.delete_matching(self, self._context, filter, collection),
            self._named(collection),
        )

    # ── care ──

    @final
    async def optimize(
        self, collection: str | None = None, *, target_recall: float | None = None
    ) -> OptimizeReport:
        """Build the index over all documents; with a target, tune and persist the search effort.

        Args:
            collection: Its name.
            target_recall: recall@10 against exact search on sampled documents, above 0 and up to 1.

        Raises:
            ConfigError: the target is out of range.
            UnsupportedFeatureError: a target, and the backend does not declare `tuning`.
        """
        return await self._perform(
            "optimize",
            lambda: _optimizing.optimize(self, self._context, collection, target_recall),
            self._named(collection),
        )

    @final
    async def health_check(self) -> HealthReport:
        """Return whether the backend answers, how fast, and what is wrong; a dead backend is a report."""
        return await self._perform("health_check", lambda: _health.check(self, self._context))

    @final
    async def get_stats(self) -> StoreStats:
        """Return the size of every collection."""
        return await self._perform("get_stats", lambda: _collections.stats(self, self._context))


def _mode(on_conflict: str) -> WriteMode:
    allowed = ("overwrite", "error", "skip")
    if on_conflict not in allowed:
        raise ConfigError(f"on_conflict={shown(on_conflict)}{hint(str(on_conflict), allowed)}")
    return WriteMode(on_conflict)
