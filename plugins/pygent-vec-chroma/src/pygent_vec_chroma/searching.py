"""How a collection is searched: by Chroma's graph, or exactly where few match or exactness is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract import SearchHits
from pygent_vec.model import DistanceMetric, distances_to, top_k
from pygent_vec_chroma.document import rows_of
from pygent_vec_chroma.driver import Include, NativeRows
from pygent_vec_chroma.filtering.matching import matching_ids
from pygent_vec_chroma.filtering.where import where_of
from pygent_vec_chroma.reading import columns, included, page_rows, picked
from pygent_vec_chroma.tuning import reach_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pygent_vec.contract import SearchRequest
    from pygent_vec.model import Float32Matrix, Float32Vector, Float64Vector, Projection
    from pygent_vec_chroma.catalogue import Handle
    from pygent_vec_chroma.driver import Where

__all__ = ["search"]

_FEW, _FEW_REMOTE = 2_000, 200
"""So many matching documents are compared one by one faster than Chroma finds the nearest of them.

Fewer of a server's, whose vectors come as text and are not kept.
"""
_SMALL, _SMALL_REMOTE = 1_000, 200
"""A collection of so many documents is compared one by one where its vectors can be kept.

On a server Chroma's graph is asked for all of them, and believed if it finds them.
"""
_IDS = "ids"
"""What the ids of a small collection are kept by until the next change."""
_PRECISE_DIMENSION = 1_024
"""Up to here a cosine in float32 is off by less than a millionth."""
_MOST = 20_000
"""More results than that cannot be asked of Chroma's graph: its statement would be too large."""
_WIDER, _WIDE = 8, 100
"""So many times the results, and so many at least, are asked for when the last place is tied."""
_ROWS = 1_000
"""Hits of one call, over all its queries: with their columns, more would not fit into Chroma's statement."""


@attrs.frozen(kw_only=True, eq=False)
class _Nearest:
    """The nearest documents of one query.

    Attributes:
        ids: Of the documents.
        distances: Contract distances.
        rows: Their columns, where they are known already.
    """

    ids: list[str]
    distances: Float64Vector
    rows: NativeRows | None = None


def search(handle: Handle, request: SearchRequest) -> list[SearchHits]:
    """Return the hits of each query."""
    found = _exact_only(handle, request)
    if found is None and request.pushed is not None:
        found = _filtered(handle, request, where_of(request.pushed, foreign=handle.foreign))
    elif found is None and (ids := _few_ids(handle)) is not None:
        found = _compared(handle, request, ids)
    elif found is None:
        found = _by_graph(handle, request, None)
        if found is None:
            found = _compared(handle, request, handle.driver.get(handle.native).ids)
    return _hits(handle, found, request.projection)


def _exact_only(handle: Handle, request: SearchRequest) -> list[_Nearest] | None:
    """Return the answer to what no graph answers: an exact search, or one by another metric."""
    metric = request.metric
    if not request.exact and metric is handle.spec.distance_metric and metric is not DistanceMetric.MANHATTAN:
        return None
    driver, native = handle.driver, handle.native
    if request.pushed is None:
        return _compared(handle, request, driver.get(native).ids)
    return _compared(handle, request, matching_ids(driver, native, request.pushed))


def _few_ids(handle: Handle) -> list[str] | None:
    """Return the ids of a collection that is compared one by one; None of a larger one, or a server's.

    Chroma's graph may lose its way to a document when others are replaced, and in a small one that shows.
    """
    if handle.large or handle.multi_process:
        return None
    kept = handle.cache.get(_IDS)
    if not isinstance(kept, list):
        generation = handle.generation
        kept = handle.driver.get(handle.native, limit=_SMALL + 1).ids
        if len(kept) > _SMALL:
            handle.large = True
            return None
        if generation == handle.generation:
            handle.cache[_IDS] = kept
    return kept


