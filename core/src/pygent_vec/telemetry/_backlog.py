"""Work that is put off: done soon, in a thread of its own, many items at once."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backlog"]

T = TypeVar("T")

_DELAY_SECONDS = 1.0
_BATCH = 512
_LIMIT = 4096


class Backlog(Generic[T]):
    """Calls a function with each item, in order, within about a second.

    Many items in a row cost a fraction of what each would between other work, when nothing that the function
    needs is in the processor's caches any more. Nothing is lost: who puts an item in a full backlog does the
    work. The thread begins with the first item, and anew after a fork.

    Args:
        work: What to do with an item.
    """

    def __init__(self, work: Callable[[T], None]) -> None:
        self._work = work
        self._closed = False
        self._renew()

    def put(self, item: T) -> None:
        """Have the work done with *item*."""
        self._check_process()
        waiting = len(self._items)
        if self._closed or waiting >= _LIMIT:
            self._work(item)
            return
        self._items.append(item)
        if not self._stirred.is_set() or self._thread is None or not self._thread.is_alive():
            self._stir()
        elif waiting >= _BATCH:
            self._full.set()

    def flush(self) -> None:
        """Do what waits, now."""
        self._check_process()
        with self._turn:
            while self._items:
                self._work(self._items.popleft())

    def close(self) -> None:
        """Do what waits, and end the thread; later items are done at once."""
        self._check_process()
        self._closed = True
        self._stirred.set()
        self._full.set()
        self.flush()

    def _renew(self) -> None:
        self._process = os.getpid()
        self._items: deque[T] = deque()
        self._turn = threading.Lock()
        self._starting = threading.Lock()
        self._stirred = threading.Event()
        self._full = threading.Event()
        self._thread: threading.Thread | None = None

    def _check_process(self) -> None:
        """Begin anew in a child: what waits is its parent's, and threads that are not here may hold locks."""
        if os.getpid() != self._process:
            self._renew()

    def _stir(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="pygent-vec-telemetry", daemon=True)
                self._thread.start()
        self._stirred.set()

    def _run(self) -> None:
        while not self._closed:
            self._stirred.wait()
            self._full.wait(_DELAY_SECONDS)
            self._full.clear()
            self._stirred.clear()  # before the work: what comes from now on stirs again
            self.flush()
