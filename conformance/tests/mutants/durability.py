"""Mutants that acknowledge what a crash, or a close, takes away."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, ClassVar

from pygent_vec import ConfigError, CorruptStoreError
from pygent_vec.model import Projection
from pygent_vec.stores import MEMORY_CAPABILITIES

from .journal import JournaledStore, Record, parsed, written_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec import IndexSpec
    from pygent_vec.contract import WriteMode
    from pygent_vec.model import CollectionSpec, VectorBatch

_WHOLE = Projection(content=True, metadata=True, embedding=True)
_SLOW_DISK_SECONDS = 0.01


class WritesWaitForClose(JournaledStore):
    """FAISS wrappers: save_local() is somebody else's business."""

    breaks: ClassVar = ("VS-271",)

    def put(self, data: bytes) -> None:
        self._waiting = getattr(self, "_waiting", b"") + data

    def _close(self) -> None:
        super().put(getattr(self, "_waiting", b""))
        super()._close()


class CloseLosesTheTail(JournaledStore):
    """A buffer that close() does not flush."""

    breaks: ClassVar = ("VS-270",)

    def put(self, data: bytes) -> None:
        self._waiting = getattr(self, "_waiting", b"") + data
        if len(self._waiting) >= 4096:
            super().put(self._waiting)
            self._waiting = b""


class WritesBuffered(JournaledStore):
    """Records are written when there are several."""

    breaks: ClassVar = ("VS-271",)

    def put(self, data: bytes) -> None:
        self._records = [*getattr(self, "_records", []), data]
        if len(self._records) >= 3:
            super().put(b"".join(self._records))
            self._records = []

    def _close(self) -> None:
        super().put(b"".join(getattr(self, "_records", [])))
        super()._close()


class AcknowledgedBeforeWritten(JournaledStore):
    """A background thread writes the journal."""

    breaks: ClassVar = ("VS-271",)

    def put(self, data: bytes) -> None:
        timer = threading.Timer(0.05, super().put, args=(data,))
        timer.start()
        self._timers = [*getattr(self, "_timers", []), timer]

    def _close(self) -> None:
        for timer in getattr(self, "_timers", []):
            timer.join()
        super()._close()


class _Forgetful(JournaledStore):
    """The base of stores that do not log some of what they do."""

    def append(self, record: Record) -> None:
        if not self.forgets(record):
            super().append(record)

    def forgets(self, record: Record) -> bool:
        """Return whether this record is not logged."""
        raise NotImplementedError


class DeletesNotLogged(_Forgetful):
    """Deleted documents come back."""

    breaks: ClassVar = ("VS-270",)

    def forgets(self, record: Record) -> bool:
        return bool(record["do"] == "delete")


class DropsNotLogged(_Forgetful):
    """Deleted collections come back."""

    breaks: ClassVar = ("VS-270",)

    def forgets(self, record: Record) -> bool:
        return bool(record["do"] == "drop")


class EmptyCollectionsNotLogged(JournaledStore):
    """A collection is on disk when its first document is."""

    breaks: ClassVar = ("VS-270",)

    def append(self, record: Record) -> None:
        waiting: dict[str, Record] = getattr(self, "_waiting", {})
        if record["do"] == "create":
            self._waiting = {**waiting, record["name"]: record}
            return
        if record["name"] in waiting:
            super().append(waiting.pop(record["name"]))
        super().append(record)


