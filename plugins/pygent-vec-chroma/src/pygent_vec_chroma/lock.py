"""The lock that keeps a directory to one store."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pygent_vec.errors import BackendError, ConfigError, StoreLockedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOCK_NAME", "DirectoryLock"]

LOCK_NAME = "LOCK"
_HOLDER_BYTES = 4096
_ORPHAN_SECONDS = 60.0
"""How long a helper whose store was killed may take to finish the call that it is at."""
_PAUSE_SECONDS = 0.01


class DirectoryLock:
    """An exclusive `flock` on a file that names its holder.

    The store and its helper share it, and the kernel lets go of it when both have ended in any way. So does a
    process that the holder forked, unless the holder releases it first.

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

    @property
    def descriptor(self) -> int:
        """What a helper inherits, to hold the lock too."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        return self._descriptor

    def acquire(self) -> None:
        """Take the lock, or fail; wait only for the helper of a store that was killed.

        Raises:
            StoreLockedError: another store, of this process or another, holds it.
            ConfigError: the path or one of its parents is a file.
            BackendError: the directory cannot be made or written.
        """
        if self._descriptor is not None:
            return
        descriptor = self._opened()
        try:
            self._locked(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _holder(), 0)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError):
                raise BackendError(f"{self.path} cannot be locked or written: {error}") from error
            raise
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
            raise BackendError(f"{self.path} cannot be released: {error}") from error
        finally:
            os.close(descriptor)

    def _opened(self) -> int:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ConfigError(
                f"the path {str(self._directory.parent)!r} cannot be a store's directory: "
                f"{error.filename or error} is of the wrong kind; "
                "give the path of a directory, or one that does not exist yet"
            ) from error
        except OSError as error:
            raise BackendError(
                f"{self._directory} cannot be made or written ({error.strerror}); "
                "make it writable for this user, or give another path"
            ) from error

    def _locked(self, descriptor: int) -> None:
        until = time.monotonic() + _ORPHAN_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = _told(descriptor)
                if not _ended(holder) or time.monotonic() > until:
                    raise StoreLockedError(
                        f"{self._directory.parent} is in use by {_described(holder)}; one store at a time "
                        "may open it. Close that store or end that process, or give another path"
                    ) from error
                time.sleep(_PAUSE_SECONDS)
            else:
                return


def _holder() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _told(descriptor: int) -> dict[str, object]:
    """Return who holds the lock, as far as the file says: its holder may be writing it just now."""
    try:
        holder = json.loads(os.pread(descriptor, _HOLDER_BYTES, 0))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _ended(holder: dict[str, object]) -> bool:
    """Return whether the holder was a process of this host that runs no more: only its helper does."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _described(holder: dict[str, object]) -> str:
    if not holder:
        return "another process"
    return f"process {holder.get('pid')} on host {holder.get('host')!r} since {holder.get('since')}"