def _filtered(handle: Handle, request: SearchRequest, where: Where | None) -> list[_Nearest]:
    """Compare what matches one by one where that is little; let the graph look for it otherwise."""
    driver, native = handle.driver, handle.native
    if request.pushed is None:
        raise TypeError("a filtered search has a filter")
    few = _FEW_REMOTE if handle.multi_process else _FEW
    ids = matching_ids(driver, native, request.pushed, limit=None if where is None else few + 1)
    if where is None or len(ids) <= few:
        return _compared(handle, request, ids)
    found = _by_graph(handle, request, where)
    if found is None:
        return _compared(handle, request, matching_ids(driver, native, request.pushed))
    return found


def _by_graph(handle: Handle, request: SearchRequest, where: Where | None) -> list[_Nearest] | None:
    """Return what Chroma's graph finds; None if it finds too little."""
    if request.k > _MOST:
        return None
    few = None if where is not None else _few_rows(handle)
    if few == 0:
        return None
    reach = max(request.k + 1, reach_of(handle, request.effort), few or 0)
    include = _include(handle, request)
    most = min(_ROWS, page_rows(handle)) if include.vectors else _ROWS
    whole = reach == request.k + 1 <= most
    if not whole:
        include, most = Include(), _ROWS
    group = max(1, most // reach)
    answers: list[NativeRows] = []
    for start in range(0, len(request.vectors), group):
        part = request.vectors[start : start + group]
        answers += handle.driver.query(handle.native, part, reach, where=where, include=include)
    least = min(len(rows.ids) for rows in answers)
    if few is not None and least < few:
        return None
    if few is None and least < request.k and least < _matching(handle, request):
        return None
    found = []
    for query, rows in zip(request.vectors, answers, strict=True):
        if whole and _is_tied(rows, request.k):
            rows = handle.driver.query(  # noqa: PLW2901  # the same answer, with more of those that tie
                handle.native, query[np.newaxis], max(_WIDER * reach, _WIDE), where=where
            )[0]
            found.append(_chosen(handle, request, query, rows))
        elif whole:
            found.append(_nearest_of(handle, query, picked(rows, range(min(request.k, len(rows.ids))))))
        else:
            found.append(_chosen(handle, request, query, rows))
    return found


def _few_rows(handle: Handle) -> int | None:
    """Return how many rows a small collection on a server has; None of any other.

    A collection that never had any may not be asked: Chroma calls its index damaged where a client was killed
    amid its first write.
    """
    if handle.large or not handle.multi_process:
        return None
    rows = handle.driver.count(handle.native)
    handle.large = rows > _SMALL_REMOTE
    return None if handle.large else rows


def _include(handle: Handle, request: SearchRequest) -> Include:
    """Return the columns of hits, with the vectors where Chroma's distances are not good enough."""
    include = included(request.projection)
    return include if _is_precise(handle) else attrs.evolve(include, vectors=True)


def _is_tied(rows: NativeRows, k: int) -> bool:
    """Return whether the last of *k* places is as near as the next."""
    return (
        rows.distances is not None and len(rows.ids) > k and bool(rows.distances[k - 1] == rows.distances[k])
    )


def _chosen(handle: Handle, request: SearchRequest, query: Float32Vector, rows: NativeRows) -> _Nearest:
    """Return the nearest of many rows, ties by id, with their columns."""
    if rows.distances is None:
        raise TypeError("a driver left out the distances of a query")
    places = top_k(rows.distances, rows.ids, request.k)
    include = attrs.evolve(included(request.projection), vectors=True)
    return _nearest_of(handle, query, columns(handle, [rows.ids[place] for place in places], include))


def _is_precise(handle: Handle) -> bool:
    """Return whether Chroma's own distances, sums in float32, are as good as the contract wants them.

    Cosine distances are: they are sums of small products. Others may be differences of large numbers.
    """
    return (
        handle.spec.distance_metric is DistanceMetric.COSINE and handle.spec.dimension <= _PRECISE_DIMENSION
    )


def _distances(handle: Handle, query: Float32Vector, rows: NativeRows) -> Float64Vector:
    """Return the contract distances of what a query of Chroma's found."""
    if not rows.ids:
        return np.empty(0)
    if rows.vectors is None and rows.distances is not None:
        return np.clip(rows.distances, 0.0, 2.0)
    return distances_to(handle.spec.distance_metric, query, _vectors(rows))


def _nearest_of(handle: Handle, query: Float32Vector, rows: NativeRows) -> _Nearest:
    return _Nearest(ids=rows.ids, distances=_distances(handle, query, rows), rows=rows)


def _matching(handle: Handle, request: SearchRequest) -> int:
    if request.pushed is None:
        return handle.driver.count(handle.native)
    return len(matching_ids(handle.driver, handle.native, request.pushed))


def _vectors(rows: NativeRows) -> Float32Matrix:
    if rows.vectors is None:
        raise TypeError("a driver left out the vectors that it was asked for")
    return rows.vectors


def _compared(handle: Handle, request: SearchRequest, ids: Sequence[str]) -> list[_Nearest]:
    """Return the true nearest among the documents *ids*, ties by id; memory is a page and the best so far."""
    best = [_Nearest(ids=[], distances=np.empty(0)) for _ in request.vectors]
    for names, vectors in _vector_pages(handle, ids):
        for place, query in enumerate(request.vectors):
            distances = distances_to(request.metric, query, vectors)
            best[place] = _better(best[place], names, distances, request.k)
    return best


def _vector_pages(handle: Handle, ids: Sequence[str]) -> Iterator[tuple[list[str], Float32Matrix]]:
    """Yield ids that exist, and their vectors, page by page."""

    def fetched(some: Sequence[str]) -> NativeRows:
        return columns(handle, some, Include(vectors=True))

    step = page_rows(handle)
    keep = handle.vectors.has_place_for(len(ids), handle.spec.dimension)
    for start in range(0, len(ids), step):
        page = ids[start : start + step]
        if not handle.multi_process:
            names, vectors = handle.vectors.rows(page, fetched, keep=keep)
        else:
            rows = fetched(page)
            names, vectors = rows.ids, _vectors(rows)
        if names:
            yield names, vectors


def _better(best: _Nearest, ids: list[str], distances: Float64Vector, k: int) -> _Nearest:
    """Return the *k* nearest of what was best so far and one more page."""
    names = best.ids + ids
    values = np.concatenate([best.distances, distances])
    order = top_k(values, names, k)
    return _Nearest(ids=[names[place] for place in order], distances=values[np.array(order, dtype=np.intp)])


def _hits(handle: Handle, found: Sequence[_Nearest], projection: Projection) -> list[SearchHits]:
    """Return the hits with the columns asked for, read at once where the search did not bring them."""
    if all(one.rows is not None for one in found):
        return [
            SearchHits(rows=rows_of(one.rows, projection), distances=one.distances)
            for one in found
            if one.rows is not None
        ]
    ids = list(dict.fromkeys(name for one in found for name in one.ids))
    if not (projection.content or projection.metadata or projection.embedding):
        return [
            SearchHits(rows=rows_of(NativeRows(ids=one.ids), projection), distances=one.distances)
            for one in found
        ]
    held = columns(handle, ids, included(projection))
    places = {name: place for place, name in enumerate(held.ids)}
    return [_taken(held, one, places, projection) for one in found]


def _taken(held: NativeRows, found: _Nearest, places: dict[str, int], projection: Projection) -> SearchHits:
    """Return the hits of one query from the rows of all; another process may have deleted some meanwhile."""
    kept = [place for place, name in enumerate(found.ids) if name in places]
    order = [places[found.ids[place]] for place in kept]
    rows = picked(held, order)
    return SearchHits(
        rows=rows_of(rows, projection), distances=found.distances[np.array(kept, dtype=np.intp)]
    )
