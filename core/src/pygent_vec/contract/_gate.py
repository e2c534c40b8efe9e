"""The gate of a store: open or closed, and how many calls are inside."""

from __future__ import annotations

import threading
from enum import Enum, auto
from typing import TYPE_CHECKING

from pygent_vec.errors import StoreClosedError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Gate"]


class _State(Enum):
    NEW = auto()
    OPENING = auto()
    OPEN = auto()
    DRAINING = auto()
    CLOSING = auto()
    CLOSED = auto()


class Gate:
    """Lets calls in while a store is open, and lets `close` wait until they are out. Thread-safe.

    `with gate:` holds one call inside; any number may be.
    `try_open` and `try_close` say when it is not their caller's turn yet; `wait` blocks those who may
    block. A caller that is cancelled while it waits leaves nothing half done.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._state = _State.NEW
        self._inside = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def __enter__(self) -> None:
        """Let a call in.

        Raises:
            StoreClosedError: the store is not open.
        """
        with self._lock:
            if self._state is not _State.OPEN:
                raise self._closed_error()
            self._inside += 1

    enter = __enter__

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let a call out."""
        self.leave()

    def leave(self, calls: int = 1) -> None:
        """Let some calls out that came in by `enter`; others may do that for them."""
        with self._lock:
            self._inside -= calls
            if not self._inside and self._state is not _State.OPEN:
                self._changed.notify_all()

    def try_open(self) -> bool | None:
        """Return whether the caller must open the store now; None while another caller is opening it.

        Raises:
            StoreClosedError: the store was closed.
        """
        with self._changed:
            if self._state is _State.OPENING:
                return None
            if self._state is _State.OPEN:
                return False
            if self._state is not _State.NEW:
                raise self._closed_error()
            self._state = _State.OPENING
            return True

    def end_open(self, *, opened: bool) -> None:
        """Say how the opening went; after a failure the store may be opened again."""
        self._become(_State.OPEN if opened else _State.NEW)

    def try_close(self) -> bool | None:
        """Let nobody in; return whether the caller must close the store now.

        None while calls are inside, or while another caller opens or closes it.
        """
        with self._changed:
            if self._state is _State.NEW:
                self._state = _State.CLOSED
            if self._state is _State.CLOSED:
                return False
            if self._state is _State.OPEN:
                self._state = _State.DRAINING
            if self._state is not _State.DRAINING or self._inside:
                return None
            self._state = _State.CLOSING
            return True

    def end_close(self) -> None:
        """Say that the store is closed, whether or not closing it succeeded."""
        self._become(_State.CLOSED)

    def wait(self, seconds: float) -> None:
        """Block until something changes, or for so long."""
        with self._changed:
            self._changed.wait(seconds)

    def _become(self, state: _State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _closed_error(self) -> StoreClosedError:
        if self._state in {_State.NEW, _State.OPENING}:
            return StoreClosedError(
                f"the store {self._name!r} is not open yet; "
                "use `async with store:` or `await store.initialize()`"
            )
        return StoreClosedError(f"the store {self._name!r} is closed; open a new one")
