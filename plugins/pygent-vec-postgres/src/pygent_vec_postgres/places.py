"""A number of places, taken in the order of coming."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

__all__ = ["Places"]


class Places:
    """What `asyncio.Semaphore` is, but a free place is taken and given back by one plain call each.

    Every call of a store takes one, and a semaphore's eight calls, just after or before a wait for the
    server, were a tenth of the Python of a search. All who take one belong to one event loop.

    Attributes:
        taken: The places in use, those included that were handed to someone who has not run since.
    """

    __slots__ = ("_size", "_waiters", "taken")

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiters)

    def take_free(self) -> bool:
        """Take a place if one is free and nobody waits for it; return whether that was so."""
        if self._waiters or self.taken >= self._size:
            return False
        self.taken += 1
        return True

    async def take(self) -> None:
        """Take a place, after those who came before."""
        if self.take_free():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.cancelled():
                with suppress(ValueError):  # whoever gave a place back may have passed it over
                    self._waiters.remove(waiter)
            else:  # it had got its place when it was cancelled
                self.give_back()
            raise

    def give_back(self) -> None:
        """Hand a place to who waits longest, or leave it free."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.taken -= 1
