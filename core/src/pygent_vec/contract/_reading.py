"""How a search runs: queries become plans, plans share calls, hits become results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract._exhaustive import exhaustive_hits
from pygent_vec.contract._planning import QueryPlan, plan_query, query_vectors
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._requests import SearchHits, SearchRequest
from pygent_vec.contract._rows import passing
from pygent_vec.errors import InvalidQueryError, shown
from pygent_vec.filters import to_dict
from pygent_vec.model import VectorQuery, VectorSearchResult, similarity_from_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract._context import StoreContext

__all__ = ["listed", "search"]

_GROWTH = 8
"""How much more a search asks for when a residual filter left it short."""


async def search(
    primitives: Primitives, context: StoreContext, queries: Sequence[VectorQuery]
) -> list[list[VectorSearchResult]]:
    """Return the results of each query; queries that differ only in their vectors share one call."""
    vectors = await query_vectors(queries, context)
    plans = [
        await plan_query(primitives, context, query, vector)
        for query, vector in zip(queries, vectors, strict=True)
    ]
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, plan in enumerate(plans):
        groups.setdefault(_group_key(plan), []).append(place)
    results: list[list[VectorSearchResult]] = [[] for _ in plans]
    for places in groups.values():
        group = [plans[place] for place in places]
        for place, plan, hits in zip(places, group, await _hits(primitives, group), strict=True):
            results[place] = _results(plan, await _enough(primitives, plan, hits), context.name)
    return results


def listed(queries: object) -> list[VectorQuery]:
    """Return *queries* as a list.

    Raises:
        InvalidQueryError: they are no iterable of queries.
    """
    if not isinstance(queries, Iterable) or isinstance(queries, (str, Mapping)):
        raise InvalidQueryError(f"expected a list of queries, got {shown(queries)}")
    return list(queries)


def _group_key(plan: QueryPlan) -> tuple[object, ...]:
    pushed = json.dumps(to_dict(plan.pushed), sort_keys=True) if plan.pushed is not None else None
    return (plan.spec.name, plan.metric, plan.exact, plan.projection, pushed)


async def _hits(primitives: Primitives, group: Sequence[QueryPlan], *, k: int = 0) -> Sequence[SearchHits]:
    first = group[0]
    request = SearchRequest(
        vectors=np.stack([plan.vector for plan in group]) if len(group) > 1 else first.vector[np.newaxis],
        k=k or max(plan.needed for plan in group),
        metric=first.metric,
        pushed=first.pushed,
        exact=first.exact,
        projection=first.projection,
    )
    return await settle(primitives._search(first.spec, request))  # core drives the primitives


async def _enough(primitives: Primitives, plan: QueryPlan, hits: SearchHits) -> SearchHits:
    """Return hits that pass the residual filter, fetching more while they are too few.

    First a wider search, then every matching document: a filter never costs results.
    """
    if plan.residual is None:
        return hits
    asked = plan.needed
    kept = passing(plan.residual, hits)
    if not _short(plan, asked, hits, kept):
        return kept
    asked *= _GROWTH
    (hits,) = await _hits(primitives, [plan], k=asked)
    kept = passing(plan.residual, hits)
    return await exhaustive_hits(primitives, plan) if _short(plan, asked, hits, kept) else kept


def _short(plan: QueryPlan, asked: int, hits: SearchHits, kept: SearchHits) -> bool:
    """Return whether *kept* lacks results that a search for more than *asked* could bring."""
    if len(kept.rows) >= plan.needed or len(hits.rows) < asked:
        return False
    if plan.threshold is None:
        return True
    return bool(similarity_from_distance(plan.metric, float(hits.distances.max())) >= plan.threshold)


def _results(plan: QueryPlan, hits: SearchHits, store: str) -> list[VectorSearchResult]:
    """Return the ordered, thresholded and cut results of one query."""
    ids, distances = hits.rows.ids, hits.distances.tolist()
    order = sorted(range(len(ids)), key=lambda row: (distances[row], ids[row]))
    results = []
    rows = hits.rows
    if plan.for_residual:
        rows = attrs.evolve(rows, metadatas=None, own=None, created_at=None, updated_at=None)
    for place, row in enumerate(order[: plan.needed]):
        similarity = similarity_from_distance(plan.metric, distances[row])
        if plan.threshold is not None and not similarity >= plan.threshold:
            break
        if place >= plan.offset:
            results.append(
                VectorSearchResult(
                    document=rows.document(row, plan.spec.name),
                    similarity_score=similarity,
                    distance=distances[row],
                    rank=place + 1,
                    store=store,
                )
            )
    return results
