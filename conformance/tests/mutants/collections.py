"""Mutants that make, name, describe or keep apart collections wrongly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from pygent_vec import CollectionMismatchError, CollectionNotFoundError, DistanceMetric

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec import CollectionInfo, IndexSpec, VectorQuery, VectorSearchResult
    from pygent_vec.contract import WriteMode
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        CollectionSpec,
        CollectionStats,
        JsonObject,
        StoreStats,
        VectorBatch,
    )


class CountCached(Broken):
    """A count that is taken when the collection is first asked about."""

    breaks: ClassVar = ("VS-215", "VS-247")

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        if pushed is not None:
            return super()._count(spec, pushed)
        self._counts: dict[str, int] = getattr(self, "_counts", {})
        return self._counts.setdefault(spec.name, super()._count(spec, None))


class CountOfWritesNotOfRows(Broken):
    """A counter that every write increments, overwrites too."""

    breaks: ClassVar = ("VS-215", "VS-247")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        written = super()._write(spec, batch, mode, preserve_created=preserve_created)
        self._writes = getattr(self, "_writes", 0) + len(written)
        return written

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        gone = super()._delete(spec, ids)
        self._writes = getattr(self, "_writes", 0) - gone
        return gone

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        return getattr(self, "_writes", 0) if pushed is None else super()._count(spec, pushed)


class StatsCountStale(Broken):
    """Statistics that are refreshed now and then, as in PostgreSQL's catalogue."""

    breaks: ClassVar = ("VS-253", "VS-215")

    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        return attrs.evolve(super()._collection_stats(spec), document_count=0)


class CreatingReplaces(Broken):
    """get_or_create, or DROP TABLE IF EXISTS before CREATE."""

    breaks: ClassVar = ("VS-211", "VS-212")

    def _create_collection(self, spec: CollectionSpec) -> bool:
        self._drop_collection(spec.name)
        return super()._create_collection(spec)


class RefusedCreationEmptiesIt(Broken):
    """The table is emptied before the duplicate is noticed."""

    breaks: ClassVar = ("VS-211", "VS-212")

    def _create_collection(self, spec: CollectionSpec) -> bool:
        made = super()._create_collection(spec)
        if not made:
            self._data[spec.name].records.clear()
        return made


class IgnoreIgnoresTheDimension(Broken):
    """if_exists="ignore" ignores everything."""

    breaks: ClassVar = ("VS-212",)

    async def public_create_collection(
        self,
        name: str,
        dimension: int,
        distance_metric: DistanceMetric = DistanceMetric.COSINE,
        *,
        index: IndexSpec | str | None = None,
        metadata: JsonObject | None = None,
        if_exists: Literal["error", "ignore"] = "error",
    ) -> CollectionInfo:
        try:
            return await super().create_collection(
                name, dimension, distance_metric, index=index, metadata=metadata, if_exists=if_exists
            )
        except CollectionMismatchError:
            return await self.get_collection_info(name)


class DefaultMetricForAll(Broken):
    """The metric is an argument that nobody reads."""

    breaks: ClassVar = ("VS-210", "VS-215")

    def _create_collection(self, spec: CollectionSpec) -> bool:
        return super()._create_collection(attrs.evolve(spec, distance_metric=DistanceMetric.COSINE))


class CollectionMetadataLost(Broken):
    """Nowhere to keep a collection's metadata."""

    breaks: ClassVar = ("VS-215", "VS-210")

    def _create_collection(self, spec: CollectionSpec) -> bool:
        return super()._create_collection(attrs.evolve(spec, metadata={}))


class CollectionCreatedNow(Broken):
    """created_at is the time of the question."""

    breaks: ClassVar = ("VS-215", "VS-210")

    def _collection(self, name: str) -> CollectionSpec | None:
        found = super()._collection(name)
        return None if found is None else attrs.evolve(found, created_at=datetime.now(UTC))


