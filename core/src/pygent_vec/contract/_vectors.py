"""The rules for vectors, of documents and of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import InvalidVectorError, shown
from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import Float32Matrix

__all__ = ["check_vectors"]

_SAFE_LOW, _SAFE_HIGH = 1e-30, 1e30


def check_vectors(
    vectors: Float32Matrix, dimension: int, metric: DistanceMetric, *, noun: str, names: Sequence[str]
) -> None:
    """Check float32 `[n, d]` against a collection.

    Args:
        vectors: Rows to check.
        dimension: What `d` must be.
        metric: Cosine refuses vectors without a direction.
        noun: What a row belongs to, for a message.
        names: Which one, for each row.

    Raises:
        InvalidVectorError: a wrong dimension, NaN, infinity, or no direction.
    """
    if len(vectors) and vectors.shape[1] != dimension:
        raise InvalidVectorError(
            f"{noun} {shown(names[0])}: the vector has dimension {vectors.shape[1]}; "
            f"the collection has {dimension}"
        )
    if len(vectors) == 1 and _SAFE_LOW < np.vdot(vectors, vectors) < _SAFE_HIGH:
        return  # far from every bound, whatever the order of the sum; vdot never warns
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squared = np.einsum("ij,ij->i", vectors, vectors)
        if not np.isfinite(squared).all():
            finite = np.isfinite(vectors).all(axis=1)
            if not finite.all():
                row = int(np.argmin(finite))
                place = int(np.argmin(np.isfinite(vectors[row])))
                raise InvalidVectorError(
                    f"{noun} {shown(names[row])}: element {place} of the vector is {vectors[row, place]} "
                    "after conversion to float32; every element must be finite"
                )
    if metric is DistanceMetric.COSINE:
        directed = np.isfinite(squared) & (squared >= np.finfo(np.float32).tiny)
        if not directed.all():
            row = int(np.argmin(directed))
            raise InvalidVectorError(
                f"{noun} {shown(names[row])}: the vector's squared norm is {squared[row]} in float32, "
                "so it has no direction, which the cosine metric needs; scale it, or use another metric"
            )
