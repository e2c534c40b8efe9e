"""Which way to search: pure decisions from sizes and costs.

The costs are CPU time of the server, measured on 100,000 vectors of 384 dimensions; only their ratios matter.

**Filtered search.** If the index returns the true nearest rows of the whole collection, then the first k of
them that match a filter are the true answer under that filter, however filter and vectors correlate. So the
index is asked for so many candidates that enough should match, and its answer is taken only if k
do. Where that would be too many, the matching rows are compared exactly.
"""

from __future__ import annotations

from math import ceil

import attrs

__all__ = [
    "INLINE_DIMENSIONS",
    "MOST_EFFORT",
    "IndexFacts",
    "SearchPlan",
    "effort_expression",
    "exact_matches",
    "filtered_plan",
    "scan_seconds",
    "unfiltered_plan",
]

MOST_EFFORT = 1000
"""The largest value of hnsw.ef_search."""

INLINE_DIMENSIONS = 1900
"""Longer vectors lie outside of their rows: see `table_ddl`."""

_SCAN_ROW_SECONDS = 0.25e-6
_SCAN_VALUE_SECONDS = 0.9e-9
_OUTSIDE_VALUE_SECONDS = 3e-9
"""What lies outside of its row is fetched in pieces of 2 KB."""
_MATCH_FACTOR = 3.0
"""A row that a filter's index points to costs so much more than one that is met in order."""
_VISIT_SECONDS = 3e-6
_VISIT_VALUE_SECONDS = 15e-9
"""Each unit of ef_search computes some tens of distances of vectors that are scattered over memory."""
_LIST_FACTOR = 2.0
"""Rows in the lists of an IVF index cost so much more than those that are met in order."""
_ROWS_PER_RESULT = 20
"""IVF must read so many rows for each that it is asked for, or the last ones are not the nearest."""
_FETCH_MARGIN = 2.5
_EFFORT_PER_RESULT = 1.5
_LEAST_EXACT, _MOST_EXACT = 1000, 20_000
"""So few matching rows are always compared exactly, and so many never without need."""
_PATIENCE_SECONDS = 0.3
"""An exact comparison that takes longer is the last resort."""


@attrs.frozen(kw_only=True)
class IndexFacts:
    """What a decision needs to know of an index.

    Attributes:
        kind: `"hnsw"`, `"ivf_flat"`, or `"flat"` for none.
        rows: Documents in the collection, about.
        dimension: Of the vectors.
        effort: ef_search or probes in force.
        lists: Of an IVF index.
    """

    kind: str
    rows: float
    dimension: int
    effort: int = 0
    lists: int = 0

    def effort_for(self, candidates: float) -> int:
        """Return the effort that makes *candidates* be the nearest ones."""
        if self.kind == "hnsw":
            return min(MOST_EFFORT, ceil(candidates))
        probes = ceil(_ROWS_PER_RESULT * candidates * self.lists / max(self.rows, 1.0))
        return min(self.lists, max(self.effort, probes))

    def seconds(self, candidates: float) -> float:
        """Return the estimated cost of asking the index for so many candidates."""
        if self.kind == "hnsw":
            return candidates * (_VISIT_SECONDS + self.dimension * _VISIT_VALUE_SECONDS)
        share = self.effort_for(candidates) / max(self.lists, 1)
        return _LIST_FACTOR * share * scan_seconds(self.rows, self.dimension)


@attrs.frozen(kw_only=True)
class SearchPlan:
    """How to answer queries.

    Attributes:
        exact: Compare every matching row. Otherwise ask the index.
        effort: ef_search or probes.
        iterative: Whether the index goes on where too few of its candidates match; otherwise too few of them
            ask for another answer.
    """

    exact: bool
    effort: int = 0
    iterative: bool = True


_EXACT = SearchPlan(exact=True)


def scan_seconds(rows: float, dimension: int) -> float:
    """Return the estimated cost of comparing *rows* vectors in order."""
    value = _SCAN_VALUE_SECONDS if dimension <= INLINE_DIMENSIONS else _OUTSIDE_VALUE_SECONDS
    return rows * (_SCAN_ROW_SECONDS + dimension * value)


def unfiltered_plan(index: IndexFacts, k: int) -> SearchPlan:
    """Decide between the index and an exact scan of everything, for *k* results.

    A graph that is asked for more than k gives k, unless rows were deleted and are in it still: so it goes on
    only where it must.
    """
    candidates = _EFFORT_PER_RESULT * k
    if index.kind == "hnsw":
        candidates = max(candidates, index.effort)
    if index.kind == "flat" or index.seconds(candidates) > scan_seconds(index.rows, index.dimension):
        return _EXACT
    effort = index.effort_for(candidates)
    return SearchPlan(exact=False, effort=effort, iterative=index.kind != "hnsw" or effort < candidates)


def exact_matches(index: IndexFacts, k: int) -> int:
    """Return up to how many matching rows are compared exactly without another thought, for *k* results."""
    return max(_LEAST_EXACT, min(_MOST_EXACT, ceil(_FETCH_MARGIN * k * index.rows / MOST_EFFORT)))


def filtered_plan(index: IndexFacts, k: int, share: float) -> SearchPlan:
    """Decide between the index and an exact comparison of the matching rows.

    Args:
        index: The index.
        k: Results wanted.
        share: Of all rows, how many match, about: above 0, up to 1.
    """
    matching = share * index.rows
    if index.kind == "flat" or matching <= exact_matches(index, k):
        return _EXACT
    candidates = filtered_candidates(index, k, share)
    exact_seconds = _MATCH_FACTOR * scan_seconds(matching, index.dimension)
    patient = exact_seconds < _PATIENCE_SECONDS
    beyond = index.kind == "hnsw" and candidates > MOST_EFFORT
    if patient and (beyond or index.seconds(candidates) > exact_seconds):
        return _EXACT
    return SearchPlan(exact=False, effort=index.effort_for(candidates), iterative=not patient)


def filtered_candidates(index: IndexFacts, k: int, share: float) -> float:
    """Return of how many nearest rows *k* should match with some to spare."""
    beside = index.effort if index.kind == "hnsw" else k
    return beside + _FETCH_MARGIN * k / share


def effort_expression(index: IndexFacts, k: int, share: str) -> str:
    """Return the effort of `filtered_candidates` as SQL, over the SQL of a share."""
    fixed, margin = filtered_candidates(index, k, 1.0) - _FETCH_MARGIN * k, _FETCH_MARGIN * k
    candidates = f"({fixed} + {margin} / {share})"
    if index.kind == "hnsw":
        return f"least({MOST_EFFORT}, ceil({candidates}))::int"
    factor = _ROWS_PER_RESULT * index.lists / max(index.rows, 1.0)
    return f"least({index.lists}, greatest({index.effort}, ceil({factor:.9f} * {candidates})))::int"
