"""What tests do to the helper process of a store: find it, and kill it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from pygent_vec.sync import SyncVectorStore
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.store import ChromaStore


def opened(**settings) -> SyncVectorStore:
    store = SyncVectorStore(ChromaStore(ChromaConfig(**settings)))
    store.initialize()
    return store


def helper_pids() -> list[int]:
    """Return the helpers of this process that run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue  # it has ended meanwhile
        if parent == os.getpid() and b"embedded.helper" in command:
            found.append(int(folder.name))
    return found


def kill_helper() -> None:
    """Kill the one helper of this process by SIGKILL, and wait until it holds no file any more."""
    (pid,) = helper_pids()
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while _runs(pid):
        assert time.monotonic() < until


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
