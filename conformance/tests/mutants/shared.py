"""A durable store that several processes may share, and mutants of it that do not see one another."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import attrs

from .journal import JournaledStore, Record, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pygent_vec.contract import Capabilities, SearchHits, SearchRequest, WriteMode
    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec, DocumentRows, Projection, VectorBatch

__all__ = ["SharedStore"]


class SharedStore(JournaledStore):
    """A journal that every process reads on before each call, under a lock of the file."""

    declared: ClassVar[Capabilities] = attrs.evolve(JournaledStore.declared, multi_process=True)

    def _lock_folder(self) -> None:
        self._turn = threading.RLock()
        self._depth = 0
        self._read_to = 0
        self._guard = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    def read_journal(self) -> None:
        with self.current():
            pass

    @contextmanager
    def current(self) -> Iterator[None]:
        """Keep other processes out, having done what they have done."""
        with self._turn:
            self._depth += 1
            if self._depth == 1:
                self.enter()
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    fcntl.flock(self._guard, fcntl.LOCK_UN)

    def enter(self) -> None:
        """Lock the file, and catch up."""
        fcntl.flock(self._guard, fcntl.LOCK_EX)
        self.catch_up()

    def catch_up(self) -> None:
        """Do what the journal says since the last time, and cut what a crash tore off."""
        size = os.fstat(self._file).st_size
        data = os.pread(self._file, size - self._read_to, self._read_to)
        for line in data.splitlines(keepends=True):
            record = parsed(line)
            if record is None:
                self.damaged(line)
                os.ftruncate(self._file, self._read_to)
                break
            self.replay(record)
            self._read_to += len(line)

    def put(self, data: bytes) -> None:
        super().put(data)
        self._read_to += len(data)

    def _create_collection(self, spec: CollectionSpec) -> bool:
        with self.current():
            return super()._create_collection(spec)

    def _drop_collection(self, name: str) -> bool:
        with self.current():
            return super()._drop_collection(name)

    def _collection_names(self) -> Sequence[str]:
        with self.current():
            return super()._collection_names()

    def _collection(self, name: str) -> CollectionSpec | None:
        with self.current():
            return super()._collection(name)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        with self.current():
            return super()._write(spec, batch, mode, preserve_created=preserve_created)

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        with self.current():
            return super()._delete(spec, ids)

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        with self.current():
            return super()._delete_where(spec, pushed)

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        with self.current():
            return super()._fetch(spec, ids, projection)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        with self.current():
            return super()._scan(spec, after_id, limit, pushed, projection)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        with self.current():
            return super()._search(spec, request)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        with self.current():
            return super()._count(spec, pushed)


class OtherProcessesAreNotSeen(SharedStore):
    """Each process keeps what it read when it opened, and what it wrote itself."""

    breaks: ClassVar = ("VS-275",)

    def enter(self) -> None:
        fcntl.flock(self._guard, fcntl.LOCK_EX)
        if not self._data:
            self.catch_up()

    def put(self, data: bytes) -> None:
        JournaledStore.put(self, data)


class SearchesOfOtherProcessesAreStale(SharedStore):
    """Chroma with two processes on one directory: documents are read from the database, the index is one's own."""

    breaks: ClassVar = ("VS-275",)

    def replay(self, record: Record) -> None:
        super().replay(record)
        foreign: set[str] = getattr(self, "_foreign", set())
        self._foreign = foreign | set(record.get("ids", ()))

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        written = super()._write(spec, batch, mode, preserve_created=preserve_created)
        self._foreign = getattr(self, "_foreign", set()) - set(written)
        return written

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        with self.current():
            records = self._existing(spec).records
            foreign: set[str] = getattr(self, "_foreign", set())
            hidden = {one: records.pop(one) for one in list(records) if one in foreign}
            try:
                return super()._search(spec, request)
            finally:
                records.update(hidden)
