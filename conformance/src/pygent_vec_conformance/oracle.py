"""The oracle: distances in float64 and answers by brute force, written apart from any store."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import DistanceMetric
from pygent_vec_conformance import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from pygent_vec import VectorDocument, VectorSearchResult

__all__ = ["answer_is_right", "close", "distance", "embeddings", "similarity"]

_TOLERANCE = 1e-5


def distance(metric: DistanceMetric, query: ArrayLike, vector: ArrayLike) -> float:
    """Return the distance of the score table, with exactly rounded sums of float64 products."""
    q = np.asarray(query, dtype=np.float32).astype(np.float64).tolist()
    v = np.asarray(vector, dtype=np.float32).astype(np.float64).tolist()
    dot = math.fsum(a * b for a, b in zip(q, v, strict=True))
    if metric is DistanceMetric.DOT_PRODUCT:
        return -dot
    if metric is DistanceMetric.EUCLIDEAN:
        return math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(q, v, strict=True)))
    if metric is DistanceMetric.MANHATTAN:
        return math.fsum(abs(a - b) for a, b in zip(q, v, strict=True))
    return 1.0 - dot / (math.hypot(*q) * math.hypot(*v))


def similarity(metric: DistanceMetric, far: float) -> float:
    """Return the similarity score of the score table for a distance."""
    if metric is DistanceMetric.COSINE:
        return 1.0 - far
    return -far if metric is DistanceMetric.DOT_PRODUCT else 1.0 / (1.0 + far)


def close(left: float, right: float) -> bool:
    """Return whether two scores agree within the contract's tolerance."""
    return abs(left - right) <= _TOLERANCE * max(1.0, abs(left), abs(right))


def embeddings(documents: Sequence[VectorDocument]) -> dict[str, ArrayLike]:
    """Return the vectors of *documents* by id."""
    return {one.id: one.embedding for one in documents if one.embedding is not None}


def answer_is_right(
    results: Sequence[VectorSearchResult],
    vectors: Mapping[str, ArrayLike],
    metric: DistanceMetric,
    query: ArrayLike,
    limit: int,
    *,
    offset: int = 0,
    threshold: float | None = None,
    note: str = "",
) -> None:
    """Check a whole answer against the vectors of all documents that match.

    Unique ids, none that should not match, exactly as many as there must be, every score right, in order,
    ties by id, and nothing nearer left out.

    Raises:
        Violation: something is wrong.
    """
    truth = {one: distance(metric, query, vector) for one, vector in vectors.items()}
    ids = [one.document.id for one in results]
    expect.equal(len(set(ids)), len(ids), f"different ids among the results{note}")
    ghosts = sorted(set(ids) - set(truth))
    expect.that(not ghosts, f"results that do not match, or do not exist{note}: {ghosts[:5]}")
    _count_is_right(len(results), truth, metric, limit, offset, threshold, note)
    _scores_are_right(results, truth, metric, offset, note)
    if results and not offset:
        worst = truth[ids[-1]]
        nearer = [
            one for one, far in truth.items() if far < worst and not close(far, worst) and one not in ids
        ]
        expect.that(not nearer, f"nearer documents were left out{note}: {nearer[:5]} of {len(truth)}")


def _count_is_right(
    count: int,
    truth: Mapping[str, float],
    metric: DistanceMetric,
    limit: int,
    offset: int,
    threshold: float | None,
    note: str,
) -> None:
    def passing(test: Callable[[float], bool]) -> int:
        return max(0, min(limit, sum(test(similarity(metric, far)) for far in truth.values()) - offset))

    if threshold is None:
        expect.equal(count, passing(lambda _: True), f"the number of results{note}")
        return
    least = passing(lambda score: score >= threshold and not close(score, threshold))
    most = passing(lambda score: score >= threshold or close(score, threshold))
    expect.that(
        least <= count <= most, f"{count} results{note}; between {least} and {most} are above the threshold"
    )


def _scores_are_right(
    results: Sequence[VectorSearchResult],
    truth: Mapping[str, float],
    metric: DistanceMetric,
    offset: int,
    note: str,
) -> None:
    before = (-math.inf, "")
    for place, result in enumerate(results):
        one, far = result.document.id, truth[result.document.id]
        expect.equal(result.rank, offset + place + 1, f"the rank of {one!r}{note}")
        expect.that(
            close(result.distance, far),
            f"the distance of {one!r}{note} is {result.distance!r}; it is {far!r}",
        )
        score = similarity(metric, far)
        seen = result.similarity_score
        expect.that(close(seen, score), f"the similarity_score of {one!r}{note} is {seen!r}; it is {score!r}")
        here = (result.distance, one)
        expect.that(
            before <= here,
            f"{one!r} at {result.distance!r} stands after {before[1]!r} at {before[0]!r}{note}",
        )
        before = here
