"""The catalogue: which collections there are, and what they were created with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import attrs
import orjson

from pygent_vec.errors import BackendError
from pygent_vec.model import CollectionSpec, DistanceMetric, IndexSpec, from_micros, to_micros
from pygent_vec_postgres.schema.layout import Table, physical_name, quoted, table_ddl
from pygent_vec_postgres.schema.locking import ddl_transaction
from pygent_vec_postgres.schema.migrations import CATALOGUE

if TYPE_CHECKING:
    from pygent_vec_postgres.schema.layout import Extension

__all__ = ["Catalogue"]


@attrs.frozen(kw_only=True)
class Catalogue:
    """The catalogue of one schema.

    Attributes:
        schema: Its name; not quoted.
        extension: pgvector, as the database has it.
        distributed: Whether new collections are spread over servers.
    """

    schema: str
    extension: Extension
    distributed: bool

    @property
    def _qualified(self) -> str:
        return f"{quoted(self.schema)}.{CATALOGUE}"

    async def names(self, connection: asyncpg.Connection) -> list[str]:
        """Return the names of the collections."""
        rows = await connection.fetch(f"SELECT name FROM {self._qualified}")  # noqa: S608  # quoted
        return [row["name"] for row in rows]

    async def tables(self, connection: asyncpg.Connection) -> list[Table]:
        """Return every collection."""
        rows = await connection.fetch(f"SELECT * FROM {self._qualified}")  # noqa: S608  # quoted
        return [self._table(row) for row in rows]

    async def find(self, connection: asyncpg.Connection, name: str) -> Table | None:
        """Return a collection as it is now."""
        row = await connection.fetchrow(
            f"SELECT * FROM {self._qualified} WHERE name = $1",  # noqa: S608  # quoted
            name,
        )
        return None if row is None else self._table(row)

    async def create(self, connection: asyncpg.Connection, spec: CollectionSpec) -> Table | None:
        """Create a collection's table and its row; return None if the name is taken.

        Raises:
            BackendError: somebody else's table has the name that was chosen.
        """
        async with ddl_transaction(connection, f"schema {self.schema}"):
            row = await connection.fetchrow(
                f"""INSERT INTO {self._qualified} (name, table_name, dimension, metric, index_kind,
    index_options, metadata, created_at, distributed)
VALUES ($1, '', $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING RETURNING *""",  # noqa: S608  # quoted
                spec.name,
                spec.dimension,
                spec.distance_metric.value,
                spec.index.kind,
                orjson.dumps(dict(spec.index.options)),
                orjson.dumps(spec.metadata),
                to_micros(spec.created_at),
                self.distributed,
            )
            if row is None:
                return None
            table = attrs.evolve(self._table(row), name=physical_name(row["uid"], spec.name))
            await connection.execute(
                f"UPDATE {self._qualified} SET table_name = $2 WHERE uid = $1",  # noqa: S608  # quoted
                table.uid,
                table.name,
            )
            await _make(connection, table)
            return table

    async def drop(self, connection: asyncpg.Connection, name: str) -> int | None:
        """Delete a collection; return its number, or None if there was none."""
        async with ddl_transaction(connection, f"schema {self.schema}"):
            row = await connection.fetchrow(
                f"DELETE FROM {self._qualified} WHERE name = $1 RETURNING *",  # noqa: S608  # quoted
                name,
            )
            if row is None:
                return None
            table = self._table(row)
            await connection.execute(f"DROP TABLE IF EXISTS {table.qualified}")
            return table.uid

    async def set_effort(self, connection: asyncpg.Connection, table: Table, effort: int) -> bool:
        """Persist a search effort; return False if the collection is gone."""
        status: str = await connection.execute(
            f"UPDATE {self._qualified} SET effort = $2 WHERE uid = $1",  # noqa: S608  # quoted
            table.uid,
            effort,
        )
        return status == "UPDATE 1"

    def _table(self, row: asyncpg.Record) -> Table:
        spec = CollectionSpec(
            name=row["name"],
            dimension=row["dimension"],
            distance_metric=DistanceMetric(row["metric"]),
            index=IndexSpec(row["index_kind"], options=orjson.loads(row["index_options"])),
            metadata=orjson.loads(row["metadata"]),
            created_at=from_micros(row["created_at"]),
        )
        return Table(
            spec=spec,
            uid=row["uid"],
            schema=self.schema,
            name=row["table_name"],
            extension=self.extension.schema,
            effort=row["effort"],
            distributed=row["distributed"],
        )


async def _make(connection: asyncpg.Connection, table: Table) -> None:
    try:
        for statement in table_ddl(table):
            await connection.execute(statement)
    except asyncpg.DuplicateTableError as error:
        raise BackendError(
            f"the schema {table.schema!r} has a table or index {table.name!r} that is not this store's; "
            "rename it and try again"
        ) from error
    if table.distributed:
        await _distribute(connection, table)


async def _distribute(connection: asyncpg.Connection, table: Table) -> None:
    """Spread a table over the servers, by id: its only unique key."""
    try:
        await connection.execute("SELECT create_distributed_table($1::regclass, 'id')", table.qualified)
    except asyncpg.UndefinedFunctionError as error:
        raise BackendError(
            "the setting distributed needs Citus, which this database does not have; "
            "let a superuser run: CREATE EXTENSION citus, or leave the setting out"
        ) from error
