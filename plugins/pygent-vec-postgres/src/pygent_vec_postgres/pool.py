"""A thin pool of connections: the one used last comes first, and releasing one costs no round trip."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import asyncpg
import attrs

from pygent_vec_postgres.deadlines import Deadlines
from pygent_vec_postgres.places import Places

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

__all__ = ["Lease", "Pool", "PoolUsage"]

_SETTLE_SECONDS = 5.0
_BROKEN = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a connection answers with that is of no use any more. A `TimeoutError` is an `OSError`."""


@attrs.frozen(kw_only=True)
class PoolUsage:
    """How busy a pool is.

    Attributes:
        size: The most connections that it opens.
        open: The connections that are open.
        used: The connections that are lent now.
        waiting: The calls that wait for one.
    """

    size: int
    open: int
    used: int
    waiting: int


class Pool:
    """At most *size* connections, opened when they are needed.

    A connection that was lent comes back as it went: nobody changes the session's state, so nothing is reset.
    One that is closed, or inside of a transaction, is thrown away.

    Args:
        connect: Opens a connection and sets it up.
        size: The most connections.
        seconds: The limit of one call, from waiting for a connection to its release.
        idle_seconds: How long a connection may lie unused.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        size: int,
        seconds: float,
        idle_seconds: float,
    ) -> None:
        self._connect = connect
        self._size = size
        self._seconds = seconds
        self._idle_seconds = idle_seconds
        self._places = Places(size)
        self._idle: list[tuple[float, asyncpg.Connection]] = []
        self._known: set[asyncpg.Connection] = set()
        self._cares: set[asyncio.Task[None]] = set()
        self._deadlines = Deadlines()

    @property
    def usage(self) -> PoolUsage:
        """How busy the pool is now."""
        used, waiting = self._places.taken, self._places.waiting
        return PoolUsage(size=self._size, open=len(self._idle) + used, used=used, waiting=waiting)

    def connection(self, *, seconds: float | None = None) -> Lease:
        """Lend a connection, as `async with pool.connection() as connection`.

        When the body is cancelled or out of time, its statement is cancelled on the server, and that is
        waited for: what a cancelled call did is decided when it ends.

        Args:
            seconds: The limit of the whole call; None means the pool's.

        Raises:
            TimeoutError: the limit has passed.
            OSError, asyncpg.PostgresError: no connection can be opened.
        """
        return Lease(self, self._deadlines, self._seconds if seconds is None else seconds)

    def expire(self) -> None:
        """Use none of the present connections again: what they know of the database is out of date."""
        self._known.clear()
        idle, self._idle = self._idle, []
        for _, connection in idle:
            self._cared_for(_closed(connection))

    async def close(self) -> None:
        """Close the idle connections, and wait for those that are being settled."""
        self.expire()
        while self._cares:
            await asyncio.wait(set(self._cares))
        self._deadlines.stop()

    def at_hand(self) -> asyncpg.Connection | None:
        """Lend the connection that was used last; None where one must be waited for, or opened."""
        if not self._idle or not self._places.take_free():
            return None
        _, connection = self._idle.pop()
        if not connection.is_closed():
            return connection
        self._known.discard(connection)
        self._places.give_back()
        return None

    async def taken(self) -> asyncpg.Connection:
        """Lend a connection: the one used last, or a new one, or the next that is given back."""
        await self._places.take()
        try:
            while self._idle:
                _, connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._known.discard(connection)
            connection = await self._connect()
        except BaseException:
            self._places.give_back()
            raise
        self._known.add(connection)
        return connection

    def put_back(self, connection: asyncpg.Connection) -> None:
        """Take a connection back that is as it was when it was lent; throw away what is not."""
        self._places.give_back()
        if connection.is_closed():
            self._known.discard(connection)
        elif connection.is_in_transaction() or connection not in self._known:
            self._known.discard(connection)
            connection.terminate()
        else:
            now = monotonic()
            self._idle.append((now, connection))
            oldest, unused = self._idle[0]
            if now - oldest > self._idle_seconds:
                del self._idle[0]
                self._known.discard(unused)
                self._cared_for(_closed(unused))

    async def settle(self, connection: asyncpg.Connection) -> None:
        """Take a connection back whose work was interrupted, when the server has finished or dropped it."""
        if connection.is_closed():
            self.put_back(connection)
            return
        # Who is cancelled twice does not wait any longer; the connection stays lent until it is settled.
        await asyncio.shield(self._cared_for(self._settled(connection)))

    async def _settled(self, connection: asyncpg.Connection) -> None:
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await connection.execute("SELECT 1")
        except _BROKEN:
            connection.terminate()
        self.put_back(connection)

    def _cared_for(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Run *work* to its end, whoever waits for it or does not."""

        async def run() -> None:
            await work

        task = asyncio.get_running_loop().create_task(run())
        self._cares.add(task)
        task.add_done_callback(self._cares.discard)
        return task


class Lease:
    """One call's use of a connection, with a limit of time.

    It does what `asyncio.timeout` inside of an asynchronous generator would, for less; every search pays it.
    """

    __slots__ = ("_cancelling", "_deadlines", "_expired", "_lent", "_limit", "_pool", "_task")

    _lent: asyncpg.Connection | None
    _task: asyncio.Task[object]

    def __init__(self, pool: Pool, deadlines: Deadlines, limit: float) -> None:
        self._pool = pool
        self._deadlines = deadlines
        self._limit = limit
        self._expired = False
        self._lent = None

    async def __aenter__(self) -> asyncpg.Connection:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is lent inside of a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._deadlines.add(self, self._limit)
        try:
            self._lent = lent = self._pool.at_hand() or await self._pool.taken()
        except BaseException as error:
            self._stop_clock(error)
            raise
        return lent

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lent, self._lent = self._lent, None
        if lent is None:
            return
        if error is None and not self._expired:
            self._pool.put_back(lent)
            self._deadlines.remove(self)
            return
        if error is None or isinstance(error, asyncpg.PostgresError):
            self._pool.put_back(lent)  # nothing runs there: the server has ended the statement itself
            self._stop_clock(error)
            return
        try:
            self._stop_clock(error)
        finally:
            await self._pool.settle(lent)

    def expire(self) -> None:
        """End the call: its time has passed."""
        self._expired = True
        self._task.cancel()

    def _stop_clock(self, error: BaseException | None) -> None:
        """Raise `TimeoutError` in place of the cancellation that the clock asked for, and of no other."""
        self._deadlines.remove(self)
        if not self._expired:
            return
        if self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise TimeoutError(f"no answer within {self._limit:g} seconds") from error


async def _closed(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=_SETTLE_SECONDS)
    except _BROKEN:
        connection.terminate()
