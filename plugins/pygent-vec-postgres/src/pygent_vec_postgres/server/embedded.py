"""A private server in one directory: started by who comes first, stopped by who leaves last."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec.errors import BackendUnavailableError, ConfigError
from pygent_vec_postgres.server.account import unprivileged
from pygent_vec_postgres.server.binaries import binaries, reachable
from pygent_vec_postgres.server.launch import await_ready, halt, keep, launch, make
from pygent_vec_postgres.server.processes import alive, postmaster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pygent_vec_postgres.server.account import Account
    from pygent_vec_postgres.server.processes import Postmaster

__all__ = ["EmbeddedServer"]

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "jit": "off",
}
_THROWAWAY = {"fsync": "off", "full_page_writes": "off"}
"""What a server does not need whose data ends with it. A killed process loses nothing by it."""


class EmbeddedServer:
    """A PostgreSQL server of our own, reached through a socket in a directory that only its owner can enter.

    Several stores, also of several processes, may use one directory. A share of a lock stands for each of
    them, and ends with it, however that ends. Methods block.

    Args:
        path: Its directory, made where it does not exist; None means a temporary one, deleted at the end.
        settings: Further settings of the server, such as `{"shared_buffers": "1GB"}`.
    """

    def __init__(self, path: Path | None, *, settings: Mapping[str, str] | None = None) -> None:
        self._path = None if path is None else Path(path).expanduser().absolute()
        self._settings = {**_SETTINGS, **(_THROWAWAY if path is None else {}), **(settings or {})}
        self._root: Path | None = None
        self._share: int | None = None
        self._turn = threading.Lock()

    @property
    def data(self) -> Path:
        """The server's data directory."""
        if self._root is None:
            raise BackendUnavailableError("the embedded server was not started")
        return self._root / "data"

    @property
    def host(self) -> str:
        """The directory of the server's socket; raises as `running`."""
        return self.running.socket

    @property
    def running(self) -> Postmaster:
        """The server as it runs now.

        Raises:
            BackendUnavailableError: it does not run.
        """
        server = postmaster(self.data)
        if server is None or not alive(server, self.data):
            raise BackendUnavailableError(
                f"the embedded server in {str(self._root)!r} does not run; the next call starts it again"
            )
        return server

    def start(self) -> None:
        """Start the server, or find it running; wait until it takes connections. May be called again.

        Raises:
            ConfigError: it cannot run here; the message says why.
            BackendUnavailableError: it does not start; the message has the end of its log.
        """
        with self._turn:
            account = unprivileged()
            programs = reachable(binaries(), account)
            root = self._root = self._root or self._prepared(account)
            with _locked(root / "start.lock"):
                make(root, programs, account, lasting=self._path is not None)
                if self._share is None:
                    self._share = _opened(root / "users.lock")
                    fcntl.flock(self._share, fcntl.LOCK_SH)
                self._serve(root, programs, account)

    def stop(self) -> None:
        """Leave the server; the last one to leave stops it, and deletes a temporary one."""
        with self._turn:
            root, share = self._root, self._share
            if root is None:
                return
            if share is not None:
                self._share = None
                with _locked(root / "start.lock"):
                    self._leave(root, share)
            if self._path is None:
                shutil.rmtree(root)
                self._root = None

    def _serve(self, root: Path, programs: Path, account: Account) -> None:
        data = root / "data"
        server = postmaster(data)
        if server is not None and alive(server, data):
            await_ready(root)
            return
        launch(root, programs, account, self._settings)
        keep(root, self.running.pid, lasting=self._path is not None)

    def _leave(self, root: Path, share: int) -> None:
        try:
            fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # others use the server
        else:
            halt(root / "data")
        finally:
            os.close(share)

    def _prepared(self, account: Account) -> Path:
        """Return the server's directory, made and owned by whom it runs as."""
        if self._path is None:
            root = Path(tempfile.mkdtemp(prefix="pygent-vec-postgres-")).resolve()
        else:
            root = self._path
            _check_ours(root)
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            root = root.resolve()
        account.check_reach(root, "its directory")
        account.own(root)
        return root


def _check_ours(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise ConfigError(f"path: {str(root)!r} is not a directory; name another one")
    if root.is_dir() and any(root.iterdir()) and not (root / "start.lock").exists():
        raise ConfigError(f"path: the directory {str(root)!r} holds other things; name an empty or a new one")


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes."""
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
