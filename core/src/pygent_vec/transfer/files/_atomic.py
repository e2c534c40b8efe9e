"""A file that is there as a whole or not at all."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from pygent_vec.errors import BackendError, ConfigError, StoreLockedError
from pygent_vec.transfer._disk import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["AtomicFile", "writing_to"]


class AtomicFile:
    """Writes a hidden file beside *path*, and renames it over *path* once it is on the disk.

    The hidden file's name is always the same for *path*: what a killed process left of it is overwritten by
    the next, and a lock keeps two that run at the same time apart.

    Args:
        path: What is to be written; of a symbolic link, what it leads to.
        overwrite: Whether it may exist already.

    Raises:
        ConfigError: *path* exists and may not be overwritten, or cannot be a file.
        StoreLockedError: another process writes it.
        BackendError: the directory cannot be written to.

    Attributes:
        path: What is to be written.
        file: The hidden file, open for writing bytes.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path.resolve()
        if self.path.exists() and not self.path.is_file():
            raise ConfigError(f"{str(path)!r} is there and is no file; name a file, or - for a pipe")
        if self.path.exists() and not overwrite:
            raise ConfigError(f"the file {str(path)!r} exists; name another, or allow to overwrite it")
        if not self.path.parent.is_dir():
            raise ConfigError(f"there is no directory {str(self.path.parent)!r} for the file {path.name!r}")
        self._hidden = self.path.with_name(f".{self.path.name}.partial")
        with writing_to(self.path):
            self.file: IO[bytes] = self._locked()

    @property
    def directory(self) -> Path:
        """Where the file is, and where there is room for it."""
        return self.path.parent

    def commit(self) -> None:
        """Make the file visible under its name, durably.

        Raises:
            BackendError: the disk is full, or fails.
        """
        with writing_to(self.path):
            self.file.flush()
            os.fsync(self.file.fileno())
            self._hidden.replace(self.path)
            self.file.close()
            sync_directory(self.path.parent)

    def discard(self) -> None:
        """Leave nothing behind; after `commit`, do nothing."""
        if not self.file.closed:
            self._hidden.unlink(missing_ok=True)
            with suppress(OSError):  # what could not be written to a full disk, nobody wants any more
                self.file.close()

    def _locked(self) -> IO[bytes]:
        while True:
            descriptor = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(descriptor)
                raise StoreLockedError(
                    f"another process writes {str(self.path)!r} now; wait for it, or name another file"
                ) from error
            if self._is_hidden(descriptor):
                os.ftruncate(descriptor, 0)
                return os.fdopen(descriptor, "w+b", buffering=1 << 20)
            os.close(descriptor)  # the one who held it has just renamed it: it is no longer ours to write

    def _is_hidden(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._hidden.stat())
        except FileNotFoundError:
            return False


@contextmanager
def writing_to(name: Path | str) -> Iterator[None]:
    """Say of an operating system's error which file it hit.

    Raises:
        BackendError: the file could not be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has gone, and knows
    except OSError as error:
        raise BackendError(
            f"{str(name)!r} could not be written ({error.strerror or error}); nothing of it is left. "
            "Free space or mend the rights, and begin again"
        ) from error
