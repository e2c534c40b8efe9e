"""What the server has of a collection's index, remembered for a while."""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING

import asyncpg
import attrs

from pygent_vec_postgres.search.access import Access, access_of
from pygent_vec_postgres.search.policy import INLINE_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec_postgres.schema.layout import Table

__all__ = ["FRESH_SECONDS", "IndexState", "States", "read_state", "read_states"]

_KINDS = {"hnsw": "hnsw", "ivfflat": "ivf_flat"}
FRESH_SECONDS = 5.0
"""So old may be what is known of an index."""
_UNKNOWN_ROWS = 1_000_000.0
"""The coordinator of a distributed table does not know how many rows it has."""
_PAGE_BYTES = 8192
_ROW_BYTES = 600

_STATEMENT = """
SELECT asked.place, stored.reltuples, stored.relpages, pg_relation_size(stored.oid) AS size,
    method.amname, index.reloptions, described.indisvalid
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (name, index, place)
JOIN pg_class AS stored ON stored.oid = to_regclass(asked.name)
LEFT JOIN (pg_index AS described
    JOIN pg_class AS index ON index.oid = described.indexrelid AND index.relkind = 'i'
    JOIN pg_am AS method ON method.oid = index.relam)
    ON described.indrelid = stored.oid AND index.relname = asked.index
ORDER BY asked.place
"""


@attrs.frozen(kw_only=True)
class IndexState:
    """A collection's index.

    Attributes:
        kind: `"hnsw"`, `"ivf_flat"`, or `"flat"` where there is none.
        options: What it was built with.
        valid: Whether the server uses it; a build that was broken off leaves one that it does not.
        access: What it holds of a vector; None where there is none.
        rows: Documents in the collection, about.
    """

    kind: str
    options: Mapping[str, int]
    valid: bool
    access: Access | None
    rows: float


class States:
    """The states of collections' indexes, by the uid of the table, each read anew after some seconds."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, IndexState]] = {}

    async def of(self, connection: asyncpg.Connection, table: Table) -> IndexState:
        """Return the state of a collection's index, seen at most some seconds ago."""
        known = self._known.get(table.uid)
        now = monotonic()
        if known is not None and now - known[0] < FRESH_SECONDS:
            return known[1]
        state = await read_state(connection, table)
        self._known[table.uid] = (now, state)
        return state

    def forget(self, uid: int) -> None:
        """Read the state anew when it is asked for next."""
        self._known.pop(uid, None)


async def read_state(connection: asyncpg.Connection, table: Table) -> IndexState:
    """Return the state of a collection's index as it is now.

    Raises:
        asyncpg.UndefinedTableError: the table is gone.
    """
    states = await read_states(connection, [table])
    if table.uid not in states:
        raise asyncpg.UndefinedTableError(f"relation {table.qualified} does not exist")
    return states[table.uid]


async def read_states(connection: asyncpg.Connection, tables: Sequence[Table]) -> dict[int, IndexState]:
    """Return the states of collections' indexes as they are now, by uid, without tables that are gone."""
    names = [table.qualified for table in tables]
    indexes = [f"{table.name}_vector" for table in tables]
    records = await connection.fetch(_STATEMENT, names, indexes)
    # A table that is dropped just now may be found, and have no size.
    found = ((tables[record[0] - 1], record) for record in records if record["size"] is not None)
    return {table.uid: _state(table, record) for table, record in found}


def _state(table: Table, record: asyncpg.Record) -> IndexState:
    _, tuples, pages, size, method, options, valid = record
    kind = _KINDS.get(method, "flat")
    return IndexState(
        kind=kind,
        options=_numbers(options or ()),
        valid=bool(valid),
        access=None if kind == "flat" else access_of(table.dimension, table.metric),
        rows=_UNKNOWN_ROWS if table.distributed else _rows(tuples, pages, size, table.dimension),
    )


def _rows(tuples: float, pages: int, size: int, dimension: int) -> float:
    """Return about how many rows a table has: what was counted last, scaled to its present size."""
    if pages > 0 and tuples > 0:
        return tuples * size / (pages * _PAGE_BYTES)
    return size / (_ROW_BYTES + (4 * dimension if dimension <= INLINE_DIMENSIONS else 0))


def _numbers(options: list[str] | tuple[str, ...]) -> dict[str, int]:
    """Return storage parameters, such as `m=16`, as numbers."""
    pairs = (re.fullmatch(r"(\w+)='?(\d+)'?", option) for option in options)
    return {pair[1]: int(pair[2]) for pair in pairs if pair is not None}
