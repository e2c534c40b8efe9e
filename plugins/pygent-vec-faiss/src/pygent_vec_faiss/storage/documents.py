"""The documents table of a collection: the truth about ids, texts and metadata, in SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, cast

import numpy as np
import orjson

from pygent_vec.errors import BackendError, PygentVecError
from pygent_vec.model import Projection
from pygent_vec_faiss.storage.audit import audit
from pygent_vec_faiss.storage.database import Database
from pygent_vec_faiss.storage.failures import storage_error
from pygent_vec_faiss.storage.integrity import Acknowledged, sync_directory, write_manifest
from pygent_vec_faiss.storage.ledger import Ledger, TableState
from pygent_vec_faiss.storage.rows import FieldRow, StoredRows, columns_of, decoded, field_rows
from pygent_vec_faiss.storage.transactions import ExistingRow, Transaction, WritePlan, plan_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pygent_vec.contract import WriteMode
    from pygent_vec.model import Int64Vector, JsonObject, JsonValue
    from pygent_vec_faiss.storage.vectors import VectorState

__all__ = ["DocumentTable"]

_DATABASE, _MANIFEST, _ACKNOWLEDGED = "documents.sqlite3", "clean.json", "acknowledged"
_FORMAT_KEY, _FORMAT = "format", 1
_LOOKUP = 10_000
"""How many keys one statement looks up, which bounds the memory that it takes."""
_MANY_SLOTS = 2048
"""From so many slots on it pays to read them in the order of the file."""
_STREAM_ROWS = 1000
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_BARE = Projection(content=False, metadata=False)
_HEADS = Projection(content=False)


class DocumentTable:
    """The documents of one collection and their slots in the vector file.

    Reads may run in any thread and see what was committed when they began. One thread at a time may write:
    `plan`, append the vectors, then `transaction`. A failed write leaves the table usable.
    """

    def __init__(self, folder: Path, database: Database, state: TableState, settings: JsonObject) -> None:
        self._folder = folder
        self._closed = False
        self._database = database
        try:
            self._acknowledged = Acknowledged(folder / _ACKNOWLEDGED)
        except PygentVecError:
            database.close()
            raise
        self._ledger = Ledger(database, self._acknowledged, state, settings)

    @classmethod
    def create(
        cls, folder: Path, *, settings: Mapping[str, JsonValue], vectors: VectorState
    ) -> DocumentTable:
        """Make an empty table in an empty *folder*, durably, with its first settings.

        Raises:
            BackendError: the file system refuses.
        """
        database = Database.create(folder / _DATABASE)
        table = cls(folder, database, TableState(sequence=0, count=0, fold=0, vectors=vectors), {})
        try:
            with table.transaction() as change:
                for key, value in {**settings, _FORMAT_KEY: _FORMAT}.items():
                    change.set(key, value)
                change.commit()
            sync_directory(folder)
        except OSError as error:
            table.abandon()
            raise storage_error(error, folder) from error
        except BaseException:
            table.abandon()
            raise
        return table

    @classmethod
    def open(cls, folder: Path) -> DocumentTable:
        """Open the table, after it is proved to hold what was committed.

        Raises:
            CorruptStoreError: it is damaged; no file was changed.
            BackendError: the file system failed, or a newer version wrote the table.
        """
        path, manifest = folder / _DATABASE, folder / _MANIFEST
        state, settings = audit(path, manifest=manifest, acknowledged=folder / _ACKNOWLEDGED)
        if settings[_FORMAT_KEY] != _FORMAT:
            raise BackendError(
                f"{path} has format {settings[_FORMAT_KEY]}, and this version reads format {_FORMAT}; "
                "upgrade pygent-vec-faiss"
            )
        table = cls(folder, Database(path), state, settings)
        try:
            manifest.unlink(missing_ok=True)
        except OSError as error:
            table.abandon()
            raise storage_error(error, manifest) from error
        return table

    def close(self) -> None:
        """Close the table, and record the digest of its file, so that the next open need not check each row.

        Where the disk is too full for that nothing is lost: the next open checks more. A second call does
        nothing.
        """
        if self._closed:
            return
        with contextlib.suppress(sqlite3.Error):
            self._database.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.abandon()
        with contextlib.suppress(OSError):
            write_manifest(self._folder / _MANIFEST, self._database.path)

    def abandon(self) -> None:
        """Close the table as if the process had ended: nothing is lost, and the next open checks it all."""
        self._closed = True
        self._database.close()
        self._acknowledged.close()

    @property
    def settings(self) -> Mapping[str, JsonValue]:
        """What `create` was given and transactions have set since."""
        return self._ledger.settings

    @property
    def vectors(self) -> VectorState:
        """The vector file that belongs to the last commit."""
        return self._ledger.state.vectors

    @property
    def count(self) -> int:
        """How many documents there are."""
        return self._ledger.state.count

    @property
    def disk_bytes(self) -> int:
        """The size of the database and its log in bytes."""
        paths = (self._database.path, self._database.path.with_name(f"{_DATABASE}-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    def plan(self, ids: Sequence[str], mode: WriteMode) -> WritePlan:
        """Return which of the unique *ids* a write will write and replace; made before vectors are appended.

        Raises:
            BackendError: the file system failed, or an earlier failure could not be mended yet.
        """
        self._ledger.settle()
        return plan_write(ids, self.find(ids), mode)

    def transaction(self) -> Transaction:
        """Return a write transaction, for a `with` block.

        Raises:
            BackendError: an earlier failure could not be mended yet.
        """
        self._ledger.settle()
        return Transaction(self._database, self._ledger)

    def checkpoint_if_due(self) -> None:
        """Keep the log short. Call it after commits, outside of any lock that readers wait for."""
        self._database.checkpoint_if_due()

    def settle(self) -> None:
        """After a commit that failed, make sure that it stays undone, even if the log holds it whole.

        Until this has worked, a vector file that the commit named must not be removed or changed. `plan` and
        `transaction` do it first.

        Raises:
            BackendError: the disk is still full or failing.
        """
        self._ledger.settle()

    def find(self, ids: Sequence[str]) -> dict[str, ExistingRow]:
        """Return slot, created_at and checksum of those of *ids* that exist."""
        statement = (
            "SELECT documents.id, slot, created_at, checksum "
            "FROM json_each(?) CROSS JOIN documents ON documents.id = value"
        )
        found: dict[str, ExistingRow] = {}
        for start in range(0, len(ids), _LOOKUP):
            keys = orjson.dumps(list(ids[start : start + _LOOKUP])).decode()
            rows = cast("list[tuple[bytes, int, int, int]]", self._database.read(statement, (keys,)))
            found.update({key.decode(): (slot, created, check) for key, slot, created, check in rows})
        return found

    def slots_of(self, ids: Sequence[str]) -> Int64Vector:
        """Return the slots of those of *ids* that exist, int64, in any order."""
        rows = self.find(ids).values()
        return np.fromiter((slot for slot, _, _ in rows), np.int64, len(rows))

    def ids_of(self, slots: Int64Vector) -> list[str]:
        """Return the ids in *slots*, in that order; slots without a document are left out."""
        return list(self.fetch_slots(slots, _BARE).rows.ids)

    def fetch_slots(self, slots: Int64Vector, projection: Projection) -> StoredRows:
        """Return the documents in *slots*, in that order; slots without a document are left out.

        Raises:
            CorruptStoreError: a row does not have its checksum.
        """
        if len(slots) < _MANY_SLOTS:
            return decoded(self._rows(slots, projection, "slot"), projection, self._database.path)
        # In ascending order neighbours share a page, and a slot that is wanted twice is read once.
        found = {row[0]: row for row in self._rows(np.unique(slots), projection, "slot")}
        rows = [found[slot] for slot in slots.tolist() if slot in found]
        return decoded(rows, projection, self._database.path)

    def fetch_ids(self, ids: Sequence[str], projection: Projection) -> StoredRows:
        """Return those of *ids* that exist, in the order of *ids*.

        Raises:
            CorruptStoreError: a row does not have its checksum.
        """
        return decoded(self._rows(ids, projection, "documents.id"), projection, self._database.path)

    def _rows(
        self, keys: Int64Vector | Sequence[str], projection: Projection, column: str
    ) -> list[tuple[object, ...]]:
        statement = (
            f"SELECT {columns_of(projection)} FROM json_each(?) CROSS JOIN documents ON {column} = value"  # noqa: S608  # both are ours
        )
        rows: list[tuple[object, ...]] = []
        for start in range(0, len(keys), _LOOKUP):
            part = orjson.dumps(keys[start : start + _LOOKUP], option=_NUMPY).decode()
            rows += self._database.read(statement, (part,))
        return rows

    def scan(self, after_id: str | None, limit: int, projection: Projection) -> StoredRows:
        """Return the first *limit* documents whose id is after *after_id*, in code-point order of the ids.

        Raises:
            CorruptStoreError: a row does not have its checksum.
        """
        statement = f"SELECT {columns_of(projection)} FROM documents WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608  # ours
        rows = self._database.read(statement, (after_id or "", limit))
        return decoded(rows, projection, self._database.path)

    def iterate(self) -> Iterator[FieldRow]:
        """Yield what filters read of each document, in slot order, in constant memory.

        Raises:
            CorruptStoreError: a row does not have its checksum.
        """
        statement = f"SELECT {columns_of(_HEADS)} FROM documents ORDER BY slot"  # noqa: S608  # ours
        for rows in self._database.stream(statement, size=_STREAM_ROWS):
            yield from field_rows(rows, self._database.path)

    def alive_slots(self) -> Int64Vector:
        """Return the slots that hold a document, int64, ascending."""
        # Without an order SQLite reads the slots from the index of the ids, a fraction of the table.
        pieces = self._database.stream("SELECT slot FROM documents", size=_LOOKUP)
        slots = np.fromiter((cast("int", row[0]) for rows in pieces for row in rows), np.int64)
        slots.sort()
        return slots
