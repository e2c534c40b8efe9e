"""The rows that a scan reads, and what becomes of their memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pygent_vec.model import Float32Matrix, Float32Vector, Int64Vector

__all__ = ["ScanRows"]

_FAR_APART = 40
"""A page fault maps 16 pages of a file, 40 rows of 384 dimensions; for fewer, reading is cheaper."""


@attrs.frozen(kw_only=True, eq=False)
class ScanRows:
    """The vectors that a scan reads.

    Attributes:
        matrix: float32 `[n, d]`; an array, a mapped file, or a view of an index's storage.
        norms: float32 `[n]`, L2 norms of the rows as `norms_of` gives them; None computes them.
        first_slot: The slot of row 0; it is added to every position that is returned.
        release: Called with each range of slots that was read and need not stay in memory.
        fetch: Returns the rows of slots `[m]` without `matrix`, for slots that lie far apart; None for none.
    """

    matrix: Float32Matrix
    norms: Float32Vector | None = None
    first_slot: int = 0
    release: Callable[[int, int], None] | None = None
    fetch: Callable[[Int64Vector], Float32Matrix] | None = None

    def gathered(self, positions: Int64Vector, out: Float32Matrix) -> Float32Matrix:
        """Return the rows at ascending *positions* `[m]`; *out* `[m, d]` may hold them."""
        first, stop = int(positions[0]), int(positions[-1]) + 1
        if self.fetch is not None and stop - first > _FAR_APART * len(positions):
            return self.fetch(positions + self.first_slot)
        # "clip" writes straight into the buffer; "raise" would make a copy first.
        np.take(self.matrix, positions, axis=0, out=out, mode="clip")
        self.done(first, stop)
        return out

    def done(self, start: int, stop: int) -> None:
        """Say that the rows `[start, stop)` were read."""
        if self.release is not None:
            self.release(self.first_slot + start, self.first_slot + stop)
