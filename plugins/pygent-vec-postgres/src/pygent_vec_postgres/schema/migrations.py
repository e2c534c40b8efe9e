"""The tables of our own in a schema, and how older releases' become this one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from pygent_vec.errors import BackendError
from pygent_vec_postgres.schema.layout import quoted
from pygent_vec_postgres.schema.locking import ddl_transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CATALOGUE", "LATEST", "migrate"]

CATALOGUE = "pygent_vec_collections"
"""One row for each collection."""
_VERSION = "pygent_vec_version"
"""One row: the number of the last step that was taken."""


def _first(schema: str) -> list[str]:
    return [
        f"""CREATE TABLE {schema}.{CATALOGUE} (
    uid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    table_name text COLLATE "C" NOT NULL,
    dimension integer NOT NULL,
    metric text NOT NULL,
    index_kind text NOT NULL,
    index_options bytea NOT NULL,
    metadata bytea NOT NULL,
    created_at bigint NOT NULL,
    effort integer,
    distributed boolean NOT NULL
)""",
    ]


_STEPS: Sequence[Callable[[str], list[str]]] = (_first,)
"""Never change a step that was released: append one. Each gets the quoted schema."""
LATEST = len(_STEPS)


async def migrate(connection: asyncpg.Connection, schema: str) -> None:
    """Bring *schema*, not quoted, to this release's tables; make it where it does not exist.

    Raises:
        BackendError: a newer release has been here, or the names belong to somebody else's tables.
    """
    if await _version(connection, schema) == LATEST:
        return  # also for roles that may create nothing
    name = quoted(schema)
    try:
        async with ddl_transaction(connection, f"schema {schema}"):
            if not await connection.fetchval(
                "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)", schema
            ):
                await connection.execute(f"CREATE SCHEMA {name}")
            version = await _version(connection, schema)
            if version == 0:
                await connection.execute(f"CREATE TABLE {name}.{_VERSION} (version integer NOT NULL)")
                await connection.execute(f"INSERT INTO {name}.{_VERSION} VALUES (0)")  # noqa: S608  # quoted
            for step in _STEPS[version:]:
                for statement in step(name):
                    await connection.execute(statement)
            await connection.execute(f"UPDATE {name}.{_VERSION} SET version = $1", LATEST)  # noqa: S608  # quoted
    except asyncpg.DuplicateTableError as error:
        raise _foreign(schema, CATALOGUE) from error


async def _version(connection: asyncpg.Connection, schema: str) -> int:
    """Return the number of the last step that was taken in *schema*; 0 where none was."""
    table = f"{quoted(schema)}.{_VERSION}"
    if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", table) is None:
        return 0
    try:
        async with connection.transaction():
            version = await connection.fetchval(f"SELECT version FROM {table}")  # noqa: S608  # quoted
    except (asyncpg.UndefinedColumnError, asyncpg.WrongObjectTypeError) as error:
        raise _foreign(schema, _VERSION) from error
    if not isinstance(version, int) or version < 1:
        raise _foreign(schema, _VERSION)
    if version > LATEST:
        raise BackendError(
            f"the schema {schema!r} was made by a newer release (version {version}, and not {LATEST}); "
            "upgrade with: pip install -U pygent-vec-postgres"
        )
    return version


def _foreign(schema: str, table: str) -> BackendError:
    return BackendError(
        f"the schema {schema!r} has a table {table!r} that is not this store's; rename it, "
        "or give the store a schema of its own by the setting schema"
    )
