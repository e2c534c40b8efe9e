"""The exact search: float32 finds the candidates, float64 decides among them.

A float32 score differs from the true one by no more than a bound that follows from the length of the sum
(Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1: `gamma_n = n u / (1 - n u)`). Every
row that the bound cannot exclude from the k nearest is scored again by `distances_to`, so the answer is
the reference's own, bit for bit. Where the bound excludes little (near-duplicates far from the origin under
a batch of queries, overflow, values near the smallest float) the scan is slower, at worst about ten times,
and never different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.model import DistanceMetric, distances_to
from pygent_vec_faiss.search.rows import ScanRows
from pygent_vec_faiss.search.scores import BlockScores, Scorer, direct_scores, norms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pygent_vec.model import Float32Matrix, Float32Vector, Float64Vector, Int64Vector

__all__ = ["Neighbors", "ScanRows", "merged", "nearest", "norms_of"]

_BLOCK_SCORES = 1 << 20
"""Float32 scores held at once: 4 MB."""
_BLOCK_VALUES = 1 << 18
"""Vector components gathered or widened to float64 at once: 1 MB and 2 MB."""
_MAPPED_VALUES = 1 << 21
"""Vector components read from a mapped file before their pages are released: 8 MB."""
_SMALL_VALUES = 1 << 15
"""Up to so many components, one float64 pass is cheaper than two passes."""
_MAX_QUERIES = 256
_PRUNE_HITS = 1 << 18
_GATHER_COST = 3
"""A gathered row costs about three times a row that is read in order."""


@attrs.frozen(kw_only=True, eq=False)
class Neighbors:
    """The nearest rows of one query, nearest first, ties by slot.

    There may be more than k of them: all rows that tie at the k-th distance are here, so that a caller can
    break the tie by id.

    Attributes:
        slots: int64 `[m]`.
        distances: float64 `[m]`, by `distances_to`.
    """

    slots: Int64Vector
    distances: Float64Vector


def merged(parts: Sequence[Neighbors], k: int) -> Neighbors:
    """Return the *k* nearest of several disjoint *parts*, with all ties at the k-th distance."""
    if len(parts) == 1:
        return _selected(parts[0].slots, parts[0].distances, k)
    slots = np.concatenate([part.slots for part in parts])
    return _selected(slots, np.concatenate([part.distances for part in parts]), k)


def nearest(
    metric: DistanceMetric,
    queries: Float32Matrix,
    rows: ScanRows,
    k: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    positions: Int64Vector | None = None,
) -> list[Neighbors]:
    """Return the *k* nearest rows of each query `[q, d]`, exactly, with all ties at the k-th distance.

    Memory besides the result: about 8 MB, whatever *n* is.

    Args:
        metric: How vectors are compared.
        queries: float32 `[q, d]`, finite.
        rows: What to scan.
        k: At least 1.
        mask: bool `[n]`; only rows where it is true take part.
        positions: int64 `[m]`, ascending and unique; only these rows take part. Not together with *mask*.
    """
    chosen = _chosen(rows, mask, positions)
    with np.errstate(all="ignore"):
        if chosen.count <= k or chosen.count * rows.matrix.shape[1] <= _SMALL_VALUES:
            everything = chosen.all_positions()
            return [_rescored(metric, query, rows, everything, k) for query in queries]
        step = int(np.clip(_BLOCK_SCORES // k, 1, _MAX_QUERIES))
        return [
            found
            for start in range(0, len(queries), step)
            for found in _group(metric, queries[start : start + step], rows, chosen, k)
        ]


@attrs.frozen(kw_only=True, eq=False)
class _Chosen:
    """The rows that take part: `positions`, or those in `mask`, or all `n`."""

    n: int
    count: int
    mask: NDArray[np.bool_] | None
    positions: Int64Vector | None

    @property
    def width(self) -> int:
        """How many scores a query gets."""
        return self.n if self.positions is None else self.count

    def all_positions(self) -> Int64Vector:
        if self.positions is not None:
            return self.positions
        return np.arange(self.n) if self.mask is None else np.flatnonzero(self.mask)


def _chosen(rows: ScanRows, mask: NDArray[np.bool_] | None, positions: Int64Vector | None) -> _Chosen:
    n = len(rows.matrix)
    if positions is not None:
        return _Chosen(n=n, count=len(positions), mask=None, positions=positions)
    if mask is None:
        return _Chosen(n=n, count=n, mask=None, positions=None)
    count = int(np.count_nonzero(mask))
    if count == n:
        return _Chosen(n=n, count=n, mask=None, positions=None)
    if count * _GATHER_COST < n:
        return _Chosen(n=n, count=count, mask=None, positions=np.flatnonzero(mask))
    return _Chosen(n=n, count=count, mask=mask, positions=None)


def _group(
    metric: DistanceMetric, queries: Float32Matrix, rows: ScanRows, chosen: _Chosen, k: int
) -> list[Neighbors]:
    """Search for a group of queries that is small enough to hold their scores of a block of rows."""
    scorer = Scorer.of(metric, queries, norms_known=rows.norms is not None)
    hits = _Hits(scorer=scorer, k=k)
    step = max(1, _BLOCK_SCORES // len(queries))
    if rows.release is not None:
        step = min(step, max(1, _MAPPED_VALUES // queries.shape[1]))
    for start in range(0, chosen.width, step):
        stop = min(chosen.width, start + step)
        scores = _block(scorer, rows, chosen, start, stop)
        if chosen.positions is None:
            rows.done(start, stop)
        mask = None if chosen.mask is None else chosen.mask[start:stop]
        hits.add(start, scores, mask)
    hits.prune()
    found = []
    for query, columns in zip(queries, hits.columns(len(queries)), strict=True):
        candidates = columns if chosen.positions is None else chosen.positions[columns]
        if not scorer.direct and metric is DistanceMetric.EUCLIDEAN:
            candidates = _refined(query, rows, candidates, k)
        found.append(_rescored(metric, query, rows, candidates, k))
    return found


def _block(scorer: Scorer, rows: ScanRows, chosen: _Chosen, start: int, stop: int) -> BlockScores:
    """Return the scores of the chosen rows `[start, stop)`."""
    positions, norms = chosen.positions, rows.norms
    if positions is None:
        return scorer.score(rows.matrix[start:stop], None if norms is None else norms[start:stop])
    step = max(1, _BLOCK_VALUES // rows.matrix.shape[1])
    gathered = np.empty((min(step, stop - start), rows.matrix.shape[1]), np.float32)
    parts = []
    for first in range(start, stop, step):
        part = positions[first : min(first + step, stop)]
        block = rows.gathered(part, gathered[: len(part)])
        parts.append(scorer.score(block, None if norms is None else norms[part]))
    return BlockScores.joined(parts)


class _Hits:
    """The rows of each query that may be among its k nearest."""

    def __init__(self, *, scorer: Scorer, k: int) -> None:
        self._scorer = scorer
        self._k = k
        self._bounds = np.full((scorer.count, 1), np.inf, np.float32)
        self._parts: list[tuple[Int64Vector, Int64Vector, Float32Vector, Float32Vector]] = []
        self._pending = 0

    def add(self, start: int, block: BlockScores, mask: NDArray[np.bool_] | None) -> None:
        """Take the scores of the rows `[start, start + width)`, those outside of *mask* excluded."""
        upper = block.upper(mask)
        self._tighten(_kth_bound(upper, self._k))
        lower = block.lower()
        near = ~(lower > self._limits())
        if mask is not None:
            near &= mask
        flat = np.flatnonzero(near)
        width = upper.shape[1]
        query = flat // width
        self._parts.append((query, flat - query * width + start, lower.ravel()[flat], upper.ravel()[flat]))
        self._pending += len(flat)
        if self._pending > _PRUNE_HITS:
            self.prune()

    def prune(self) -> None:
        """Keep only what the k-th smallest upper bound of each query's own hits cannot exclude."""
        query, column, lower, upper = (np.concatenate(arrays) for arrays in zip(*self._parts, strict=True))
        order = np.lexsort((upper, query))
        counts = np.bincount(query, minlength=len(self._bounds))
        starts = np.cumsum(counts) - counts
        full = counts >= self._k
        kth = np.full_like(self._bounds, np.inf)
        kth[full, 0] = upper[order[starts[full] + self._k - 1]]
        self._tighten(kth)
        near = ~(lower > self._limits()[query, 0])
        self._parts = [(query[near], column[near], lower[near], upper[near])]
        self._pending = 0

    def columns(self, queries: int) -> list[Int64Vector]:
        """Return the columns of each query's hits; call `prune` first."""
        ((query, column, _, _),) = self._parts
        order = np.argsort(query, kind="stable")
        ends = np.cumsum(np.bincount(query, minlength=queries))
        return np.split(column[order], ends[:-1])

    def _tighten(self, bounds: Float32Matrix) -> None:
        # fmin ignores NaN, which stands for a bound that is not known.
        self._bounds = np.fmin(self._bounds, bounds)

    def _limits(self) -> Float32Matrix:
        """Return the largest lower bound `[q, 1]` that a row among the k nearest can have."""
        return self._scorer.limits(self._bounds)


