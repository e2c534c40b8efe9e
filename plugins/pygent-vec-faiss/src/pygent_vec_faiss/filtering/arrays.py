"""Arrays that grow at the end and stay as narrow as their values allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["BoolMask", "GrowingArray", "IntVector", "Vector"]

BoolMask: TypeAlias = NDArray[np.bool_]
"""Shape `[n]`, one cell a slot."""
IntVector: TypeAlias = NDArray[np.integer[Any]]
"""Shape `[n]`, of whatever width holds the values."""
Vector: TypeAlias = NDArray[Any]
"""Shape `[n]`, of any type."""

_LEAST_CAPACITY = 64


class GrowingArray:
    """A one-dimensional array with amortised appends.

    A published cell is never written again, and cells are written before the length that covers them, so that
    a view taken by a reader stays as it was while a writer appends.

    Args:
        dtype: Of the cells; for integers the narrowest type to begin with, widened as values ask for it.
        zeros: How many zeros to begin with.
        capacity: How many cells to allocate at once.
    """

    __slots__ = ("_buffer", "_length")

    def __init__(self, dtype: DTypeLike, *, zeros: int = 0, capacity: int = 0) -> None:
        self._buffer: Vector = np.zeros(max(zeros, capacity, _LEAST_CAPACITY), dtype)
        self._length = zeros

    def __len__(self) -> int:
        return self._length

    @property
    def view(self) -> Vector:
        """The cells so far; a view that later appends do not change."""
        length = self._length  # before the buffer: a newer buffer holds at least as many cells
        return self._buffer[:length]

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return self._buffer.nbytes

    @property
    def capacity(self) -> int:
        """Cells allocated."""
        return len(self._buffer)

    def extend(self, values: Vector) -> None:
        """Append *values* `[m]`."""
        end = self._length + len(values)
        dtype = self._fitting(values)
        if end > len(self._buffer) or dtype != self._buffer.dtype:
            self._reallocate(end, dtype)
        self._buffer[self._length : end] = values
        self._length = end

    def _fitting(self, values: Vector) -> np.dtype[Any]:
        """Return the narrowest type that holds the cells so far and *values*."""
        own = self._buffer.dtype
        if own.kind not in "iu" or own.itemsize == values.itemsize or not len(values):
            return own
        low, high = int(values.min()), int(values.max())
        for size in (1, 2, 4, 8):
            dtype: np.dtype[Any] = np.dtype(f"{own.kind}{size}")
            if size >= own.itemsize and np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return dtype
        raise OverflowError(f"values from {low} to {high} do not fit into 64 bits of kind {own.kind!r}")

    def _reallocate(self, length: int, dtype: np.dtype[Any]) -> None:
        capacity = len(self._buffer)
        buffer = np.zeros(capacity if length <= capacity else length + length // 4, dtype)
        buffer[: self._length] = self._buffer[: self._length]
        self._buffer = buffer
