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
    from pygent_vec.model._types import Float32Matrix, Float32Vector, Float64Vector

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


def distances_to(metric: DistanceMetric, query: Float32Vector, vectors: Float32Matrix) -> Float64Vector:
    """Return the contract distance of *query* `[d]` to each row of *vectors* `[n, d]`.

    Computed in float64, row by row, so that equal rows get equal bits wherever they stand. Rows are taken
    in blocks, so temporary memory is bounded.
    """
    q = query.astype(np.float64)
    if vectors.size <= _BLOCK_ELEMENTS:
        return _block_distances(metric, q, vectors.astype(np.float64))
    distances = np.empty(len(vectors), dtype=np.float64)
    step = max(1, _BLOCK_ELEMENTS // max(1, len(q)))
    for start in range(0, len(vectors), step):
        rows = vectors[start : start + step].astype(np.float64)
        distances[start : start + step] = _block_distances(metric, q, rows)
    return distances


def _block_distances(metric: DistanceMetric, q: Float64Vector, rows: Float64Vector) -> Float64Vector:
    """Return the distances of float64 *rows*, which are overwritten."""
    total = np.add.reduce
    if metric is DistanceMetric.EUCLIDEAN:
        rows -= q
        result = np.sqrt(total(np.multiply(rows, rows, out=rows), axis=1))
    elif metric is DistanceMetric.MANHATTAN:
        rows -= q
        result = total(np.abs(rows, out=rows), axis=1)
    elif metric is DistanceMetric.DOT_PRODUCT:
        result = 0.0 - total(np.multiply(rows, q, out=rows), axis=1)
    else:
        norms = np.sqrt(total(rows * rows, axis=1)) * np.sqrt(total(q * q))
        dots = total(np.multiply(rows, q, out=rows), axis=1)
        if norms.all():
            cosines = dots / norms
        else:  # a row without direction
            cosines = np.divide(dots, norms, where=norms > 0.0, out=np.zeros_like(dots))
        result = np.minimum(np.maximum(1.0 - cosines, 0.0), 2.0)
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
