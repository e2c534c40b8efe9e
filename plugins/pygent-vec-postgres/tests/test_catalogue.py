"""The catalogue and its migrations: names that cannot collide, races that end well, foreign tables left alone."""

import asyncio

import asyncpg
import attrs
import pytest

from pygent_vec.errors import BackendError
from pygent_vec.model import IndexSpec
from pygent_vec_postgres.schema import migrations
from pygent_vec_postgres.schema.catalogue import Catalogue
from pygent_vec_postgres.schema.extension import find_extension
from pygent_vec_postgres.schema.layout import physical_name
from pygent_vec_postgres.schema.migrations import migrate

from .harness import Server, spec

HOSTILE = "s\"; DROP SCHEMA public CASCADE; --' ä \\ $1 {0} %s"


async def opened(connection: asyncpg.Connection, schema: str) -> Catalogue:
    extension = await find_extension(connection)
    await migrate(connection, schema)
    return Catalogue(schema=schema, extension=extension, distributed=False)


@pytest.fixture
def schema(settings):
    return settings["schema"]


def test_what_a_collection_was_created_with_comes_back(server: Server, schema):
    wanted = spec(
        "Some.Name-1",
        dimension=7,
        metric="manhattan",
        index=IndexSpec("hnsw", options={"m": 32, "ratio": 0.1, "flag": True, "word": "ä"}),
        metadata={"deep": {"l": [None, -0.0, 1, 1.0, True, 2**63 - 1, 1e22]}, "q": "'\""},
    )

    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, schema)
        made = await catalogue.create(connection, wanted)
        found = await catalogue.find(connection, wanted.name)
        assert repr(made.spec) == repr(found.spec) == repr(wanted)
        assert (found.uid, found.name, found.effort) == (made.uid, made.name, None)
        assert await catalogue.set_effort(connection, found, 77)
        assert (await catalogue.find(connection, wanted.name)).effort == 77

    server.on(work)


def test_a_number_is_never_used_again(server: Server, schema):
    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, schema)
        numbers = []
        for _ in range(3):
            numbers.append((await catalogue.create(connection, spec("a"))).uid)
            assert await catalogue.drop(connection, "a") == numbers[-1]
        assert len(set(numbers)) == 3
        assert await catalogue.drop(connection, "a") is None

    server.on(work)


def test_names_that_look_alike_to_postgresql_are_different_tables(server: Server, schema):
    long = "x" * 100
    names = [long + "a", long + "b", "A", "a", "a.b", "a-b", "a_b", "1", "public", "select"]

    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, schema)
        tables = [await catalogue.create(connection, spec(name)) for name in names]
        assert len({table.name for table in tables}) == len(names)
        assert all(len(table.name.encode()) <= 45 for table in tables)
        assert sorted(await catalogue.names(connection)) == sorted(names)
        listed = await catalogue.tables(connection)
        assert {table.spec.name: table.name for table in listed} == {
            table.spec.name: table.name for table in tables
        }

    server.on(work)


def test_a_table_name_stays_below_the_limit_for_every_number():
    assert len(physical_name(2**63 - 1, "x" * 128)) <= 45


def test_a_hostile_schema_name_is_only_a_name(server: Server):
    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, HOSTILE)
        try:
            await catalogue.create(connection, spec("a"))
            assert await catalogue.names(connection) == ["a"]
            found = "SELECT count(*) FROM pg_namespace WHERE nspname = ANY($1)"
            assert await connection.fetchval(found, [HOSTILE, "public"]) == 2
        finally:
            quoted = HOSTILE.replace('"', '""')
            await connection.execute(f'DROP SCHEMA "{quoted}" CASCADE')

    server.on(work)


def test_sixteen_that_open_a_new_schema_at_once_all_succeed(server: Server, schema):
    async def one(number: int) -> int:
        connection = await asyncpg.connect(server.dsn)
        try:
            catalogue = await opened(connection, schema)
            await asyncio.gather()
            return sum([await catalogue.create(connection, spec(f"c{n}")) is not None for n in range(4)])
        finally:
            await connection.close()

    async def work() -> list[int]:
        return await asyncio.gather(*map(one, range(16)))

    assert sum(asyncio.run(work())) == 4, "each collection was made once"


def test_a_name_is_free_again_after_a_creation_that_failed(server: Server, schema):
    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, schema)
        broken = attrs.evolve(catalogue, extension=attrs.evolve(catalogue.extension, schema="nowhere"))
        with pytest.raises(asyncpg.PostgresError):
            await broken.create(connection, spec("a"))
        assert await catalogue.names(connection) == []
        assert await catalogue.create(connection, spec("a")) is not None

    server.on(work)


