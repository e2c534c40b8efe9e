"""Mutants whose searches leave out, add, mix up or misname results."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from pygent_vec.contract import SearchHits
from pygent_vec.model import Projection

from .mutant import Broken
from .scores import Scoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec import DistanceMetric, VectorQuery, VectorSearchResult
    from pygent_vec.contract import SearchRequest
    from pygent_vec.model import CollectionSpec


def kept(hits: SearchHits, rows: Sequence[int]) -> SearchHits:
    """Return some of *hits*, by position."""
    columns: dict[str, Any] = {}
    for field in attrs.fields(type(hits.rows)):
        column = getattr(hits.rows, field.name)
        if isinstance(column, np.ndarray):
            columns[field.name] = column[list(rows)]
        else:
            columns[field.name] = None if column is None else [column[row] for row in rows]
    return SearchHits(rows=type(hits.rows)(**columns), distances=hits.distances[list(rows)])


class PostFilterWithoutRefetch(Broken):
    """FAISS wrappers: 100 of 1000 documents match, k = 5: 0 results."""

    breaks: ClassVar = ("VS-143", "VS-281")

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        if request.pushed is None:
            return super()._search(spec, request)
        everything = super()._search(spec, attrs.evolve(request, pushed=None))
        fits = set(super()._scan(spec, None, 1_000_000, request.pushed, Projection(content=False)).ids)
        return [
            kept(hits, [row for row, one in enumerate(hits.rows.ids) if one in fits]) for hits in everything
        ]


class ResultsCappedAtForty(Broken):
    """pgvector HNSW through five frameworks, k = 200: 40 results, the default ef_search."""

    breaks: ClassVar = ("VS-143", "VS-281", "VS-130")

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        return super()._search(spec, attrs.evolve(request, k=min(request.k, 40)))


class ResultsCappedAtAThousand(Broken):
    """A server's limit on top-k, applied without a word."""

    breaks: ClassVar = ("VS-143", "VS-281", "VS-130")

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        return super()._search(spec, attrs.evolve(request, k=min(request.k, 1000)))


