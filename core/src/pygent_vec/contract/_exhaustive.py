"""The last resort of a search: every document that matches, compared one page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._requests import SearchHits
from pygent_vec.contract._rows import matching_rows
from pygent_vec.model import DocumentRows, distances_to, top_k

if TYPE_CHECKING:
    from pygent_vec.contract._planning import QueryPlan

__all__ = ["exhaustive_hits"]

_PAGE = 1000


async def exhaustive_hits(primitives: Primitives, plan: QueryPlan) -> SearchHits:
    """Return the exact answer of *plan* by scanning what the pushed filter lets through.

    Memory is constant: one page, and the best `plan.needed` rows so far.
    """
    projection = attrs.evolve(plan.shape.projection, embedding=True)
    best: SearchHits | None = None
    after: str | None = None
    while True:
        page = await settle(primitives._scan(plan.shape.spec, after, _PAGE, plan.shape.pushed, projection))
        keep = range(len(page)) if plan.shape.residual is None else matching_rows(plan.shape.residual, page)
        best = _better(plan, best, page.take(keep))
        if len(page) < _PAGE:
            break
        after = page.ids[-1]
    if plan.shape.projection.embedding:
        return best
    return SearchHits(rows=attrs.evolve(best.rows, vectors=None), distances=best.distances)


def _better(plan: QueryPlan, best: SearchHits | None, page: DocumentRows) -> SearchHits:
    """Return the nearest rows of what was best so far and one more page."""
    if page.vectors is None:
        raise TypeError("a backend's _scan left out the vectors that it was asked for")
    distances = distances_to(plan.shape.metric, plan.vector, page.vectors)
    rows = page
    if best is not None:
        rows = best.rows.joined(page)
        distances = np.concatenate([best.distances, distances])
    order = top_k(distances, list(rows.ids), plan.needed)
    return SearchHits(rows=rows.take(order), distances=distances[np.array(order, dtype=np.intp)])
