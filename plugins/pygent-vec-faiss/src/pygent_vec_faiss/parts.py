"""The parts of an open collection, and the locks that keep them together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract import ReadWriteLock
from pygent_vec.errors import BackendError, CollectionNotFoundError
from pygent_vec_faiss.filtering.filters import matching_slots
from pygent_vec_faiss.search.index import SlotSelector
from pygent_vec_faiss.search.scan import norms_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec, Float32Matrix, Float32Vector, Int64Vector, VectorBatch
    from pygent_vec_faiss.filtering.columns import FilterColumns
    from pygent_vec_faiss.search.index import AnnIndex
    from pygent_vec_faiss.slots import Slots
    from pygent_vec_faiss.storage.documents import DocumentTable
    from pygent_vec_faiss.storage.vectors import VectorFile

__all__ = ["Parts"]


@attrs.define(kw_only=True, eq=False)
class Parts:
    """An open collection.

    Readers hold `lock.shared` while they use any part. A writer holds `writing` for a whole write, and
    `lock.exclusive` while it commits and publishes. Whoever changes the index holds `upkeep`, and
    `lock.exclusive` while it changes one that searches use. The order is upkeep, writing, lock.

    Attributes:
        spec: What the collection was created with.
        folder: Where it lives.
        table: The documents.
        vectors: The vectors, by slot.
        slots: Which slots live.
        columns: The fields that filters have used.
        index: The approximate index; None while searches are exact.
        effort: The search effort that was tuned; None for the index's default.
        fault: Why the parts cannot be trusted any more, if so.
    """

    spec: CollectionSpec
    folder: Path
    table: DocumentTable
    vectors: VectorFile
    slots: Slots
    columns: FilterColumns
    index: AnnIndex | None = None
    effort: int | None = None
    fault: Exception | None = None
    lock: ReadWriteLock = attrs.Factory(ReadWriteLock)
    writing: threading.Lock = attrs.Factory(threading.Lock)
    upkeep: threading.RLock = attrs.Factory(threading.RLock)
    _selector: tuple[int, SlotSelector] | None = None
    _norms: tuple[int, Float32Vector] = attrs.Factory(lambda: (0, np.empty(0, np.float32)))
    _norms_lock: threading.Lock = attrs.Factory(threading.Lock)

    def check(self) -> None:
        """Refuse to go on after a fault.

        Raises:
            CollectionNotFoundError: the collection was deleted.
            BackendError: an earlier error left memory behind the disk.
        """
        if self.fault is None:
            return
        if isinstance(self.fault, CollectionNotFoundError):
            raise CollectionNotFoundError(str(self.fault))
        raise BackendError(
            f"the collection {self.spec.name!r} cannot be used after an error ({self.fault}); "
            "close the store and open it again: nothing acknowledged is lost"
        ) from self.fault

    def mask(self, pushed: Filter | None) -> NDArray[np.bool_] | None:
        """Return which slots hold a document that satisfies *pushed*; None for all slots.

        For a holder of the shared lock.
        """
        if pushed is None:
            return self.slots.alive if self.slots.dead else None
        matching = matching_slots(pushed, self.columns, slots=len(self.slots))
        return matching & self.slots.alive if self.slots.dead else matching

    def selector(self) -> SlotSelector | None:
        """Return what keeps dead slots out of the index's answers; None where there are none."""
        if not self.slots.dead:
            return None
        # A selector does not select slots that came after it, and by now the index may hold them.
        if self._selector is None or self._selector[0] < len(self.slots):
            self._selector = (len(self.slots), SlotSelector(self.slots.alive))
        return self._selector[1]

    def norms(self, first: int = 0) -> Float32Vector:
        """Return the L2 norms of the slots from *first* on, computed when a scan first needs them."""
        with self._norms_lock:
            start, known = self._norms
            if not start <= first <= start + len(known):
                start, known = first, known[:0]
            total, new = len(self.slots), []
            if start + len(known) < total:
                for slot, rows in self.vectors.chunks(start + len(known)):
                    if slot >= total:  # appended, and not committed yet
                        break
                    new.append(norms_of(rows[: total - slot]))
                known = np.concatenate([known, *new])
            self._norms = (start, known)
            return known[first - start :]

    def matrix(self) -> Float32Matrix:
        """Return the raw vectors of all committed slots, a view of the mapped file."""
        return self.vectors.matrix()[: len(self.slots)]

    def raw_rows(self, slots: Int64Vector) -> Float32Matrix:
        """Return the vectors of some slots, as they were given."""
        index = self.index
        matrix = index.matrix if index is not None else None
        if matrix is None or not len(slots) or int(slots.max()) >= len(matrix):
            return self.vectors.rows(slots)
        return matrix[slots]

    def publish(self, batch: VectorBatch, rows: list[int], created_at: list[int], dead: Int64Vector) -> None:
        """Make what was committed visible in memory. For a holder of the exclusive lock."""
        try:
            self.columns.append(batch, rows=rows, created_at=created_at)
            self.slots.append(len(rows))
            self.kill(dead)
        except BaseException as error:
            self.fault = error if isinstance(error, Exception) else RuntimeError(repr(error))
            raise

    def kill(self, dead: Int64Vector) -> None:
        """Take slots out of all answers. For a holder of the exclusive lock."""
        if len(dead):
            self.slots.kill(dead)
            self._selector = None

    def replace(self, *, vectors: VectorFile, slots: Slots, living: Int64Vector) -> None:
        """Go over to a compacted vector file. For a holder of the exclusive lock."""
        self.vectors = vectors
        self.slots = slots
        self.columns.renumber(living)
        self.index = None
        self._selector = None
        self._norms = (0, self._norms[1][:0])

    def close(self) -> None:
        """Close the files."""
        self.vectors.close()
        self.table.close()

    def abandon(self) -> None:
        """Close the files of a collection that was deleted."""
        self.vectors.close()
        self.table.abandon()
