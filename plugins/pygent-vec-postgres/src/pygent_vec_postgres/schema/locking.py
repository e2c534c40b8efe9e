"""One at a time: changes of a schema's tables."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

__all__ = ["ddl_transaction"]

_SEED = 7_078_111
"""Keeps our keys apart from those of other users of advisory locks."""


@asynccontextmanager
async def ddl_transaction(connection: asyncpg.Connection, what: str) -> AsyncIterator[None]:
    """Begin a transaction that no other of our stores shares with us for *what*, such as a schema's name.

    `IF NOT EXISTS` does not help against races: it looks first, and creates later.
    """
    async with connection.transaction():
        await connection.execute(
            "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, $2))",
            f"pygent_vec {what}",
            _SEED,
        )
        yield
