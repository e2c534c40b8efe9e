"""What the server knows of collections: their size, their indexes, and what is wrong with them."""

# names are quoted by Table, and every value is a parameter
from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.model import CollectionStats, Problem
from pygent_vec_postgres.index import wanted_index
from pygent_vec_postgres.search.state import IndexState, read_state, read_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from pygent_vec_postgres.schema.layout import Table

__all__ = ["collection_stats", "problems"]

_SIZE = """
SELECT (SELECT count(*) FROM {table}), {size}($1::text::regclass),
    (SELECT format('%s, %s of %s', phase,
        greatest(blocks_done, tuples_done), greatest(blocks_total, tuples_total))
     FROM pg_stat_progress_create_index WHERE relid = $1::text::regclass LIMIT 1)
"""
_TROUBLES = """
SELECT asked.place,
    ARRAY(SELECT index.relname FROM pg_index AS described
          JOIN pg_class AS index ON index.oid = described.indexrelid
          WHERE described.indrelid = to_regclass(asked.name) AND NOT described.indisvalid
              AND described.indexrelid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)
    ) AS invalid,
    coalesce(used.n_dead_tup, 0) AS dead, coalesce(used.n_live_tup, 0) AS live
FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, place)
LEFT JOIN pg_stat_all_tables AS used ON used.relid = to_regclass(asked.name)
"""
_MANY_DEAD = 10_000


async def collection_stats(connection: asyncpg.Connection, table: Table) -> CollectionStats:
    """Return how many documents a collection has, how large it is on disk, and what its index is."""
    size = "citus_total_relation_size" if table.distributed else "pg_total_relation_size"
    count, disk, progress = await connection.fetchrow(
        _SIZE.format(table=table.qualified, size=size), table.qualified
    )
    state = await read_state(connection, table)
    return CollectionStats(
        document_count=count,
        dimension=table.dimension,
        index=_words(state, progress),
        disk_bytes=disk,
    )


async def problems(connection: asyncpg.Connection, tables: Sequence[Table]) -> list[Problem]:
    """Return what is wrong with collections: broken or missing indexes, and space that dead rows take."""
    names = [table.qualified for table in tables]
    found: list[Problem] = []
    states = await read_states(connection, tables)
    records = await connection.fetch(_TROUBLES, names)
    for place, invalid, dead, live in records:
        table = tables[place - 1]
        name = table.spec.name
        remedy = f"call optimize({name!r})"
        found += [
            Problem(
                what=f"the index {one} of collection {name!r} is invalid: its build was broken off",
                remedy=remedy,
            )
            for one in invalid
        ]
        state = states.get(table.uid)
        if state is None:
            continue
        rows = 0 if table.distributed else int(state.rows)
        if state.kind == "flat" and wanted_index(table.spec, rows).kind != "flat":
            what = (
                f"the collection {name!r} has about {rows} documents and no index, so every search scans them"
            )
            found.append(Problem(what=what, remedy=remedy))
        if dead > max(_MANY_DEAD, live):
            what = f"{dead} dead rows of collection {name!r} take space, {live} are alive"
            found.append(Problem(what=what, remedy=f"{remedy}, or let autovacuum run more often"))
    return found


def _words(state: IndexState, progress: str | None) -> str:
    words = [state.kind]
    if state.access is not None:
        options = ", ".join(f"{name}={value}" for name, value in sorted(state.options.items()))
        words = [f"{state.kind} of {state.access.value} ({options})"]
        words += [] if state.valid else ["invalid: call optimize()"]
    words += [] if progress is None else [f"being built: {progress}"]
    return "; ".join(words)
