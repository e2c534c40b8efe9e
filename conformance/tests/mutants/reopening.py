"""Mutants that find something else than they wrote when they are opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

from pygent_vec.contract import Tuning

from .journal import JournaledStore, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import SearchHits, SearchRequest
    from pygent_vec.model import CollectionSpec


class _Altering(JournaledStore):
    """The base of stores that find something else when they are opened again."""

    def replay(self, record: Record) -> None:
        super().replay(self.altered(record) if record["do"] == "write" else record)

    def altered(self, record: Record) -> Record:
        """Return what is read of a write."""
        raise NotImplementedError


class ReopenedVectorsRounded(_Altering):
    """Vectors are saved in half precision."""

    breaks: ClassVar = ("VS-270",)

    def replay(self, record: Record) -> None:
        super().replay(record)
        for found in self._data.values():
            for one, kept in list(found.records.items()):
                half = kept.vector.astype(np.float16).astype(np.float32)
                found.records[one] = attrs.evolve(kept, vector=half)

    def altered(self, record: Record) -> Record:
        return record


class ReopenedMetadataAsText(_Altering):
    """Metadata is saved in text columns."""

    breaks: ClassVar = ("VS-270",)

    def altered(self, record: Record) -> Record:
        texts = [{key: str(item) for key, item in one.items()} for one in record["metadatas"]]
        return {**record, "metadatas": texts}


class ReopenedTimesInMilliseconds(_Altering):
    """Times are saved in milliseconds."""

    breaks: ClassVar = ("VS-270", "VS-114")

    def altered(self, record: Record) -> Record:
        return {**record, "created_at": [one // 1000 * 1000 for one in record["created_at"]]}


class ReopenedWithoutOwnFields(_Altering):
    """title and source are not saved."""

    breaks: ClassVar = ("VS-270",)

    def altered(self, record: Record) -> Record:
        return {**record, "own": [[None] * 5 for _ in record["own"]]}


class ReopenedWithoutCollectionMetadata(JournaledStore):
    """A collection's metadata is not saved."""

    breaks: ClassVar = ("VS-270",)

    def replay(self, record: Record) -> None:
        super().replay({**record, "metadata": {}} if record["do"] == "create" else record)


class ReopenedWithTheDefaultMetric(JournaledStore):
    """A collection's metric is not saved."""

    breaks: ClassVar = ("VS-270",)

    def replay(self, record: Record) -> None:
        super().replay({**record, "metric": "cosine"} if record["do"] == "create" else record)


class DeletesReplayedLast(JournaledStore):
    """A list of deleted ids apart from the documents: what was deleted and added again is gone."""

    breaks: ClassVar = ("VS-270", "VS-271")

    def replay(self, record: Record) -> None:
        gone: set[tuple[str, str]] = getattr(self, "_gone", set())
        if record["do"] == "delete":
            self._gone = gone | {(record["name"], one) for one in record["ids"]}
        super().replay(record)
        found = self._data.get(record["name"])
        for name, one in gone:
            if found is not None and name == record["name"]:
                found.records.pop(one, None)


class TheEffortIsForgotten(JournaledStore):
    """The search effort is a setting of the open index, and is not saved with it; what it was is."""

    breaks: ClassVar = ("VS-251",)
    declared: ClassVar = attrs.evolve(JournaledStore.declared, tuning=True)

    def _tuning(self, spec: CollectionSpec) -> Tuning:
        note = self.folder / f"effort of {spec.name}"
        return Tuning(efforts=(1, 100), effort=int(note.read_text()) if note.exists() else 1)

    def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        (self.folder / f"effort of {spec.name}").write_text(str(effort))
        self._effort = effort

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        effort: int = getattr(self, "_effort", 1) if request.effort is None else request.effort
        if request.exact or effort >= 100:
            return super()._search(spec, request)
        records = self._existing(spec).records
        hidden = {one: records.pop(one) for one in list(records)[::2]}
        try:
            return super()._search(spec, request)
        finally:
            records.update(hidden)
