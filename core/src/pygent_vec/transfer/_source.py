"""A store's collection as the source of a move."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from pygent_vec.contract import BlockingVectorStore, VectorStore, default_collection_of, spec_of
from pygent_vec.errors import CollectionNotFoundError, ConfigError, hint, shown
from pygent_vec.filters import parse_filter
from pygent_vec.transfer._ends import Chunk, Description

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionInfo, VectorBatch
    from pygent_vec.transfer._ends import Position

__all__ = ["StoreSource", "computes_here", "existing_collection"]

_BATCH_BYTES = 4 * 2**20
_TEXT_BYTES = 1000
"""What the texts and the metadata of a document may take, for the size of a batch."""
_MOST_ROWS = 5000


class StoreSource:
    """The documents of a collection, in id order.

    Args:
        store: An open store.
        collection: Its collection; None is the store's default collection.
        where: Which documents; None means all.
        batch_size: Documents of a chunk; None takes so many that it has about 4 MiB, 5000 at most.
        name: What labels call the store; None means its name. It should be the same in every process and
            tell the store from others, or a checkpoint may be taken for another move's.

    Raises:
        InvalidFilterError: *where* is not well formed.
        ConfigError: *batch_size* is not a positive integer.
    """

    def __init__(
        self,
        store: VectorStore,
        collection: str | None = None,
        *,
        where: Filter | Mapping[str, object] | None = None,
        batch_size: int | None = None,
        name: str | None = None,
    ) -> None:
        if batch_size is not None and (
            not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1
        ):
            raise ConfigError(f"batch_size must be a positive integer or None, got {shown(batch_size)}")
        self.store = store
        self.collection = collection or default_collection_of(store)
        self.where = None if where is None else parse_filter(where)
        self.batch_size = batch_size
        self.store_name = name or store.name

    @property
    def label(self) -> str:
        """The store's name and the collection."""
        return f"{self.store_name}/{self.collection}"

    @property
    def notes(self) -> Sequence[str]:
        """Nothing: a store gives what it has."""
        return ()

    async def describe(self) -> Description:
        """Return what the collection was made with, and how many documents it would give now.

        Raises:
            CollectionNotFoundError: it does not exist; the message lists those that do.
        """
        info = await existing_collection(self.store, self.collection)
        if info is None:
            known = await self.store.list_collections()
            raise CollectionNotFoundError(
                f"{self.store_name} has no collection {self.collection!r}{hint(self.collection, known)}"
            )
        count = info.document_count
        if self.where is not None:
            count = await self.store.count_documents(collection=self.collection, filter=self.where)
        return Description(
            collection=info.name,
            dimension=info.dimension,
            metric=info.distance_metric,
            index=info.index,
            metadata=info.metadata,
            count=count,
        )

    async def fingerprint(self) -> str | None:
        """Return None: a store may change while it is read, and the move goes on."""
        return None

    async def chunks(self, after: Position = None) -> AsyncGenerator[Chunk, None]:
        """Yield the documents behind an id."""
        batches = self.batches(None if after is None else str(after))
        async with aclosing(batches):
            async for batch in batches:
                yield Chunk(batch=batch, position=batch.ids[-1])

    async def batches(self, after: str | None = None) -> AsyncGenerator[VectorBatch, None]:
        """Yield the documents behind an id as batches."""
        batches = self.store.iter_batches(
            collection=self.collection, filter=self.where, after=after, batch_size=await self.rows()
        )
        async with aclosing(cast("AsyncGenerator[VectorBatch, None]", batches)) as found:
            async for batch in found:
                yield batch

    async def rows(self) -> int:
        """Return how many documents a chunk has.

        Raises:
            CollectionNotFoundError: the collection does not exist.
        """
        if self.batch_size is None:
            spec = await spec_of(self.store, self.collection)
            self.batch_size = min(_MOST_ROWS, max(1, _BATCH_BYTES // (4 * spec.dimension + _TEXT_BYTES)))
        return self.batch_size


async def existing_collection(store: VectorStore, collection: str) -> CollectionInfo | None:
    try:
        return await store.get_collection_info(collection)
    except CollectionNotFoundError:
        return None


def computes_here(store: VectorStore) -> bool:
    """Return whether a store works in this process, and does not wait for a server."""
    return isinstance(store, BlockingVectorStore) and not store.capabilities.remote
