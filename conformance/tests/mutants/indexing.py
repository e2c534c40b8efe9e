"""Mutants whose index does not follow what happens to the documents."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec import IndexSpec
from pygent_vec.stores import MEMORY_CAPABILITIES

from .mutant import Broken
from .scores import Scoring, taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from pygent_vec.contract import Capabilities, SearchHits, SearchRequest, WriteMode
    from pygent_vec.model import CollectionSpec, CollectionStats, VectorBatch


class TheIndexIsFull(Broken):
    """hnswlib's max_elements: slots of deleted documents are not free, and what finds no slot is not found."""

    breaks: ClassVar = ("VS-260",)
    _SLOTS = 3500

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        written = super()._write(spec, batch, mode, preserve_created=preserve_created)
        slots: dict[str, None] = getattr(self, "_slots", {})
        self._slots = {**slots, **dict.fromkeys(written)}
        return written

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        records = self._existing(spec).records
        late = set(list(getattr(self, "_slots", {}))[self._SLOTS :])
        hidden = {one: records.pop(one) for one in list(records) if one in late}
        try:
            return super()._search(spec, request)
        finally:
            records.update(hidden)


class DeletedDocumentsTakePlaces(Broken):
    """Tombstones are among the nearest k, and taken out afterwards."""

    breaks: ClassVar = ("VS-143", "VS-281")

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        gone = super()._delete(spec, ids)
        self._dead = getattr(self, "_dead", 0) + gone
        return gone

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        dead = getattr(self, "_dead", 0) if request.pushed is None else 0
        return super()._search(spec, attrs.evolve(request, k=max(1, request.k - dead)))


class TiesCutByAgeUnderAnIndex(Scoring):
    """The nearest k are cut in the index's order, and sorted by id then; a flat one is right."""

    breaks: ClassVar = ("VS-140",)

    @property
    def capabilities(self) -> Capabilities:
        """With hnsw."""
        return attrs.evolve(MEMORY_CAPABILITIES, index_kinds=frozenset({"auto", "flat", "hnsw"}))

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        super()._build_index(spec)
        return IndexSpec("hnsw" if spec.index.kind == "hnsw" else "flat")

    def _nearest(self, request: SearchRequest, query: np.ndarray, hits: SearchHits) -> SearchHits:
        if "hnsw" not in {one.spec.index.kind for one in self._data.values()}:
            return super()._nearest(request, query, hits)
        newest = attrs.evolve(request, k=len(hits.distances))
        found = super()._nearest(newest, query, hits)
        bound = found.distances[: request.k][-1:]
        tied = [row for row, far in enumerate(found.distances) if bound.size and far == bound[0]]
        before = [row for row, far in enumerate(found.distances) if bound.size and far < bound[0]]
        chosen = [*before, *sorted(tied[::-1][: request.k - len(before)])]
        rows = taken(found.rows, chosen, request.projection)
        return attrs.evolve(found, rows=rows, distances=found.distances[chosen])

    def distances(
        self, metric: object, query: np.ndarray, vectors: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        return right


class StatsAreZeroDuringABuild(Broken):
    """An index that is emptied, and then filled, is what is counted."""

    breaks: ClassVar = ("VS-253",)

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        self._building = spec.name
        time.sleep(0.005)
        self._building = ""
        return super()._build_index(spec)

    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        stats = super()._collection_stats(spec)
        return attrs.evolve(stats, document_count=0) if getattr(self, "_building", "") == spec.name else stats


class ABuildBringsItBack(Broken):
    """The new index is put in the place of the old one, which may be gone by then."""

    breaks: ClassVar = ("VS-213",)

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        found = self._existing(spec)
        time.sleep(0.02)
        self._data[spec.name] = found
        return IndexSpec("flat")
