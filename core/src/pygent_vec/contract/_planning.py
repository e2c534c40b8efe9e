"""A query's plan: everything checked and resolved before the backend is asked."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract._embedding import check_model, embedded
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._vectors import check_vectors
from pygent_vec.errors import (
    CollectionNotFoundError,
    ConfigError,
    InvalidQueryError,
    InvalidVectorError,
    UnsupportedFeatureError,
    shown,
)
from pygent_vec.filters import And, Filter, Split, parse_filter, split
from pygent_vec.model import (
    MAX_RESULTS,
    CollectionSpec,
    DistanceMetric,
    InvalidValueError,
    Projection,
    VectorQuery,
    check_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.model import Float32Vector

__all__ = ["QueryPlan", "QueryShape", "collection_spec", "plan_queries", "split_filter"]

_MOST_SHAPES = 1000


@attrs.frozen(kw_only=True, eq=False)
class QueryShape:
    """What queries of one call may share: all that one call of the backend must agree on.

    Attributes:
        spec: The collection.
        metric: How vectors are compared.
        pushed: The part of the filter that the backend answers.
        residual: The part that core finishes.
        exact: Whether every matching document is compared.
        projection: What to ask of the backend: with metadata where a residual filter needs it.
        for_residual: Whether metadata was asked of the backend for the residual only.
    """

    spec: CollectionSpec
    metric: DistanceMetric
    pushed: Filter | None
    residual: Filter | None
    exact: bool
    projection: Projection
    for_residual: bool


@attrs.frozen(kw_only=True, eq=False)
class QueryPlan:
    """A valid query, its filter split.

    Attributes:
        shape: What it may share with other queries.
        vector: float32 `[d]`, valid for the metric.
        needed: `offset + limit`.
        offset: Results to pass over.
        threshold: The lowest similarity score, or None.
    """

    shape: QueryShape
    vector: Float32Vector
    needed: int
    offset: int
    threshold: float | None


async def plan_queries(
    primitives: Primitives, context: StoreContext, queries: Sequence[VectorQuery]
) -> list[QueryPlan]:
    """Return the plan of each query; what they share is checked once.

    Raises:
        CollectionNotFoundError: a collection does not exist.
        InvalidQueryError, InvalidVectorError, InvalidFilterError: a query is not valid.
        UnsupportedFeatureError: the backend does not declare what a query asks for.
        ConfigError: a `query_text` without an embedder.
    """
    vectors = await _query_vectors(queries, context)
    shapes: dict[tuple[object, ...], QueryShape] = {}
    plans = []
    for query, vector in zip(queries, vectors, strict=True):
        _check_numbers(query)
        key = _shape_key(query)
        shape = shapes.get(key)
        if shape is None:
            shape = shapes[key] = await _shape(primitives, context, query, key)
        if query.query_text is not None and context.embedder is not None:
            check_model(shape.spec, context.embedder.model)
        plans.append(
            QueryPlan(
                shape=shape,
                vector=vector,
                needed=query.offset + query.limit,
                offset=query.offset,
                threshold=query.similarity_threshold,
            )
        )
    _check_query_vectors(plans)
    return plans


def _shape_key(query: VectorQuery) -> tuple[object, ...]:
    """Return what tells shapes apart; equal filters that are different objects are told apart too."""
    return (
        query.collection,
        query.distance_metric,
        id(query.metadata_filter),
        query.exact,
        query.include_content,
        query.include_metadata,
        query.include_embedding,
    )


async def _shape(
    primitives: Primitives, context: StoreContext, query: VectorQuery, key: tuple[object, ...]
) -> QueryShape:
    spec = await collection_spec(primitives, context, query.collection)
    known = context.shapes.get(key)
    if known is not None and known.spec is spec:
        return known
    shape = _new_shape(primitives, context, query, spec)
    if query.metadata_filter is None:
        if len(context.shapes) >= _MOST_SHAPES:
            context.shapes.clear()
        context.shapes[key] = shape
    return shape


def _new_shape(
    primitives: Primitives, context: StoreContext, query: VectorQuery, spec: CollectionSpec
) -> QueryShape:
    metric = _metric(primitives, context, query, spec)
    if query.exact and not primitives.capabilities.exact_search:
        raise UnsupportedFeatureError(
            f"the backend {context.backend!r} has no exact search; leave exact=False"
        )
    parts = split_filter(primitives, query.metadata_filter)
    return QueryShape(
        spec=spec,
        metric=metric,
        pushed=parts.pushed,
        residual=parts.residual,
        exact=query.exact,
        projection=Projection(
            content=query.include_content,
            metadata=query.include_metadata or parts.residual is not None,
            embedding=query.include_embedding,
        ),
        for_residual=parts.residual is not None and not query.include_metadata,
    )


def _check_query_vectors(plans: Sequence[QueryPlan]) -> None:
    """Check the vectors against their collections, those of one shape together."""
    for plan in plans:
        if plan.vector.ndim != 1:
            raise InvalidVectorError(
                f"query_vector has shape {plan.vector.shape}; give one vector of shape [d]"
            )
    if len(plans) == 1:
        spec, metric = plans[0].shape.spec, plans[0].shape.metric
        check_vectors(plans[0].vector[np.newaxis], spec.dimension, metric, noun="query", names=["vector"])
        return
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


async def collection_spec(primitives: Primitives, context: StoreContext, name: str | None) -> CollectionSpec:
    """Return the spec of a collection; None names the store's default collection.

    Raises:
        CollectionNotFoundError: it does not exist.
    """
    wanted = context.default_collection if name is None else name
    spec = await settle(primitives._collection(wanted)) if isinstance(wanted, str) else None
    if spec is None:
        names = sorted(await settle(primitives._collection_names()))
        default = " (the default collection)" if name is None else ""
        raise CollectionNotFoundError(
            f"the store {context.name!r} has no collection {shown(wanted)}{default}; "
            f"create it with create_collection(). It has: {shown(names)}"
        )
    return spec


def split_filter(primitives: Primitives, condition: Filter | Mapping[str, object] | None) -> Split:
    """Return a caller's filter, parsed and split by what the backend answers.

    Raises:
        InvalidFilterError: it is not well formed.
    """
    if condition is None:
        return Split(None, None)
    node = parse_filter(condition)
    return Split(None, None) if node == And(()) else split(node, primitives._grade)


async def _query_vectors(queries: Sequence[VectorQuery], context: StoreContext) -> list[Float32Vector]:
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


def _check_numbers(query: VectorQuery) -> None:
    for name, value, least in (("limit", query.limit, 1), ("offset", query.offset, 0)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise InvalidQueryError(f"{name} must be an integer of at least {least}, got {shown(value)}")
    if query.offset + query.limit > MAX_RESULTS:
        raise InvalidQueryError(
            f"offset {query.offset} + limit {query.limit} is more than {MAX_RESULTS}; "
            "to read everything use iter_documents()"
        )
    threshold = query.similarity_threshold
    if threshold is not None and (
        not isinstance(threshold, (int, float, np.floating))
        or isinstance(threshold, bool)
        or math.isnan(threshold)
    ):
        raise InvalidQueryError(f"similarity_threshold must be a number or None, got {shown(threshold)}")


def _metric(
    primitives: Primitives, context: StoreContext, query: VectorQuery, spec: CollectionSpec
) -> DistanceMetric:
    if query.distance_metric is None:
        return spec.distance_metric
    try:
        metric = DistanceMetric(query.distance_metric)
    except ValueError as error:
        raise InvalidQueryError(
            f"distance_metric {shown(query.distance_metric)} is none of {[m.value for m in DistanceMetric]}"
        ) from error
    if metric is not spec.distance_metric:
        primitives.capabilities.require_metric(metric, context.backend)
        if not primitives.capabilities.query_metric:
            raise UnsupportedFeatureError(
                f"the backend {context.backend!r} answers only by the collection's own metric, "
                f"{spec.distance_metric.value!r}; {metric.value!r} was asked for"
            )
    return metric
