"""The open database: who may call Chroma's bindings when, and their opening anew.

Chroma holds four descriptors for every index that it has used since it was opened, also when its collection
is deleted. When its cache is full, it drops an index, and with it whatever is not in the index's files yet:
later searches fail, or pass over those rows without a word, until Chroma is opened again and reads its queue.
So the cache is as good as boundless, and the database is opened anew before the descriptors run out.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygent_vec_chroma.embedded.bindings import opened
from pygent_vec_chroma.embedded.checkpoints import Checkpoints
from pygent_vec_chroma.embedded.tables import DATABASE_NAME, Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["Database"]

_DESCRIPTORS = 65_536
"""As many are taken where the system allows: for 13,000 indexes."""
_PER_INDEX, _SPARE, _FEWEST_INDEXES = 5, 128, 8
_OPEN = Path("/dev/fd")
_CLOSING_SECONDS, _CLOSING_PAUSE_SECONDS = 5.0, 0.002


class Database:
    """Chroma's bindings on a directory, or on memory. Calls may come from several threads.

    Args:
        directory: Chroma's; None for memory.
        threshold: Returns a collection's `sync_threshold`, told by the bindings given.

    Attributes:
        lock: Held by one call at a time; calls that only read share the database, once a collection is known.
        tables: Chroma's, for statements of our own; None in memory.
    """

    def __init__(self, directory: Path | None, threshold: Callable[[Any, str], int]) -> None:
        self._directory = directory
        self._threshold = threshold
        # The bindings keep Python's lock while they wait for SQLite's, so a statement of ours must not be
        # open in another thread meanwhile: it could never end.
        self.lock = threading.Lock()
        self._turn = threading.Condition()
        self._reads, self._renewing = 0, False
        self._most = max(_FEWEST_INDEXES, (_descriptors() - _SPARE) // _PER_INDEX)
        self._bindings: Any = None
        self._ready()
        self.tables: Tables | None = None
        self._checkpoints: Checkpoints | None = None
        if directory is not None:
            self.tables = Tables(directory / DATABASE_NAME)
            self._checkpoints = self._fresh(directory, self.tables)

    def close(self) -> None:
        """Close the database."""
        if self.tables is not None:
            self.tables.close()
        del self._bindings

    @contextmanager
    def alone(self) -> Iterator[Any]:
        """Yield the bindings to a call that reads or writes no rows."""
        with self.lock:
            yield self._ready()

    @contextmanager
    def writing(self, collection: str, rows: int) -> Iterator[Any]:
        """Yield the bindings to a call that puts *rows* entries into a collection's queue."""
        with self.lock:
            self._make_room(collection)
            bindings = self._ready()
            with self._guard(collection, rows):
                yield bindings

    @contextmanager
    def reading(self, collection: str | None) -> Iterator[Any]:
        """Yield the bindings to a call that reads, beside others; the first of a *collection* is a write."""
        with self._turn:
            self._turn.wait_for(lambda: not self._renewing)
            bindings = self._bindings if collection is None or self.knows(collection) else None
            self._reads += bindings is not None
        if bindings is None:
            with self.alone() if collection is None else self.writing(collection, 0) as bindings:
                yield bindings
            return
        try:
            yield bindings
        finally:
            with self._turn:
                self._reads -= 1
                self._turn.notify_all()

    @contextmanager
    def dropping(self, collection: str) -> Iterator[Any]:
        """Yield the bindings to a call that deletes a collection, and remove the files that Chroma leaves."""
        with self.lock:
            bindings = self._ready()
            with self._guard(collection, 0):
                yield bindings
            if self._checkpoints is not None:
                self._checkpoints.forget(collection)

    def knows(self, collection: str) -> bool:
        """Return whether Chroma has worked off a collection's queue since it was opened."""
        return self._checkpoints is None or self._checkpoints.known(collection)

    def _guard(self, collection: str, rows: int) -> AbstractContextManager[None]:
        return nullcontext() if self._checkpoints is None else self._checkpoints.guarded(collection, rows)

    def _make_room(self, collection: str) -> None:
        """Open the database anew, if there are no descriptors for one more index."""
        if self._directory is None or self._checkpoints is None or self.tables is None:
            return
        if self._checkpoints.known(collection) or self._checkpoints.opened < self._most:
            return
        with self._turn:
            self._renewing = True
            try:
                self._turn.wait_for(lambda: not self._reads)
                self._bindings = None
                self._checkpoints = self._fresh(self._directory, self.tables)
                _wait_until_closed(self._directory / DATABASE_NAME)
                self._ready()
            finally:
                self._renewing = False
                self._turn.notify_all()

    def _ready(self) -> Any:
        """Return the bindings, and open the database first where that failed before, as on a full disk."""
        if self._bindings is None:
            self._bindings = opened(None if self._directory is None else str(self._directory))
        return self._bindings

    def _fresh(self, directory: Path, tables: Tables) -> Checkpoints:
        return Checkpoints(directory, tables, lambda collection: self._threshold(self._bindings, collection))


def _descriptors() -> int:
    """Let this process have many descriptors; return how many it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # some systems have a lower limit than they tell
        return soft
    return wanted


def _wait_until_closed(path: Path) -> None:
    """Wait until this process has only the descriptor of our own statements on a file.

    Chroma closes its own in the background; and the end of one takes the locks of all others with it.
    """
    inode, until = path.stat().st_ino, time.monotonic() + _CLOSING_SECONDS
    while sum(_inode(int(one.name)) == inode for one in _OPEN.iterdir()) > 1 and time.monotonic() < until:
        time.sleep(_CLOSING_PAUSE_SECONDS)


def _inode(descriptor: int) -> int | None:
    with suppress(OSError):
        return os.fstat(descriptor).st_ino
    return None
