"""How a collection is searched: the index for the bulk, exact scans for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract import SearchHits
from pygent_vec.errors import CorruptStoreError
from pygent_vec.model import DistanceMetric, DocumentRows, distances_to, top_k
from pygent_vec_faiss.search.policy import accepted, indexable, plan_search, widened
from pygent_vec_faiss.search.scan import Neighbors, ScanRows, merged, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pygent_vec.contract import SearchRequest
    from pygent_vec.model import Float32Matrix, Float32Vector, Int64Vector, Projection
    from pygent_vec_faiss.parts import Parts
    from pygent_vec_faiss.search.index import AnnIndex
    from pygent_vec_faiss.search.policy import SearchPlan

__all__ = ["search"]


def search(parts: Parts, request: SearchRequest) -> list[SearchHits]:
    """Return the hits of each query. For a holder of the shared lock."""
    mask = parts.mask(request.pushed)
    matching = len(parts.slots) if mask is None else int(np.count_nonzero(mask))
    k = min(request.k, matching)
    if not k:
        nothing = Neighbors(slots=np.empty(0, np.int64), distances=np.empty(0))
        return _hits(parts, [nothing] * len(request.vectors), request.projection)
    found = _approximate(parts, request, mask, matching, k)
    if found is None:
        found = _exact(parts, request.metric, request.vectors, k, mask)
    return _hits(parts, [_settled(parts, one, k) for one in found], request.projection)


def _approximate(
    parts: Parts, request: SearchRequest, mask: NDArray[np.bool_] | None, matching: int, k: int
) -> list[Neighbors] | None:
    """Return what the index finds, exact where that falls short; None where a scan is the better way."""
    index = parts.index
    if index is None or request.exact or request.metric is not parts.spec.distance_metric:
        return None
    plan = plan_search(
        alive=parts.slots.living,
        matching=matching,
        dimension=parts.spec.dimension,
        k=k,
        kind=index.kind,
        effort=request.effort or parts.effort or index.default_effort,
        metric=request.metric,
    )
    # Cosine needs no look at the lengths: core lets no vector in whose squared norm float32 cannot hold.
    cosine = request.metric is DistanceMetric.COSINE
    if plan.exact or not (cosine or indexable(_lengths(request.vectors))):
        return None
    filtered = mask if request.pushed is not None else None
    # Without a filter one slot more than wanted shows whether the last place is tied.
    fetch = plan.fetch if filtered is not None else plan.fetch + 1
    found = index.search(request.vectors, fetch, effort=plan.effort, selector=parts.selector())
    tails = _tail(parts, index, request, k, mask)
    answers = []
    for query, slots, tail in zip(request.vectors, found, tails, strict=True):
        best = _combined(parts, request.metric, query, slots, tail, k, filtered)
        if best is not None and len(best.slots) > k and filtered is None:
            best = _tied(parts, index, request.metric, query, tail, k, widened(plan, index.kind)) or best
        answers.append(best or _exact(parts, request.metric, query[np.newaxis], k, mask)[0])
    return answers


def _tied(
    parts: Parts,
    index: AnnIndex,
    metric: DistanceMetric,
    query: Float32Vector,
    tail: Neighbors | None,
    k: int,
    plan: SearchPlan,
) -> Neighbors | None:
    """Look further for the documents that tie at the last place, so that the smallest ids of them win."""
    slots = index.search(query[np.newaxis], plan.fetch, effort=plan.effort, selector=parts.selector())[0]
    return _combined(parts, metric, query, slots, tail, k, None)


def _lengths(queries: Float32Matrix) -> Float32Vector:
    """Return the L2 norms of *queries* well enough to tell whether float32 can hold their distances."""
    with np.errstate(over="ignore", under="ignore"):
        squares: Float32Vector = np.einsum("ij,ij->i", queries, queries)
        return np.sqrt(squares)


def _combined(
    parts: Parts,
    metric: DistanceMetric,
    query: Float32Vector,
    slots: Int64Vector,
    tail: Neighbors | None,
    k: int,
    filtered: NDArray[np.bool_] | None,
) -> Neighbors | None:
    """Return the k nearest among the index's slots and the tail; None if they are too few to be sure."""
    if filtered is not None:
        kept = accepted(slots, filtered, k)
    else:  # FAISS fills the places at the end that it found nothing for
        kept = slots if slots[-1] >= 0 else slots[slots >= 0]
    if kept is None or (tail is None and len(kept) < k):
        return None
    distances = distances_to(metric, query, parts.raw_rows(kept))
    found = Neighbors(slots=kept, distances=distances)
    best = merged([found] if tail is None else [found, tail], k)
    return best if len(best.slots) >= k else None


