"""Writes as they pass through a manager: counted, held back for a moment, and followed."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from pygent_vec.errors import BackendTimeoutError, ConfigError, PygentVecError, WriteError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

__all__ = ["Follower", "Following", "WriteGate", "followed"]

T = TypeVar("T")


class Follower(Protocol):
    """Whoever must know which documents of a collection may have changed."""

    def expect(self, ids: Sequence[str]) -> None:
        """Take notice of documents that are about to be written or deleted."""
        ...

    async def follow(self, ids: Sequence[str]) -> None:
        """Take notice that they may be now; the write, done, failed or cancelled, returns after this."""
        ...


async def followed(follower: Follower, ids: Sequence[str], write: Callable[[], Awaitable[T]]) -> T:
    """Return what *write* returns, after *follower* has followed it, also where it failed.

    A cancelled caller gets away when that has ended: a thread that writes cannot be stopped.

    Raises:
        WriteError: the write is done, and following it failed.
    """
    import asyncio

    task = asyncio.ensure_future(_written_and_followed(follower, ids, write))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # looked at: its caller does not wait for it
        raise


async def _written_and_followed(
    follower: Follower, ids: Sequence[str], write: Callable[[], Awaitable[T]]
) -> T:
    ids = [one for one in ids if isinstance(one, str)]  # the store refuses others
    follower.expect(ids)
    try:
        answer = await write()
    except Exception as error:
        if isinstance(error, BackendTimeoutError):
            follower.expect(ids)  # for good: it may take effect when it has been followed already
        try:
            await follower.follow(ids)
        except PygentVecError as second:
            error.add_note(f"and it could not be followed: {second}")
        raise
    try:
        await follower.follow(ids)
    except PygentVecError as error:
        raise WriteError(
            f"the write is done, and its mirror failed, which catches up later: {error}", written=list(ids)
        ) from error
    return answer


class Following:
    """Who follows which collection of which store."""

    def __init__(self) -> None:
        self._followers: dict[tuple[str, str], Follower] = {}

    def of(self, store: str, collection: str) -> Follower | None:
        """Return the follower of a collection."""
        return self._followers.get((store, collection))

    def add(self, store: str, collection: str, follower: Follower) -> None:
        """Let *follower* know of each write.

        Raises:
            ConfigError: the collection has a follower.
        """
        if self._followers.setdefault((store, collection), follower) is not follower:
            raise ConfigError(f"{collection!r} in {store!r} is followed already; stop the other mirror first")

    def remove(self, store: str, collection: str) -> None:
        """Let nobody follow a collection."""
        self._followers.pop((store, collection), None)

    def naming(self, store: str) -> list[str]:
        """Return the collections of *store* that are followed."""
        return [collection for name, collection in self._followers if name == store]


class WriteGate:
    """Counts the writes inside, and can wait for them while new ones wait outside."""

    def __init__(self) -> None:
        self._inside = 0
        self._closed: asyncio.Event | None = None
        self._empty: asyncio.Event | None = None

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Be inside; wait first while the gate is closed."""
        while self._closed is not None:
            await self._closed.wait()
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside and self._empty is not None:
                self._empty.set()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Hold new writes back, with none inside."""
        import asyncio

        while self._closed is not None:
            await self._closed.wait()
        self._closed, self._empty = asyncio.Event(), asyncio.Event()
        opened = self._closed
        try:
            if self._inside:
                await self._empty.wait()
            yield
        finally:
            self._closed = self._empty = None
            opened.set()
