"""Which table a collection has by now, and what is done again."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec.errors import BackendError
from pygent_vec_postgres.access import Access
from pygent_vec_postgres.failures import translated
from pygent_vec_postgres.pool import Pool
from pygent_vec_postgres.schema.catalogue import Catalogue
from pygent_vec_postgres.schema.extension import find_extension
from pygent_vec_postgres.schema.layout import Table
from pygent_vec_postgres.schema.migrations import migrate

from .harness import Server, made, spec


@pytest.fixture
def run(server: Server, settings) -> Callable[[Callable[[Access], Awaitable[None]]], None]:
    """Run a test's coroutine with access to the collection `default`."""

    def run(work: Callable[[Access], Awaitable[None]]) -> None:
        async def main() -> None:
            pool = Pool(lambda: asyncpg.connect(server.dsn), size=2, seconds=30, idle_seconds=300)
            async with pool.connection() as connection:
                extension = await find_extension(connection)
                await migrate(connection, settings["schema"])
                catalogue = Catalogue(schema=settings["schema"], extension=extension, distributed=False)
                await catalogue.create(connection, spec())
            try:
                await work(Access(catalogue, pool, None, refresh=300))
            finally:
                await pool.close()

        asyncio.run(main())

    return run


def test_a_collection_that_is_known_costs_no_lookup(server: Server, settings):
    async def work() -> None:
        async with made(settings, refresh=300) as store:
            await store.create_collection("default", 2)
            catalogue = f'"{settings["schema"]}".pygent_vec_collections'
            server.execute(f"ALTER TABLE {catalogue} RENAME TO hidden")
            await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
            assert len(await store.search_similar(VectorQuery(query_vector=[1, 0]))) == 1
            assert await store.count_documents() == 1
            with pytest.raises(BackendError):
                await store.list_collections()

    asyncio.run(work())


def test_what_others_changed_is_seen_after_the_time_of_refresh(settings):
    async def work() -> None:
        async with made(settings, refresh=1e-9) as ours, made(settings) as theirs:
            await ours.create_collection("default", 2)
            await theirs.delete_collection("default")
            await theirs.create_collection("default", 3)
            assert await ours.add_documents([VectorDocument(id="a", embedding=[1, 0, 0])]) == ["a"]

    asyncio.run(work())


def test_a_transaction_that_the_server_rolled_back_is_done_again_and_not_for_ever(run):
    async def work(access: Access) -> None:
        calls = []

        async def failing(table: Table) -> str:
            calls.append(table)
            if len(calls) < 3:
                raise asyncpg.DeadlockDetectedError("rivals")
            return "done"

        assert await access.on_table(spec(), failing, repeatable=False) == "done"

        async def always(table: Table) -> None:
            calls.append(table)
            raise asyncpg.SerializationError("rivals")

        calls.clear()
        with pytest.raises(asyncpg.SerializationError):
            await access.on_table(spec(), always, repeatable=False)
        assert len(calls) == 5

    run(work)


@pytest.mark.parametrize(("repeatable", "calls"), [(True, 2), (False, 1)])
def test_what_breaks_with_its_connection_is_done_once_more_only_where_that_is_safe(run, repeatable, calls):
    async def work(access: Access) -> None:
        seen = []

        async def broken(connection: asyncpg.Connection, _: Table) -> int:
            seen.append(connection)
            if len(seen) == 1:
                await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            return await connection.fetchval("SELECT 7")

        call = access.run(spec(), broken, repeatable=repeatable)
        if repeatable:
            assert await call == 7
        else:
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as caught:
                await call
            assert translated(caught.value).transient
        assert len(seen) == calls

    run(work)


def test_an_error_of_the_statement_is_not_repeated(run):
    async def work(access: Access) -> None:
        seen = []

        async def wrong(connection: asyncpg.Connection, _: Table) -> None:
            seen.append(connection)
            await connection.execute("SELECT 1/0")

        with pytest.raises(asyncpg.DivisionByZeroError):
            await access.run(spec(), wrong, repeatable=True)
        assert len(seen) == 1

    run(work)


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("late"),
        OSError("gone"),
        asyncpg.InterfaceError("closed"),
        asyncpg.InternalClientError("confused"),
        asyncpg.DiskFullError("full"),
        asyncpg.OutOfMemoryError("no memory"),
        asyncpg.UndefinedTableError("no table"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.QueryCanceledError("statement timeout"),
        asyncpg.InvalidPasswordError("no"),
        asyncpg.DataCorruptedError("page"),
        asyncpg.PostgresError("another"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_of_the_driver_has_a_name_of_the_contract(error):
    assert isinstance(translated(error), BackendError)
    assert str(error) in str(translated(error))


def test_what_is_not_the_drivers_is_left_to_core():
    assert translated(ValueError("ours")) is None
