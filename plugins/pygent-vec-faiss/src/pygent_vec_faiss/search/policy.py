"""Which way to search, and which index to keep: pure decisions from sizes and costs.

The costs are of one core, measured on 100,000 and 1,000,000 vectors of 128 and 384 dimensions; only their
ratios matter.

**Filtered search.** If the approximate index returns the true nearest slots of the whole collection, then
the first k of them that match a filter are the true answer under that filter, however the filter correlates
with the vectors. So the index is asked *without* the filter for enough slots that k should match, and the
answer is taken only if k do match well before the end of the list, where recall is lower; otherwise the
matching rows are scanned exactly. A selector inside of the index would prefer reachable rows to near ones
where filter and vectors correlate.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pygent_vec.model import Float32Vector, Int64Vector

__all__ = [
    "SearchPlan",
    "accepted",
    "auto_kind",
    "default_links",
    "indexable",
    "nlist_for",
    "plan_search",
    "room_for",
    "scan_seconds",
    "training_rows",
    "widened",
]

_SCAN_ROW_SECONDS = 5e-9
_SCAN_VALUE_SECONDS = 0.3e-9
"""Reading a float32 from memory at about 14 GB/s."""
_GATHER_FACTOR = 2.0
_VISIT_SECONDS = 1.5e-6
_VISIT_VALUE_SECONDS = 6e-9
"""Each unit of ef_search computes some tens of distances of vectors that are scattered over memory."""
_EXACT_ROWS = 10_000
"""So few matching rows are always scanned: it costs at most a few milliseconds, and the answer is exact."""
_FETCH_MARGIN = 2.5
_TRUSTED_SHARE = 0.7
"""The index misses more of the slots at the end of its list, so k must match within this share of it."""
_MAX_FETCH = 4096
_TIED_FACTOR, _TIED_LEAST = 8, 64
_EFFORT_PER_RESULT = 3
_ROWS_PER_RESULT = 20
"""IVF must read so many rows for each slot that it is asked for, or the last ones are not the nearest."""

_AUTO_ROWS = 10_000
_AUTO_SCAN_SECONDS = 2e-3
_BUILD_ROW_SECONDS = 150e-6
_BUILD_VALUE_SECONDS = 0.7e-6
_BUILD_BUDGET_SECONDS = 3600.0

_ROWS_PER_LIST = 39
_LARGEST_NORM = 1e17
_SMALLEST_NORM = 1e-15


@attrs.frozen(kw_only=True)
class SearchPlan:
    """How to answer one query.

    Attributes:
        exact: Scan the matching rows. Otherwise ask the index for `fetch` slots, without the filter.
        fetch: How many slots to ask for.
        effort: The ef_search or nprobe to ask with.
    """

    exact: bool
    fetch: int = 0
    effort: int = 0


def scan_seconds(rows: int, dimension: int) -> float:
    """Return the estimated cost of an exact scan of *rows* vectors in order."""
    return rows * (_SCAN_ROW_SECONDS + dimension * _SCAN_VALUE_SECONDS)


def plan_search(
    *,
    alive: int,
    matching: int,
    dimension: int,
    k: int,
    kind: str,
    effort: int,
    metric: DistanceMetric = DistanceMetric.COSINE,
) -> SearchPlan:
    """Decide between the index and an exact scan.

    Args:
        alive: Documents in the collection.
        matching: Documents that match the filter; *alive* without a filter.
        dimension: Of the vectors.
        k: Results wanted, offset included.
        kind: The index kind: `"flat"`, `"hnsw"` or `"ivf_flat"`.
        effort: ef_search or nprobe in force.
        metric: Of the collection.
    """
    filtered = matching < alive
    if kind == "flat" or matching <= k or (filtered and matching <= _EXACT_ROWS):
        return SearchPlan(exact=True)
    fetch = ceil(_FETCH_MARGIN * k * alive / matching) + k if filtered else k
    if fetch > _MAX_FETCH and filtered:
        return SearchPlan(exact=True)
    if kind == "hnsw":
        deep = 4 if metric is DistanceMetric.DOT_PRODUCT else 2
        effort = effort + deep * fetch if filtered else max(effort, _EFFORT_PER_RESULT * k)
        cost = effort * (_VISIT_SECONDS + dimension * _VISIT_VALUE_SECONDS)
    else:
        lists = nlist_for(alive)
        effort = max(effort, ceil(_ROWS_PER_RESULT * fetch * lists / alive))
        cost = scan_seconds(effort * alive // lists, dimension)
    if cost > scan_seconds(matching, dimension) * (_GATHER_FACTOR if filtered else 1.0):
        return SearchPlan(exact=True)
    return SearchPlan(exact=False, fetch=fetch, effort=effort)


def widened(plan: SearchPlan, kind: str) -> SearchPlan:
    """Return how to look for documents that tie at the last place of what *plan* found."""
    fetch = max(plan.fetch, min(_TIED_FACTOR * plan.fetch + _TIED_LEAST, _MAX_FETCH))
    return attrs.evolve(plan, fetch=fetch, effort=max(plan.effort, fetch) if kind == "hnsw" else plan.effort)


def accepted(found: Int64Vector, mask: NDArray[np.bool_], k: int) -> Int64Vector | None:
    """Return those of the *found* slots that match, or None if the answer cannot be trusted.

    Args:
        found: Slots of the whole collection, nearest first, as the index returned them for one query.
        mask: bool `[slots]`, the matching rows.
        k: Results wanted.

    Returns:
        At least *k* slots, nearest first; None asks for an exact scan.
    """
    if len(found) and found[-1] < 0:  # the index ran out of slots that it could reach
        return None
    matching = mask[found]
    if np.count_nonzero(matching[: int(_TRUSTED_SHARE * len(found))]) < k:
        return None
    return found[matching]


def auto_kind(
    *, alive: int, dimension: int, build_budget: float = _BUILD_BUDGET_SECONDS, slowness: float = 1.0
) -> str:
    """Return the index kind for a collection that left the choice open.

    Flat while an exact scan is cheap, then HNSW, and IVF where building HNSW would take very long.

    Args:
        alive: Documents in the collection.
        dimension: Of the vectors.
        build_budget: CPU seconds that HNSW may take to build.
        slowness: What a scan was measured to cost here, divided by `scan_seconds`.
    """
    if alive < _AUTO_ROWS or slowness * scan_seconds(alive, dimension) < _AUTO_SCAN_SECONDS:
        return "flat"
    build = slowness * alive * (_BUILD_ROW_SECONDS + dimension * _BUILD_VALUE_SECONDS)
    return "hnsw" if build <= build_budget else "ivf_flat"


def indexable(norms: Float32Vector) -> bool:
    """Return whether float32 distances of vectors with these L2 *norms* neither overflow nor all vanish.

    Otherwise the collection, or the query, must be answered by exact scans.
    """
    if not len(norms):
        return True
    largest = float(norms.max())
    return _SMALLEST_NORM < largest < _LARGEST_NORM


def default_links(metric: DistanceMetric) -> int:
    """Return the `m` of a graph whose options leave it open.

    Inner products of vectors of many lengths need more links: recall@100 was 0.74 with 16 and 0.92 with 32.
    """
    return 32 if metric is DistanceMetric.DOT_PRODUCT else 16


def nlist_for(slots: int) -> int:
    """Return the number of IVF lists for a collection of *slots* vectors."""
    return max(1, min(ceil(4 * sqrt(slots)), slots // _ROWS_PER_LIST))


def training_rows(nlist: int) -> int:
    """Return how many vectors train *nlist* lists."""
    return nlist * _ROWS_PER_LIST


def room_for(slots: int) -> int:
    """Return the capacity to reserve for *slots* slots: an eighth more, so that growing rarely copies."""
    return slots + slots // 8 + 1024
