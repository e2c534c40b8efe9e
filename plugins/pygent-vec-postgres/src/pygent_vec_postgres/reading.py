"""How documents are read without a query vector: by id, in pages, and counted."""

# ruff: noqa: S608  # names are quoted by Table, and every value is a parameter
from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec_postgres.filtering import Parameters, condition
from pygent_vec_postgres.rows import read_rows, selected

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from pygent_vec.filters import Filter
    from pygent_vec.model import DocumentRows, Projection
    from pygent_vec_postgres.schema.layout import Table

__all__ = ["count", "fetch", "scan"]


async def fetch(
    connection: asyncpg.Connection, table: Table, ids: Sequence[str], projection: Projection
) -> DocumentRows:
    """Return those of the unique *ids* that exist, in any order."""
    records = await connection.fetch(
        f"SELECT {selected(projection)} FROM {table.qualified} WHERE id = ANY($1::text[])", ids
    )
    return await read_rows(records, projection, table.dimension)


async def scan(
    connection: asyncpg.Connection,
    table: Table,
    after_id: str | None,
    limit: int,
    pushed: Filter | None,
    projection: Projection,
) -> DocumentRows:
    """Return the first *limit* documents after an id that satisfy *pushed*, in code-point order."""
    parameters = Parameters()
    where = condition(pushed, parameters)
    if after_id is not None:
        where += f" AND id > {parameters.text(after_id)}"
    records = await connection.fetch(
        f"SELECT {selected(projection)} FROM {table.qualified} WHERE {where} ORDER BY id LIMIT {int(limit)}",
        *parameters.values,
    )
    return await read_rows(records, projection, table.dimension)


async def count(connection: asyncpg.Connection, table: Table, pushed: Filter | None) -> int:
    """Return how many documents satisfy *pushed*, exactly."""
    parameters = Parameters()
    where = condition(pushed, parameters)
    counted: int = await connection.fetchval(
        f"SELECT count(*) FROM {table.qualified} WHERE {where}", *parameters.values
    )
    return counted
