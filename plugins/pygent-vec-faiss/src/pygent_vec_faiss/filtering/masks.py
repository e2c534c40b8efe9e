"""Masks of the cells of an array that equal, exceed or belong to something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pygent_vec_faiss.filtering.arrays import BoolMask, IntVector, Vector

__all__ = ["among", "among_codes", "within"]

_FEW = 12
"""Up to so many values are compared one by one: measured, the break-even with a table is at 13 to 20."""
_BLOCK = 1 << 16
"""Cells at a time where a step needs temporary arrays: they stay in the processor's cache."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: Fibonacci hashing, Knuth, TAOCP volume 3, section 6.4."""


def within(cells: IntVector, low: int, high: int) -> BoolMask:
    """Return where `low <= cells <= high`, for bounds of any size."""
    info = np.iinfo(cells.dtype)
    if max(low, info.min) > min(high, info.max):
        return np.zeros(len(cells), np.bool_)
    if low <= info.min:
        return np.ones(len(cells), np.bool_) if high >= info.max else cells <= high
    mask: BoolMask = cells >= low
    if high < info.max:
        mask &= cells <= high
    return mask


def among_codes(codes: IntVector, wanted: IntVector, count: int) -> BoolMask:
    """Return where *codes*, all below *count*, are among *wanted*, which are distinct and below *count*."""
    if len(wanted) <= _FEW:
        return _either(codes, wanted.tolist())
    table = np.zeros(count, np.bool_)
    table[wanted] = True
    return _looked_up(table, codes)


def among(cells: Vector, values: Vector) -> BoolMask:
    """Return where *cells* are among *values*, which are distinct and of the same type.

    Floats are compared by their bits, so neither side may hold NaN or -0.0.
    """
    if len(values) <= _FEW:
        return _either(cells, values.tolist())
    if cells.dtype.kind == "f":
        cells, values = cells.view(np.int64), values.view(np.int64)
    if cells.itemsize <= np.dtype(np.int16).itemsize:
        table = np.zeros(1 << (8 * cells.itemsize), np.bool_)
        unsigned = f"u{cells.itemsize}"
        table[values.view(unsigned)] = True
        return _looked_up(table, cells.view(unsigned))
    return _hashed(cells, np.sort(values))


def _either(cells: Vector, values: Sequence[float]) -> BoolMask:
    if not values:
        return np.zeros(len(cells), np.bool_)
    mask: BoolMask = cells == values[0]
    for value in values[1:]:
        mask |= cells == value
    return mask


def _looked_up(table: BoolMask, cells: IntVector) -> BoolMask:
    mask = np.empty(len(cells), np.bool_)
    for block in _blocks(len(cells)):
        table.take(cells[block], out=mask[block], mode="clip")
    return mask


def _hashed(cells: IntVector, values: IntVector) -> BoolMask:
    """Return where *cells* are among sorted *values*: a search for the few that pass a table of hashes."""
    bits = max(12, (16 * len(values)).bit_length())
    table = np.zeros(1 << bits, np.bool_)
    table[_hash(values, bits)] = True
    mask = np.zeros(len(cells), np.bool_)
    for block in _blocks(len(cells)):
        rows = np.flatnonzero(table[_hash(cells[block], bits)])
        likely = cells[block][rows]
        places = np.searchsorted(values, likely)
        places[places == len(values)] = 0
        mask[block][rows] = values[places] == likely
    return mask


def _hash(cells: IntVector, bits: int) -> NDArray[np.uint64]:
    hashes = cells.astype(np.int64).view(np.uint64)
    hashes *= _GOLDEN
    hashes >>= np.uint64(64 - bits)
    return hashes


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))
