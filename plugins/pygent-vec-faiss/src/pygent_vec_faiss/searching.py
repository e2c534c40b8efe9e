"""How a collection is searched: the index for the bulk, exact scans for the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract import SearchHits
from pygent_vec.errors import CorruptStoreError
from pygent_vec.model import DistanceMetric, DocumentRows, distances_to, top_k
from pygent_vec_faiss.search.library import faiss
from pygent_vec_faiss.search.policy import accepted, indexable, plan_search, widened
from pygent_vec_faiss.search.scan import Neighbors, ScanRows, merged, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pygent_vec.contract import SearchRequest
    from pygent_vec.model import Float32Matrix, Float32Vector, Int64Vector, Projection
    from pygent_vec_faiss.parts import Parts
    from pygent_vec_faiss.search.index import AnnIndex
    from pygent_vec_faiss.search.policy import SearchPlan

__all__ = ["search"]

_GROUP = 128
"""Queries of a batch that are searched while the last ones are finished."""
_READ_ROWS = 4096
"""Documents read at once for the hits of a batch: the more, the more of them share a page."""
_BLOCK_ROWS = 256
"""Rows gathered at once to score the hits of a batch."""


def search(parts: Parts, request: SearchRequest) -> list[SearchHits]:
    """Return the hits of each query. For a holder of the shared lock."""
    mask = parts.mask(request.pushed)
    matching = len(parts.slots) if mask is None else int(np.count_nonzero(mask))
    k = min(request.k, matching)
    if not k:
        nothing = Neighbors(slots=np.empty(0, np.int64), distances=np.empty(0))
        return _hits(parts, [nothing] * len(request.vectors), request.projection)
    walk = _walk(parts, request, mask, matching, k)
    if walk is None:
        found = _exact(parts, request.metric, request.vectors, k, mask)
        return _hits(parts, [_settled(parts, one, k) for one in found], request.projection)
    hits: list[SearchHits] = []
    near: list[Neighbors] = []
    for queries, slots in walk.found(request.vectors):
        near += [_settled(parts, one, k) for one in walk.neighbors(queries, slots)]
        if len(near) * k >= _READ_ROWS:
            hits += _hits(parts, near, request.projection)
            near = []
    return hits + _hits(parts, near, request.projection) if near else hits


def _walk(
    parts: Parts, request: SearchRequest, mask: NDArray[np.bool_] | None, matching: int, k: int
) -> _Walk | None:
    """Return how to search through the index; None where a scan is the better way."""
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
    return _Walk(
        parts=parts,
        index=index,
        metric=request.metric,
        plan=plan,
        k=k,
        mask=mask,
        filtered=request.pushed is not None,
    )


@attrs.frozen(kw_only=True, eq=False)
class _Walk:
    """A search through the index, exact where that falls short.

    Attributes:
        parts: The collection.
        index: Its index.
        metric: Its metric.
        plan: How far to look.
        k: How many neighbors each query gets; so many match.
        mask: The matching slots; None for all.
        filtered: Whether a filter has a say in `mask`, or only deletions.
    """

    parts: Parts
    index: AnnIndex
    metric: DistanceMetric
    plan: SearchPlan
    k: int
    mask: NDArray[np.bool_] | None
    filtered: bool

    def found(self, queries: Float32Matrix) -> Iterator[tuple[Float32Matrix, NDArray[np.int64]]]:
        """Yield the queries `[q, d]` in groups, each with what the index finds, `[q, m]`.

        While the caller works on one group, the index is asked for the next.
        """
        # Without a filter one slot more than wanted shows whether the last place is tied; some more make up
        # for an index that holds the vectors rounded.
        spare = 1 + (2 + self.k // 10 if self.index.lossy else 0)
        fetch = self.plan.fetch if self.filtered else self.k + spare
        if len(queries) < 2 * _GROUP:
            yield queries, self._asked(queries, fetch, self.plan.effort)
            return
        groups = [queries[start : start + _GROUP] for start in range(0, len(queries), _GROUP)]
        threads = (faiss.omp_get_max_threads(),)  # a setting of the thread
        with ThreadPoolExecutor(1, "pygent-vec-faiss", faiss.omp_set_num_threads, threads) as ahead:
            answers = [ahead.submit(self._asked, group, fetch, self.plan.effort) for group in groups]
            for group, answer in zip(groups, answers, strict=True):
                yield group, answer.result()

    def neighbors(self, queries: Float32Matrix, slots: NDArray[np.int64]) -> list[Neighbors]:
        """Return the neighbors of each query `[q, d]`, given what `found` gave with it."""
        if self.filtered or self.index.count < len(self.parts.slots):
            return self._mixed(queries, slots)
        return self._plain(queries, slots)

    def _asked(self, queries: Float32Matrix, fetch: int, effort: int) -> NDArray[np.int64]:
        return self.index.search(queries, fetch, effort=effort, selector=self.parts.selector())

    def _plain(self, queries: Float32Matrix, slots: NDArray[np.int64]) -> list[Neighbors]:
        """Return the nearest of *slots* `[q, k + 1]`, where neither a filter nor a tail has a say.

        A query whose list is short, or whose last place is tied, goes the longer way.
        """
        k, distances = self.k, self._distances(queries, slots)
        rows, order = np.arange(len(queries))[:, np.newaxis], distances.argsort(axis=1, kind="stable")
        ordered, near = distances[rows, order], slots[rows, order[:, :k]]
        sure = (slots[:, -1] >= 0) & (ordered[:, k] > ordered[:, k - 1])
        answers = []
        for row, plain in enumerate(sure.tolist()):
            if plain:
                answers.append(Neighbors(slots=near[row], distances=ordered[row, :k]))
            else:
                answers += self._mixed(queries[row : row + 1], slots[row : row + 1])
        return answers

    def _distances(self, queries: Float32Matrix, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the distance of each query to each of its *slots* `[q, m]`; anything where a slot is -1."""
        count, width = slots.shape
        slots = np.maximum(slots, 0)
        distances = np.empty(slots.shape)
        step = max(1, _BLOCK_ROWS // width)
        for start in range(0, count, step):
            part = slice(start, start + step)
            rows = self.parts.raw_rows(slots[part].ravel()).reshape(-1, width, queries.shape[1])
            distances[part] = distances_to(self.metric, queries[part], rows)
        return distances

    def _mixed(self, queries: Float32Matrix, slots: NDArray[np.int64]) -> list[Neighbors]:
        """Return the nearest of the index's *slots* `[q, m]` and of the tail that the index lacks."""
        answers = []
        for query, found, tail in zip(queries, slots, self._tail(queries), strict=True):
            best = self._combined(query, found, tail)
            if best is not None and len(best.slots) > self.k and not self.filtered:
                best = self._tied(query, tail) or best
            answers.append(best or _exact(self.parts, self.metric, query[np.newaxis], self.k, self.mask)[0])
        return answers

    def _tied(self, query: Float32Vector, tail: Neighbors | None) -> Neighbors | None:
        """Look further for the documents that tie at the last place, so that the smallest ids of them win."""
        plan = widened(self.plan, self.index.kind)
        return self._combined(query, self._asked(query[np.newaxis], plan.fetch, plan.effort)[0], tail)

    def _combined(self, query: Float32Vector, slots: Int64Vector, tail: Neighbors | None) -> Neighbors | None:
        """Return the k nearest among the index's slots and the tail; None if they are too few to be sure."""
        if self.filtered and self.mask is not None:
            kept = accepted(slots, self.mask, self.k)
        else:
            kept = slots[slots >= 0]
        if kept is None or (tail is None and len(kept) < self.k):
            return None
        found = Neighbors(slots=kept, distances=distances_to(self.metric, query, self.parts.raw_rows(kept)))
        best = merged([found] if tail is None else [found, tail], self.k)
        return best if len(best.slots) >= self.k else None

    def _tail(self, queries: Float32Matrix) -> Sequence[Neighbors | None]:
        """Return the nearest of the slots that are not in the index yet, for each query."""
        parts, first = self.parts, self.index.count
        if first == len(parts.slots):
            return [None] * len(queries)
        part = None if self.mask is None else self.mask[first:]
        return nearest(self.metric, queries, _mapped(parts, self.metric, first), self.k, mask=part)


def _lengths(queries: Float32Matrix) -> Float32Vector:
    """Return the L2 norms of *queries* well enough to tell whether float32 can hold their distances."""
    with np.errstate(over="ignore", under="ignore"):
        squares: Float32Vector = np.einsum("ij,ij->i", queries, queries)
        return np.sqrt(squares)


def _exact(
    parts: Parts, metric: DistanceMetric, queries: Float32Matrix, k: int, mask: NDArray[np.bool_] | None
) -> list[Neighbors]:
    """Return the true nearest of all slots in *mask*, with all ties at the k-th distance."""
    index = parts.index
    held = index.matrix if index is not None else None
    if held is None:
        return nearest(metric, queries, _mapped(parts, metric), k, mask=mask)
    count = len(held)
    head = ScanRows(matrix=held, norms=_norms(parts, metric, count))
    found = nearest(metric, queries, head, k, mask=None if mask is None else mask[:count])
    if count == len(parts.slots):
        return found
    rest = _mapped(parts, metric, count)
    tail = nearest(metric, queries, rest, k, mask=None if mask is None else mask[count:])
    return [merged([one, other], k) for one, other in zip(found, tail, strict=True)]


def _mapped(parts: Parts, metric: DistanceMetric, first: int = 0) -> ScanRows:
    """Return the raw rows from slot *first* on, from the map of their file."""
    # Where an index holds the vectors in memory, what a scan maps of them should not stay there too.
    release = None if parts.index is None else parts.vectors.release
    matrix, norms = parts.matrix()[first:], _norms(parts, metric, len(parts.slots), first)
    fetch = None if release is None else parts.vectors.rows
    return ScanRows(matrix=matrix, norms=norms, first_slot=first, release=release, fetch=fetch)


def _norms(parts: Parts, metric: DistanceMetric, stop: int, first: int = 0) -> Float32Vector | None:
    """Return the norms of the slots `[first, stop)`; L1 needs none."""
    return None if metric is DistanceMetric.MANHATTAN else parts.norms(first)[: stop - first]


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
