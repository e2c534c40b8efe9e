"""How writes run: documents become batches, one of each collection, and each batch is all or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import attrs
import numpy as np

from pygent_vec.contract._embedding import check_model, embedded
from pygent_vec.contract._planning import collection_spec, split_filter
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._rows import matching_rows
from pygent_vec.contract._validation import batch_of, checked_batch, checked_content
from pygent_vec.errors import ConfigError, InvalidDocumentError, WriteError, shown
from pygent_vec.model import Projection, VectorBatch, VectorDocument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.contract._requests import WriteMode
    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec, Float32Vector

__all__ = ["Write", "batch_rows", "chunks", "delete_ids", "delete_matching"]

T = TypeVar("T")

_SCAN_PAGE = 1000
_LONG_BATCH = 200
"""Checking so many rows may take long enough for an event loop to notice."""


class Write:
    """One call that writes documents: its mode, the ids it has seen, and the ids that are durable.

    Attributes:
        written: The ids that are durable, in order.
    """

    def __init__(
        self,
        primitives: Primitives,
        context: StoreContext,
        mode: WriteMode,
        *,
        preserve_timestamps: bool = False,
    ) -> None:
        self._primitives = primitives
        self._context = context
        self._mode = mode
        self._preserve = preserve_timestamps
        self._seen: set[tuple[str, str]] = set()
        self._collections: set[str] = set()
        self.written: list[str] = []

    @property
    def collection(self) -> str | None:
        """The collection that was written to; None for several or none."""
        return next(iter(self._collections)) if len(self._collections) == 1 else None

    async def check(self, documents: Sequence[VectorDocument]) -> None:
        """Check *documents* without writing; they are given again afterwards."""
        await self._batches(documents, only_check=True)

    def checked(self) -> None:
        """Forget the ids that were only checked."""
        self._seen.clear()

    async def documents(self, documents: Sequence[VectorDocument]) -> None:
        """Write *documents*: one batch for each of their collections."""
        for spec, batch in await self._batches(documents):
            await self._write(spec, batch)

    async def batch(self, batch: VectorBatch) -> list[str]:
        """Write one columnar batch, cut at the backend's largest; return the ids written."""
        if not isinstance(batch, VectorBatch):
            raise InvalidDocumentError(f"expected a VectorBatch, got {shown(batch)}")
        spec = await collection_spec(self._primitives, self._context, batch.collection)
        valid = await self._off_loop_if_long(
            len(batch), lambda: checked_batch(batch, spec, preserve_timestamps=self._preserve)
        )
        if self._preserve and batch.created_at is None:
            valid = await self._with_kept_times(spec, valid, range(len(valid)))
        step = self._primitives.capabilities.max_batch
        for start in range(0, len(valid), step):
            part = valid if len(valid) <= step else valid.take(slice(start, start + step))
            await self._write(spec, part)
        return self.written

    async def accounted(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what *work* returns.

        Raises:
            WriteError: *work* raised, whatever it was, after some documents had become durable.
        """
        try:
            return await work()
        except Exception as error:
            if not self.written:
                raise
            raise WriteError(
                f"the write failed after {len(self.written)} documents, "
                f"which are durable (see .written): {error}",
                written=self.written,
            ) from error

    async def _batches(
        self, documents: Sequence[VectorDocument], *, only_check: bool = False
    ) -> list[tuple[CollectionSpec, VectorBatch]]:
        """Return a batch for each collection, checked against what the collection is now."""
        groups: dict[str | None, list[VectorDocument]] = {}
        for document in documents:
            if not isinstance(document, VectorDocument):
                raise InvalidDocumentError(f"expected a VectorDocument, got {shown(document)}")
            groups.setdefault(document.collection, []).append(document)
        batches = []
        for name, group in groups.items():
            spec = await collection_spec(self._primitives, self._context, name)
            self._collections.add(spec.name)
            embeddings = await _embeddings(group, self._context, spec, only_check=only_check)
            batch = await self._off_loop_if_long(
                len(group),
                partial(batch_of, group, embeddings, spec, preserve_timestamps=self._preserve),
            )
            self._check_new(batch, spec.name)
            if self._preserve and not only_check:
                lacking = [row for row, document in enumerate(group) if document.created_at is None]
                batch = await self._with_kept_times(spec, batch, lacking)
            batches.append((spec, batch))
        return batches

    async def _with_kept_times(
        self, spec: CollectionSpec, batch: VectorBatch, lacking: Sequence[int]
    ) -> VectorBatch:
        """Return *batch* with the creation times that the store has for rows that were given none."""
        if not lacking or batch.created_at is None:
            return batch
        place = {batch.ids[row]: row for row in lacking}
        stored = self._primitives._fetch(spec, list(place), Projection(content=False))
        rows = await settle(stored)
        created_at = batch.created_at.copy()
        for one, created in zip(rows.ids, rows.created_at or (), strict=True):
            created_at[place[one]] = created
        return attrs.evolve(batch, created_at=created_at)

    def _check_new(self, batch: VectorBatch, collection: str) -> None:
        """Refuse an id that an earlier batch of the same call had."""
        for one in batch.ids:
            key = (collection, one)
            if key in self._seen:
                raise InvalidDocumentError(
                    f"document {shown(one)}: id: given twice in one call; keep the version that you mean"
                )
            self._seen.add(key)

    async def _off_loop_if_long(self, rows: int, work: Callable[[], T]) -> T:
        return await self._context.off_loop(work) if rows > _LONG_BATCH else work()

    async def _write(self, spec: CollectionSpec, batch: VectorBatch) -> None:
        """Write to the very collection that *batch* was checked for, not to one that took its name since."""
        if not len(batch):
            return
        written = self._primitives._write(spec, batch, self._mode, preserve_created=self._preserve)
        self.written.extend(await settle(written))


async def _embeddings(
    documents: Sequence[VectorDocument], context: StoreContext, spec: CollectionSpec, *, only_check: bool
) -> list[Float32Vector | None]:
    """Return each document's own embedding, or the embedder's for those that have none.

    A check does not wait for the embedder: any valid vector stands for its answers.
    """
    lacking = [document for document in documents if document.embedding is None]
    if not lacking or context.embedder is None:
        return [document.embedding for document in documents]
    check_model(spec, context.embedder.model)
    if only_check:
        made = iter([np.ones(spec.dimension, np.float32)] * len(lacking))
    else:
        texts = [checked_content(document) for document in lacking]
        made = iter(await embedded(context, context.embedder, texts))
    return [document.embedding if document.embedding is not None else next(made) for document in documents]


async def chunks(
    documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], size: int
) -> AsyncIterator[list[VectorDocument]]:
    """Yield lists of *size* documents, the last one shorter."""
    if isinstance(documents, (VectorDocument, str, Mapping)) or not isinstance(
        documents, (AsyncIterable, Iterable)
    ):
        raise InvalidDocumentError(f"expected an iterable of documents, got {shown(documents)}")
    chunk: list[VectorDocument] = []
    if isinstance(documents, AsyncIterable):
        async for document in documents:
            chunk.append(document)
            if len(chunk) == size:
                yield chunk
                chunk = []
    else:
        for document in documents:
            chunk.append(document)
            if len(chunk) == size:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def batch_rows(batch_size: int | None, max_batch: int, usual: int = 1000) -> int:
    """Return how many rows a batch has.

    Raises:
        ConfigError: *batch_size* is not a positive integer.
    """
    if batch_size is None:
        return min(usual, max_batch)
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise ConfigError(f"batch_size must be a positive integer or None, got {shown(batch_size)}")
    return min(batch_size, max_batch)


async def delete_ids(
    primitives: Primitives, context: StoreContext, ids: Sequence[str], collection: str | None
) -> int:
    """Delete documents by unique ids; return how many existed."""
    spec = await collection_spec(primitives, context, collection)
    step = primitives.capabilities.max_batch
    deleted = 0
    for start in range(0, len(ids), step):
        deleted += await settle(primitives._delete(spec, ids[start : start + step]))
    return deleted


async def delete_matching(
    primitives: Primitives,
    context: StoreContext,
    condition: Filter | Mapping[str, object],
    collection: str | None,
) -> int:
    """Delete what satisfies a filter; return how many.

    Where the backend cannot answer the filter exactly, documents are read and deleted page by page.
    """
    spec = await collection_spec(primitives, context, collection)
    parts = split_filter(primitives, condition)
    if parts.residual is None and parts.pushed is not None:
        return await settle(primitives._delete_where(spec, parts.pushed))
    deleted, after = 0, None
    projection = Projection(content=False, metadata=parts.residual is not None)
    while True:
        page = await settle(primitives._scan(spec, after, _SCAN_PAGE, parts.pushed, projection))
        rows = range(len(page)) if parts.residual is None else matching_rows(parts.residual, page)
        ids = [page.ids[row] for row in rows]
        if ids:
            deleted += await settle(primitives._delete(spec, ids))
        if len(page) < _SCAN_PAGE:
            return deleted
        after = page.ids[-1]