class OneResultTooFew(Broken):
    """k - 1 where the nearest neighbour is thought to be the query itself."""

    breaks: ClassVar = ("VS-143",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        return [kept(hits, range(max(1, len(hits.rows) - 1))) for hits in super()._search(spec, request)]


class ItsOwnVectorLeftOut(Broken):
    """Recommenders that leave the perfect match out."""

    breaks: ClassVar = ("VS-143", "VS-140", "VS-260")

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        found = super()._search(spec, attrs.evolve(request, k=request.k + 1))
        answers = []
        for hits in found:
            rows = [row for row in range(len(hits.rows)) if hits.distances[row] != 0]
            answers.append(kept(hits, rows[: request.k]))
        return answers


class DuplicatesFoundOnce(Broken):
    """Deduplicated by vector: equal documents under several ids are one."""

    breaks: ClassVar = ("VS-143", "VS-140", "VS-281")

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        wide = attrs.evolve(request, projection=attrs.evolve(request.projection, embedding=True))
        answers = []
        for hits in super()._search(spec, wide):
            first: dict[bytes, int] = {}
            for row, vector in enumerate(hits.rows.vectors if hits.rows.vectors is not None else ()):
                first.setdefault(vector.tobytes(), row)
            found = kept(hits, list(first.values()))
            if not request.projection.embedding:
                found = attrs.evolve(found, rows=attrs.evolve(found.rows, vectors=None))
            answers.append(found)
        return answers


class _Tied(Scoring):
    """The base of stores whose ties at the last place go to others than the smallest ids."""

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return right

    def _nearest(self, request: SearchRequest, query: np.ndarray, hits: SearchHits) -> SearchHits:
        order = sorted(
            range(len(hits.rows)), key=lambda row: (hits.distances[row], self.place(hits.rows.ids[row]))
        )
        found = kept(hits, order[: request.k])
        if request.projection.embedding:
            return found
        return attrs.evolve(found, rows=attrs.evolve(found.rows, vectors=None))

    def place(self, one: str) -> object:
        """Return what ties are ordered by."""
        raise NotImplementedError


class TiesByAge(_Tied):
    """Every index: ties come as they were inserted."""

    breaks: ClassVar = ("VS-140",)

    def place(self, one: str) -> object:
        return [list(found.records).index(one) for found in self._data.values() if one in found.records]


class TiesLastIdFirst(_Tied):
    """A heap whose comparison is the other way round."""

    breaks: ClassVar = ("VS-140",)

    def place(self, one: str) -> object:
        return [-ord(character) for character in one]


class TiesWithoutCase(_Tied):
    """A database whose collation ignores case."""

    breaks: ClassVar = ("VS-140",)

    def place(self, one: str) -> object:
        return (one.lower(), one.swapcase())


class TiesByUtf16(_Tied):
    """Languages whose strings are UTF-16: code points beyond 65,535 sort before U+E000."""

    breaks: ClassVar = ("VS-140",)

    def place(self, one: str) -> object:
        return one.encode("utf-16-be")


class IncludeFlagsIgnored(Broken):
    """Everything is always fetched."""

    breaks: ClassVar = ("VS-133",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        return super()._search(spec, attrs.evolve(request, projection=Projection(embedding=True)))


class EmbeddingNeverIncluded(Broken):
    """include_embedding is an argument that nobody reads."""

    breaks: ClassVar = ("VS-133",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        projection = attrs.evolve(request.projection, embedding=False)
        return super()._search(spec, attrs.evolve(request, projection=projection))


class WithoutMetadataNoFilter(Broken):
    """Metadata that was not fetched cannot be filtered, so nothing is."""

    breaks: ClassVar = ("VS-133",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        pushed = request.pushed if request.projection.metadata else None
        return super()._search(spec, attrs.evolve(request, pushed=pushed))


class OwnFieldsLostWithoutContent(Broken):
    """One SELECT for content and own fields: without the one the others are gone too."""

    breaks: ClassVar = ("VS-133",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        found = super()._search(spec, request)
        if request.projection.content:
            return found
        return [attrs.evolve(hits, rows=attrs.evolve(hits.rows, own=None)) for hits in found]


class FirstQueryAnswersAll(Broken):
    """A batch of queries is answered by its first."""

    breaks: ClassVar = ("VS-248",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        found = super()._search(spec, request)
        return [found[0]] * len(found)


class BatchesAnsweredInReverse(Broken):
    """Queries are sorted for the server, and the answers not sorted back."""

    breaks: ClassVar = ("VS-248",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        return super()._search(spec, request)[::-1]


class ManySearchesShareOneFilter(Broken):
    """A batch of queries with one request: the first filter serves all."""

    breaks: ClassVar = ("VS-248",)

    async def public_search_many(self, queries: Sequence[VectorQuery]) -> list[list[VectorSearchResult]]:
        alike = [attrs.evolve(one, metadata_filter=queries[0].metadata_filter) for one in queries]
        return await super().search_many(alike)


class ExactIsIgnored(Broken):
    """An approximate index that does not look at `exact`."""

    breaks: ClassVar = ("VS-134",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        wide = attrs.evolve(request, k=request.k + len(self._existing(spec).records) // 8)
        answers = []
        for hits in super()._search(spec, wide):
            rows = [row for row, one in enumerate(hits.rows.ids) if zlib.crc32(one.encode()) % 10]
            answers.append(kept(hits, rows[: request.k]))
        return answers


class HalfTheNeighboursMissed(Broken):
    """An approximate index with the smallest search effort; exact=True is honoured."""

    breaks: ClassVar = ("VS-280",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        if request.exact:
            return super()._search(spec, request)
        wide = attrs.evolve(request, k=2 * request.k)
        found = super()._search(spec, wide)
        short = [range(len(hits.rows))[-request.k :] for hits in found]
        return [kept(hits, list(rows)) for hits, rows in zip(found, short, strict=True)]


class QueryMetricIgnored(Broken):
    """An index knows one metric, and answers every query by it."""

    breaks: ClassVar = ("VS-132",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        return super()._search(spec, attrs.evolve(request, metric=spec.distance_metric))