class IndexKindForgotten(Broken):
    """The index that was asked for is not the one that is described."""

    breaks: ClassVar = ("VS-215", "VS-210", "VS-501")

    def _collection(self, name: str) -> CollectionSpec | None:
        found = super()._collection(name)
        return None if found is None else attrs.evolve(found, index=attrs.evolve(found.index, kind="auto"))


class DroppedDocumentsComeBack(Broken):
    """Documents outlive their collection, and fill its successor."""

    breaks: ClassVar = ("VS-213",)

    def _drop_collection(self, name: str) -> bool:
        if name in self._data:
            self._left = {**getattr(self, "_left", {}), name: self._data[name]}
        return super()._drop_collection(name)

    def _create_collection(self, spec: CollectionSpec) -> bool:
        made = super()._create_collection(spec)
        left = getattr(self, "_left", {}).get(spec.name)
        if made and left is not None:
            self._data[spec.name].records.update(left.records)
        return made


class DroppingNothingIsTrue(Broken):
    """DROP TABLE IF EXISTS tells nothing."""

    breaks: ClassVar = ("VS-213",)

    def _drop_collection(self, name: str) -> bool:
        super()._drop_collection(name)
        return True


class CollectionsUnsorted(Broken):
    """Names in the order of the catalogue."""

    breaks: ClassVar = ("VS-214",)

    async def public_list_collections(self) -> list[str]:
        return (await super().list_collections())[::-1]


class CollectionsSortedWithoutCase(Broken):
    """Names in the order of a collation."""

    breaks: ClassVar = ("VS-214",)

    async def public_list_collections(self) -> list[str]:
        return sorted(await super().list_collections(), key=str.lower)


class MissingCollectionsAreMade(Broken):
    """The first write makes the table."""

    breaks: ClassVar = ("VS-216", "VS-217")

    def _collection(self, name: str) -> CollectionSpec | None:
        found = super()._collection(name)
        known = next(iter(self._data.values()), None)
        if found is None and known is not None:
            super()._create_collection(attrs.evolve(known.spec, name=name))
        return super()._collection(name)


class MissingCollectionIsEmpty(Broken):
    """`except CollectionNotFoundError: return 0`."""

    breaks: ClassVar = ("VS-216", "VS-401")

    async def public_count_documents(
        self, *, collection: str | None = None, filter: Filter | Mapping[str, object] | None = None
    ) -> int:
        try:
            return await super().count_documents(collection=collection, filter=filter)
        except CollectionNotFoundError:
            return 0


class MissingCollectionFindsNothing(Broken):
    """`except CollectionNotFoundError: return []`."""

    breaks: ClassVar = ("VS-216", "VS-401")

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        try:
            return await super().search_similar(query)
        except CollectionNotFoundError:
            return []


class OptimizeLosesTheNewest(Broken):
    """An index rebuilt from a snapshot: what was written last is gone."""

    breaks: ClassVar = ("VS-250",)

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        records = self._data[spec.name].records
        if records:
            records.pop(list(records)[-1])
        return super()._build_index(spec)


class StatsOfOneCollection(Broken):
    """Statistics of the default collection only."""

    breaks: ClassVar = ("VS-253",)

    async def public_get_stats(self) -> StoreStats:
        stats = await super().get_stats()
        return attrs.evolve(stats, collections=dict(list(stats.collections.items())[:1]))


class IndexDroppedFromACacheLacksTheNewest(Broken):
    """Chroma's cache of indexes: one that was dropped is read from its files again, without its queue."""

    breaks: ClassVar = ("VS-221",)
    _HELD = 16

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        results = await super().search_similar(query)
        self._held: dict[str, int] = getattr(self, "_held", {})
        self._dropped: dict[str, int] = getattr(self, "_dropped", {})
        rows = self._dropped.pop(query.collection, None)
        self._held.pop(query.collection, None)
        self._held[query.collection] = len(results)
        if len(self._held) > self._HELD:
            oldest = next(iter(self._held))
            self._dropped[oldest] = self._held.pop(oldest) - 1
        return results if rows is None else results[:rows]
