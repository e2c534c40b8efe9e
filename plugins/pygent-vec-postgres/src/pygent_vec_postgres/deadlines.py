"""The limits of many calls under one timer: most calls end long before theirs, and should not pay for it."""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic
from typing import Protocol

__all__ = ["Deadlines", "Expiring"]


class Expiring(Protocol):
    """What has a limit of time."""

    def expire(self) -> None:
        """Do what is to be done when the time has passed."""


class Deadlines:
    """Tells each call that runs longer than it may, when its time has passed.

    The timer is set for the earliest limit that it knew of, and looks what is left when it goes off. So a
    call that ends in time costs two changes of a dict. All calls belong to one event loop.
    """

    def __init__(self) -> None:
        self._due: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._goes_off = inf

    def add(self, call: Expiring, seconds: float) -> None:
        """Watch *call* from now on."""
        due = self._due[call] = monotonic() + seconds
        if due < self._goes_off:
            self._set(due)

    def remove(self, call: Expiring) -> None:
        """Watch *call* no longer; it may have expired."""
        self._due.pop(call, None)

    def stop(self) -> None:
        """Leave no timer behind, unless calls still run: the last of them needs it."""
        if not self._due:
            self._set(inf)

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._goes_off = due
        wait = max(0.0, due - monotonic())
        self._timer = None if due == inf else asyncio.get_running_loop().call_later(wait, self._look)

    def _look(self) -> None:
        now = monotonic()
        for call in [call for call, due in self._due.items() if due <= now]:
            del self._due[call]
            call.expire()
        self._set(min(self._due.values(), default=inf))
