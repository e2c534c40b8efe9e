"""The SQLite database of a collection: one writer, a pool of readers, and their settings."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from pygent_vec_faiss.storage.failures import storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    Row = tuple[object, ...]
    Parameters = Sequence[object]

__all__ = ["PAGE_BYTES", "SCHEMA", "Database"]

SCHEMA = (
    (
        "CREATE TABLE documents (slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, content TEXT NOT NULL, "
        "metadata BLOB NOT NULL, own BLOB, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, "
        "checksum INTEGER NOT NULL)"
    ),
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID",
)
"""`documents` is keyed by slot, the row of the vector file. BINARY collation of ids is code-point order."""

PAGE_BYTES = 8192
_WRITER_CACHE_KIB = 8192
_READER_CACHE_KIB = 1024
"""Random reads profit from the inner pages only, and every thread that reads has a cache of its own."""
_CHECKPOINT_BYTES = 16 << 20


class Database:
    """The connections to one database file in WAL mode with full synchronisation.

    One thread at a time may use `writer`; `read` may be called from any thread. Connections of readers are
    reused last in, first out, so that the warmest caches serve.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self.writer = self._connected("rw")
        try:
            self.writer.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            self.writer.execute("PRAGMA synchronous = FULL")
            self.writer.execute("PRAGMA wal_autocheckpoint = 0")
        except sqlite3.Error as error:
            self.writer.close()
            raise storage_error(error, path) from error

    @classmethod
    def create(cls, path: Path) -> Database:
        """Make an empty database with the schema.

        Raises:
            BackendError: the file system refuses.
        """
        try:
            connection = sqlite3.connect(path, isolation_level=None)
            try:
                connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
                connection.execute("PRAGMA journal_mode = WAL")
                for statement in SCHEMA:
                    connection.execute(statement)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise storage_error(error, path) from error
        return cls(path)

    @staticmethod
    def read_only(path: Path) -> sqlite3.Connection:
        """Return a connection that leaves the file and its log as they are, also when it is closed.

        Raises:
            sqlite3.Error: the file is missing, unreadable or no database.
        """
        return _connect(path, "ro")

    def _connected(self, mode: str) -> sqlite3.Connection:
        try:
            return _connect(self.path, mode)
        except sqlite3.Error as error:
            raise storage_error(error, self.path) from error

    def read(self, statement: str, parameters: Parameters = ()) -> list[Row]:
        """Return all rows of a query as committed now; text comes as UTF-8 bytes.

        Raises:
            CorruptStoreError: SQLite found a page that is damaged.
            BackendError: the file system failed.
        """
        connection = self._reader()
        try:
            return connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise storage_error(error, self.path) from error
        finally:
            self._idle.append(connection)

    def stream(self, statement: str, parameters: Parameters = (), *, size: int) -> Iterator[list[Row]]:
        """Yield the rows of a query as committed now, at most *size* at a time.

        Raises:
            CorruptStoreError: SQLite found a page that is damaged.
            BackendError: the file system failed.
        """
        connection = self._reader()
        cursor = connection.cursor()
        try:
            cursor.execute(statement, parameters)
            while rows := cursor.fetchmany(size):
                yield rows
        except sqlite3.Error as error:
            raise storage_error(error, self.path) from error
        finally:
            cursor.close()
            self._idle.append(connection)

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._connected("rw")
        try:
            connection.text_factory = bytes
            connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
            connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            connection.close()
            raise storage_error(error, self.path) from error
        return connection

    def checkpoint_if_due(self) -> None:
        """Move the log into the database file once it has grown to 16 MiB. Readers go on meanwhile.

        It does not fail: what was committed is durable in the log, which grows until there is room again.
        """
        log = self.path.with_name(f"{self.path.name}-wal")
        with contextlib.suppress(sqlite3.Error, OSError):
            if log.stat().st_size >= _CHECKPOINT_BYTES:
                self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close all connections; the last one moves the log into the file, where there is room."""
        for connection in [*self._idle, self.writer]:
            connection.close()
        self._idle.clear()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=5.0 if mode == "ro" else 0.0,
    )
