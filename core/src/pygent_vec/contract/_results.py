"""What a search returns: its hits in order, scored, from the first to the last that the query wants."""

from __future__ import annotations

from itertools import count, repeat
from operator import itemgetter
from typing import TYPE_CHECKING

import attrs

from pygent_vec.model import new_result, similarity_from_distance

if TYPE_CHECKING:
    from pygent_vec.contract._planning import QueryPlan
    from pygent_vec.contract._requests import Found, SearchHits
    from pygent_vec.model import VectorSearchResult

__all__ = ["results_of", "results_of_documents"]

_NEARNESS = itemgetter(0, 1)


def results_of(plan: QueryPlan, hits: SearchHits, store: str) -> list[VectorSearchResult]:
    """Return the ordered, thresholded and cut results of one query."""
    shape, rows, distances = plan.shape, hits.rows, hits.distances.tolist()
    scores = similarity_from_distance(shape.metric, hits.distances).tolist()
    ids, threshold = rows.ids, plan.threshold
    nearest = sorted(zip(distances, ids, range(len(ids)), strict=True))
    order = [row for _, _, row in nearest[: plan.needed]]
    if threshold is not None:
        order = [row for row in order if scores[row] >= threshold]
    del order[: plan.offset]
    if shape.for_residual:
        rows = attrs.evolve(rows, metadatas=None, own=None, created_at=None, updated_at=None)
    documents = rows.documents(order, shape.spec.name)
    ranks = count(plan.offset + 1)
    numbers = (map(scores.__getitem__, order), map(distances.__getitem__, order), ranks)
    return [*map(new_result, documents, *numbers, repeat(store))]


def results_of_documents(plan: QueryPlan, found: list[Found], store: str) -> list[VectorSearchResult]:
    """Return what `results_of` would, where the hits are documents already; *found* is put in order.

    A score falls as the distance rises, so that the first one below the threshold ends the results.
    """
    found.sort(key=_NEARNESS)
    metric, threshold, results = plan.shape.metric, plan.threshold, []
    for rank, (distance, _, document) in enumerate(found[plan.offset : plan.needed], plan.offset + 1):
        score = similarity_from_distance(metric, distance)
        if threshold is not None and score < threshold:
            break
        results.append(new_result(document, score, distance, rank, store))
    return results
