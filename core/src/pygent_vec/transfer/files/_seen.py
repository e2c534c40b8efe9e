"""Which ids a file has had already, in 16 bytes each."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SeenIds"]


class SeenIds:
    """A set of ids that only grows.

    It keeps 106 bits of a hash of each id, in sorted runs whose sizes double: among a thousand million ids,
    two with the same bits are less likely than 1 in 10**13.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.complex128]] = []

    def add(self, ids: Sequence[str]) -> list[int]:
        """Add *ids*; return the places of those that were there before, or stand earlier in *ids*."""
        if not ids:
            return []
        keys = _keys(ids)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        old = np.zeros(len(ids), dtype=bool)
        old[order[1:]] = ordered[1:] == ordered[:-1]
        for run in self._runs:
            near = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            old |= run[near] == keys
        self._insert(np.unique(ordered))
        return np.flatnonzero(old).tolist()

    def _insert(self, run: NDArray[np.complex128]) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)


def _keys(ids: Sequence[str]) -> NDArray[np.complex128]:
    """Return a key of each id: two integers below 2**53 in a complex number, which sorts as a pair."""
    digests = b"".join(blake2b(one.encode("utf-8", "surrogatepass"), digest_size=16).digest() for one in ids)
    halves = np.frombuffer(digests, dtype="<u8") >> np.uint64(11)
    return halves.astype(np.float64).view(np.complex128)
