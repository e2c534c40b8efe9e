"""A durable store, right by itself: the memory store with a journal that is synced before every acknowledgement.

One file of lines: a checksum and a JSON record each. A line that a crash tore off is cut when it is opened.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import zlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import attrs
import numpy as np

from pygent_vec import CorruptStoreError, DistanceMetric, IndexSpec, StoreLockedError
from pygent_vec.contract import Capabilities, CrashModel, WriteMode
from pygent_vec.model import CollectionSpec, Projection, VectorBatch
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryConfig

from .mutant import Broken, Mutant, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec import VectorStore
    from pygent_vec.contract import Embedder, StoreConfig
    from pygent_vec.model import DocumentRows

__all__ = ["JournaledConfig", "JournaledStore", "Record", "lined", "parsed", "written_record"]

Record: TypeAlias = dict[str, Any]
"""One line of the journal: what was done, under `do`, and to what."""

_WHOLE = Projection(content=True, metadata=True, embedding=True)
_OWN = ("titles", "sources", "document_types", "chunk_indexes", "chunk_counts")


@attrs.frozen(kw_only=True)
class JournaledConfig(MemoryConfig):
    """Where the journal lives."""

    path: str = ""


class JournaledStore(Broken):
    """The memory store with a journal."""

    @classmethod
    def mutant(cls) -> Mutant:
        """Return this store as a mutant that keeps a file."""

        def make(settings: Mapping[str, object], embedder: Embedder | None) -> VectorStore:
            return cls(JournaledConfig(path=str(settings["path"])), embedder=embedder)

        return Mutant(
            name=words(cls.__name__),
            story=cls.__doc__ or "",
            breaks=cls.breaks,
            make=make,
            durable=True,
            dies_by=cls.dies_by,
        )

    declared: ClassVar[Capabilities] = attrs.evolve(
        MEMORY_CAPABILITIES, durable=True, crash_model=CrashModel.POWER
    )

    def __init__(
        self, config: StoreConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        super().__init__(config, name=name, embedder=embedder)
        if not isinstance(config, JournaledConfig):
            raise TypeError("a journaled store needs a JournaledConfig")
        self.folder = Path(config.path)
        self._guard = -1
        self._file = -1

    @property
    def capabilities(self) -> Capabilities:
        """The memory store's, and durable."""
        return self.declared

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock_folder()
        self._file = os.open(self.folder / "journal", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.read_journal()

    def read_journal(self) -> None:
        """Do again all that the journal says, and cut what a crash tore off.

        Raises:
            CorruptStoreError: a line is whole and damaged.
        """
        whole = 0
        for line in (self.folder / "journal").read_bytes().splitlines(keepends=True):
            record = parsed(line)
            if record is None:
                self.damaged(line)
                break
            self.replay(record)
            whole += len(line)
        os.ftruncate(self._file, whole)

    def damaged(self, line: bytes) -> None:
        """Raise CorruptStoreError, unless a crash tore *line* off."""
        if line.endswith(b"\n"):
            self._close()
            raise CorruptStoreError(f"{self.folder}/journal: a line is damaged; take it from a backup")

    def _lock_folder(self) -> None:
        self._guard = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._guard, 64, 0).decode()
            os.close(self._guard)
            raise StoreLockedError(
                f"{self.folder} is open in the process {holder}; close it there first"
            ) from error
        os.pwrite(self._guard, str(os.getpid()).encode(), 0)

    def _close(self) -> None:
        super()._close()
        os.close(self._file)
        os.close(self._guard)

    def append(self, record: Record) -> None:
        """Write a record, and return when it is on disk."""
        self.put(lined(record))

    def put(self, data: bytes) -> None:
        """Write bytes, and return when they are on disk."""
        os.write(self._file, data)
        os.fsync(self._file)

    def replay(self, record: Record) -> None:
        """Do again what a record says was done."""
        match record["do"]:
            case "create":
                super()._create_collection(_spec(record))
            case "drop":
                super()._drop_collection(record["name"])
            case "delete":
                super()._delete(self._data[record["name"]].spec, record["ids"])
            case "write":
                spec = self._data[record["name"]].spec
                batch = _batch(record, spec)
                super()._write(spec, batch, WriteMode.OVERWRITE, preserve_created=True)

    def _create_collection(self, spec: CollectionSpec) -> bool:
        with self._lock:
            made = super()._create_collection(spec)
            if made:
                self.append(_created(spec))
            return made

    def _drop_collection(self, name: str) -> bool:
        with self._lock:
            gone = super()._drop_collection(name)
            if gone:
                self.append({"do": "drop", "name": name})
            return gone

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        with self._lock:
            written = super()._write(spec, batch, mode, preserve_created=preserve_created)
            if written:
                self.append(written_record(spec, self._fetch(spec, written, _WHOLE)))
            return written

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        with self._lock:
            gone = super()._delete(spec, ids)
            if gone:
                self.append({"do": "delete", "name": spec.name, "ids": list(ids)})
            return gone


def lined(record: Record) -> bytes:
    """Return a record as a line with its checksum."""
    text = json.dumps(record).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def parsed(line: bytes) -> Record | None:
    """Return the record of a line, or None if the line was torn."""
    checksum, _, text = line.partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text[:-1]):
        return None
    record: Record = json.loads(text)
    return record


def written_record(spec: CollectionSpec, rows: DocumentRows) -> Record:
    """Return what says that documents were written."""
    vectors = rows.vectors if rows.vectors is not None else np.empty((0, spec.dimension), dtype=np.float32)
    return {
        "do": "write",
        "name": spec.name,
        "ids": list(rows.ids),
        "vectors": base64.b64encode(vectors.tobytes()).decode(),
        "contents": list(rows.contents or ()),
        "metadatas": list(rows.metadatas or ()),
        "own": [list(own) for own in rows.own or ()],
        "created_at": list(rows.created_at or ()),
        "updated_at": list(rows.updated_at or ()),
    }


def _batch(record: Record, spec: CollectionSpec) -> VectorBatch:
    data = np.frombuffer(base64.b64decode(record["vectors"]), dtype=np.float32)
    columns = {name: [own[place] for own in record["own"]] for place, name in enumerate(_OWN)}
    return VectorBatch(
        ids=record["ids"],
        vectors=data.reshape(len(record["ids"]), spec.dimension),
        contents=record["contents"],
        metadatas=record["metadatas"],
        created_at=np.array(record["created_at"], dtype=np.int64),
        updated_at=np.array(record["updated_at"], dtype=np.int64),
        collection=spec.name,
        **columns,
    )


def _created(spec: CollectionSpec) -> Record:
    return {
        "do": "create",
        "name": spec.name,
        "dimension": spec.dimension,
        "metric": spec.distance_metric.value,
        "index": spec.index.kind,
        "options": dict(spec.index.options),
        "metadata": spec.metadata,
        "created_at": spec.created_at.isoformat(),
    }


def _spec(record: Record) -> CollectionSpec:
    return CollectionSpec(
        name=record["name"],
        dimension=record["dimension"],
        distance_metric=DistanceMetric(record["metric"]),
        index=IndexSpec(record["index"], options=record["options"]),
        metadata=record["metadata"],
        created_at=datetime.fromisoformat(record["created_at"]),
    )
