"""A filter column: the values of one field as typed arrays, one cell a slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pygent_vec.filters import MISSING
from pygent_vec_faiss.filtering.arrays import GrowingArray, IntVector, Vector
from pygent_vec_faiss.filtering.dictionary import KeyDictionary, key_of, string_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.model import JsonValue

__all__ = ["Code", "Column", "ListElements"]

Key = TypeVar("Key", str, bytes)


class Code:
    """What a cell of `Column.codes` says; `KEYS + c` stands for the key with code `c`."""

    MISSING = 0
    NULL = 1
    FALSE = 2
    TRUE = 3
    INT = 4
    FLOAT = 5
    KEYS = 6


class ListElements:
    """Which lists hold which elements, as pairs of codes; `$contains` reads them."""

    __slots__ = ("_elements", "_keys", "_lists")

    def __init__(self) -> None:
        self._keys = KeyDictionary()
        self._elements = GrowingArray(np.uint8)
        self._lists = GrowingArray(np.uint8)

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return self._keys.nbytes + self._elements.nbytes + self._lists.nbytes

    def add(self, lists: Sequence[tuple[int, Sequence[JsonValue]]]) -> None:
        """Add new lists with their codes."""
        pairs = [(key, code) for code, items in lists for key in dict.fromkeys(map(key_of, items))]
        distinct = list(dict.fromkeys(key for key, _ in pairs))
        codes = dict(zip(distinct, self._keys.intern(distinct).tolist(), strict=True))
        self._elements.extend(np.fromiter((codes[key] for key, _ in pairs), np.uint64, len(pairs)))
        self._lists.extend(np.fromiter((code for _, code in pairs), np.uint64, len(pairs)))

    def holding(self, elements: Sequence[bytes], *, every: bool) -> IntVector:
        """Return the codes of the lists with every, or some, of the *elements*, which are distinct keys."""
        wanted = self._keys.find(elements)
        known = wanted[wanted >= 0]
        if not known.size or (every and known.size < wanted.size):
            return np.empty(0, np.int64)
        lists = self._lists.view
        if known.size == 1:
            found: IntVector = lists[self._elements.view[: len(lists)] == known[0]]
            return found
        is_wanted = np.zeros(len(self._keys), np.bool_)
        is_wanted[known] = True
        hits = np.bincount(lists[is_wanted[self._elements.view[: len(lists)]]])
        return np.flatnonzero(hits == known.size if every else hits)


class Column:
    """The values of one field, one cell a slot, kinds apart.

    A cell of `codes` says the kind, and for strings, lists and objects the value. Numbers lie in `ints` and
    `floats`, where cells of other kinds are zero. Every array is as narrow as its values allow, so that
    a field with few distinct values costs one byte a slot.

    Args:
        capacity: How many slots to allocate at once.
        is_instant: Whether the ints are microseconds that filters see as RFC 3339 text.
    """

    __slots__ = ("codes", "elements", "floats", "ints", "is_instant", "keys")

    def __init__(self, *, capacity: int = 0, is_instant: bool = False) -> None:
        self.codes = GrowingArray(np.uint8, capacity=capacity)
        self.ints: GrowingArray | None = None
        self.floats: GrowingArray | None = None
        self.keys = KeyDictionary()
        self.elements = ListElements()
        self.is_instant = is_instant

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        numbers = sum(array.nbytes for array in (self.ints, self.floats) if array is not None)
        return self.codes.nbytes + numbers + self.keys.nbytes + self.elements.nbytes

    def extend(
        self, values: Sequence[object], *, rows: IntVector | None = None, count: int | None = None
    ) -> None:
        """Append *count* slots.

        Args:
            values: JSON values, or `MISSING`.
            rows: Where the values stand among the new slots, ascending; None means one after the other.
                The other slots are missing.
            count: None means as many as there are values.
        """
        places = np.arange(len(values)) if rows is None else rows
        codes = np.zeros(len(values) if count is None else count, np.uint64)
        types = list(map(type, values))
        numbers: dict[type, Vector] = {}
        for kind in set(types):
            if kind is type(MISSING):
                continue
            alike = [row for row, one in enumerate(types) if one is kind]
            some = values if len(alike) == len(values) else [values[row] for row in alike]
            codes[places[alike]] = self._encoded(some, places[alike], len(codes), numbers)
        self._extend_numbers(numbers, len(codes))
        self.codes.extend(codes)

    def taken(self, slots: IntVector) -> Column:
        """Return a column whose slot `i` is this column's slot `slots[i]`; the dictionary is shared."""
        column = Column(is_instant=self.is_instant)
        column.keys, column.elements = self.keys, self.elements
        column.codes = _taken(self.codes, slots)
        column.ints = None if self.ints is None else _taken(self.ints, slots)
        column.floats = None if self.floats is None else _taken(self.floats, slots)
        return column

    def _encoded(
        self, values: Sequence[object], places: IntVector, count: int, numbers: dict[type, Vector]
    ) -> Vector | int:
        """Return the codes of *values* of one type; numbers go to *numbers*."""
        first = values[0]
        if first is None:
            return Code.NULL
        if isinstance(first, bool):
            return np.where(np.fromiter(values, np.bool_, len(values)), Code.TRUE, Code.FALSE)
        if isinstance(first, int):
            numbers.setdefault(int, np.zeros(count, np.int64))[places] = values
            return Code.INT
        if isinstance(first, float):
            # Adding zero turns -0.0 into 0.0, so that equal cells have equal bits.
            numbers.setdefault(float, np.zeros(count))[places] = np.array(values) + 0.0
            return Code.FLOAT
        if isinstance(first, str):
            return self._strings(values) + Code.KEYS  # type: ignore[arg-type]  # all of one type
        return self._containers(values) + Code.KEYS  # type: ignore[arg-type]  # lists or objects by contract

    def _strings(self, values: Sequence[str]) -> Vector:
        distinct = list(dict.fromkeys(values))
        return _spread(distinct, self.keys.intern(list(map(string_key, distinct))), values)

    def _containers(self, values: Sequence[JsonValue]) -> Vector:
        keys = list(map(key_of, values))
        distinct = dict(zip(keys, values, strict=True))
        known = len(self.keys)
        codes = self.keys.intern(list(distinct))
        found = zip(codes.tolist(), distinct.values(), strict=True)
        self.elements.add(
            [(code, value) for code, value in found if code >= known and isinstance(value, (list, tuple))]
        )
        return _spread(list(distinct), codes, keys)

    def _extend_numbers(self, numbers: Mapping[type, Vector], count: int) -> None:
        if int in numbers and self.ints is None:
            self.ints = GrowingArray(np.int8, zeros=len(self), capacity=self.codes.capacity)
        if float in numbers and self.floats is None:
            self.floats = GrowingArray(np.float64, zeros=len(self), capacity=self.codes.capacity)
        if self.ints is not None:
            self.ints.extend(numbers.get(int, np.zeros(count, np.int64)))
        if self.floats is not None:
            self.floats.extend(numbers.get(float, np.zeros(count)))


def _taken(array: GrowingArray, slots: IntVector) -> GrowingArray:
    taken = GrowingArray(array.view.dtype, capacity=len(slots))
    taken.extend(array.view[slots])
    return taken


def _spread(distinct: Sequence[Key], codes: IntVector, values: Sequence[Key]) -> Vector:
    """Return the code of each of *values* as int64."""
    code_of = dict(zip(distinct, codes.tolist(), strict=True))
    return np.fromiter(map(code_of.__getitem__, values), np.int64, len(values))
