"""Vectors that float32 cannot compare.

pgvector sums in float32: squares of large values overflow, those of tiny ones lose their digits. Rows with
such vectors, the strays, are left out of indexes; they are read as they are and compared here, in float64.
There is an index of them, so a collection without any pays next to nothing for the question.
"""

# ruff: noqa: S608  # names are quoted by Table, and every value is a parameter
from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs
import numpy as np

from pygent_vec.contract import SearchHits
from pygent_vec.model import DistanceMetric, DocumentRows, distances_to, top_k
from pygent_vec_postgres.rows import read_rows, selected

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from pygent_vec.model import Float32Matrix, Float32Vector, Projection
    from pygent_vec_postgres.schema.layout import Table

__all__ = ["best_of", "comparable", "nearest_among", "stray_condition"]

T = TypeVar("T")

_LEAST_NORM, _MOST_NORM = 1e-15, 1e15
_LEAST_SQUARE, _MOST_SQUARE = _LEAST_NORM**2, _MOST_NORM**2
_PAGE = 1000


def stray_condition(table: Table, metric: DistanceMetric) -> str:
    """Return the SQL condition of the rows that float32 cannot compare by *metric*."""
    if metric is table.metric:
        return table.stray
    norm = f"{table.type('vector_norm')}(embedding)"
    least = f"{norm} < {_LEAST_NORM} OR " if metric is DistanceMetric.COSINE else ""
    return f"({least}{norm} > {_MOST_NORM})"


def comparable(vectors: Float32Matrix, metric: DistanceMetric) -> Float32Matrix | None:
    """Return query vectors `[q, d]` that float32 can compare; None if that is impossible.

    For the cosine metric a vector is brought to a length of one if its own is out of range.
    """
    if len(vectors) == 1 and _LEAST_SQUARE < np.vdot(vectors, vectors) < _MOST_SQUARE:
        return vectors
    with np.errstate(over="ignore", under="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
    if metric is not DistanceMetric.COSINE:
        return vectors if (squares <= _MOST_SQUARE).all() else None
    if ((squares >= _LEAST_SQUARE) & (squares <= _MOST_SQUARE)).all():
        return vectors
    exact = vectors.astype(np.float64)
    directions: Float32Matrix = (exact / np.linalg.norm(exact, axis=1, keepdims=True)).astype(np.float32)
    return directions


async def nearest_among(
    connection: asyncpg.Connection,
    table: Table,
    where: str,
    values: Sequence[object],
    queries: Float32Matrix,
    metric: DistanceMetric,
    projection: Projection,
    k: int,
) -> list[SearchHits]:
    """Return the *k* nearest rows of each query `[q, d]` among those that satisfy *where*, in float64.

    Memory is bounded by a page of rows and the best so far.
    """
    whole = attrs.evolve(projection, embedding=True)
    best: list[SearchHits | None] = [None] * len(queries)
    after = ""
    while True:
        records = await connection.fetch(
            f"SELECT {selected(whole)} FROM {table.qualified} "
            f"WHERE {where} AND id > ${len(values) + 1}::text ORDER BY id LIMIT {_PAGE}",
            *values,
            after,
        )
        rows = await read_rows(records, whole, table.dimension)
        best = [
            best_of(_scored(query, metric, rows), found, k)
            for query, found in zip(queries, best, strict=True)
        ]
        if len(records) < _PAGE:
            break
        after = rows.ids[-1]
    return [_projected(found, projection) for found in best if found is not None]


def best_of(first: SearchHits, second: SearchHits | None, k: int) -> SearchHits:
    """Return the *k* nearest of two lots of hits, ties by id; both with the same columns."""
    rows, distances = first.rows, first.distances
    if second is not None:
        rows, distances = rows.joined(second.rows), np.concatenate([distances, second.distances])
    if second is None and len(rows) <= k:
        return first
    order = top_k(distances, list(rows.ids), k)
    return SearchHits(rows=rows.take(order), distances=distances[np.array(order, dtype=np.intp)])


def _scored(query: Float32Vector, metric: DistanceMetric, rows: DocumentRows) -> SearchHits:
    if rows.vectors is None:
        raise TypeError("strays are read with their vectors")
    return SearchHits(rows=rows, distances=distances_to(metric, query, rows.vectors))


def _projected(hits: SearchHits, projection: Projection) -> SearchHits:
    if projection.embedding:
        return hits
    return SearchHits(rows=attrs.evolve(hits.rows, vectors=None), distances=hits.distances)
