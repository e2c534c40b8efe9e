"""How a batch becomes durable: whole or not at all, in the order of ids, so that writers never deadlock."""

# ruff: noqa: S608  # names are quoted by Table, and every value is a parameter
from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING

import asyncpg

from pygent_vec.contract import WriteMode
from pygent_vec.errors import DocumentExistsError
from pygent_vec_postgres.copying import copy_stream
from pygent_vec_postgres.filtering import Parameters, condition
from pygent_vec_postgres.schema.layout import COLUMNS
from pygent_vec_postgres.slices import slices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import VectorBatch
    from pygent_vec_postgres.schema.layout import Table

__all__ = ["delete", "delete_where", "write"]

_COPY_ROWS = 64
"""From so many rows on COPY is worth a look at whether the rows seem to be new."""
_COPY_BYTES = 1 << 18
"""COPY is given so much at a time, so that the server works on it while the next is encoded."""
_PROBES = 8
"""So few of the ids are looked for: mostly all are new or none, and COPY notices what they do not show."""
_TYPES = (
    *("text", "vector", "text", "jsonb", "bytea", "text", "text", "text"),
    *("bigint", "bigint", "bigint", "bigint"),
)
"""The types of `COLUMNS`."""


async def write(
    connection: asyncpg.Connection,
    table: Table,
    batch: VectorBatch,
    mode: WriteMode,
    *,
    preserve_created: bool,
) -> list[str]:
    """Write a batch, all or nothing; return the ids written, in the batch's order.

    Raises:
        DocumentExistsError: under `WriteMode.ERROR`, an id exists.
    """
    ids = batch.ids
    order = sorted(range(len(ids)), key=ids.__getitem__)
    if mode is WriteMode.ERROR:
        await _create(connection, table, batch, order)
        return list(ids)
    if mode is WriteMode.UPDATE and table.distributed:
        written = await _update_each(connection, table, batch, order, preserve_created=preserve_created)
        return [one for one in ids if one in written]
    if mode is not WriteMode.UPDATE and len(ids) >= _COPY_ROWS:
        some = ids[:: len(ids) // _PROBES]
        seem_new = not await _existing(connection, table, some)
        if seem_new and await _copied(connection, table, batch, order):
            return list(ids)
    statement = _statement(table, mode, preserve_created=preserve_created)
    written = await _inserted(connection, batch, order, statement)
    return [one for one in ids if one in written]


async def delete(connection: asyncpg.Connection, table: Table, ids: Sequence[str]) -> int:
    """Delete documents by unique *ids*, all or nothing; return how many existed."""
    return await _deleted(connection, table, "id = ANY($1::text[])", [ids])


async def delete_where(connection: asyncpg.Connection, table: Table, pushed: Filter) -> int:
    """Delete what satisfies *pushed*, all or nothing; return how many."""
    parameters = Parameters()
    where = condition(pushed, parameters)
    return await _deleted(connection, table, where, parameters.values)


async def _deleted(connection: asyncpg.Connection, table: Table, where: str, values: Sequence[object]) -> int:
    """Delete in two steps of one statement: rows are locked in the order in which writers lock them."""
    if table.distributed:
        statement = f"DELETE FROM {table.qualified} WHERE {where}"
    else:
        statement = (
            f"WITH doomed AS MATERIALIZED "
            f"(SELECT id FROM {table.qualified} WHERE {where} ORDER BY id FOR UPDATE) "
            f"DELETE FROM {table.qualified} AS stored USING doomed WHERE stored.id = doomed.id"
        )
    status: str = await connection.execute(statement, *values)
    return int(status.rpartition(" ")[2])


async def _create(
    connection: asyncpg.Connection, table: Table, batch: VectorBatch, order: Sequence[int]
) -> None:
    """Insert rows none of which exists.

    Raises:
        DocumentExistsError: some exist.
    """
    while not await _copied(connection, table, batch, order):
        existing = await _existing(connection, table, batch.ids)
        if existing:  # and if there is none any more, it was deleted meanwhile: try again
            raise DocumentExistsError([one for one in batch.ids if one in existing], table.spec.name)


async def _existing(connection: asyncpg.Connection, table: Table, ids: Sequence[str]) -> set[str]:
    records = await connection.fetch(f"SELECT id FROM {table.qualified} WHERE id = ANY($1::text[])", ids)
    return {record[0] for record in records}


async def _copied(
    connection: asyncpg.Connection, table: Table, batch: VectorBatch, order: Sequence[int]
) -> bool:
    """Insert the rows at the positions *order* by COPY; return False, having done nothing, if one exists."""

    async def stream() -> AsyncIterator[bytes]:
        for part in copy_stream(batch, order, _COPY_BYTES):
            yield part
            await asyncio.sleep(0)

    try:
        await connection.copy_to_table(
            table.name, schema_name=table.schema, columns=COLUMNS, source=stream(), format="binary"
        )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def _inserted(
    connection: asyncpg.Connection, batch: VectorBatch, order: Sequence[int], statement: str
) -> set[str]:
    """Run *statement* over the rows at the positions *order*, as a whole; return the ids that it wrote."""
    parts = slices(batch, order)
    part, after = next(parts, None), next(parts, None)
    written: set[str] = set()
    if part is None:
        return written
    if after is None:
        return {record[0] for record in await connection.fetch(statement, *part.columns)}
    async with connection.transaction():
        for some in chain((part, after), parts):
            written.update(record[0] for record in await connection.fetch(statement, *some.columns))
    return written


def _statement(table: Table, mode: WriteMode, *, preserve_created: bool) -> str:
    """Return the statement that writes columns and returns the ids written."""
    kinds = (table.vector_type if kind == "vector" else kind for kind in _TYPES)
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(kinds, 1))
    columns = ", ".join(COLUMNS)
    kept = {"id"} if preserve_created else {"id", "created_at"}
    settled = "UPDATE SET " + ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS if name not in kept)
    rows, locked = f"unnest({arrays}) AS given ({columns})", ""
    if mode is WriteMode.SKIP:
        settled = "NOTHING"
    elif mode is WriteMode.UPDATE:
        # The rows are locked in the order of their ids, and what is locked is there to be replaced.
        locked = (
            f"WITH present AS MATERIALIZED (SELECT id FROM {table.qualified} "
            "WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE) "
        )
        rows += " WHERE id IN (SELECT id FROM present)"
    return (
        f"{locked}INSERT INTO {table.qualified} ({columns}) SELECT {columns} FROM {rows} "
        f"ON CONFLICT (id) DO {settled} RETURNING id"
    )


async def _update_each(
    connection: asyncpg.Connection,
    table: Table,
    batch: VectorBatch,
    order: Sequence[int],
    *,
    preserve_created: bool,
) -> set[str]:
    """Replace rows one by one: Citus locks no rows of several shards in one statement."""
    kept = {"id"} if preserve_created else {"id", "created_at"}
    places = [place for place, name in enumerate(COLUMNS) if name not in kept]
    changes = ", ".join(f"{COLUMNS[place]} = ${number}" for number, place in enumerate(places, 2))
    statement = f"UPDATE {table.qualified} SET {changes} WHERE id = $1 RETURNING id"
    written: set[str] = set()
    async with connection.transaction():
        for part in slices(batch, order):
            values = zip(part.columns[0], *(part.columns[place] for place in places), strict=True)
            written.update(record[0] for record in await connection.fetchmany(statement, values))
    return written
