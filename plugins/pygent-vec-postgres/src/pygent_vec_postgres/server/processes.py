"""The processes of an embedded server: is it alive, and what a killed one left behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Postmaster", "alive", "clear_away", "postmaster", "wait_for"]

_EXITING = 0x4
"""PF_EXITING among the flags of Linux."""
_KILLED = 1 << (signal.SIGKILL - 1)
_POLL_SECONDS = 0.01
_ORPHAN_SECONDS = 10.0
_SOCKET_LINE, _STATUS_LINE = 4, 7


@attrs.frozen(kw_only=True)
class Postmaster:
    """What `postmaster.pid` says of a server.

    Attributes:
        pid: Its process.
        directory: Its data directory.
        socket: The directory of its socket.
        ready: Whether it takes connections.
    """

    pid: int
    directory: Path
    socket: str
    ready: bool


def postmaster(data: Path) -> Postmaster | None:
    """Return what the server of a data directory says of itself; None where none was started."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    if len(lines) <= _SOCKET_LINE or not lines[0].strip().isdigit():
        return None
    status = lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""
    return Postmaster(
        pid=int(lines[0]),
        directory=Path(lines[1]),
        socket=lines[_SOCKET_LINE],
        ready=status in {"ready", "standby"},
    )


def alive(server: Postmaster, data: Path) -> bool:
    """Return whether the process is there and is the server of *data*: process ids are used again."""
    if server.directory != data or not _exists(server.pid):
        return False
    process = Path(f"/proc/{server.pid}")
    if not process.exists():
        return not Path("/proc/self").exists()  # without /proc, the process id has to do
    try:
        if _is_ending(process.joinpath("stat").read_text(encoding="utf-8")):
            return False
        return process.joinpath("cwd").readlink() == data
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        return True  # of another user, who may have been given the same directory


def _is_ending(stat: str) -> bool:
    """Return whether a process has ended, or cannot but end: letting go of its memory takes a while.

    Source: proc(5), `/proc/pid/stat`, the fields state, flags and signal.
    """
    fields = stat.rpartition(")")[2].split()
    state, flags, pending = fields[0], int(fields[6]), int(fields[28])
    return state in "ZX" or bool(flags & _EXITING) or bool(pending & _KILLED)


def clear_away(data: Path) -> None:
    """End what a killed server left behind, so that it can be started again.

    Its children hold the shared memory, and a new server refuses to start beside them. A process id that
    now belongs to somebody else would look to it like a server that runs.

    Raises:
        BackendError: a process does not end.
    """
    for sign in (signal.SIGQUIT, signal.SIGKILL):
        for pid in _children(data):
            _signal(pid, sign)
        if wait_for(lambda: not _children(data), _ORPHAN_SECONDS):
            break
    else:
        raise BackendError(f"processes of an earlier server in {str(data)!r} do not end: {_children(data)}")
    (data / "postmaster.pid").unlink(missing_ok=True)


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether *condition* came true within *seconds*."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _children(data: Path) -> list[int]:
    """Return the processes whose working directory is the data directory: every process of a server's is."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "exe").readlink().name.removesuffix(" (deleted)")
            if command == "postgres" and (entry / "cwd").readlink() == data:
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return found


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return