def test_a_foreign_table_with_the_name_of_ours_is_left_alone(server: Server, schema):
    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, schema)
        first = await catalogue.create(connection, spec("a"))
        foreign = f'"{schema}"."{physical_name(first.uid + 1, "b")}"'
        await connection.execute(f"CREATE TABLE {foreign} AS SELECT 7 AS theirs")
        with pytest.raises(BackendError, match="not this store's; rename it"):
            await catalogue.create(connection, spec("b"))
        assert await connection.fetchval(f"SELECT theirs FROM {foreign}") == 7
        assert await catalogue.create(connection, spec("b")) is not None, "the next number is free"

    server.on(work)


@pytest.mark.parametrize(
    "table",
    [
        "pygent_vec_version (theirs text)",
        "pygent_vec_version (version text)",
        "pygent_vec_version (version int)",
        "pygent_vec_collections (theirs text)",
    ],
)
def test_a_foreign_catalogue_is_refused_with_the_remedy(server: Server, schema, table):
    server.execute(f'CREATE SCHEMA "{schema}"', f'CREATE TABLE "{schema}".{table}')

    async def work(connection: asyncpg.Connection) -> None:
        with pytest.raises(BackendError, match="a schema of its own by the setting schema"):
            await migrate(connection, schema)

    server.on(work)


def test_a_schema_of_a_newer_release_is_refused(server: Server, schema):
    async def work(connection: asyncpg.Connection) -> None:
        await migrate(connection, schema)
        await connection.execute(f'UPDATE "{schema}".pygent_vec_version SET version = 99')
        with pytest.raises(BackendError, match=r"newer release.*pip install -U"):
            await migrate(connection, schema)

    server.on(work)


def test_an_older_schema_is_brought_forward_once_and_keeps_its_collections(
    server: Server, schema, monkeypatch
):
    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, schema)
        await catalogue.create(connection, spec("a"))
        steps = (
            *migrations._STEPS,
            lambda name: [f"ALTER TABLE {name}.{migrations.CATALOGUE} ADD note text"],
        )
        monkeypatch.setattr(migrations, "_STEPS", steps)
        monkeypatch.setattr(migrations, "LATEST", len(steps))

        async def one() -> None:
            other = await asyncpg.connect(server.dsn)
            try:
                await migrate(other, schema)
            finally:
                await other.close()

        await asyncio.gather(*(one() for _ in range(6)))
        assert await catalogue.names(connection) == ["a"]
        assert await connection.fetchval(f'SELECT version FROM "{schema}".pygent_vec_version') == len(steps)

    server.on(work)


def test_a_step_that_fails_leaves_the_schema_as_it_was(server: Server, schema, monkeypatch):
    async def work(connection: asyncpg.Connection) -> None:
        await migrate(connection, schema)
        steps = (*migrations._STEPS, lambda name: [f"CREATE TABLE {name}.half ()", "SELECT 1/0"])
        monkeypatch.setattr(migrations, "_STEPS", steps)
        monkeypatch.setattr(migrations, "LATEST", len(steps))
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(connection, schema)
        assert await connection.fetchval(f'SELECT version FROM "{schema}".pygent_vec_version') == 1
        assert await connection.fetchval("SELECT to_regclass($1)", f'"{schema}".half') is None

    server.on(work)


def test_vectors_lie_in_the_row_where_that_fits_and_uncompressed_beside_it_where_not(server: Server, schema):
    storage = (
        "SELECT attstorage::text FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'embedding'"
    )

    async def work(connection: asyncpg.Connection) -> None:
        catalogue = await opened(connection, schema)
        for dimension, wanted in {1: "p", 1900: "p", 1901: "e", 16_000: "e"}.items():
            table = await catalogue.create(connection, spec(f"d{dimension}", dimension=dimension))
            assert await connection.fetchval(storage, table.qualified) == wanted
            await connection.execute(
                f"INSERT INTO {table.qualified} SELECT i, (SELECT array_agg(random()) FROM"
                f" generate_series(1, {dimension}))::real[]::{table.vector_type}, t, '{{}}', t::bytea,"
                " t, t, t, 1, 1, 1, 1 FROM (SELECT (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 16) n)"
                " AS i, (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) n) AS t) AS texts"
            )
            assert await connection.fetchval(f"SELECT count(*) FROM {table.qualified}") == 1

    server.on(work)
