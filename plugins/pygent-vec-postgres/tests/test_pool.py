"""The pool: last in, first out; what was interrupted is settled before the call ends."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from pygent_vec_postgres.pool import Pool

from .harness import Server, until

SLEEP = "SELECT pg_sleep(600)"


@pytest.fixture
def run(server: Server) -> Callable[..., None]:
    """Run a test's coroutine with a pool of the session's server, and close the pool."""

    def run(
        work: Callable[[Pool], Awaitable[None]], *, size: int = 2, seconds: float = 30, idle: float = 300
    ) -> None:
        async def main() -> None:
            pool = Pool(lambda: asyncpg.connect(server.dsn), size=size, seconds=seconds, idle_seconds=idle)
            try:
                await work(pool)
            finally:
                await pool.close()
            assert pool.usage.open == pool.usage.used == 0

        asyncio.run(main())

    return run


def test_the_connection_used_last_comes_first(run):
    async def work(pool: Pool) -> None:
        async with pool.connection() as first, pool.connection() as second:
            pass
        # The inner one was released first, and the outer one after it.
        async with pool.connection() as again:
            assert again is first
            assert again is not second

    run(work)


def test_no_more_than_size_are_lent_and_who_waits_is_counted(run):
    async def work(pool: Pool) -> None:
        entered = asyncio.Event()

        async def third() -> None:
            async with pool.connection():
                entered.set()

        async with pool.connection(), pool.connection():
            task = asyncio.create_task(third())
            await until(lambda: pool.usage.waiting)
            assert not entered.is_set()
            assert (pool.usage.used, pool.usage.open) == (2, 2)
        await task

    run(work)


def test_what_is_out_of_time_is_cancelled_on_the_server_before_the_call_ends(run):
    async def work(pool: Pool) -> None:
        async with pool.connection() as connection:
            pid = connection.get_server_pid()

        async def sleep() -> None:
            async with pool.connection(seconds=0.3) as connection:
                await connection.execute(SLEEP)

        with pytest.raises(TimeoutError, match=r"within 0\.3 seconds"):
            await sleep()
        async with pool.connection() as connection:
            assert connection.get_server_pid() == pid, "the connection is used again"
            assert await connection.fetchval("SELECT 1") == 1

    run(work)


def test_a_limit_that_has_passed_leaves_no_cancellation_behind(run):
    async def work(pool: Pool) -> None:
        async def sleep() -> None:
            async with pool.connection(seconds=0.1) as connection:
                await connection.execute(SLEEP)

        with pytest.raises(TimeoutError):
            await sleep()
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)

    run(work)


def test_the_limit_of_a_caller_is_the_callers(run):
    """A cancellation that the lease did not ask for stays one."""

    async def work(pool: Pool) -> None:
        async def sleep() -> None:
            async with pool.connection(seconds=600) as connection:
                await connection.execute(SLEEP)

        with pytest.raises(TimeoutError) as caught:
            await asyncio.wait_for(sleep(), 0.2)
        assert "no answer" not in str(caught.value)
        task = asyncio.ensure_future(sleep())
        await until(lambda: pool.usage.used)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.usage.used == 0

    run(work)


def test_waiting_for_a_connection_counts_into_the_time(run):
    async def work(pool: Pool) -> None:
        async with pool.connection():
            with pytest.raises(TimeoutError):
                async with pool.connection(seconds=0.1):
                    raise AssertionError("there is only one")

    run(work, size=1)


def test_a_cancelled_write_is_decided_when_the_call_ends(run, server: Server, settings):
    """What a cancelled call did shows at once: it cannot commit behind the back of the next call."""
    table = f'"{settings["schema"]}".t'
    server.execute(f'CREATE SCHEMA "{settings["schema"]}"', f"CREATE TABLE {table} (n int)")

    async def work(pool: Pool) -> None:
        async def write() -> None:
            async with pool.connection() as connection:
                await connection.execute(f"INSERT INTO {table} SELECT 1 FROM pg_sleep(600)")

        task = asyncio.create_task(write())
        async with pool.connection() as connection:
            asleep = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE 'INSERT%'"
            )
            await until(lambda: connection.fetchval(asleep))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'INSERT%'"
            assert await connection.fetchval(running) == 0
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
        assert pool.usage.open == 2

    run(work)


def test_a_connection_that_is_cancelled_twice_is_still_settled(run):
    async def work(pool: Pool) -> None:
        async def sleep() -> None:
            async with pool.connection() as connection:
                await connection.execute(SLEEP)

        task = asyncio.create_task(sleep())
        await until(lambda: pool.usage.used)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        async with pool.connection(seconds=20) as connection:
            assert await connection.fetchval("SELECT 1") == 1

    run(work, size=1)


def test_a_connection_left_in_a_transaction_is_thrown_away(run):
    async def work(pool: Pool) -> None:
        async with pool.connection() as connection:
            await connection.execute("BEGIN")
            first = connection
        async with pool.connection() as connection:
            assert connection is not first

    run(work)


def test_an_error_of_the_server_keeps_the_connection(run):
    async def work(pool: Pool) -> None:
        with pytest.raises(asyncpg.UndefinedTableError):
            async with pool.connection() as connection:
                await connection.execute("SELECT * FROM there_is_no_such_table")
        assert pool.usage.open == 1
        async with pool.connection() as again:
            assert again is connection

    run(work)


def test_a_connection_that_the_server_closed_is_replaced(run):
    async def work(pool: Pool) -> None:
        async with pool.connection() as killer:
            async with pool.connection() as connection:
                pid = connection.get_server_pid()
            await killer.execute("SELECT pg_terminate_backend($1)".replace("$1", str(pid)))
            await until(connection.is_closed)
            async with pool.connection() as another:
                assert await another.fetchval("SELECT 1") == 1
                assert another is not connection

    run(work)


def test_expired_connections_are_not_used_again(run):
    async def work(pool: Pool) -> None:
        async with pool.connection() as lent:
            async with pool.connection() as idle:
                pass
            pool.expire()
        async with pool.connection() as connection:
            assert connection is not lent
            assert connection is not idle
        assert pool.usage.open == 1

    run(work)


def test_connections_that_lie_unused_are_closed(run):
    async def work(pool: Pool) -> None:
        async with pool.connection(), pool.connection():
            pass
        async with pool.connection():
            pass
        assert pool.usage.open == 1

    run(work, idle=1e-9)


def test_a_failing_connect_gives_its_place_back():
    async def main() -> None:
        async def connect() -> asyncpg.Connection:
            raise OSError("nobody there")

        pool = Pool(connect, size=1, seconds=5, idle_seconds=300)
        for _ in range(3):
            with pytest.raises(OSError, match="nobody"):
                async with pool.connection():
                    raise AssertionError("there is none")
        assert pool.usage.used == 0

    asyncio.run(main())
