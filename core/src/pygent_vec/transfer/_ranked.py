"""Whether two collections answer the same searches alike."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from pygent_vec.model import VectorQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import VectorStore
    from pygent_vec.filters import Filter
    from pygent_vec.model import Float32Vector, VectorBatch, VectorSearchResult

__all__ = ["Sample", "alike", "misranked"]

_QUERIES = 20
_HITS = 10
_TOLERANCE = 1e-5
"""The contract's, between two backends' distances."""


class Sample:
    """Documents chosen at random from a stream, each as likely as any other (Vitter's algorithm R, 1985)."""

    def __init__(self) -> None:
        self._random = Random(0)  # noqa: S311  # a sample, no secret
        self._seen = 0
        self.chosen: list[tuple[str, Float32Vector]] = []

    def offer(self, batch: VectorBatch) -> None:
        """Consider the documents of a batch."""
        for place, one in enumerate(batch.ids):
            self._seen += 1
            if len(self.chosen) < _QUERIES:
                self.chosen.append((one, batch.vectors[place].copy()))
            elif (slot := self._random.randrange(self._seen)) < _QUERIES:
                self.chosen[slot] = (one, batch.vectors[place].copy())


async def misranked(
    left: tuple[VectorStore, str], right: tuple[VectorStore, str], sample: Sample, where: Filter | None
) -> list[str]:
    """Return the sampled documents by whose vector two collections rank differently, compared exactly.

    Args:
        left: A store and its collection.
        right: The other ones.
        sample: Whose vectors are the queries.
        where: The filter of the searches.
    """
    answers = []
    for store, collection in (left, right):
        queries = [
            VectorQuery(
                query_vector=vector,
                collection=collection,
                limit=_HITS,
                metadata_filter=where,
                include_content=False,
                include_metadata=False,
                exact=True,
            )
            for _, vector in sample.chosen
        ]
        answers.append(await store.search_many(queries))
    rows = zip(sample.chosen, *answers, strict=True)
    return [one for (one, _), here, there in rows if not alike(here, there)]


def alike(left: Sequence[VectorSearchResult], right: Sequence[VectorSearchResult]) -> bool:
    """Return whether two ranked answers are the same, but for the order of documents equally near.

    Documents that are as near as the last one may also stand behind the end of the other answer.
    """
    if len(left) != len(right):
        return False
    if not all(_near(one.distance, two.distance) for one, two in zip(left, right, strict=True)):
        return False
    return _found(left, right) and _found(right, left)


def _found(these: Sequence[VectorSearchResult], those: Sequence[VectorSearchResult]) -> bool:
    distances = {one.document.id: one.distance for one in those}
    return all(_near(one.distance, distances.get(one.document.id, those[-1].distance)) for one in these)


def _near(one: float, two: float) -> bool:
    return abs(one - two) <= _TOLERANCE * max(1.0, abs(one), abs(two))
