"""What a query must be: exactly one of vector and text, numbers in range, a vector that fits."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.contract._embedding import embedded
from pygent_vec.contract._vectors import check_vectors
from pygent_vec.errors import ConfigError, InvalidQueryError, InvalidVectorError, shown
from pygent_vec.model import MAX_RESULTS, InvalidValueError, VectorQuery, check_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.contract._planning import QueryPlan, QueryShape
    from pygent_vec.model import Float32Vector

__all__ = ["check_numbers", "check_query_vector", "check_query_vectors", "query_vectors"]


async def query_vectors(queries: Sequence[VectorQuery], context: StoreContext) -> list[Float32Vector]:
    """Return the vector of each query; texts are embedded together.

    Raises:
        InvalidQueryError: not exactly one of vector and text.
        ConfigError: a text without an embedder.
    """
    texts: list[str] = []
    for query in queries:
        if not isinstance(query, VectorQuery):
            raise InvalidQueryError(f"expected a VectorQuery, got {shown(query)}")
        if (query.query_vector is None) == (query.query_text is None):
            raise InvalidQueryError("a query needs a query_vector or a query_text, and only one of them")
        if query.query_text is not None:
            texts.append(_checked_query_text(query.query_text))
    if texts and context.embedder is None:
        raise ConfigError(
            f"query_text needs an embedder, and the store {context.name!r} has none; "
            "open it with embedder=…, or give a query_vector"
        )
    made = iter(
        await embedded(context, context.embedder, texts) if texts and context.embedder is not None else ()
    )
    return [query.query_vector if query.query_vector is not None else next(made) for query in queries]


def _checked_query_text(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidQueryError(f"query_text must be a string, got {shown(text)}")
    try:
        return check_text(text)
    except InvalidValueError as error:
        raise InvalidQueryError(f"query_text {error}") from error


def check_numbers(query: VectorQuery) -> None:
    """Check limit, offset and threshold.

    Raises:
        InvalidQueryError: one of them is no number, or out of range.
    """
    limit, offset, threshold = query.limit, query.offset, query.similarity_threshold
    if (
        threshold is None
        and type(limit) is type(offset) is int
        and 0 < limit <= MAX_RESULTS - offset <= MAX_RESULTS
    ):
        return  # as nearly always
    for name, value, least in (("limit", limit, 1), ("offset", offset, 0)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise InvalidQueryError(f"{name} must be an integer of at least {least}, got {shown(value)}")
    if offset + limit > MAX_RESULTS:
        raise InvalidQueryError(
            f"offset {offset} + limit {limit} is more than {MAX_RESULTS}; "
            "to read everything use iter_documents()"
        )
    if threshold is not None and (
        not isinstance(threshold, (int, float, np.floating))
        or isinstance(threshold, bool)
        or math.isnan(threshold)
    ):
        raise InvalidQueryError(f"similarity_threshold must be a number or None, got {shown(threshold)}")


def check_query_vector(vector: Float32Vector, shape: QueryShape) -> None:
    """Check one vector; as `check_query_vectors`."""
    _check_one(vector)
    check_vectors(vector[np.newaxis], shape.spec.dimension, shape.metric, noun="query", names=["vector"])


def _check_one(vector: Float32Vector) -> None:
    if vector.ndim != 1:
        raise InvalidVectorError(f"query_vector has shape {vector.shape}; give one vector of shape [d]")


def check_query_vectors(plans: Sequence[QueryPlan]) -> None:
    """Check the vectors against their collections, those of one shape together.

    Raises:
        InvalidVectorError: one does not fit, or its collection's metric cannot compare it.
    """
    if len(plans) == 1:
        check_query_vector(plans[0].vector, plans[0].shape)
        return
    for plan in plans:
        _check_one(plan.vector)
    groups: dict[int, list[int]] = {}
    for place, plan in enumerate(plans):
        groups.setdefault(id(plan.shape), []).append(place)
    for places in groups.values():
        shape = plans[places[0]].shape
        vectors = [plans[place].vector for place in places]
        names = [f"vector number {place}" for place in places]
        check = partial(check_vectors, dimension=shape.spec.dimension, metric=shape.metric, noun="query")
        if len(vectors) > 1 and all(len(vector) == shape.spec.dimension for vector in vectors):
            check(np.stack(vectors), names=names)
        else:
            for vector, name in zip(vectors, names, strict=True):
                check(vector[np.newaxis], names=[name])
