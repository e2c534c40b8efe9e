"""Making, starting and stopping the server of a data directory."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec.errors import BackendUnavailableError
from pygent_vec_postgres.server.processes import alive, clear_away, postmaster, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_postgres.server.account import Account

__all__ = ["await_ready", "halt", "keep", "launch", "make"]

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_LOG_CHARACTERS = 1000
_SOCKET_BYTES = 90
"""A socket's path has at most 107 bytes, and the file's own name takes 14 of them."""
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+", re.ASCII)
"""What the server's setting takes without quoting."""


def make(root: Path, programs: Path, account: Account, *, lasting: bool) -> None:
    """Make the data directory of *root*, unless it is there. An interrupted attempt leaves none."""
    if (root / "data").exists():
        return
    raw = root / "data.new"
    if raw.exists():
        shutil.rmtree(raw)
    raw.mkdir(mode=0o700)
    account.own(raw)
    command = [str(programs / "initdb"), "-D", str(raw), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command += ["--locale=C.UTF-8", "--no-instructions"]
    account.run(command if lasting else [*command, "--no-sync"])
    raw.rename(root / "data")


def launch(root: Path, programs: Path, account: Account, settings: Mapping[str, str]) -> None:
    """Start the server of *root*, and wait until it takes connections.

    Raises:
        BackendUnavailableError: it does not start; the message has the end of its log.
    """
    data = root / "data"
    clear_away(data)
    command = [str(programs / "postgres"), "-D", str(data), "-k", _socket_directory(root, account)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = os.open(root / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        process = account.start(command, log)
    finally:
        os.close(log)
    wait_for(lambda: process.poll() is not None or _ready(data), _START_SECONDS)
    ready = process.poll() is None and _ready(data)
    if not ready and process.poll() is None:
        process.kill()
    # A child that nobody waits for stays a zombie; the server may outlive whoever started it.
    threading.Thread(target=process.wait, name="pygent-vec-postgres-server", daemon=True).start()
    if not ready:
        raise _not_started(root)


def keep(root: Path, pid: int, *, lasting: bool) -> None:
    """Start the program that stops the server when its last user has gone, killed or not."""
    if not sys.executable:
        return  # an interpreter inside of another program; `stop` does it, unless that is killed
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")), str(root), str(pid)]
    subprocess.run(  # noqa: S603  # our own program, no shell
        [*command, "lasting" if lasting else "temporary"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
        check=True,
    )


def await_ready(root: Path) -> None:
    """Wait for a server that another process started.

    Raises:
        BackendUnavailableError: it does not get ready.
    """
    if not wait_for(lambda: _ready(root / "data"), _START_SECONDS):
        raise _not_started(root)


def halt(data: Path) -> None:
    """Stop the server of a data directory and wait for its end; do nothing if it does not run.

    Raises:
        BackendUnavailableError: it does not end.
    """
    server = postmaster(data)
    if server is None or not alive(server, data):
        return
    for sign in (signal.SIGINT, signal.SIGQUIT):
        os.kill(server.pid, sign)
        if wait_for(lambda: not alive(server, data), _STOP_SECONDS):
            break
    else:
        raise BackendUnavailableError(
            f"the embedded server in {str(data)!r}, process {server.pid}, does not end"
        )
    socket = Path(server.socket)
    if socket != data.parent:
        shutil.rmtree(socket, ignore_errors=True)


def _ready(data: Path) -> bool:
    server = postmaster(data)
    return server is not None and server.ready and alive(server, data)


def _socket_directory(root: Path, account: Account) -> str:
    """Return the directory for the socket: the server's own, if its name is short and plain."""
    if len(os.fsencode(root)) <= _SOCKET_BYTES and _PLAIN.fullmatch(str(root)):
        return str(root)
    short = Path(tempfile.mkdtemp(prefix="pygent-vec-", dir="/tmp"))  # a short name is the point
    account.own(short)
    return str(short)


def _not_started(root: Path) -> BackendUnavailableError:
    try:
        said = (root / "server.log").read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        said = str(error)
    return BackendUnavailableError(
        f"the embedded server in {str(root)!r} does not start; its log ends with: {said[-_LOG_CHARACTERS:]}",
        transient=False,
    )