def _tail(
    parts: Parts, index: AnnIndex, request: SearchRequest, k: int, mask: NDArray[np.bool_] | None
) -> Sequence[Neighbors | None]:
    """Return the nearest of the slots that are not in the index yet, for each query."""
    first = index.count
    if first == len(parts.slots):
        return [None] * len(request.vectors)
    rows = _raw(parts, parts.matrix()[first:], request.metric, first)
    part = None if mask is None else mask[first:]
    return nearest(request.metric, request.vectors, rows, k, mask=part)


def _exact(
    parts: Parts, metric: DistanceMetric, queries: Float32Matrix, k: int, mask: NDArray[np.bool_] | None
) -> list[Neighbors]:
    """Return the true nearest of all slots in *mask*, with all ties at the k-th distance."""
    index, cosine = parts.index, metric is DistanceMetric.COSINE
    held = index.matrix if index is not None else None
    directions = held is not None and parts.spec.distance_metric is DistanceMetric.COSINE
    if held is None or (directions and not cosine):
        return nearest(metric, queries, _raw(parts, parts.matrix(), metric), k, mask=mask)
    count = len(held)
    if directions:
        head = ScanRows(matrix=held, normalized=True, fetch=parts.vectors.rows)
    else:
        head = _raw(parts, held, metric)
    found = nearest(metric, queries, head, k, mask=None if mask is None else mask[:count])
    if count == len(parts.slots):
        return found
    rest = _raw(parts, parts.matrix()[count:], metric, count)
    tail = nearest(metric, queries, rest, k, mask=None if mask is None else mask[count:])
    return [merged([one, other], k) for one, other in zip(found, tail, strict=True)]


def _raw(parts: Parts, matrix: Float32Matrix, metric: DistanceMetric, first: int = 0) -> ScanRows:
    """Return the raw rows from slot *first* on as a scan wants them: L1 alone needs no norms."""
    norms = None if metric is DistanceMetric.MANHATTAN else parts.norms(first)[: len(matrix)]
    return ScanRows(matrix=matrix, norms=norms, first_slot=first)


def _settled(parts: Parts, found: Neighbors, k: int) -> Neighbors:
    """Return k of *found*, which may hold more that tie at the last place: the smallest ids win."""
    if len(found.slots) <= k:
        return found
    order = top_k(found.distances, parts.table.ids_of(found.slots), k)
    return Neighbors(slots=found.slots[order], distances=found.distances[order])


def _hits(parts: Parts, found: Sequence[Neighbors], projection: Projection) -> list[SearchHits]:
    """Return the documents of all *found* slots, read at once."""
    slots = np.concatenate([one.slots for one in found])
    stored = parts.table.fetch_slots(slots, projection)
    if len(stored.slots) != len(slots):
        missing = set(slots.tolist()) - set(stored.slots)
        raise CorruptStoreError(
            f"{parts.folder}: the documents of the slots {sorted(missing)[:5]} are missing; "
            "restore the collection's folder from a backup"
        )
    rows = stored.rows
    if projection.embedding:
        rows = attrs.evolve(rows, vectors=parts.vectors.rows(slots))
    if len(found) == 1:
        return [SearchHits(rows=rows, distances=found[0].distances)]
    hits, start = [], 0
    for one in found:
        end = start + len(one.slots)
        hits.append(SearchHits(rows=_cut(rows, slice(start, end)), distances=one.distances))
        start = end
    return hits


def _cut(rows: DocumentRows, part: slice) -> DocumentRows:
    return DocumentRows(
        ids=rows.ids[part],
        contents=None if rows.contents is None else rows.contents[part],
        metadatas=None if rows.metadatas is None else rows.metadatas[part],
        vectors=None if rows.vectors is None else rows.vectors[part],
        own=None if rows.own is None else rows.own[part],
        created_at=None if rows.created_at is None else rows.created_at[part],
        updated_at=None if rows.updated_at is None else rows.updated_at[part],
    )
