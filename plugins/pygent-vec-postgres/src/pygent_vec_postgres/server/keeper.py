"""Stops an embedded server when the last of its users has gone, however that ended.

A program of its own, run by path and without any other package: it starts in an instant, and takes next to
no memory while it waits. Its arguments are the directory, the process id, and `lasting` or `temporary`.

Every user holds a share of `users.lock`, which the system takes back when its process ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

_POLL_SECONDS = 0.05
_STOP_SECONDS = 60.0


def main(root: Path, pid: int, *, temporary: bool) -> None:
    """Wait until nobody uses the server of *root*; then stop it, if it is still the process *pid*."""
    while True:
        with (root / "users.lock").open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
        # In this order, as in `EmbeddedServer`: the lock of starts and stops first.
        with (root / "start.lock").open("rb") as turn, (root / "users.lock").open("rb") as users:
            fcntl.flock(turn, fcntl.LOCK_EX)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # somebody came meanwhile
            if _serves(root, pid):
                _stop(root, pid)
                if temporary:
                    shutil.rmtree(root)
            return


def _serves(root: Path, pid: int) -> bool:
    try:
        first = (root / "data" / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
    except OSError:
        return False
    return first == str(pid)


def _stop(root: Path, pid: int) -> None:
    for sign in (signal.SIGINT, signal.SIGQUIT):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        limit = time.monotonic() + _STOP_SECONDS
        while _serves(root, pid):
            if time.monotonic() > limit:
                break
            time.sleep(_POLL_SECONDS)
        else:
            return


if __name__ == "__main__":
    if os.fork() == 0:  # whoever started this does not have to wait for its end
        try:
            main(Path(sys.argv[1]), int(sys.argv[2]), temporary=sys.argv[3] == "temporary")
        except FileNotFoundError:
            sys.exit(0)  # the directory is gone already
