"""Which slots of a vector file hold a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pygent_vec.model import Int64Vector

__all__ = ["Slots"]


class Slots:
    """The slots of a vector file, one byte each. Changed under the collection's exclusive lock.

    Args:
        alive: int64, the slots that hold a document.
        count: How many slots there are.
    """

    def __init__(self, alive: Int64Vector, count: int) -> None:
        self._alive = np.zeros(count, dtype=np.bool_)
        self._alive[alive] = True
        self._count = count
        self._living = len(alive)

    def __len__(self) -> int:
        """The number of slots, dead ones included."""
        return self._count

    @property
    def living(self) -> int:
        """The number of slots that hold a document."""
        return self._living

    @property
    def dead(self) -> int:
        """The number of slots that hold none."""
        return self._count - self._living

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which slots hold a document, bool `[len(self)]`, a view."""
        return self._alive[: self._count]

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return self._alive.nbytes

    def append(self, count: int) -> None:
        """Add *count* living slots."""
        end = self._count + count
        if end > len(self._alive):
            grown = np.zeros(max(end, len(self._alive) * 5 // 4, 1024), dtype=np.bool_)
            grown[: self._count] = self._alive[: self._count]
            self._alive = grown
        self._alive[self._count : end] = True
        self._count = end
        self._living += count

    def kill(self, slots: Int64Vector) -> None:
        """Mark living *slots* as dead."""
        self._alive[slots] = False
        self._living -= len(slots)
