"""A source whose documents are valid, and told as those of the collection that they are meant for."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import attrs
from anyio.to_thread import run_sync

from pygent_vec.errors import InvalidDocumentError, InvalidVectorError, shown
from pygent_vec.model import DistanceMetric
from pygent_vec.transfer.files._door import Door
from pygent_vec.transfer.files._reader import FileSource

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from pygent_vec.model import VectorBatch
    from pygent_vec.transfer._ends import Chunk, Description, Position, Source
    from pygent_vec.transfer.files._faults import Rejections

__all__ = ["CheckedSource"]


class CheckedSource:
    """Passes on what a store would take of a source, and takes note of the rest with its place.

    Args:
        source: Where the documents come from.
        description: What the collection is to be.
        rejections: What takes note.
    """

    def __init__(self, source: Source, description: Description, rejections: Rejections) -> None:
        self._source = source
        self._description = description
        self._rejections = rejections

    @property
    def label(self) -> str:
        """See `Source.label`."""
        return self._source.label

    @property
    def notes(self) -> Sequence[str]:
        """See `Source.notes`."""
        return self._source.notes

    async def describe(self) -> Description:
        """Return what the collection is to be."""
        return self._description

    async def fingerprint(self) -> str | None:
        """See `Source.fingerprint`."""
        return await self._source.fingerprint()

    async def chunks(self, after: Position = None) -> AsyncGenerator[Chunk, None]:
        """Yield the documents that are valid.

        Raises:
            InvalidDocumentError: more are not than may be passed over.
        """
        description = self._description
        door = Door(description.dimension, description.metric or DistanceMetric.COSINE)
        try:
            chunks = self._source.chunks(after)
            async with aclosing(chunks):
                async for chunk in chunks:
                    batch = await run_sync(self._passed, door, chunk.batch)
                    if batch is not None:
                        yield attrs.evolve(chunk, batch=batch)
        finally:
            door.close()

    def _passed(self, door: Door, batch: VectorBatch) -> VectorBatch | None:
        """Return the documents of a batch that a store would take; None if there are none."""
        try:
            return door.checked(batch)
        except (InvalidDocumentError, InvalidVectorError) as error:
            faults = door.faults(batch)
            if not faults:
                raise  # each of them is valid, and all together are not: an id is there twice
            self._reject(batch, faults, error)
        places = sorted(set(range(len(batch))) - {place for place, _ in faults})
        return door.checked(batch.take(places)) if places else None

    def _reject(self, batch: VectorBatch, faults: Sequence[tuple[int, str]], cause: Exception) -> None:
        for place, reason in faults:
            one = batch.ids[place]
            where = self._source.place(one) if isinstance(self._source, FileSource) else None
            try:
                self._rejections.add(
                    self.label,
                    where or f"document {shown(one)}",
                    reason,
                    id=one if isinstance(one, str) else None,
                )
            except InvalidDocumentError as refusal:
                raise refusal from cause
