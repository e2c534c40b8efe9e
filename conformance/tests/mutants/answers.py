"""Mutants that rank, cut or name the results of a search wrongly on their way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec import InvalidVectorError

from .mutant import Broken

if TYPE_CHECKING:
    from pygent_vec import HealthReport, VectorQuery, VectorSearchResult


class RanksFromZero(Broken):
    """enumerate() without a start."""

    breaks: ClassVar = ("VS-141",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        found = await super().search_similar(query)
        return [attrs.evolve(one, rank=one.rank - 1) for one in found]


class RanksBeginAgainAfterAnOffset(Broken):
    """Each page begins with rank 1."""

    breaks: ClassVar = ("VS-141",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        found = await super().search_similar(query)
        return [attrs.evolve(one, rank=one.rank - query.offset) for one in found]


class OffsetIgnored(Broken):
    """offset is an argument that nobody reads."""

    breaks: ClassVar = ("VS-141",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        found = await super().search_similar(attrs.evolve(query, offset=0))
        return [attrs.evolve(one, rank=one.rank + query.offset) for one in found]


class OffsetTakenFromTheLimit(Broken):
    """limit counts the results that are passed over."""

    breaks: ClassVar = ("VS-141", "VS-143")

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        found = await super().search_similar(query)
        return found[: max(0, query.limit - query.offset)]


class ThresholdIsStrict(Broken):
    """`>` where `>=` is promised."""

    breaks: ClassVar = ("VS-131",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        found = await super().search_similar(query)
        least = query.similarity_threshold
        return [one for one in found if least is None or one.similarity_score > least]


class ThresholdComparedWithTheDistance(Broken):
    """similarity_threshold as a largest distance."""

    breaks: ClassVar = ("VS-131",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        found = await super().search_similar(attrs.evolve(query, similarity_threshold=None))
        most = query.similarity_threshold
        return [one for one in found if most is None or one.distance <= most]


class ThresholdIgnored(Broken):
    """similarity_threshold is an argument that nobody reads."""

    breaks: ClassVar = ("VS-131",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        return await super().search_similar(attrs.evolve(query, similarity_threshold=None))


class ThresholdZeroIsNone(Broken):
    """`if threshold:` takes 0.0 for no threshold."""

    breaks: ClassVar = ("VS-131",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        return await super().search_similar(
            attrs.evolve(query, similarity_threshold=query.similarity_threshold or None)
        )


class ResultsFarthestFirst(Broken):
    """Sorted by similarity, ascending."""

    breaks: ClassVar = ("VS-140",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        return (await super().search_similar(query))[::-1]


class ResultsNameNoStore(Broken):
    """A result does not say who answered."""

    breaks: ClassVar = ("VS-142",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        return [attrs.evolve(one, store="") for one in await super().search_similar(query)]


class ResultsNameNoCollection(Broken):
    """A result does not say where its document lives."""

    breaks: ClassVar = ("VS-142", "VS-133", "VS-221")

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        found = await super().search_similar(query)
        return [attrs.evolve(one, document=attrs.evolve(one.document, collection=None)) for one in found]


class LimitCappedSilently(Broken):
    """A limit above the maximum is the maximum."""

    breaks: ClassVar = ("VS-130",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        limit = min(query.limit, 10_000) if isinstance(query.limit, int) else query.limit
        return await super().search_similar(attrs.evolve(query, limit=limit))


class BadQueryFindsNothing(Broken):
    """A query vector that cannot be searched with answers with an empty list."""

    breaks: ClassVar = ("VS-121", "VS-122", "VS-401")

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        try:
            return await super().search_similar(query)
        except InvalidVectorError:
            return []


class HealthIsAlwaysGood(Broken):
    """A health check that asks nobody, and knows no version."""

    breaks: ClassVar = ("VS-252",)

    async def public_health_check(self) -> HealthReport:
        return attrs.evolve(await super().health_check(), version="", latency_ms=-1.0)
