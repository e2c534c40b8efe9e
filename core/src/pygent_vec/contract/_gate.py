"""The gate of a store: open or closed, and how many calls are inside."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

from pygent_vec.errors import StoreClosedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Gate"]


class _State(Enum):
    NEW = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


class Gate:
    """Lets calls in while a store is open, and lets `close` wait until they are out. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._state = _State.NEW
        self._inside = 0
        self._changed = threading.Condition()

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Hold one call inside.

        Raises:
            StoreClosedError: the store is not open.
        """
        with self._changed:
            if self._state is not _State.OPEN:
                raise self._closed_error()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                if not self._inside:
                    self._changed.notify_all()

    def begin_open(self) -> bool:
        """Wait while another caller opens; return whether this caller must open the store.

        Raises:
            StoreClosedError: the store was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._state is not _State.OPENING)
            if self._state is _State.OPEN:
                return False
            if self._state is not _State.NEW:
                raise self._closed_error()
            self._state = _State.OPENING
            return True

    def end_open(self, *, opened: bool) -> None:
        """Say how the opening went; after a failure the store may be opened again."""
        with self._changed:
            self._state = _State.OPEN if opened else _State.NEW
            self._changed.notify_all()

    def begin_close(self) -> bool:
        """Let nobody in, wait until everybody is out; return whether this caller must close the store."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not _State.OPENING)
            if self._state is _State.NEW:
                self._state = _State.CLOSED
            if self._state in {_State.CLOSING, _State.CLOSED}:
                self._changed.wait_for(lambda: self._state is _State.CLOSED)
                return False
            self._state = _State.CLOSING
            self._changed.wait_for(lambda: not self._inside)
            return True

    def end_close(self) -> None:
        """Say that the store is closed, whether or not closing it succeeded."""
        with self._changed:
            self._state = _State.CLOSED
            self._changed.notify_all()

    def _closed_error(self) -> StoreClosedError:
        if self._state in {_State.NEW, _State.OPENING}:
            return StoreClosedError(
                f"the store {self._name!r} is not open yet; "
                "use `async with store:` or `await store.initialize()`"
            )
        return StoreClosedError(f"the store {self._name!r} is closed; open a new one")
