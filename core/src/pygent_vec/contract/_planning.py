"""A query's plan: everything checked and resolved before the backend is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from pygent_vec.contract._embedding import check_model
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._queries import check_numbers, check_query_vector, check_query_vectors, query_vectors
from pygent_vec.errors import CollectionNotFoundError, InvalidQueryError, UnsupportedFeatureError, shown
from pygent_vec.filters import And, Filter, Split, parse_filter, split
from pygent_vec.model import CollectionSpec, DistanceMetric, Projection, VectorQuery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.model import Float32Vector

__all__ = ["QueryPlan", "QueryShape", "collection_spec", "plan_queries", "plan_query", "split_filter"]

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


class QueryPlan(NamedTuple):
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
    vectors = await query_vectors(queries, context)
    shapes: dict[tuple[object, ...], QueryShape] = {}
    plans = []
    for query, vector in zip(queries, vectors, strict=True):
        check_numbers(query)
        key = _shape_key(query)
        shape = shapes.get(key)
        if shape is None:
            shape = shapes[key] = await _shape(primitives, context, query, key)
        if query.query_text is not None and context.embedder is not None:
            check_model(shape.spec, context.embedder.model)
        plans.append(_plan(query, vector, shape))
    check_query_vectors(plans)
    return plans


async def plan_query(primitives: Primitives, context: StoreContext, query: VectorQuery) -> QueryPlan:
    """Return the plan of one query; see `plan_queries`. One with a vector needs less."""
    vector = query.query_vector if isinstance(query, VectorQuery) else None
    if vector is None or query.query_text is not None:
        (plan,) = await plan_queries(primitives, context, [query])
        return plan
    check_numbers(query)
    key = _shape_key(query)
    shape = context.shapes.get(key)
    if shape is None or await settle(primitives._collection(shape.spec.name)) is not shape.spec:
        shape = await _shape(primitives, context, query, key)
    check_query_vector(vector, shape)
    return _plan(query, vector, shape)


def _plan(query: VectorQuery, vector: Float32Vector, shape: QueryShape) -> QueryPlan:
    return QueryPlan(
        shape=shape,
        vector=vector,
        needed=query.offset + query.limit,
        offset=query.offset,
        threshold=query.similarity_threshold,
    )


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
