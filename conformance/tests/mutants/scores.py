"""Mutants whose distances, similarities or orders are wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from pygent_vec import DistanceMetric
from pygent_vec.contract import SearchHits

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec import VectorQuery, VectorSearchResult
    from pygent_vec.contract import SearchRequest
    from pygent_vec.model import CollectionSpec, DocumentRows, Projection

_EVERYTHING = 1_000_000


class Scoring(Broken):
    """The base of stores that compute other distances, and order by them."""

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        wide = attrs.evolve(
            request, k=_EVERYTHING, projection=attrs.evolve(request.projection, embedding=True)
        )
        return [
            self._nearest(request, query, hits)
            for query, hits in zip(request.vectors, super()._search(spec, wide), strict=True)
        ]

    def _nearest(self, request: SearchRequest, query: np.ndarray, hits: SearchHits) -> SearchHits:
        vectors = hits.rows.vectors if hits.rows.vectors is not None else np.empty((0, len(query)))
        with np.errstate(all="ignore"):
            scored = np.asarray(
                self.distances(request.metric, query, vectors, np.asarray(hits.distances)), dtype=np.float64
            )
        order = sorted(range(len(scored)), key=lambda row: (scored[row], hits.rows.ids[row]))[: request.k]
        return SearchHits(rows=taken(hits.rows, order, request.projection), distances=scored[order])

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        """Return the distances of float32 rows `[n, d]`, given the *right* ones."""
        raise NotImplementedError


def taken(rows: DocumentRows, order: Sequence[int], projection: Projection) -> DocumentRows:
    """Return some rows, in another order."""
    columns: dict[str, Any] = {}
    for field in attrs.fields(type(rows)):
        column = getattr(rows, field.name)
        if isinstance(column, np.ndarray):
            columns[field.name] = column[list(order)] if projection.embedding else None
        else:
            columns[field.name] = None if column is None else [column[row] for row in order]
    return type(rows)(**columns)


class EuclideanSquared(Scoring):
    """FAISS and hnswlib return squared distances, and wrappers pass them on."""

    breaks: ClassVar = ("VS-150",)

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return right**2 if metric is DistanceMetric.EUCLIDEAN else right


class InnerProductWithTheWrongSign(Scoring):
    """Two stores of a popular framework: the worst match comes first."""

    breaks: ClassVar = ("VS-150",)

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return -right if metric is DistanceMetric.DOT_PRODUCT else right


class InnerProductAsOneMinus(Scoring):
    """hnswlib's inner-product space returns 1 - q . v."""

    breaks: ClassVar = ("VS-150",)

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return 1 + right if metric is DistanceMetric.DOT_PRODUCT else right


class CosineHalved(Scoring):
    """Cosine distances scaled into [0, 1]."""

    breaks: ClassVar = ("VS-150",)

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return right / 2 if metric is DistanceMetric.COSINE else right


class OppositeVectorsNearest(Scoring):
    """crossvector: the opposite vector scores above the perfect match."""

    breaks: ClassVar = ("VS-150", "VS-140")

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return 1 - np.abs(1 - right) if metric is DistanceMetric.COSINE else right


class CosineOfVectorsAssumedNormal(Scoring):
    """Wrappers that take an inner-product index for cosine, and forget to normalise."""

    breaks: ClassVar = ("VS-150",)

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        products: np.ndarray = vectors.astype(np.float64) @ query
        return 1 - products if metric is DistanceMetric.COSINE else right


class ManhattanAsEuclidean(Scoring):
    """Backends without L1 that answer by L2."""

    breaks: ClassVar = ("VS-150",)

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        if metric is not DistanceMetric.MANHATTAN:
            return right
        return np.asarray(np.linalg.norm(vectors.astype(np.float64) - query, axis=1))


class DistancesRounded(Scoring):
    """Scores that are rounded for people."""

    breaks: ClassVar = ("VS-150", "VS-140")

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return np.round(right, 3)


class ExpandedSquareInFloat32(Scoring):
    """|q|^2 + |v|^2 - 2 q . v in float32, as FAISS computes batches: near vectors far from zero cancel."""

    breaks: ClassVar = ("VS-151",)

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        if metric is not DistanceMetric.EUCLIDEAN:
            return right
        squares = (query * query).sum() + (vectors * vectors).sum(axis=1) - 2 * (vectors @ query)
        return np.where(np.isfinite(squares), np.sqrt(np.maximum(squares, 0)), right)


class SquaresOverflowInFloat32(Scoring):
    """Squares of large numbers are infinite in float32."""

    breaks: ClassVar = ("VS-152", "VS-123")

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        if metric is not DistanceMetric.EUCLIDEAN:
            return right
        squares = ((vectors - query).astype(np.float32) ** 2).sum(axis=1)
        return np.where(np.isinf(squares), np.float64(np.finfo(np.float32).max), right)


class SquaresUnderflowInFloat32(Scoring):
    """Subnormal squares are flushed to zero, as processors do for libraries that were built with -ffast-math."""

    breaks: ClassVar = ("VS-152", "VS-123")

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        if metric is not DistanceMetric.COSINE:
            return right
        squares = vectors.astype(np.float32) ** 2
        squares[squares < np.finfo(np.float32).tiny] = 0
        return np.where(squares.sum(axis=1) == 0, 1.0, right)


class InnerProductOverflows(Scoring):
    """Inner products summed in float32."""

    breaks: ClassVar = ("VS-152", "VS-123")

    def distances(
        self, metric: DistanceMetric, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        if metric is not DistanceMetric.DOT_PRODUCT:
            return right
        most = float(np.finfo(np.float32).max)
        return np.asarray(np.clip(right, -most, most))


class _Answering(Broken):
    """The base of stores whose results are changed on their way out."""

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        return [self.told(result) for result in await super().search_similar(query)]

    def told(self, result: VectorSearchResult) -> VectorSearchResult:
        """Return what the caller is told."""
        raise NotImplementedError


class SimilarityIsTheDistance(_Answering):
    """A store of a popular framework returns the distance as its relevance score."""

    breaks: ClassVar = ("VS-150",)

    def told(self, result: VectorSearchResult) -> VectorSearchResult:
        return attrs.evolve(result, similarity_score=result.distance)


class SimilarityByExponential(_Answering):
    """One package maps cosine by exp(-d)."""

    breaks: ClassVar = ("VS-150",)

    def told(self, result: VectorSearchResult) -> VectorSearchResult:
        if abs(1 - result.distance - result.similarity_score) > 1e-9:
            return result
        return attrs.evolve(result, similarity_score=math.exp(-result.distance))


class SimilarityClampedToUnit(_Answering):
    """ "Relevance in [0, 1]": negative scores become 0."""

    breaks: ClassVar = ("VS-150",)

    def told(self, result: VectorSearchResult) -> VectorSearchResult:
        return attrs.evolve(result, similarity_score=min(1.0, max(0.0, result.similarity_score)))


class SimilarityOfAnotherMetric(_Answering):
    """One formula for all metrics: 1 - distance."""

    breaks: ClassVar = ("VS-150",)

    def told(self, result: VectorSearchResult) -> VectorSearchResult:
        return attrs.evolve(result, similarity_score=1 - result.distance)
