"""The score table: the one place where distances and similarities are defined.

| metric | distance (ascending = better) | similarity (descending = better) |
|---|---|---|
| cosine | 1 - cos(q, v), in [0, 2]; 1 where v has no direction | cos(q, v) = 1 - distance |
| euclidean | the L2 norm of q - v, never squared | 1 / (1 + distance) |
| dot_product | -(q . v) | q . v |
| manhattan | the L1 norm of q - v | 1 / (1 + distance) |
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pygent_vec.model._types import Float64Vector

__all__ = ["DistanceMetric", "distances_to", "similarity_from_distance", "top_k"]

_Number = TypeVar("_Number", float, "Float64Vector")
_BLOCK_ELEMENTS = 2**18


class DistanceMetric(StrEnum):
    """How two vectors are compared."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    DOT_PRODUCT = "dot_product"
    MANHATTAN = "manhattan"


def similarity_from_distance(metric: DistanceMetric, distance: _Number) -> _Number:
    """Return the similarity score of a contract *distance*, for a number or an array.

    >>> similarity_from_distance(DistanceMetric.EUCLIDEAN, 1.0)
    0.5
    >>> similarity_from_distance(DistanceMetric.COSINE, 2.0)
    -1.0
    """
    if metric is DistanceMetric.COSINE:
        return 1.0 - distance
    if metric is DistanceMetric.DOT_PRODUCT:
        return 0.0 - distance
    return 1.0 / (1.0 + distance)


def distances_to(
    metric: DistanceMetric, query: NDArray[np.float32], vectors: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the contract distance of a query to each of some vectors.

    Computed in float64, row by row, so that equal rows get equal bits wherever they stand. They are taken
    in blocks, so temporary memory is bounded.

    Args:
        metric: How vectors are compared.
        query: One query `[d]`, or several `[q, d]`.
        vectors: `[n, d]`, or for several queries `[q, n, d]`, the rows of each.

    Returns:
        float64 `[n]`, or for several queries `[q, n]`.
    """
    if vectors.size <= _BLOCK_ELEMENTS:
        q = query.astype(np.float64)
        return _block_distances(metric, q if q.ndim == 1 else q[:, np.newaxis], vectors.astype(np.float64))
    if query.ndim > 1:
        return np.stack([distances_to(metric, *pair) for pair in zip(query, vectors, strict=True)])
    distances = np.empty(len(vectors), dtype=np.float64)
    step = max(1, _BLOCK_ELEMENTS // len(query))
    for start in range(0, len(vectors), step):
        distances[start : start + step] = distances_to(metric, query, vectors[start : start + step])
    return distances


def _block_distances(
    metric: DistanceMetric, q: NDArray[np.float64], rows: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distances of float64 *rows*, which may be overwritten."""
    if metric is DistanceMetric.COSINE:
        norms = np.sqrt(np.vecdot(rows, rows) * np.vecdot(q, q))
        cosines = np.vecdot(rows, q)
        if norms.all():
            cosines /= norms
        else:  # a row without direction
            cosines = np.divide(cosines, norms, where=norms > 0.0, out=np.zeros_like(cosines))
        result = np.minimum(np.maximum(1.0 - cosines, 0.0), 2.0)
    elif metric is DistanceMetric.DOT_PRODUCT:
        result = 0.0 - np.vecdot(rows, q)
    else:
        rows -= q
        if metric is DistanceMetric.EUCLIDEAN:
            result = np.sqrt(np.vecdot(rows, rows))
        else:
            result = np.add.reduce(np.abs(rows, out=rows), axis=-1)
    return np.asarray(result, dtype=np.float64)


def top_k(distances: Float64Vector, ids: list[str], k: int) -> list[int]:
    """Return the positions of the *k* nearest rows, nearest first, ties by id in code-point order."""
    if k < len(ids):
        bound = np.partition(distances, k - 1)[k - 1]
        near = np.flatnonzero(distances <= bound).tolist()
    else:
        near = list(range(len(ids)))
    values = distances.tolist()
    near.sort(key=lambda row: (values[row], ids[row]))
    return near[:k]
