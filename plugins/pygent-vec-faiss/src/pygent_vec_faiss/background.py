"""The thread that keeps the indexes of a store up with its documents."""

from __future__ import annotations

import threading
import weakref
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Background"]

_QUIET_SECONDS = 0.3
"""Work begins when no write came for so long: bulk loads keep the processors to themselves."""
_LONGEST_WAIT_SECONDS = 10.0
"""But it begins after so long in any case."""


class Background:
    """Runs upkeep in one thread, which is started when it is first needed.

    Work that fails is kept in `failures`, for the health report; the documents are not concerned by it.
    """

    def __init__(self) -> None:
        self._due: dict[object, _Due] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures: dict[object, Exception] = {}

    @property
    def failures(self) -> list[Exception]:
        """Why the last work of a key failed, for each key where it did."""
        with self._changed:
            return list(self._failures.values())

    @property
    def stopped(self) -> bool:
        """Whether work in progress should end at its next pause."""
        return self._stopping.is_set()

    def notify(self, key: object, work: Callable[[], None]) -> None:
        """Run *work* soon, once for all notices of the same *key*."""
        with self._changed:
            now = monotonic()
            first = self._due[key].first if key in self._due else now
            self._due[key] = _Due(work, first, now)
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._run, name="pygent-vec-faiss-upkeep", daemon=True)
                self._thread.start()
                # A thread inside of FAISS must not outlive the interpreter: this runs at its exit too.
                weakref.finalize(self, _stop, self._stopping, self._changed, self._thread)
            self._changed.notify()

    def forget(self, key: object) -> None:
        """Drop the notices of *key*."""
        with self._changed:
            self._due.pop(key, None)
            self._failures.pop(key, None)

    def stop(self) -> None:
        """End the work in progress at its next pause, and the thread."""
        thread = self._thread
        if thread is not None:
            _stop(self._stopping, self._changed, thread)
        self._stopping.set()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            key, work = due
            try:
                work()
            except Exception as error:  # noqa: BLE001  # kept for the health report; documents are not concerned
                with self._changed:
                    self._failures[key] = error
            else:
                with self._changed:
                    self._failures.pop(key, None)

    def _next(self) -> tuple[object, Callable[[], None]] | None:
        """Wait until some work is due and its collection quiet; None when the thread is to end."""
        with self._changed:
            while not self._stopping.is_set():
                now = monotonic()
                waits = {key: due.wait(now) for key, due in self._due.items()}
                if waits and min(waits.values()) <= 0:
                    key = min(waits, key=lambda key: waits[key])
                    return key, self._due.pop(key).work
                self._changed.wait(min(waits.values()) if waits else None)
            return None


class _Due:
    """Work, when it was first asked for, and when last."""

    __slots__ = ("first", "last", "work")

    def __init__(self, work: Callable[[], None], first: float, last: float) -> None:
        self.work = work
        self.first = first
        self.last = last

    def wait(self, now: float) -> float:
        """Return the seconds until it should begin."""
        return min(self.last + _QUIET_SECONDS, self.first + _LONGEST_WAIT_SECONDS) - now


def _stop(stopping: threading.Event, changed: threading.Condition, thread: threading.Thread) -> None:
    stopping.set()
    with changed:
        changed.notify_all()
    thread.join()
