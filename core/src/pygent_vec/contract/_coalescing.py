"""Questions that agree share an answer while others are under way."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Hashable, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from pygent_vec.contract._gate import Gate

__all__ = ["Coalescer"]

Q = TypeVar("Q")
R = TypeVar("R")

_LANES = 2
"""Calls of one key at a time: one computes without the GIL while the other makes objects with it."""
_MOST = 64
"""Questions of one call."""
_LEAST_THREADS = 4
"""Of all keys together; more than there are processors only take the GIL from one another."""


class Coalescer(Generic[Q, R]):
    """Answers single questions, many of them by one call where they come faster than they are answered.

    A question that finds a free lane of its key is answered at once: nobody waits for company. One that finds
    none waits until a lane is free, which takes along all that wait (64 at most, shared out among the lanes
    that are free). Thread-safe; tasks of any event loop and plain threads may ask.

    A question is inside of the gate from its coming until its call has ended, so that closing waits for it.

    Args:
        gate: Of the store.
        answer: Called in a thread with the questions of one key; returns for each what it is answered, or the
            error that its asker shall get.
    """

    def __init__(self, gate: Gate, answer: Callable[[list[Q]], Sequence[R | Exception]]) -> None:
        self._gate = gate
        self._answer = answer
        self._lock = threading.Lock()
        self._lines: dict[Hashable, _Line[Q, R]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def asked_here(self, key: Hashable, question: Q) -> R:
        """Return the answer to a thread, which may block; where a lane is free it does the work itself.

        Raises:
            StoreClosedError: the store is not open.
            Exception: what the answer says.
        """
        self._gate.enter()
        with self._lock:
            line = self._line(key)
            if line.lanes < _LANES:
                line.lanes += 1
                line.flying += 1
                seat = None
            else:
                seat = self._seat(line, question, None)
        if seat is not None:
            return self._waited(line, seat)
        try:
            (outcome,) = self._answer([question])
        finally:
            self._landed(key, line)
        return _raised(outcome)

    async def asked(self, key: Hashable, question: Q, loop: asyncio.AbstractEventLoop) -> R:
        """Return the answer to a task of *loop*, which is running; the work is done in a thread.

        Raises:
            StoreClosedError: the store is not open.
            Exception: what the answer says.
        """
        self._gate.enter()
        with self._lock:
            line = self._line(key)
            seat = self._seat(line, question, loop)
            free = line.lanes < _LANES
            line.lanes += free
        try:
            if free:
                self._start(key, line)
            return _raised(await cast("asyncio.Future[R | BaseException]", seat.told))
        except BaseException:
            self._withdraw(line, seat)
            raise

    def close(self) -> None:
        """End the threads. No question is under way or follows."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

    def _line(self, key: Hashable) -> _Line[Q, R]:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line()
        return line

    def _seat(self, line: _Line[Q, R], question: Q, loop: asyncio.AbstractEventLoop | None) -> _Seat[Q, R]:
        if loop is not None:
            seat: _Seat[Q, R] = _Seat(question, loop, loop.create_future())
        else:
            from concurrent.futures import Future

            seat = _Seat(question, None, Future())
        line.waiting.append(seat)
        return seat

    def _start(self, key: Hashable, line: _Line[Q, R]) -> None:
        """Let a thread be the lane that was taken; if there is none to be had, the lane is free again."""
        from concurrent.futures import ThreadPoolExecutor

        try:
            with self._lock:
                if self._pool is None:
                    threads = max(_LEAST_THREADS, os.cpu_count() or 1)
                    self._pool = ThreadPoolExecutor(threads, "pygent-vec-search")
                pool = self._pool
            pool.submit(self._serve, key, line)
        except BaseException:
            with self._lock:
                self._freed(key, line)
            raise

    def _waited(self, line: _Line[Q, R], seat: _Seat[Q, R]) -> R:
        """Return what a lane answers to the thread that has taken *seat*."""
        try:
            return _raised(seat.told.result())  # without a loop it blocks
        except BaseException:
            self._withdraw(line, seat)
            raise

    def _withdraw(self, line: _Line[Q, R], seat: _Seat[Q, R]) -> None:
        """Forget a question that was given up, unless a lane has taken it: then the lane lets it out."""
        with self._lock:
            try:
                line.waiting.remove(seat)
            except ValueError:
                return
        self._gate.leave()

    def _landed(self, key: Hashable, line: _Line[Q, R]) -> None:
        """Leave the lane of a thread that answered its own question to those that wait."""
        with self._lock:
            line.flying -= 1
            waited_for = bool(line.waiting)
            if not waited_for:
                self._freed(key, line)
        try:
            if waited_for:
                self._start(key, line)
        except RuntimeError:  # the system gives no more threads: this one is left
            with self._lock:
                line.lanes += 1
            self._serve(key, line)
        finally:
            self._gate.leave()

    def _freed(self, key: Hashable, line: _Line[Q, R]) -> None:
        # A pool may serve yet what it refused to start: a lane more than there should be does no harm.
        line.lanes = max(0, line.lanes - 1)
        if not line.lanes and self._lines.get(key) is line:
            del self._lines[key]

    def _serve(self, key: Hashable, line: _Line[Q, R]) -> None:
        """Be a lane until nobody waits."""
        while seats := self._taken(key, line):
            outcomes: Sequence[R | BaseException]
            try:
                outcomes = self._answer([seat.question for seat in seats])
            except BaseException as error:  # noqa: BLE001  # those that wait are told
                outcomes = [error] * len(seats)
            with self._lock:
                line.flying -= 1
            _tell(seats, outcomes)
            self._gate.leave(len(seats))

    def _taken(self, key: Hashable, line: _Line[Q, R]) -> list[_Seat[Q, R]]:
        """Return this lane's share of those that wait; free the lane if there are none."""
        with self._lock:
            waiting = line.waiting
            if not waiting:
                self._freed(key, line)
                return []
            idle = max(1, line.lanes - line.flying)  # this lane, and those that are about to look
            line.flying += 1
            return [waiting.popleft() for _ in range(min(_MOST, -(-len(waiting) // idle)))]


class _Line(Generic[Q, R]):
    """Those who ask with one key: `lanes` in use, of them `flying` amid a call, and who waits."""

    __slots__ = ("flying", "lanes", "waiting")

    def __init__(self) -> None:
        self.lanes = 0
        self.flying = 0
        self.waiting: deque[_Seat[Q, R]] = deque()


class _Seat(Generic[Q, R]):
    """A question that waits, and where its outcome is told."""

    __slots__ = ("loop", "question", "told")

    def __init__(self, question: Q, loop: asyncio.AbstractEventLoop | None, told: _Told[R]) -> None:
        self.question = question
        self.loop = loop
        self.told = told


def _tell(seats: Sequence[_Seat[Q, R]], outcomes: Sequence[R | BaseException]) -> None:
    """Tell each its outcome, those of one event loop by one call."""
    loops: dict[asyncio.AbstractEventLoop | None, list[tuple[_Seat[Q, R], R | BaseException]]] = {}
    for seat, outcome in zip(seats, outcomes, strict=True):
        loops.setdefault(seat.loop, []).append((seat, outcome))
    for loop, told in loops.items():
        if loop is None:
            _settle(told)
        else:
            with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
                loop.call_soon_threadsafe(_settle, told)


def _settle(told: Sequence[tuple[_Seat[Q, R], R | BaseException]]) -> None:
    for seat, outcome in told:
        if not seat.told.done():
            seat.told.set_result(outcome)


def _raised(outcome: R | BaseException) -> R:
    # Errors are told as results: a future complains of an error that nobody takes because he was cancelled.
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


_Told: TypeAlias = "asyncio.Future[R | BaseException] | Future[R | BaseException]"
