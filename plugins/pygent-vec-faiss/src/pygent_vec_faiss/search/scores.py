"""Float32 scores of rows, with bounds of their error.

A score orders the rows of one query as their distances do, smaller is nearer; its unit is the metric's own
and differs from query to query. Queries are scaled by powers of two, which is exact, so that neither tiny nor
huge queries leave the range of float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pygent_vec.model import Float32Matrix, Float32Vector, Float64Vector

__all__ = ["BlockScores", "Scorer", "direct_scores", "norms_of"]

_UNIT_ROUNDOFF = 2.0**-24
_SMALLEST_NORMAL = 2.0**-126
_SPARE_ROUNDINGS = 16
"""Roundings besides those of the sum: norms, products with scales, the bounds themselves."""
_BLOCK_VALUES = 1 << 18
_FEW_QUERIES = 6
"""Up to so many, a dot product a row is cheaper than a matrix product."""
_SAFE_NORM = 1e18
"""Beyond this norm, or below its inverse, a float32 score is not trusted."""
_SAFE_SCORE = 1e36


@attrs.frozen(eq=False)
class BlockScores:
    """The scores of a block of rows.

    Attributes:
        scores: float32 `[q, w]`; NaN where nothing is known.
        errors: float32 `[w]`, what a row adds to the error of its scores; None means nothing.
    """

    scores: Float32Matrix
    errors: Float32Vector | None = None

    @staticmethod
    def joined(parts: Sequence[BlockScores]) -> BlockScores:
        """Return *parts* side by side."""
        if len(parts) == 1:
            return parts[0]
        scores = np.concatenate([part.scores for part in parts], axis=1)
        errors = [part.errors for part in parts if part.errors is not None]
        return BlockScores(scores, np.concatenate(errors) if errors else None)

    def upper(self, mask: NDArray[np.bool_] | None) -> Float32Matrix:
        """Return upper bounds of the true scores, `[q, w]`, infinite outside of *mask* `[w]`."""
        if mask is not None:
            return np.where(mask, self.scores if self.errors is None else self.scores + self.errors, np.inf)
        return self.scores if self.errors is None else self.scores + self.errors

    def lower(self) -> Float32Matrix:
        """Return lower bounds of the true scores, `[q, w]`."""
        return self.scores if self.errors is None else self.scores - self.errors


@attrs.frozen(kw_only=True, eq=False)
class Scorer:
    """Scores rows for a group of queries.

    Attributes:
        metric: How vectors are compared.
        queries: float32 `[q, d]`, scaled by powers of two except where `direct`.
        direct: Whether scores sum terms of `query - row`, whose error is relative to the score.
        unit: The power of two by which Euclidean queries are scaled.
        slack: float32 `[q, 1]`, what a query adds to the error of its scores.
    """

    metric: DistanceMetric
    queries: Float32Matrix
    direct: bool
    unit: float
    slack: Float32Matrix

    @staticmethod
    def of(metric: DistanceMetric, queries: Float32Matrix, *, norms_known: bool) -> Scorer:
        """Prepare for *queries* `[q, d]`, over rows of known norms or not."""
        dimension = queries.shape[1]
        # One Euclidean query over rows of unknown norms costs least in the direct form.
        single = len(queries) == 1 and not norms_known
        if metric is DistanceMetric.MANHATTAN or (metric is DistanceMetric.EUCLIDEAN and single):
            slack = np.full((len(queries), 1), 4 * dimension * _SMALLEST_NORMAL, np.float32)
            return Scorer(metric=metric, queries=queries, direct=True, unit=1.0, slack=slack)
        wide = queries.astype(np.float64)
        norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        if metric is DistanceMetric.EUCLIDEAN:
            return _expanded(metric, wide, norms)
        scaled = (wide * _power_of_two(norms, limit=150)[:, None]).astype(np.float32)
        bound = _relative_error(dimension) if metric is DistanceMetric.COSINE else 0.0
        slack = np.full((len(queries), 1), 2 * bound + 8 * dimension * _SMALLEST_NORMAL, np.float32)
        return Scorer(metric=metric, queries=scaled, direct=False, unit=1.0, slack=slack)

    @property
    def count(self) -> int:
        """How many queries there are."""
        return len(self.queries)

    def limits(self, bounds: Float32Matrix) -> Float32Matrix:
        """Return the largest lower bound of a row whose true score is within *bounds* `[q, 1]`."""
        if not self.direct:
            return bounds + self.slack
        limits = bounds * np.float32(1 + 4 * _relative_error(self.queries.shape[1])) + self.slack
        limits[limits > _SAFE_SCORE] = np.inf
        return limits

    def score(self, block: Float32Matrix, norms: Float32Vector | None) -> BlockScores:
        """Return the scores of *block* `[w, d]`, given the L2 *norms* `[w]` of its raw rows if known."""
        if self.direct:
            return BlockScores(np.stack([direct_scores(self.metric, q, block) for q in self.queries]))
        scores = _products(self.queries, block)
        if norms is None:
            norms = norms_of(block)
        error = np.float32(_relative_error(block.shape[1]))
        if self.metric is DistanceMetric.COSINE:
            scores /= -norms
            trusted = (norms > 1 / _SAFE_NORM) & (norms < _SAFE_NORM)
            if not trusted.all():
                scores[:, ~trusted] = np.nan
            return BlockScores(scores)
        if self.metric is DistanceMetric.DOT_PRODUCT:
            errors = norms * error
            errors[~(norms < _SAFE_SCORE)] = np.inf
            return BlockScores(np.negative(scores, out=scores), errors)
        squares = np.square(norms * np.float32(self.unit))
        errors = squares * error
        errors[~(squares < _SAFE_SCORE)] = np.inf
        scores *= np.float32(-2 * self.unit)
        scores += squares
        return BlockScores(scores, errors)


def norms_of(vectors: Float32Matrix) -> Float32Vector:
    """Return the L2 norm of each row of *vectors* `[n, d]`, computed in float64 and rounded, `[n]`."""
    norms = np.empty(len(vectors), np.float32)
    step = max(1, _BLOCK_VALUES // vectors.shape[1])
    with np.errstate(over="ignore"):
        for start in range(0, len(vectors), step):
            rows = vectors[start : start + step].astype(np.float64)
            norms[start : start + step] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return norms


def _products(queries: Float32Matrix, block: Float32Matrix) -> Float32Matrix:
    """Return the inner products of *queries* `[q, d]` and *block* `[w, d]`, `[q, w]`.

    One dot product a row reads the block once and needs no team of threads, which costs a short product more
    than the product itself; a matrix product pays from a few queries on.
    """
    if len(queries) > _FEW_QUERIES:
        return queries @ block.T
    return np.stack([np.vecdot(block, query) for query in queries])


def direct_scores(metric: DistanceMetric, query: Float32Vector, block: Float32Matrix) -> Float32Vector:
    """Return the L1, or the squared L2 distance of *query* `[d]` to each row of *block* `[w, d]`, `[w]`."""
    scores = np.empty(len(block), np.float32)
    step = max(1, _BLOCK_VALUES // len(query))
    difference = np.empty((min(step, len(block)), len(query)), np.float32)
    ones = np.ones(len(query), np.float32)
    for start in range(0, len(block), step):
        rows = block[start : start + step]
        terms = np.subtract(rows, query, out=difference[: len(rows)])
        if metric is DistanceMetric.EUCLIDEAN:
            np.einsum("ij,ij->i", terms, terms, out=scores[start : start + step])
        else:
            np.matmul(np.abs(terms, out=terms), ones, out=scores[start : start + step])
    return scores


def _expanded(metric: DistanceMetric, queries: NDArray[np.float64], norms: Float64Vector) -> Scorer:
    """Prepare for the form `|v|^2 - 2 v.q`, in units in which the longest query has a norm below 1."""
    unit = float(_power_of_two(norms.max(keepdims=True), limit=100)[0])
    dimension = queries.shape[1]
    squares = np.square(norms * unit)[:, None]
    slack = 2 * _relative_error(dimension) * squares + 16 * dimension * _SMALLEST_NORMAL * max(unit, 1.0)
    scaled = (queries * unit).astype(np.float32)
    return Scorer(
        metric=metric,
        queries=scaled,
        direct=False,
        unit=unit,
        slack=slack.astype(np.float32),
    )


def _power_of_two(norms: Float64Vector, *, limit: int) -> Float64Vector:
    """Return for each norm the power of two that brings it into `[1/2, 1)`, within 2^-limit to 2^limit."""
    _, exponents = np.frexp(norms)
    powers: Float64Vector = np.ldexp(1.0, np.clip(-exponents, -limit, limit))
    return powers


def _relative_error(dimension: int) -> float:
    """Return the bound of the relative error of a float32 sum of *dimension* terms in any order."""
    roundings = (dimension + _SPARE_ROUNDINGS) * _UNIT_ROUNDOFF
    return roundings / (1 - roundings)
