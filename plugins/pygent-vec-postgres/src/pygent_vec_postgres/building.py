"""How the index of a collection's vectors is built: beside the old one, while others read and write."""

# ruff: noqa: S608  # names are quoted by Table, and every value is a parameter
from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING

from pygent_vec.model import IndexSpec
from pygent_vec_postgres.index import wanted_index
from pygent_vec_postgres.schema.layout import quoted
from pygent_vec_postgres.search.access import access_of, index_columns, sound
from pygent_vec_postgres.search.state import IndexState, read_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from pygent_vec_postgres.pool import Pool
    from pygent_vec_postgres.schema.layout import Table

__all__ = ["build"]

_METHODS = {"hnsw": "hnsw", "ivf_flat": "ivfflat"}
_BUILD_SECONDS = 24 * 3600.0
_LOCK_PAUSE_SECONDS = 0.2
_STALE_SHARE = 0.3
"""The centres of an IVF index are chosen anew when the rows for each have changed by so much."""


async def build(
    pool: Pool, table: Table, *, memory: str | None = None, seconds: float = _BUILD_SECONDS
) -> IndexSpec:
    """Build or rebuild the vector index of a collection over all of its rows; return what it is.

    Dead rows are cleared away first, which also mends a graph. A valid index that is still right stays.
    Builds of one collection exclude each other, in all processes, by an advisory lock of a transaction that
    does nothing else; so two connections are needed.

    Args:
        pool: Where connections are lent.
        table: The collection.
        memory: `maintenance_work_mem` of the build; None leaves the server's.
        seconds: The limit of the whole build.
    """
    if pool.usage.size < 2:  # noqa: PLR2004  # the lock's connection and the build's
        async with pool.connection(seconds=seconds) as connection, connection.transaction():
            await _lock(connection, table)
            return await _Build(connection, table, concurrently="").run()
    async with pool.connection(seconds=seconds) as keeper, keeper.transaction():
        await _lock(keeper, table)
        async with pool.connection(seconds=seconds) as connection, _memory(connection, memory):
            await connection.execute(f"VACUUM (ANALYZE) {table.qualified}")
            return await _Build(connection, table, concurrently="CONCURRENTLY").run()


class _Build:
    """One build, under the collection's lock."""

    def __init__(self, connection: asyncpg.Connection, table: Table, *, concurrently: str) -> None:
        self._connection = connection
        self._table = table
        self._concurrently = concurrently

    async def run(self) -> IndexSpec:
        connection, table = self._connection, self._table
        rows = await connection.fetchval(f"SELECT count(*) FROM {table.qualified}")
        wanted = wanted_index(table.spec, rows)
        await self._drop("vector_new")  # what a build that was broken off has left
        present = await read_state(connection, table)
        if present.valid and _is_right(present, wanted, given="lists" in table.spec.index.options):
            return IndexSpec(present.kind, options=present.options)
        if wanted.kind != "flat":
            await self._create(wanted, "vector_new")
        await self._drop("vector")
        if wanted.kind != "flat":
            await connection.execute(
                f"ALTER INDEX {self._named('vector_new')} RENAME TO {table.index('vector')}"
            )
        return wanted

    async def _create(self, wanted: IndexSpec, suffix: str) -> None:
        table = self._table
        access = access_of(table.dimension, table.metric)
        if access is None:
            raise ValueError(f"{table.metric.value} has no index of {table.dimension} dimensions")
        options = ", ".join(f"{name} = {int(value)}" for name, value in wanted.options.items())
        await self._connection.execute(
            f"CREATE INDEX {self._concurrently} {table.index(suffix)} ON {table.qualified} "
            f"USING {_METHODS[wanted.kind]} ({index_columns(table, access)}) WITH ({options}) "
            f"WHERE {sound(table)}"
        )

    async def _drop(self, suffix: str) -> None:
        await self._connection.execute(f"DROP INDEX {self._concurrently} IF EXISTS {self._named(suffix)}")

    def _named(self, suffix: str) -> str:
        return f"{quoted(self._table.schema)}.{self._table.index(suffix)}"


def _is_right(present: IndexState, wanted: IndexSpec, *, given: bool) -> bool:
    if present.kind != wanted.kind:
        return False
    if present.kind != "ivf_flat" or given:
        return dict(present.options) == dict(wanted.options)
    lists, wished = present.options["lists"], int(wanted.options["lists"])
    return abs(lists - wished) <= _STALE_SHARE * wished


async def _lock(connection: asyncpg.Connection, table: Table) -> None:
    """Take the collection's lock for this transaction.

    A concurrent build waits for every snapshot that is older than itself. So nobody waits for the lock inside
    of a statement, and no finished one stays open: a simple statement closes it.
    """
    name = f"pygent_vec index {table.qualified}".encode()
    number = int.from_bytes(blake2b(name, digest_size=8).digest(), signed=True)
    while True:
        taken = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1::bigint)", number)
        await connection.execute("SELECT 1")
        if taken:
            return
        await asyncio.sleep(_LOCK_PAUSE_SECONDS)


@asynccontextmanager
async def _memory(connection: asyncpg.Connection, memory: str | None) -> AsyncIterator[None]:
    """Give the session *memory* for builds."""
    if memory is None:
        yield
        return
    await connection.execute("SELECT set_config('maintenance_work_mem', $1::text, false)", memory)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("RESET maintenance_work_mem")
