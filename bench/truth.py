"""The truth: how similar the nearest documents are, by brute force, kept in the cache."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import attrs
import numpy as np

from bench.floor import unit
from bench.workshop import cache_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.data import Corpus

__all__ = ["Truth", "truth_of"]

_BLOCK = 2**27
"""Bytes of similarities that are held at once."""
_TOLERANCE = 1e-6


@attrs.frozen(kw_only=True, eq=False)
class Truth:
    """What a right answer of cosine similarity is.

    Attributes:
        bounds: float32 `[q]`, the similarity of the last of the best `k` documents.
        wanted: How many documents a full answer has: `k`, or all that match.
        directions: float32 `[n, d]`, the documents' directions.
        queries: float32 `[q, d]`, the queries' directions.
    """

    bounds: np.ndarray
    wanted: int
    directions: np.ndarray
    queries: np.ndarray

    def recall(self, query: int, rows: Sequence[int]) -> float:
        """Return the share of a full answer that *rows* are: each as near as the last of the best."""
        if not rows:
            return 0.0
        similar = self.directions[list(rows)] @ self.queries[query]
        return min(1.0, float(np.count_nonzero(similar >= self.bounds[query] - _TOLERANCE)) / self.wanted)


def truth_of(data: Corpus, *, k: int = 10, mask: np.ndarray | None = None) -> Truth:
    """Return the truth about *data*, of the rows in *mask* (bool `[n]`) alone if there is one.

    Raises:
        ValueError: no row is in the mask.
    """
    directions, queries = unit(data.vectors), unit(data.queries)
    rows = directions if mask is None else directions[mask]
    if not len(rows):
        raise ValueError("no row matches; a filter of a benchmark needs one")
    chosen = b"" if mask is None else hashlib.blake2b(np.packbits(mask).data, digest_size=8).digest()
    kept = cache_directory("truth") / f"{data.digest}-{chosen.hex() or 'all'}-{k}.npy"
    wanted = min(k, len(rows))
    if kept.exists():
        bounds = np.load(kept)
    else:
        step = max(1, _BLOCK // (4 * len(rows)))
        blocks = [
            np.partition(queries[start : start + step] @ rows.T, len(rows) - wanted, axis=1)[
                :, len(rows) - wanted
            ]
            for start in range(0, len(queries), step)
        ]
        bounds = np.concatenate(blocks)
        np.save(kept, bounds)
    return Truth(bounds=bounds, wanted=wanted, directions=directions, queries=queries)
