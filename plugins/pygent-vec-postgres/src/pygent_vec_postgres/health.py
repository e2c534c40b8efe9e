"""What a server says of itself, and what works less well than it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from pygent_vec.contract import Ping
from pygent_vec.errors import BackendError
from pygent_vec.model import Problem
from pygent_vec_postgres import stats
from pygent_vec_postgres.failures import translated
from pygent_vec_postgres.schema.extension import OLDEST_EXTENSION, versioned

if TYPE_CHECKING:
    from pygent_vec_postgres.access import Access
    from pygent_vec_postgres.pool import Pool

__all__ = ["ping"]

_STATE = """SELECT pg_catalog.current_setting('server_version') AS server,
    pg_catalog.pg_is_in_recovery() AS standby,
    pg_catalog.current_setting('default_transaction_read_only') AS read_only,
    (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector') AS extension,
    pg_catalog.current_setting('max_connections')::integer AS most_connections,
    pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create
FROM pg_catalog.pg_namespace n WHERE n.nspname = $1"""
_LAG = """SELECT pg_catalog.pg_is_in_recovery() AS standby,
    EXTRACT(EPOCH FROM pg_catalog.now() - pg_catalog.pg_last_xact_replay_timestamp())::float8 AS seconds,
    pg_catalog.pg_last_wal_receive_lsn() IS DISTINCT FROM pg_catalog.pg_last_wal_replay_lsn() AS behind"""
_LAG_SECONDS = 30.0


async def ping(access: Access) -> Ping:
    """Return the server's sign of life, with every problem that can be seen from here.

    Raises:
        BackendError: the schema is gone.
    """
    catalogue = access.catalogue

    async def examined(connection: asyncpg.Connection) -> tuple[asyncpg.Record, list[Problem]]:
        state = await connection.fetchrow(_STATE, catalogue.schema)
        if state is None or state["extension"] is None:
            return state, []
        return state, await stats.problems(connection, await catalogue.tables(connection))

    state, of_collections = await access.ask(examined)
    if state is None:
        raise BackendError(
            f"the schema {catalogue.schema!r} is gone; open the store again, or restore a backup"
        )
    problems = [*_of_server(state), *_of_pool(access.primary), *of_collections]
    if access.replica is not None:
        problems += await _of_replica(access.replica)
    return Ping(
        version=f"PostgreSQL {state['server']}, pgvector {state['extension'] or 'missing'}",
        problems=tuple(problems),
    )


def _of_server(state: asyncpg.Record) -> list[Problem]:
    problems = []
    if state["extension"] is None:
        problems.append(
            Problem(
                what="the extension pgvector was dropped from the database, and the vectors with it",
                remedy="run CREATE EXTENSION vector, restore a backup, and open the store again",
            )
        )
    elif versioned(state["extension"]) < OLDEST_EXTENSION:
        problems.append(
            Problem(
                what=f"pgvector {state['extension']} is too old", remedy="run ALTER EXTENSION vector UPDATE"
            )
        )
    if state["standby"] or state["read_only"] == "on":
        problems.append(
            Problem(
                what="the server takes no writes",
                remedy="name the primary, or add target_session_attrs=read-write to the dsn",
            )
        )
    elif not state["may_create"]:
        problems.append(
            Problem(
                what="the role may not create tables in the schema, so no collections",
                remedy="grant it CREATE on the schema if it should",
            )
        )
    return problems


def _of_pool(pool: Pool) -> list[Problem]:
    usage = pool.usage
    if not usage.waiting:
        return []
    return [
        Problem(
            what=f"{usage.waiting} calls wait for one of the {usage.size} connections",
            remedy="raise the setting pool_size, or send fewer calls at once",
        )
    ]


async def _of_replica(replica: Pool) -> list[Problem]:
    try:
        async with replica.connection() as connection:
            state = await connection.fetchrow(_LAG)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [
            Problem(
                what=f"searches fail, because the replica does not answer: {translated(error)}",
                remedy="start the replica, or open the store without read_dsn",
            )
        ]
    if state["standby"] and state["behind"] and (state["seconds"] or 0.0) > _LAG_SECONDS:
        return [
            Problem(
                what=f"the replica is {state['seconds']:.0f} seconds behind; searches see that state",
                remedy="give the replica more power, or open the store without read_dsn",
            )
        ]
    return []
