"""The examination of a collection's database before it is used. It changes no file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, cast

import numpy as np
import orjson

from pygent_vec_faiss.storage.database import PAGE_BYTES, SCHEMA, Database
from pygent_vec_faiss.storage.failures import corrupt, storage_error
from pygent_vec_faiss.storage.integrity import Acknowledged, ManifestState, fold, manifest_state
from pygent_vec_faiss.storage.ledger import TableState, read_ledger
from pygent_vec_faiss.storage.rows import FullRow, verify

if TYPE_CHECKING:
    from pathlib import Path

    from pygent_vec.model import JsonObject

__all__ = ["audit"]

_ROWS = 1000
_WORD = 1 << 64
_EVERYTHING = "SELECT slot, id, content, metadata, own, created_at, updated_at, checksum FROM documents"


def audit(path: Path, *, manifest: Path, acknowledged: Path) -> tuple[TableState, JsonObject]:
    """Return what the database holds, once it is proved to be what was committed.

    After a clean close the file's digest proves it; otherwise every page and every row is checked.

    Raises:
        CorruptStoreError: something is missing or damaged, or acknowledged commits are gone.
        BackendError: the file system failed.
    """
    if not path.is_file():
        raise corrupt(path, "the file is missing")
    if path.stat().st_size < PAGE_BYTES:  # SQLite would take it as new, and delete its log
        raise corrupt(path, "the file is empty or cut off")
    try:
        connection = Database.read_only(path)
        try:
            return _examined(connection, path, manifest, acknowledged)
        finally:
            connection.close()
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise storage_error(error, path) from error
    except (orjson.JSONDecodeError, KeyError) as error:
        raise corrupt(path, f"a setting is not readable ({error})") from error


def _examined(
    connection: sqlite3.Connection, path: Path, manifest: Path, acknowledged: Path
) -> tuple[TableState, JsonObject]:
    closed_cleanly = not _has_log(path) and manifest_state(manifest, path) is ManifestState.INTACT
    _check_schema(connection, path)
    state, settings = read_ledger(connection, path)
    last = Acknowledged.last(acknowledged)
    if last > state.sequence:
        raise corrupt(
            path,
            f"commit {last} was acknowledged, and the database ends at commit {state.sequence}: "
            f"{last - state.sequence} commits are missing or damaged in the log {path.name}-wal",
        )
    if not closed_cleanly:
        _check_pages(connection, path)
        _check_rows(connection, path, state)
    return state, settings


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = {row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise corrupt(path, f"SQLite says {str(error)!r}") from error
        raise
    if found != set(SCHEMA):
        raise corrupt(path, "its tables are not those of a collection")


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    answer = connection.execute("PRAGMA integrity_check(3)").fetchall()
    if answer != [("ok",)]:
        raise corrupt(path, "; ".join(str(row[0]) for row in answer))


def _check_rows(connection: sqlite3.Connection, path: Path, state: TableState) -> None:
    connection.text_factory = bytes
    cursor = connection.execute(_EVERYTHING)
    count = total = 0
    while rows := cast("list[FullRow]", cursor.fetchmany(_ROWS)):
        verify(rows, path)
        pairs = np.array([(row[0], row[-1]) for row in rows], dtype=np.int64)
        total = (total + fold(pairs[:, 0], pairs[:, 1])) % _WORD
        count += len(rows)
    if (count, total) != (state.count, state.fold):
        raise corrupt(path, f"its {count} documents are not the {state.count} that were committed")
