"""The lock that keeps a directory to one store."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pygent_vec.errors import ConfigError, StoreLockedError
from pygent_vec_faiss.storage.failures import storage_error

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOCK_NAME", "DirectoryLock"]

LOCK_NAME = "LOCK"
_HOLDER_BYTES = 4096


class DirectoryLock:
    """An exclusive `flock` on the file `LOCK` of a directory, which names its holder.

    The kernel lets go of it when the holder ends in any way. A process that the holder forked shares it
    until it ends too, unless the holder releases it first.

    Args:
        directory: Made on `acquire`, with its parents, where it does not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None
        self._owner = 0

    @property
    def path(self) -> Path:
        """The lock file."""
        return self._directory / LOCK_NAME

    def acquire(self) -> None:
        """Take the lock at once, or fail.

        Raises:
            StoreLockedError: another store, of this process or another, holds it.
            ConfigError: the path or one of its parents is a file.
            BackendError: the directory cannot be made or written.
        """
        if self._descriptor is not None:
            return
        descriptor = self._opened()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _holder(), 0)
        except BlockingIOError as error:
            who = _described(descriptor)
            os.close(descriptor)
            raise StoreLockedError(
                f"{self._directory} is in use by {who}; one store at a time may open it. "
                "Close that store or end that process, or give another path"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise storage_error(error, self.path) from error
        self._descriptor = descriptor
        self._owner = os.getpid()

    def release(self) -> None:
        """Let go of the lock; without effect if it is not held.

        In a forked child only the child's copy of the descriptor is closed: the parent keeps the lock.
        """
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            if os.getpid() == self._owner:
                os.ftruncate(descriptor, 0)
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        except OSError as error:
            raise storage_error(error, self.path) from error
        finally:
            os.close(descriptor)

    def _opened(self) -> int:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ConfigError(
                f"path={str(self._directory)!r} cannot be a store's directory: {error.filename or error} "
                "is of the wrong kind; give the path of a directory, or one that does not exist yet"
            ) from error
        except OSError as error:
            raise storage_error(error, self._directory) from error


def _holder() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _described(descriptor: int) -> str:
    """Return who holds the lock, as far as the file says: its holder may be writing it just now."""
    try:
        holder = json.loads(os.pread(descriptor, _HOLDER_BYTES, 0))
        return f"process {holder['pid']} on host {holder['host']!r} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
