"""Mutants whose capabilities say more than is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

from pygent_vec import DistanceMetric
from pygent_vec.contract import Capabilities, CrashModel, Tuning
from pygent_vec.stores import MEMORY_CAPABILITIES

from .mutant import Broken
from .times import VectorsKeptAsFloat16

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec import OptimizeReport
    from pygent_vec.contract import SearchHits, SearchRequest, WriteMode
    from pygent_vec.model import CollectionSpec, VectorBatch


class _Declaring(Broken):
    """The base of stores that declare something else than they are."""

    declared: ClassVar[Capabilities] = MEMORY_CAPABILITIES

    @property
    def capabilities(self) -> Capabilities:
        """What is declared."""
        return self.declared


class DeclaresToBeDurable(_Declaring):
    """Capabilities that were copied from another backend."""

    breaks: ClassVar = ("VS-270", "VS-501")
    declared: ClassVar = attrs.evolve(MEMORY_CAPABILITIES, durable=True, crash_model=CrashModel.PROCESS)


class TuningIsForgotten(_Declaring):
    """optimize(target_recall=…) finds the effort, and searches go on with the old one."""

    breaks: ClassVar = ("VS-251",)
    declared: ClassVar = attrs.evolve(MEMORY_CAPABILITIES, tuning=True)

    def _tuning(self, spec: CollectionSpec) -> Tuning:
        return Tuning(efforts=(1, 10, 100), effort=getattr(self, "_told", 1))

    def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        self._told = effort

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        if request.exact or (request.effort or 1) >= 100:
            return super()._search(spec, request)
        records = self._existing(spec).records
        hidden = {one: records.pop(one) for one in list(records)[::2]}
        try:
            return super()._search(spec, request)
        finally:
            records.update(hidden)


class TheReportedRecallIsHoped(TuningIsForgotten):
    """optimize(target_recall=…) reports the target that it was given."""

    breaks: ClassVar = ("VS-251",)

    async def public_optimize(
        self, collection: str | None = None, *, target_recall: float | None = None
    ) -> OptimizeReport:
        report = await super().optimize(collection, target_recall=target_recall)
        return attrs.evolve(report, recall=target_recall)


class DeclaresAnIndexKindThatItLacks(_Declaring):
    """hnsw is declared, and makes nothing of the kind."""

    breaks: ClassVar = ("VS-501",)
    declared: ClassVar = attrs.evolve(
        MEMORY_CAPABILITIES, index_kinds=MEMORY_CAPABILITIES.index_kinds | {"hnsw"}
    )


class DeclaresAMetricThatItLacks(_Declaring):
    """Manhattan is declared, and no collection of it can be made."""

    breaks: ClassVar = ("VS-150", "VS-210", "VS-501")

    def _create_collection(self, spec: CollectionSpec) -> bool:
        if spec.distance_metric is DistanceMetric.MANHATTAN:
            return False
        return super()._create_collection(spec)


class DeclaresDimensionsThatItLacks(_Declaring):
    """pgvector indexes at most 2,000 dimensions; the rest of a longer vector is not looked at."""

    breaks: ClassVar = ("VS-220", "VS-106")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        vectors = batch.vectors.copy()
        vectors[:, 2000:] = 0
        return super()._write(
            spec, attrs.evolve(batch, vectors=vectors), mode, preserve_created=preserve_created
        )


class DeclaresExactSearch(_Declaring):
    """exact=True is declared, and one document of eight is never compared."""

    breaks: ClassVar = ("VS-134",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        records = self._existing(spec).records
        if len(records) < 100:
            return super()._search(spec, request)
        hidden = {one: records.pop(one) for one in list(records)[::8]}
        try:
            return super()._search(spec, request)
        finally:
            records.update(hidden)


class DeclaresExactVectors(VectorsKeptAsFloat16):
    """exact_vectors is declared, and vectors are kept in half precision."""

    breaks: ClassVar = ("VS-106",)


class DeclaresVectorsToWithinAMillionth(VectorsKeptAsFloat16):
    """exact_vectors is not declared, and vectors are off by more than a millionth."""

    breaks: ClassVar = ("VS-106",)

    @property
    def capabilities(self) -> Capabilities:
        """Not exact, and worse than that."""
        return attrs.evolve(MEMORY_CAPABILITIES, exact_vectors=False)


class DeclaresLargeBatches(_Declaring):
    """max_batch is declared to be 10,000, and rows after the 500th are left out."""

    breaks: ClassVar = ("VS-242", "VS-501")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        return super()._write(spec, batch.take(slice(0, 500)), mode, preserve_created=preserve_created)


class LargeBatchesFail(_Declaring):
    """max_batch is declared to be 10,000, and the driver takes 5,000."""

    breaks: ClassVar = ("VS-242", "VS-501")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if len(batch) > 5000:
            return []
        return super()._write(spec, batch, mode, preserve_created=preserve_created)


class DeclaresQueryMetrics(_Declaring):
    """Another metric than the collection's is declared, and answered by squared distances."""

    breaks: ClassVar = ("VS-132",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        found = super()._search(spec, request)
        if request.metric is spec.distance_metric:
            return found
        return [attrs.evolve(hits, distances=np.sign(hits.distances) * hits.distances**2) for hits in found]
