"""A dictionary of byte strings: each distinct key gets a code, in the order of its first appearance.

Python's own `dict` costs about 200 bytes a key; this one costs the key and about 25 bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import orjson

from pygent_vec_faiss.filtering.arrays import BoolMask, GrowingArray, IntVector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pygent_vec.model import JsonValue

__all__ = ["LISTS", "STRINGS", "KeyDictionary", "key_of", "string_key"]

STRINGS = (b"s", b"t")
"""The keys of strings lie in this half-open range, in code-point order."""
LISTS = (b"[", b"\\")
"""The keys of lists lie in this half-open range."""

_LONGEST_KEY = 48
_DIGEST_SIZE = 24
_LEAST_TABLE = 64
_WORD = 8


def string_key(text: str) -> bytes:
    """Return the key of a string: UTF-8, because its byte order is code-point order."""
    return b"s" + text.encode()


def key_of(value: JsonValue) -> bytes:
    """Return a key that two JSON values share exactly when they are equal by the contract.

    A list or an object with a long text is known by its BLAKE2b digest: it has no order, and large
    objects must not be held in memory.

    >>> key_of(1.0) == key_of(1), key_of(True) == key_of(1), key_of("1") == key_of(1)
    (True, False, False)
    """
    if isinstance(value, str):
        return string_key(value)
    text = orjson.dumps(_canonical(value), option=orjson.OPT_SORT_KEYS)
    if len(text) <= _LONGEST_KEY:
        return text
    return text[:1] + b"\0" + blake2b(text, digest_size=_DIGEST_SIZE).digest()


def _canonical(value: JsonValue) -> JsonValue:
    """Return an equal value with one spelling: a float that is a 64-bit integer becomes one."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and -(2.0**63) <= value < 2.0**63 else value
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not set(map(type, value)) <= {str, int}:
        return [_canonical(item) for item in value]
    return value


