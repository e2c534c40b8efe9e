"""Finding pgvector in a database, or adding it."""

from __future__ import annotations

import asyncpg

from pygent_vec.errors import BackendError
from pygent_vec_postgres.schema.layout import Extension
from pygent_vec_postgres.schema.locking import ddl_transaction

__all__ = ["OLDEST_EXTENSION", "OLDEST_SERVER", "find_extension", "is_present", "versioned"]

OLDEST_SERVER = 14
OLDEST_EXTENSION = (0, 8)
"""The first with iterative scans: without them, a filter costs results."""

_FIND = """SELECT e.extversion, n.nspname, e.oid
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = $1"""


async def find_extension(connection: asyncpg.Connection) -> Extension:
    """Return the database's pgvector; create it where the server has it and the role may.

    Raises:
        BackendError: there is none, or it or the server is too old; the message says how to mend it.
    """
    major = connection.get_server_version().major
    if major < OLDEST_SERVER:
        raise BackendError(
            f"the server is PostgreSQL {major}, and {OLDEST_SERVER} or newer is needed; upgrade the server"
        )
    found = await connection.fetchrow(_FIND, "vector")
    if found is None:
        await _create(connection)
        found = await connection.fetchrow(_FIND, "vector")
    version = versioned(found["extversion"])
    if version < OLDEST_EXTENSION:
        raise BackendError(
            f"the database has pgvector {found['extversion']}, and 0.8 or newer is needed: install it on the "
            "server, then run in this database: ALTER EXTENSION vector UPDATE"
        )
    return Extension(schema=found["nspname"], oid=found["oid"], version=version)


async def is_present(connection: asyncpg.Connection, extension: Extension) -> bool:
    """Return whether the database's pgvector is still *extension*, with the types that connections know."""
    found = await connection.fetchrow(_FIND, "vector")
    return found is not None and (found["oid"], found["nspname"]) == (extension.oid, extension.schema)


def versioned(text: str) -> tuple[int, ...]:
    """Return a version's numbers, such as `(0, 8, 1)`."""
    return tuple(int(part) for part in text.partition("-")[0].split(".") if part.isdigit())


async def _create(connection: asyncpg.Connection) -> None:
    try:
        async with ddl_transaction(connection, "extension vector"):
            await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except (asyncpg.UndefinedFileError, asyncpg.FeatureNotSupportedError) as error:
        raise BackendError(
            "the server has no pgvector. Install it there (Debian: apt install postgresql-NN-pgvector; "
            "containers: the image pgvector/pgvector), then open the store again"
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise BackendError(
            "the database has no pgvector, and this role may not add it; "
            "let a superuser run in this database: CREATE EXTENSION vector"
        ) from error
