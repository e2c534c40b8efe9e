"""The ledger of a collection: its settings, and what its last commit says that its files hold."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, cast

import attrs
import orjson
from xxhash import xxh3_64_intdigest

from pygent_vec_faiss.storage.failures import corrupt, storage_error
from pygent_vec_faiss.storage.vectors import VectorState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pygent_vec.model import JsonObject, JsonValue
    from pygent_vec_faiss.storage.database import Database
    from pygent_vec_faiss.storage.integrity import Acknowledged

__all__ = ["Ledger", "TableState", "read_ledger"]

_STATE_KEY = "state"
_UPSERT = "INSERT OR REPLACE INTO meta (key, value, checksum) VALUES (?, ?, ?)"


@attrs.frozen(kw_only=True)
class TableState:
    """What a commit says about the documents table and the vector file.

    Attributes:
        sequence: The commit's number, from 1.
        count: How many documents there are.
        fold: `integrity.fold` over all rows.
        vectors: The vector file that belongs to them.
    """

    sequence: int
    count: int
    fold: int
    vectors: VectorState


def read_ledger(connection: sqlite3.Connection, path: Path) -> tuple[TableState, JsonObject]:
    """Return the state and the settings, checked.

    Raises:
        CorruptStoreError: a value does not have its checksum, or there is no state.
        sqlite3.Error: the database cannot be read.
    """
    values: JsonObject = {}
    for key, value, checksum in connection.execute("SELECT key, value, checksum FROM meta"):
        if not isinstance(value, bytes) or checksum != _checksum(str(key), value):
            raise corrupt(path, f"the setting {key!r} does not have its checksum")
        values[str(key)] = orjson.loads(value)
    state = cast("dict[str, int]", values.pop(_STATE_KEY, {"settings": -1}))
    if state["settings"] != len(values):
        raise corrupt(path, "settings are missing")
    vectors = VectorState(
        generation=state["generation"], watermark=state["watermark"], digest=state["digest"]
    )
    return (
        TableState(sequence=state["sequence"], count=state["count"], fold=state["fold"], vectors=vectors),
        values,
    )


class Ledger:
    """Keeps the state and the settings in step with the database. Used by one writer at a time."""

    def __init__(
        self, database: Database, acknowledged: Acknowledged, state: TableState, settings: JsonObject
    ) -> None:
        self._database = database
        self._acknowledged = acknowledged
        self._in_doubt = False
        self.state = state
        self.settings: Mapping[str, JsonValue] = settings

    def settle(self) -> None:
        """After a commit that failed, make sure that it stays undone.

        A commit whose synchronisation failed may be whole in the log and come back after a crash. An empty
        commit takes its place there. Until that has worked nothing may be appended to the vector file.

        Raises:
            BackendError: the disk is still full or failing.
        """
        if self._in_doubt:
            self.begin()
            self._in_doubt = False
            self.commit(self.state, {})

    def begin(self) -> None:
        """Open the write transaction.

        Raises:
            BackendError: the file system failed.
        """
        self.rollback()  # an interrupt may have left one open
        try:
            self._database.writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise storage_error(error, self._database.path) from error

    def commit(self, state: TableState, settings: Mapping[str, JsonValue]) -> None:
        """Commit the open transaction as the next one, durably, and adopt *state* and the changed *settings*.

        Raises:
            BackendError: the disk is full or failed; the transaction is rolled back.
        """
        state = attrs.evolve(state, sequence=self.state.sequence + 1)
        everything = {**self.settings, **settings}
        changed = {**settings, _STATE_KEY: {**_state_json(state), "settings": len(everything)}}
        encoded = [(key, orjson.dumps(value)) for key, value in changed.items()]
        writer = self._database.writer
        try:
            writer.executemany(_UPSERT, [(key, value, _checksum(key, value)) for key, value in encoded])
            writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._in_doubt = True
            self.rollback()
            raise storage_error(error, self._database.path) from error
        finally:
            # An interrupt may arrive while SQLite commits; then the commit stands, and its state with it.
            if not (self._in_doubt or writer.in_transaction):
                self.state, self.settings = state, everything
        with contextlib.suppress(OSError):  # the commit is durable: this record guards it, and may lag behind
            self._acknowledged.write(state.sequence)

    def rollback(self) -> None:
        """Undo the open transaction, if there is one: SQLite ends it by itself after some errors."""
        if self._database.writer.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # its own error is on the way already
                self._database.writer.execute("ROLLBACK")


def _state_json(state: TableState) -> JsonObject:
    vectors = state.vectors
    return {
        "sequence": state.sequence,
        "count": state.count,
        "fold": state.fold,
        "generation": vectors.generation,
        "watermark": vectors.watermark,
        "digest": vectors.digest,
    }


def _checksum(key: str, value: bytes) -> int:
    return xxh3_64_intdigest(value, xxh3_64_intdigest(key.encode())) >> 1