class OverwritesNotLogged(JournaledStore):
    """Only new documents are appended."""

    breaks: ClassVar = ("VS-270",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        self._known = set(self._existing(spec).records)
        return super()._write(spec, batch, mode, preserve_created=preserve_created)

    def append(self, record: Record) -> None:
        if record["do"] != "write" or not set(record["ids"]) <= self._known:
            super().append(record)


class RowsWrittenOneByOne(JournaledStore):
    """A crash in a batch leaves its first rows."""

    breaks: ClassVar = ("VS-272",)

    def append(self, record: Record) -> None:
        if record["do"] != "write":
            super().append(record)
            return
        columns = [key for key in record if key not in {"do", "name", "vectors"}]
        data = self._data[record["name"]]
        for one in record["ids"]:
            row = written_record(data.spec, self._fetch(data.spec, [one], _WHOLE))
            super().append({**row, **{key: row[key] for key in columns}})


class ATornTailIsTaken(JournaledStore):
    """A record that a crash tore is read as far as it goes, and what follows is lost with it."""

    breaks: ClassVar = ("VS-271", "VS-272")

    def _open(self) -> None:
        super()._open()
        os.lseek(self._file, 0, os.SEEK_END)

    def put(self, data: bytes) -> None:
        if not getattr(self, "_torn", False):
            self._torn = True
            super().put(b"00000000 {torn")
        super().put(data)


class ATornTailIsFatal(JournaledStore):
    """A file that ends in half a record does not open."""

    breaks: ClassVar = ("VS-271", "VS-272", "VS-273")

    def _open(self) -> None:
        journal = self.folder / "journal"
        if journal.exists():
            for line in journal.read_bytes().splitlines(keepends=True):
                if parsed(line) is None:
                    raise CorruptStoreError(f"{journal} ends in half a record; restore a backup")
        super()._open()


class RewrittenInPlace(JournaledStore):
    """Every write empties the file and writes it again."""

    breaks: ClassVar = ("VS-271", "VS-272")

    def put(self, data: bytes) -> None:
        everything = (self.folder / "journal").read_bytes() + data
        os.ftruncate(self._file, 0)
        middle = len(everything) // 2
        os.write(self._file, everything[:middle])
        os.fsync(self._file)
        time.sleep(_SLOW_DISK_SECONDS)  # or a few kills may all miss it
        super().put(everything[middle:])


class OptimizeRewritesInPlace(JournaledStore):
    """A compaction that empties the file before it has written the new one."""

    breaks: ClassVar = ("VS-273",)

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        with self._lock:
            lines = (self.folder / "journal").read_bytes().splitlines(keepends=True)
            os.ftruncate(self._file, 0)
            for line in lines:
                os.write(self._file, line)
                os.fsync(self._file)
            return super()._build_index(spec)


class DropsDocumentByDocument(JournaledStore):
    """A collection is emptied first and dropped then: a crash between leaves it half empty."""

    breaks: ClassVar = ("VS-273", "VS-272")

    def _drop_collection(self, name: str) -> bool:
        with self._lock:
            if name in self._data:
                spec = self._data[name].spec
                for one in list(self._data[name].records):
                    self._delete(spec, [one])
            return super()._drop_collection(name)


class NobodyHoldsTheLock(JournaledStore):
    """Two processes on one directory: acknowledged vectors are missing from the index."""

    breaks: ClassVar = ("VS-274",)

    def _lock_folder(self) -> None:
        self._guard = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)


class LockedWithoutAName(JournaledStore):
    """A lock file without a word about who holds it."""

    breaks: ClassVar = ("VS-274",)

    def _lock_folder(self) -> None:
        super()._lock_folder()
        os.ftruncate(self._guard, 0)


class DurableAndDoesNotSaySo(JournaledStore):
    """Capabilities that were copied from the memory store."""

    breaks: ClassVar = ("VS-270", "VS-271")
    declared: ClassVar = MEMORY_CAPABILITIES


class NothingIsSynced(JournaledStore):
    """A write that the kernel has, and the disk has not: a loss of power takes it."""

    breaks: ClassVar = ("VS-276",)

    def put(self, data: bytes) -> None:
        os.write(self._file, data)


class DamagedLinesAreSkipped(JournaledStore):
    """What cannot be read is left out without a word."""

    breaks: ClassVar = ("VS-405",)

    def damaged(self, line: bytes) -> None:
        """Say nothing."""


class DamagedFilesAreTheUsersFault(JournaledStore):
    """What cannot be read is no store, so the setting must be wrong."""

    breaks: ClassVar = ("VS-405",)

    def damaged(self, line: bytes) -> None:
        self._close()
        raise ConfigError(f"path: {self.folder} is no store of this kind")
