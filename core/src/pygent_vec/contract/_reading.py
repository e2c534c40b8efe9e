"""How a search runs: queries become plans, plans share calls, hits become results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.contract._exhaustive import exhaustive_hits
from pygent_vec.contract._planning import QueryPlan, QueryShape, plan_queries, plan_query
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._requests import SearchHits, SearchRequest
from pygent_vec.contract._results import results_of, results_of_documents
from pygent_vec.contract._rows import passing
from pygent_vec.errors import InvalidQueryError, shown
from pygent_vec.filters import to_dict
from pygent_vec.model import VectorQuery, similarity_from_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.filters import Filter
    from pygent_vec.model import VectorSearchResult

__all__ = ["listed", "search", "search_one"]

_GROWTH = 8
"""How much more a search asks for when a residual filter left it short."""


async def search_one(
    primitives: Primitives, context: StoreContext, query: VectorQuery
) -> list[VectorSearchResult]:
    """Return the results of one query."""
    plan = await plan_query(primitives, context, query)
    spec, residual, request = plan.shape.spec, plan.shape.residual, _request([plan])
    found = primitives._search_documents(spec, request) if residual is None else None
    if found is not None:
        return results_of_documents(plan, await found, context.name)
    (hits,) = await settle(primitives._search(spec, request))
    if residual is not None:
        hits = await _enough(primitives, plan, residual, hits)
    return results_of(plan, hits, context.name)


async def search(
    primitives: Primitives, context: StoreContext, queries: Sequence[VectorQuery]
) -> list[list[VectorSearchResult]]:
    """Return the results of each query; queries that differ only in their vectors share one call."""
    if len(queries) == 1:
        return [await search_one(primitives, context, queries[0])]
    plans = await plan_queries(primitives, context, queries)
    groups: dict[object, list[int]] = {}
    for place, plan in enumerate(plans):
        groups.setdefault(_group_key(plan.shape), []).append(place)
    results: list[list[VectorSearchResult]] = [[] for _ in plans]
    for places in groups.values():
        group = [plans[place] for place in places]
        found = await settle(primitives._search(group[0].shape.spec, _request(group)))
        for place, plan, hits in zip(places, group, found, strict=True):
            residual = plan.shape.residual
            enough = hits if residual is None else await _enough(primitives, plan, residual, hits)
            results[place] = results_of(plan, enough, context.name)
    return results


def listed(queries: object) -> list[VectorQuery]:
    """Return *queries* as a list.

    Raises:
        InvalidQueryError: they are no iterable of queries.
    """
    if not isinstance(queries, Iterable) or isinstance(queries, (str, Mapping)):
        raise InvalidQueryError(f"expected a list of queries, got {shown(queries)}")
    return list(queries)


def _group_key(shape: QueryShape) -> tuple[object, ...]:
    """Return what tells the calls of the backend apart: equal filters share one."""
    pushed = json.dumps(to_dict(shape.pushed), sort_keys=True) if shape.pushed is not None else None
    return (shape.spec.name, shape.metric, shape.exact, shape.projection, pushed)


def _request(group: Sequence[QueryPlan], *, k: int = 0) -> SearchRequest:
    """Return what a backend is asked for queries of one shape; *k* instead of as many as they need."""
    first, shape = group[0], group[0].shape
    return SearchRequest(
        vectors=np.stack([plan.vector for plan in group]) if len(group) > 1 else first.vector[np.newaxis],
        k=k or (first.needed if len(group) == 1 else max(plan.needed for plan in group)),
        metric=shape.metric,
        pushed=shape.pushed,
        exact=shape.exact,
        projection=shape.projection,
    )


async def _enough(primitives: Primitives, plan: QueryPlan, residual: Filter, hits: SearchHits) -> SearchHits:
    """Return hits that pass the residual filter, fetching more while they are too few.

    First a wider search, then every matching document: a filter never costs results.
    """
    asked = plan.needed
    kept = passing(residual, hits)
    if not _short(plan, asked, hits, kept):
        return kept
    asked *= _GROWTH
    (hits,) = await settle(primitives._search(plan.shape.spec, _request([plan], k=asked)))
    kept = passing(residual, hits)
    return await exhaustive_hits(primitives, plan) if _short(plan, asked, hits, kept) else kept


def _short(plan: QueryPlan, asked: int, hits: SearchHits, kept: SearchHits) -> bool:
    """Return whether *kept* lacks results that a search for more than *asked* could bring."""
    if len(kept.rows) >= plan.needed or len(hits.rows) < asked:
        return False
    if plan.threshold is None:
        return True
    return bool(similarity_from_distance(plan.shape.metric, float(hits.distances.max())) >= plan.threshold)