class KeyDictionary:
    """Codes of distinct keys, found by an open-addressed hash table in NumPy arrays.

    Keys are not empty. Any number of threads may read; one at a time may `intern`.
    """

    __slots__ = ("_blob", "_ends", "_hashes", "_lock", "_order", "_table")

    def __init__(self) -> None:
        self._blob = GrowingArray(np.uint8)
        self._ends = GrowingArray(np.uint8, zeros=1)
        self._hashes = GrowingArray(np.int64)
        self._table: NDArray[np.int32] = np.full(_LEAST_TABLE, -1, np.int32)
        self._order: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._hashes)

    def __getitem__(self, code: int) -> bytes:
        ends = self._ends.view
        key: bytes = self._blob.view[ends[code] : ends[code + 1]].tobytes()
        return key

    @property
    def nbytes(self) -> int:
        """Bytes allocated, with the sort order."""
        arrays = self._blob.nbytes + self._ends.nbytes + self._hashes.nbytes
        return arrays + self._table.nbytes + self._order.nbytes

    def find(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """Return the codes of *keys* as int64 `[len(keys)]`, -1 where a key is unknown."""
        return self._find(keys, _hashes(keys))

    def intern(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """Return the codes of distinct *keys* as int64 `[len(keys)]`; unknown keys get new codes."""
        hashes = _hashes(keys)
        codes = self._find(keys, hashes)
        fresh = np.flatnonzero(codes < 0)
        if fresh.size:
            codes[fresh] = np.arange(len(self), len(self) + fresh.size)
            self._add([keys[row] for row in fresh.tolist()], hashes[fresh], codes[fresh])
        return codes

    def between(self, low: bytes, high: bytes) -> NDArray[np.uint32]:
        """Return the codes of the keys with `low <= key < high`, in key order."""
        order = self._sorted()
        first = bisect_left(order, low, key=self.__getitem__)
        return order[first : bisect_left(order, high, lo=first, key=self.__getitem__)]

    def _find(self, keys: Sequence[bytes], hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        table = self._table  # before the hashes: they cover every code of an older table
        known = self._hashes.view
        last = len(table) - 1
        found = np.full(len(keys), -1, np.int64)
        rows, cells = np.arange(len(keys)), hashes & last
        while rows.size:
            codes = table[cells]
            used = codes >= 0
            rows, cells, codes = rows[used], cells[used], codes[used]
            same = known[codes] == hashes[rows]
            same[same] = self._equal(codes[same], [keys[row] for row in rows[same].tolist()])
            found[rows[same]] = codes[same]
            rows, cells = rows[~same], (cells[~same] + 1) & last
        return found

    def _equal(self, codes: IntVector, keys: Sequence[bytes]) -> BoolMask:
        ends, data = self._ends.view, self._blob.view.data
        pairs = zip(ends[codes].tolist(), ends[codes + 1].tolist(), keys, strict=True)
        return np.fromiter((data[start:end] == key for start, end, key in pairs), np.bool_, len(keys))

    def _add(self, keys: list[bytes], hashes: NDArray[np.int64], codes: NDArray[np.int64]) -> None:
        lengths = np.fromiter(map(len, keys), np.uint64, len(keys))
        self._blob.extend(np.frombuffer(b"".join(keys), np.uint8))
        self._ends.extend(np.cumsum(lengths, dtype=np.uint64) + np.uint64(self._ends.view[-1]))
        self._hashes.extend(hashes)
        if 2 * len(self) > len(self._table):
            table: NDArray[np.int32] = np.full(1 << (3 * len(self)).bit_length(), -1, np.int32)
            _place(table, np.arange(len(self)), self._hashes.view)
            self._table = table
        else:
            _place(self._table, codes, hashes)

    def _sorted(self) -> NDArray[np.uint32]:
        """Return all codes in key order; kept until the dictionary grows."""
        with self._lock:
            known, done = len(self), len(self._order)
            if done < known:
                # A few new keys are put into place; with many it is cheaper to sort again.
                few = (known - done) * 64 <= known
                self._order = self._merged(done, known) if few else self._sort(known)
            return self._order

    def _merged(self, done: int, known: int) -> NDArray[np.uint32]:
        fresh = sorted(range(done, known), key=self.__getitem__)
        places = [bisect_left(self._order, self[code], key=self.__getitem__) for code in fresh]
        return np.insert(self._order, places, fresh)

    def _sort(self, known: int) -> NDArray[np.uint32]:
        """Return the codes below *known* in key order, by words of eight bytes.

        NumPy sorts without the interpreter's lock; a list sort of a million keys holds it for a second.
        """
        ends = self._ends.view[: known + 1].astype(np.int64)
        order = np.arange(known)
        tied, group = np.arange(known), np.zeros(known, np.int64)  # places in `order` that are in question
        depth = 0
        while tied.size:
            codes = order[tied]
            words = self._words(ends[codes] + depth * _WORD, ends[codes + 1])
            ranks = np.lexsort((words, group))
            order[tied] = codes[ranks]
            words, group = words[ranks], group[ranks]
            opens = np.r_[True, (words[1:] != words[:-1]) | (group[1:] != group[:-1])]
            again = ~(opens & np.r_[opens[1:], True]) & (words & np.uint64(0xFF) != 0)
            tied, group = tied[again], np.cumsum(opens)[again]
            depth += 1
        return order.astype(np.uint32)

    def _words(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the eight bytes from each start as a big-endian number, zeros beyond the end."""
        blob = self._blob.view
        words = np.zeros(len(starts), np.uint64)
        for offset in range(_WORD):
            places = starts + offset
            octets = blob.take(places, mode="clip")
            octets[places >= ends] = 0
            words = (words << np.uint64(8)) | octets
        return words


def _hashes(keys: Sequence[bytes]) -> NDArray[np.int64]:
    return np.fromiter(map(hash, keys), np.int64, len(keys))


def _place(table: NDArray[np.int32], codes: NDArray[np.int64], hashes: NDArray[np.int64]) -> None:
    """Put *codes* into free cells of *table*, each as near behind its hash as possible."""
    last = len(table) - 1
    cells = hashes & last
    while codes.size:
        free = table[cells] < 0
        table[cells[free]] = codes[free]  # of several that want one cell the last stays
        lost = table[cells] != codes
        codes, cells = codes[lost], (cells[lost] + 1) & last
