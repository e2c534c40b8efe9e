"""One ranked list out of several: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.manager._reports import FusedResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.model import VectorSearchResult

__all__ = ["RRF_K", "by_rank", "by_score"]

RRF_K = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""


def by_score(answers: Mapping[str, Sequence[VectorSearchResult]], *, deduplicate: bool) -> list[FusedResult]:
    """Return all results by distance, ties by id and store; with *deduplicate*, the nearest of each id."""
    everything = [result for results in answers.values() for result in results]
    everything.sort(key=lambda result: (result.distance, result.document.id, result.store))
    if deduplicate:
        nearest: dict[str, VectorSearchResult] = {}
        for result in everything:
            nearest.setdefault(result.document.id, result)
        everything = list(nearest.values())
    return [_fused(result, rank, result.similarity_score) for rank, result in enumerate(everything, start=1)]


def by_rank(
    answers: Mapping[str, Sequence[VectorSearchResult]], *, deduplicate: bool, k: int = RRF_K
) -> list[FusedResult]:
    """Return all results by reciprocal rank: each place `r` of a list gives `1 / (k + r)`.

    With *deduplicate* an id has the sum of its places, and is shown as the store has it that ranks it
    highest; the first of these by name.
    """
    best: dict[tuple[str, str], VectorSearchResult] = {}
    scores: dict[tuple[str, str], float] = {}
    for store in sorted(answers):
        for place, result in enumerate(answers[store], start=1):
            key = (result.document.id, "" if deduplicate else store)
            scores[key] = scores.get(key, 0.0) + 1 / (k + place)
            if key not in best or result.rank < best[key].rank:
                best[key] = result
    order = sorted(best, key=lambda key: (-scores[key], key[0], best[key].store))
    return [_fused(best[key], rank, scores[key]) for rank, key in enumerate(order, start=1)]


def _fused(result: VectorSearchResult, rank: int, score: float) -> FusedResult:
    return FusedResult(
        document=result.document,
        similarity_score=result.similarity_score,
        distance=result.distance,
        rank=rank,
        store=result.store,
        fused_score=score,
        store_rank=result.rank,
    )
