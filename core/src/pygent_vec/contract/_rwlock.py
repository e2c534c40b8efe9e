"""A lock that many readers share and one writer has alone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["ReadWriteLock"]


class ReadWriteLock:
    """Many readers or one writer, for backends whose threads share a collection.

    A waiting writer goes before new readers. Not reentrant. Use it as `with lock.shared:` and
    `with lock.exclusive:`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._readers = 0
        self._writing = False
        self._waiting = 0
        self.shared = _Side(self._begin_reading, self._end_reading)
        self.exclusive = _Side(self._begin_writing, self._end_writing)

    def _begin_reading(self) -> None:
        with self._changed:
            while self._writing or self._waiting:
                self._changed.wait()
            self._readers += 1

    def _end_reading(self) -> None:
        with self._changed:
            self._readers -= 1
            if not self._readers and self._waiting:
                self._changed.notify_all()

    def _begin_writing(self) -> None:
        with self._changed:
            self._waiting += 1
            try:
                while self._writing or self._readers:
                    self._changed.wait()
                self._writing = True
            finally:
                self._waiting -= 1
                if not self._writing:  # an interrupt ended the wait: readers held back by it may go on
                    self._changed.notify_all()

    def _end_writing(self) -> None:
        with self._changed:
            self._writing = False
            self._changed.notify_all()


class _Side:
    """One way of holding the lock, as a context manager without state of its own."""

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._begin = begin
        self._end = end

    def __enter__(self) -> None:
        self._begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
