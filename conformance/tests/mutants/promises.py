"""Mutants that break promises: reading one's writes, concurrency, cancellation, the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec.contract import SearchHits, WriteMode
from pygent_vec.model import Projection
from pygent_vec_conformance.outcome import Kind

from .calls import Adding
from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Sequence

    from pygent_vec import VectorDocument, VectorQuery, VectorSearchResult
    from pygent_vec.contract import SearchRequest
    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec, DocumentRows, VectorBatch

    from .calls import Manner

_WHOLE = Projection(embedding=True)


class SearchSeesThePastOnly(Broken):
    """An index that is refreshed now and then: the last write is not found yet."""

    breaks: ClassVar = ("VS-260",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        known = set(self._existing(spec).records)
        written = super()._write(spec, batch, mode, preserve_created=preserve_created)
        self._fresh = set(written) - known
        return written

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        fresh: set[str] = getattr(self, "_fresh", set())
        self._fresh = set[str]()
        records = self._existing(spec).records
        hidden = {one: records.pop(one) for one in list(records) if one in fresh}
        try:
            return super()._search(spec, request)
        finally:
            records.update(hidden)


class GetsAreCached(Broken):
    """A cache of documents that writes do not clear."""

    breaks: ClassVar = ("VS-260", "VS-231")

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        self._cache: dict[object, DocumentRows] = getattr(self, "_cache", {})
        key = (spec.name, tuple(ids))
        if key not in self._cache or not self._cache[key].ids:
            self._cache[key] = super()._fetch(spec, ids, projection)
        return self._cache[key]


class SearchesAreCached(Broken):
    """A cache of answers that writes do not clear."""

    breaks: ClassVar = ("VS-260", "VS-231", "VS-239")

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        self._cache: dict[object, Sequence[SearchHits]] = getattr(self, "_cache", {})
        key = (
            spec.name,
            spec.created_at,
            request.vectors.tobytes(),
            request.k,
            str(request.pushed),
            str(request.projection),
        )
        if key not in self._cache:
            self._cache[key] = super()._search(spec, request)
        return self._cache[key]


class WritesAreAcknowledgedEarly(Broken):
    """A queue and a thread: the write is acknowledged, and done a little later."""

    breaks: ClassVar = ("VS-260", "VS-261")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if mode is not WriteMode.OVERWRITE:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)

        def later() -> None:
            time.sleep(0.02)
            if spec.name in self._data:
                super(WritesAreAcknowledgedEarly, self)._write(
                    spec, batch, mode, preserve_created=preserve_created
                )

        threading.Thread(target=later).start()
        return list(batch.ids)


class UpsertIsDeleteAndInsert(Broken):
    """Readers see a gap between the delete and the insert."""

    breaks: ClassVar = ("VS-261",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if mode is not WriteMode.OVERWRITE:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)
        self._delete(spec, batch.ids)
        time.sleep(0.001)
        return super()._write(spec, batch, mode, preserve_created=preserve_created)


class ConcurrentWritesAreLost(Broken):
    """Read, modify, write, and no lock: the slower of two writers undoes the other."""

    breaks: ClassVar = ("VS-261",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        before = dict(self._existing(spec).records)
        time.sleep(0.001)
        written = super()._write(spec, batch, mode, preserve_created=preserve_created)
        collection = self._existing(spec)
        collection.records = {**before, **{one: collection.records[one] for one in written}}
        return written


class ReadersSeeHalfABatch(Broken):
    """Rows are written one by one, and readers do not wait."""

    breaks: ClassVar = ("VS-261", "VS-235")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if mode is not WriteMode.OVERWRITE:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)
        for row in range(len(batch)):
            super()._write(spec, batch.take(slice(row, row + 1)), mode, preserve_created=preserve_created)
            time.sleep(0.0002 if row < 50 else 0)
        return list(batch.ids)


class WritersDeadlock(Broken):
    """Row locks taken in the order of the request."""

    breaks: ClassVar = ("VS-261",)
    dies_by: ClassVar = frozenset({Kind.VIOLATION, Kind.TIMEOUT})

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        with self._lock:
            self._rows: dict[str, threading.Lock] = getattr(self, "_rows", {})
            locks = [self._rows.setdefault(one, threading.Lock()) for one in batch.ids]
        for lock in locks:
            lock.acquire()
            time.sleep(0.0005)
        try:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)
        finally:
            for lock in locks:
                lock.release()


class CreatorsRace(Broken):
    """Look, then create, and no lock: two callers make the same collection."""

    breaks: ClassVar = ("VS-211",)

    def _create_collection(self, spec: CollectionSpec) -> bool:
        known = spec.name in self._data
        time.sleep(0.005)
        if not known:
            self._drop_collection(spec.name)
            super()._create_collection(spec)
        return not known


class CancelledWritesAreHalf(Adding):
    """A batch in two halves with a wait between: a cancellation leaves the first."""

    breaks: ClassVar = ("VS-262",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        everything = documents if isinstance(documents, list) else []
        if len(everything) < 2:
            return await super().added(documents, manner)
        written: list[str] = []
        half = min(manner.batch_size or 1000, len(everything)) // 2
        for start in range(0, len(everything), half):
            written += await super().added(everything[start : start + half], manner)
            await asyncio.sleep(0.002)
        return written


class CancelledCallsKeepTheLock(Adding):
    """A lock that only a call that comes to its end gives back."""

    breaks: ClassVar = ("VS-262",)
    dies_by: ClassVar = frozenset({Kind.VIOLATION, Kind.TIMEOUT})

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        self._busy: asyncio.Lock = getattr(self, "_busy", asyncio.Lock())
        await self._busy.acquire()
        await asyncio.sleep(0.001)
        written = await super().added(documents, manner)
        self._busy.release()
        return written


class TheLoopIsBlocked(Adding):
    """ "Async" that freezes the event loop for seconds during an add."""

    breaks: ClassVar = ("VS-263",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        time.sleep(0.3)  # noqa: ASYNC251  # the fault itself
        return await super().added(documents, manner)


class TheLoopIsBlockedBySearch(Broken):
    """A search that runs in the event loop's own thread."""

    breaks: ClassVar = ("VS-263",)

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        time.sleep(0.3)  # noqa: ASYNC251  # the fault itself
        return await super().search_similar(query)


class ThreadsAnswerOtherwise(Broken):
    """A hand-written synchronous twin that has drifted."""

    breaks: ClassVar = ("VS-265",)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        count = super()._count(spec, pushed)
        asynchronous = "anyio" in type(threading.current_thread()).__module__
        return count if asynchronous else count + 1


class ResultsShareTheStoresMetadata(Broken):
    """What a caller does to a result happens to the store."""

    breaks: ClassVar = ("VS-106",)

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        rows = super()._fetch(spec, ids, projection)
        records = self._existing(spec).records
        return attrs.evolve(rows, metadatas=[records[one].metadata for one in rows.ids])


class ResultsShareTheStoresVectors(Broken):
    """What a caller does to an embedding happens to the index."""

    breaks: ClassVar = ("VS-106",)

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        rows = super()._fetch(spec, ids, projection)
        records = self._existing(spec).records
        return attrs.evolve(rows, vectors=[records[one].vector for one in rows.ids])  # type: ignore[arg-type]  # rows
