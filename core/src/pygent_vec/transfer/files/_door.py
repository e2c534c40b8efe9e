"""The door of every store, for documents that are on their way to one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import InvalidDocumentError, InvalidVectorError
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.sync import SyncVectorStore

if TYPE_CHECKING:
    from pygent_vec.contract import Capabilities, WriteMode
    from pygent_vec.model import CollectionSpec, DistanceMetric, VectorBatch

__all__ = ["Door"]

_NAME = "door"


class Door:
    """Checks batches, and finds the documents that no store would take.

    The check is the one that every store makes before it writes: it is a store that keeps nothing.

    Args:
        dimension: Of the vectors.
        metric: How they will be compared.
    """

    def __init__(self, dimension: int, metric: DistanceMetric) -> None:
        self._last = _Last(MemoryConfig())
        self._store = SyncVectorStore(self._last)
        self._store.initialize()
        self._store.create_collection(_NAME, dimension, metric)

    def checked(self, batch: VectorBatch) -> VectorBatch:
        """Return a batch as a store would write it; times that it lacks are left to the store.

        Raises:
            InvalidDocumentError, InvalidVectorError: a document breaks a rule; names the id and the reason.
        """
        self._store.add_batch(attrs.evolve(batch, collection=_NAME), preserve_timestamps=True)
        return attrs.evolve(
            self._last.batch,
            collection=None,
            created_at=None if batch.created_at is None else self._last.batch.created_at,
            updated_at=None if batch.updated_at is None else self._last.batch.updated_at,
        )

    def faults(self, batch: VectorBatch, first: int = 0) -> list[tuple[int, str]]:
        """Return the places of the documents that would be refused, with the reasons.

        Args:
            batch: Documents with ids of their own.
            first: The place of the first one.
        """
        try:
            self.checked(batch)
        except (InvalidDocumentError, InvalidVectorError) as error:
            if len(batch) == 1:
                return [(first, str(error))]
        else:
            return []
        half = len(batch) // 2
        left = self.faults(batch.take(slice(0, half)), first)
        return left + self.faults(batch.take(slice(half, len(batch))), first + half)

    def close(self) -> None:
        """Let go of it."""
        self._store.close()


class _Last(MemoryStore):
    """A store that keeps nothing but the last batch that it was given."""

    batch: VectorBatch

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store in memory, with batches of any size."""
        return attrs.evolve(super().capabilities, max_batch=sys.maxsize)

    def _write(
        self, collection: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> list[str]:
        del collection, mode, preserve_created
        self.batch = batch
        return list(batch.ids)
