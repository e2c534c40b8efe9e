"""The last resort of a search: every document that matches, compared one page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._requests import SearchHits
from pygent_vec.contract._rows import matching_rows, taken
from pygent_vec.model import DocumentRows, distances_to, top_k

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        best = _better(plan, best, taken(page, list(keep)))
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
        rows = _joined(best.rows, page)
        distances = np.concatenate([best.distances, distances])
    order = top_k(distances, list(rows.ids), plan.needed)
    return SearchHits(rows=taken(rows, order), distances=distances[np.array(order, dtype=np.intp)])


def _joined(first: DocumentRows, second: DocumentRows) -> DocumentRows:
    columns: dict[str, Sequence[object] | None] = {}
    for field in attrs.fields(DocumentRows):
        left, right = getattr(first, field.name), getattr(second, field.name)
        if left is None and right is None:
            columns[field.name] = None
        elif field.name == "vectors":
            columns[field.name] = np.concatenate([left, right])  # type: ignore[assignment]
        else:
            columns[field.name] = [*_filled(left, len(first)), *_filled(right, len(second))]
    return DocumentRows(**columns)  # type: ignore[arg-type]  # each column keeps its type


def _filled(column: Sequence[object] | None, rows: int) -> Sequence[object]:
    """Return a column, with empty own fields where none of the rows has any."""
    return [(None,) * 5] * rows if column is None else column
