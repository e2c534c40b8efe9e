"""A request in the terms of statements, and their records as its hits."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from pygent_vec.contract import SearchHits
from pygent_vec.model import DistanceMetric, distances_to, from_micros, new_document
from pygent_vec_postgres.codec import decode_document
from pygent_vec_postgres.index import default_effort
from pygent_vec_postgres.rows import columns_of, document_rows, width_of
from pygent_vec_postgres.search.access import Access
from pygent_vec_postgres.search.policy import IndexFacts, SearchPlan
from pygent_vec_postgres.search.statements import Shape
from pygent_vec_postgres.search.strays import stray_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import Found, SearchRequest
    from pygent_vec.model import Float32Vector, Projection
    from pygent_vec_postgres.schema.layout import Table
    from pygent_vec_postgres.search.state import IndexState

__all__ = ["candidates_for", "documents_of", "facts_of", "hits_of", "shape_of"]

_HALFVEC_SPARE = 10


def shape_of(table: Table, request: SearchRequest, where: str) -> Shape:
    """Return what the statements of a request have in common.

    An inner product may be what is left of large terms that cancel, so it is summed again in float64.
    """
    projection = request.projection
    if request.metric is DistanceMetric.DOT_PRODUCT:
        projection = attrs.evolve(projection, embedding=True)
    return Shape(
        table=table,
        metric=request.metric,
        projection=projection,
        where=where,
        stray=stray_condition(table, request.metric),
        k=request.k,
        many=len(request.vectors) > 1,
    )


def hits_of(
    shape: Shape, wanted: Projection, records: Sequence[Sequence[Any]], query: Float32Vector
) -> SearchHits:
    """Return the answer to *query* with the *wanted* columns."""
    place = width_of(shape.projection)
    columns = columns_of(records, place + 2)
    rows = document_rows(columns, shape.projection, shape.table.dimension)
    if rows.vectors is not None and shape.metric is DistanceMetric.DOT_PRODUCT:
        distances = distances_to(shape.metric, query, rows.vectors)
    else:
        distances = np.array(columns[place], dtype=np.float64)
    if rows.vectors is not None and not wanted.embedding:
        rows = attrs.evolve(rows, vectors=None)
    return SearchHits(rows=rows, distances=distances)


def documents_of(records: Sequence[Sequence[Any]], collection: str) -> list[Found]:
    """Return the documents of records with content and metadata, but without vectors."""
    found = []
    for one, content, document, title, source, kind, index, count, created, updated, distance, _ in records:
        metadata = decode_document(document)
        first, last = from_micros(created), from_micros(updated)
        made = new_document(
            one, content, None, metadata, collection, title, source, kind, index, count, first, last
        )
        found.append((distance, one, made))
    return found


def facts_of(table: Table, state: IndexState, effort: int | None) -> IndexFacts:
    """Return what decisions need to know of an index; *effort* goes before what is in force."""
    return IndexFacts(
        kind=state.kind,
        rows=state.rows,
        dimension=table.dimension,
        effort=effort or table.effort or default_effort(state),
        lists=state.options.get("lists", 0),
    )


def candidates_for(access: Access, plan: SearchPlan, k: int, *, filtered: bool) -> int:
    """Return how many rows the index gives, of which the *k* nearest are taken."""
    if access is Access.BIT:
        return max(plan.effort, 2 * k)
    spare = _HALFVEC_SPARE if access is Access.HALFVEC else 0
    if plan.iterative and (filtered or k > plan.effort):
        return ceil(2 * k if filtered else 1.25 * k) + spare
    return k + spare
