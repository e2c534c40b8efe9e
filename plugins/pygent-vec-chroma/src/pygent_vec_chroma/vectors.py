"""Vectors kept in memory: Chroma takes longer to hand one over than NumPy takes to compare a hundred."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pygent_vec.model import Float32Matrix
    from pygent_vec_chroma.driver import NativeRows

__all__ = ["VectorCache"]

_LIMIT = 128 * 2**20
_ITEM = 4
_GROWTH = 4


class VectorCache:
    """Vectors of one collection by id; the oldest make place for new ones. Used from several threads.

    Args:
        limit: The most bytes that the vectors may take; 0 keeps none.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._slots: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._matrix: Float32Matrix = np.empty((0, 0), dtype=np.float32)
        self._next = 0

    def has_place_for(self, rows: int, dimension: int) -> bool:
        """Return whether so many vectors can be kept at once."""
        return rows * dimension * _ITEM <= self._limit

    def rows(
        self, ids: Sequence[str], fetch: Callable[[Sequence[str]], NativeRows], *, keep: bool = True
    ) -> tuple[list[str], Float32Matrix]:
        """Return the ids that exist and their vectors, float32 `[n, d]`, in any order.

        Args:
            ids: Unique ids.
            fetch: Returns the rows of ids that are not kept, with their vectors.
            keep: Whether those are kept from now on.
        """
        with self._lock:
            slots = [self._slots.get(one, -1) for one in ids]
            held = [one for one, slot in zip(ids, slots, strict=True) if slot >= 0]
            known = self._matrix[np.array([slot for slot in slots if slot >= 0], dtype=np.intp)]
        missing = [one for one, slot in zip(ids, slots, strict=True) if slot < 0]
        if not missing:
            return held, known
        found = fetch(missing)
        if found.vectors is None or not len(found.ids):
            return held, known
        if keep:
            self.keep(found.ids, found.vectors)
        if not held:
            return found.ids, found.vectors
        return held + found.ids, np.concatenate([known, found.vectors])

    def keep(self, ids: Sequence[str], vectors: Float32Matrix) -> None:
        """Keep vectors, float32 `[n, d]`, unless they are more than fit; those of ids that are kept stay."""
        capacity = self._limit // (vectors.shape[1] * _ITEM)
        with self._lock:
            if len(ids) > capacity:
                return
            fresh = [place for place, one in enumerate(ids) if one not in self._slots]  # threads may meet
            self._reserve(min(capacity, len(self._slots) + len(fresh)), capacity, vectors.shape[1])
            size = len(self._ids)
            slots = [(self._next + step) % size for step in range(len(fresh))]
            for place, slot in zip(fresh, slots, strict=True):
                old = self._ids[slot]
                if old is not None:
                    del self._slots[old]
                self._ids[slot], self._slots[ids[place]] = ids[place], slot
            self._matrix[slots] = vectors[fresh]
            self._next = (self._next + len(fresh)) % size

    def forget(self, ids: Iterable[str]) -> None:
        """Let go of vectors that change."""
        with self._lock:
            for one in ids:
                slot = self._slots.pop(one, None)
                if slot is not None:
                    self._ids[slot] = None

    def _reserve(self, rows: int, capacity: int, dimension: int) -> None:
        """Let the matrix have *rows* at least; what it grows by takes no memory before it is written."""
        have = len(self._ids)
        if rows <= have:
            return
        size = min(capacity, max(rows, _GROWTH * have))
        grown = np.empty((size, dimension), dtype=np.float32)
        if have:
            grown[:have] = self._matrix
        self._matrix = grown
        self._ids.extend([None] * (size - have))
        self._next = have