def _kth_bound(upper: Float32Matrix, k: int) -> Float32Matrix:
    """Return numbers `[q, 1]` that at least *k* values of each row of *upper* `[q, w]` do not exceed.

    The k-th smallest of the minima of disjoint groups is such a number, and minima are cheap to find.
    """
    queries, width = upper.shape
    if width < k:
        return np.full((queries, 1), np.inf, np.float32)
    groups = max(8 * k, 256)
    depth = width // groups
    if depth > 1:
        upper = upper[:, : depth * groups].reshape(queries, depth, groups).min(axis=1)
    return np.partition(upper, k - 1, axis=1)[:, k - 1 : k]


def _refined(query: Float32Vector, rows: ScanRows, candidates: Int64Vector, k: int) -> Int64Vector:
    """Drop candidates by the direct form, whose error is relative to the distance, not to the norms."""
    if len(candidates) <= 4 * k + 256:
        return candidates
    scorer = Scorer.of(DistanceMetric.EUCLIDEAN, query[None], norms_known=False)
    step = max(1, _BLOCK_VALUES // len(query))
    parts = [
        direct_scores(DistanceMetric.EUCLIDEAN, query, rows.matrix[candidates[start : start + step]])
        for start in range(0, len(candidates), step)
    ]
    scores = np.concatenate(parts)[None]
    near: Int64Vector = candidates[~(scores[0] > scorer.limits(_kth_bound(scores, k))[0, 0])]
    return near


def _rescored(
    metric: DistanceMetric, query: Float32Vector, rows: ScanRows, candidates: Int64Vector, k: int
) -> Neighbors:
    """Return the *k* nearest of the *candidates* by the reference's own distances."""
    distances = np.empty(len(candidates), np.float64)
    step = max(1, _BLOCK_VALUES // len(query))
    for start in range(0, len(candidates), step):
        part = candidates[start : start + step]
        distances[start : start + step] = distances_to(metric, query, rows.matrix[part])
    return _selected(candidates + rows.first_slot, distances, k)


def _selected(slots: Int64Vector, distances: Float64Vector, k: int) -> Neighbors:
    if len(distances) > k:
        near = distances <= np.partition(distances, k - 1)[k - 1]
        slots, distances = slots[near], distances[near]
    order = np.lexsort((slots, distances))
    return Neighbors(slots=slots[order], distances=distances[order])
