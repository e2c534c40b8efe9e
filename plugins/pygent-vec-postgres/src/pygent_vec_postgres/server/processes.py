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

__all__ = ["Postmaster", "alive", "clear_away", "postmaster", "processes_of", "wait_for"]

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


def clear_away(data: Path) -> None:
    """End what a killed server left behind, so that it can be started again.

    Its children hold the shared memory, and a new server refuses to start beside them. A process id that
    now belongs to somebody else, or that nobody has waited for, would look to it like a server that runs.

    Raises:
        BackendError: a process does not end.
    """
    for sign in (signal.SIGQUIT, signal.SIGKILL):
        for pid in processes_of(data):
            _signal(pid, sign)
        if wait_for(lambda: not processes_of(data), _ORPHAN_SECONDS):
            break
    else:
        raise BackendError(
            f"processes of an earlier server in {str(data)!r} do not end: {processes_of(data)}"
        )
    earlier = postmaster(data)
    if earlier is not None:
        for lock in Path(earlier.socket).glob(".s.PGSQL.*.lock"):
            lock.unlink(missing_ok=True)
    (data / "postmaster.pid").unlink(missing_ok=True)


def processes_of(data: Path) -> list[int]:
    """Return a server's processes: the data directory is their working directory.

    A process that lets go of its memory no longer tells its directory, and still holds what it shares; any
    such server's counts, for it is gone in a moment.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text(encoding="utf-8")
            if "(postgres)" not in stat or _is_over(stat):
                continue
            if _is_ending(stat) or (entry / "cwd").readlink() == data:
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return found


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether *condition* came true within *seconds*."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _is_ending(stat: str) -> bool:
    """Return whether a process has ended, or cannot but end: letting go of its memory takes a while.

    Source: proc(5), `/proc/pid/stat`, the fields state, flags and signal.
    """
    fields = _fields(stat)
    return _is_over(stat) or bool(int(fields[6]) & _EXITING) or bool(int(fields[28]) & _KILLED)


def _is_over(stat: str) -> bool:
    """Return whether nothing is left of a process but its number."""
    return _fields(stat)[0] in "ZX"


def _fields(stat: str) -> list[str]:
    """Return the fields after the command, the first of which is the state."""
    return stat.rpartition(")")[2].split()


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
