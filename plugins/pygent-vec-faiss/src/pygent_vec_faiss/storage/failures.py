"""The one place where errors of the file system and of SQLite become the contract's errors."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

from pygent_vec.errors import BackendError, CorruptStoreError, PygentVecError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["corrupt", "storage_error"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_PRIMARY_CODE = 0xFF
"""SQLite's extended result codes keep the primary code in their low byte."""


def corrupt(path: Path, what: str) -> CorruptStoreError:
    """Return the error for a damaged file, which was left as it is."""
    return CorruptStoreError(
        f"{path} is damaged: {what}. The file was left as it is; restore the collection's folder from a "
        "backup, or copy what can still be read and add the documents again."
    )


def storage_error(error: Exception, path: Path) -> PygentVecError:
    """Return the contract's error for one that the file system or SQLite raised about *path*.

    Raise it `from` the original.
    """
    if isinstance(error, UnicodeDecodeError):
        return corrupt(path, "a text is not UTF-8")
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return _full(path, error)
        if error.errno in _FORBIDDEN:
            return _forbidden(path, error)
        return BackendError(
            f"{path}: {error.strerror or error}; check the file system, then open the store again"
        )
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return corrupt(path, f"SQLite says {str(error)!r}")
    if code == sqlite3.SQLITE_FULL:
        return _full(path, error)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return _forbidden(path, error)
    transient = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM)
    return BackendError(
        f"{path}: SQLite says {str(error)!r}; check the file system and the free disk space, then try again",
        transient=transient,
    )


def _full(path: Path, error: Exception) -> BackendError:
    return BackendError(
        f"{path} cannot grow ({error}); nothing of this call is kept, and nothing acknowledged is lost. "
        "Free disk space or raise the quota, then try again"
    )


def _forbidden(path: Path, error: Exception) -> BackendError:
    return BackendError(
        f"{path} cannot be opened or written ({error}); make the store's folder and its files writable "
        "for this user, or give another path"
    )
