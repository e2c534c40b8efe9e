"""Tables that others keep in PostgreSQL: read as they are, in one snapshot."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import numpy as np

from pygent_vec.errors import ConfigError
from pygent_vec.model import VectorBatch, to_micros
from pygent_vec.transfer import Chunk, Description
from pygent_vec_postgres.config import PostgresConfig
from pygent_vec_postgres.connecting import Connector
from pygent_vec_postgres.failures import translated
from pygent_vec_postgres.mapping import Mapped, mapped, plain, spread_keys
from pygent_vec_postgres.schema.layout import quoted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from pygent_vec.transfer import Position
    from pygent_vec.transfer.files import ReadOptions, Rejections

__all__ = ["TableSource"]

_FIND = "SELECT coalesce(to_regclass($1), to_regclass(quote_ident($1)))::oid"
_NAME = "SELECT $1::oid::regclass::text"
_COLUMNS = """SELECT a.attname, format_type(a.atttypid, NULL) AS kind, a.atttypmod, t.typname
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_COLUMN_OF_OWN = {
    "title": "titles",
    "source": "sources",
    "document_type": "document_types",
    "chunk_index": "chunk_indexes",
    "chunk_count": "chunk_counts",
}


class TableSource:
    """The rows of a table, in the order of their ids, as they were when the reading began.

    The server keeps the order and the snapshot, and sends some rows at a time. Nothing is written there.

    Args:
        dsn: The address of the database, such as `postgresql://me@db.example/app`.
        options: The table, as `name` or `schema.name`, and its columns where their names do not tell.
        rejections: What takes note of rows that cannot be documents.

    Raises:
        ConfigError: no table is named.
    """

    def __init__(self, dsn: str, options: ReadOptions, rejections: Rejections) -> None:
        if not options.table:
            raise ConfigError("pgvector: needs the table; name it with table")
        self._table = options.table
        self._options = options
        self._rejections = rejections
        self._connector = Connector(config=PostgresConfig(dsn=dsn))
        self._place = _without_secrets(dsn)
        self._notes: list[str] = []
        self._known: tuple[str, Mapped, int] | None = None

    @property
    def label(self) -> str:
        """The server, the database and the table."""
        return f"pgvector:{self._place}/{self._table}"

    @property
    def notes(self) -> Sequence[str]:
        """What was guessed of the columns."""
        return tuple(self._notes)

    async def describe(self) -> Description:
        """Return the dimension of the vectors, and how many rows there are.

        Raises:
            ConfigError: there is no such table or column, or it holds no vector.
            BackendError: the server does not answer, or refuses.
        """
        async with self._connected() as connection:
            name, _, dimension = await self._looked_up(connection)
            count = await connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608  # quoted by the server
            return Description(collection="", dimension=dimension, count=count)

    async def fingerprint(self) -> str | None:
        """Return None: a table may change while it is read, and the reading does not see it."""
        return None

    async def chunks(self, after: Position = None) -> AsyncGenerator[Chunk, None]:
        """Yield the rows behind an id.

        Raises:
            InvalidDocumentError: more rows than may be have no id, one that was there before, or no vector.
        """
        async with self._connected() as connection:
            name, columns, dimension = await self._looked_up(connection)
            one = f'{quoted(columns.id)}::text COLLATE "C"'
            last = None if after is None else str(after)
            # An id may be empty, so the beginning is behind no id at all.
            behind, arguments = ("", []) if last is None else (f"WHERE {one} > $1", [last])
            query = f"SELECT {columns.selected} FROM {name} {behind} ORDER BY {one} NULLS FIRST"  # noqa: S608  # quoted
            cursor = await connection.cursor(query, *arguments)
            while rows := await cursor.fetch(self._options.batch_rows):
                batch = self._batch(columns, rows, dimension, last)
                last = rows[-1][0] if rows[-1][0] is not None else last
                if len(batch):
                    yield Chunk(batch=batch, position=last)

    async def _looked_up(self, connection: asyncpg.Connection) -> tuple[str, Mapped, int]:
        """Return the table's name as SQL, its columns, and the dimension."""
        if self._known is None:
            oid = await connection.fetchval(_FIND, self._table)
            if oid is None:
                raise ConfigError(
                    f"{self._place} has no table {self._table!r} that this role can see; "
                    "write schema.name, with quotes where PostgreSQL needs them"
                )
            name: str = await connection.fetchval(_NAME, oid)
            rows = await connection.fetch(_COLUMNS, oid)
            types = {row["attname"]: _kind(row) for row in rows}
            columns = mapped(types, self._options, name)
            self._notes.extend(columns.notes)
            declared = next(row["atttypmod"] for row in rows if row["attname"] == columns.vector)
            exact = columns.vector_type in {"vector", "halfvec"} and declared > 0
            dimension = declared if exact else await _first_length(connection, name, columns)
            self._known = name, columns, dimension
        return self._known

    def _batch(self, columns: Mapped, rows: Sequence[Any], dimension: int, last: str | None) -> VectorBatch:
        good = []
        for row in rows:
            reason = _fault(row, dimension, last)
            if reason is None:
                good.append(row)
            else:
                self._rejections.add(self.label, "a row", reason, id=row[0])
            last = row[0] if row[0] is not None else last
        vectors = np.empty((len(good), dimension), dtype=np.float32)
        for place, row in enumerate(good):
            with np.errstate(over="ignore"):  # an infinity is refused at the store's door
                vectors[place] = [np.nan if number is None else number for number in row[1]]
        return VectorBatch(
            ids=[row[0] for row in good],
            vectors=vectors,
            contents=[row[2] or "" for row in good],
            metadatas=[self._metadata(columns, row) for row in good],
            **self._own_columns(columns, good),
        )

    def _metadata(self, columns: Mapped, row: Any) -> dict[str, object]:
        first = 3 + len(columns.own)
        found = {
            name: plain(row[first + 1 + place], name, self._notes)
            for place, name in enumerate(columns.metadata)
        }
        found.update(spread_keys(row[first]))
        return found

    def _own_columns(self, columns: Mapped, rows: Sequence[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for place, name in enumerate(columns.own, 3):
            values = [row[place] for row in rows]
            if all(value is None for value in values):
                continue
            if name in _COLUMN_OF_OWN:
                found[_COLUMN_OF_OWN[name]] = values
                continue
            now = datetime.now(UTC)
            times = [now if value is None else plain(value, name, self._notes) for value in values]
            found[name] = np.array([to_micros(time) for time in times], dtype=np.int64)  # type: ignore[arg-type]
        return found

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a connection in a transaction that reads one snapshot and writes nothing."""
        try:
            connection = await self._connector.plain()
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield connection
            finally:
                await connection.close(timeout=5)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            known = translated(error)
            if known is None:
                raise
            raise known from error


def _kind(row: Any) -> str:
    """Return a column's type; pgvector's without the schema that it was installed in."""
    kind: str = row["typname"] if row["typname"] in {"vector", "halfvec", "sparsevec"} else row["kind"]
    return kind


def _fault(row: Any, dimension: int, last: str | None) -> str | None:
    """Return why a row cannot be a document; None if it can. Rows come in the order of their ids."""
    one, vector = row[0], row[1]
    if one is None:
        return "it has no id"
    if one == last:
        return "the id is there twice; name another column with id_column"
    if vector is None:
        return "it has no vector"
    if len(vector) != dimension:
        return f"its vector has dimension {len(vector)}, and {dimension} is needed"
    return None


async def _first_length(connection: asyncpg.Connection, name: str, columns: Mapped) -> int:
    vector = quoted(columns.vector)
    found = await connection.fetchval(
        f"SELECT cardinality({vector}::real[]) FROM {name} WHERE {vector} IS NOT NULL LIMIT 1"  # noqa: S608  # quoted
    )
    if not found:
        raise ConfigError(f"the column {columns.vector!r} of {name} holds no vector")
    return int(found)


def _without_secrets(dsn: str) -> str:
    try:
        parts = urlsplit(dsn)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "database"
    return f"{parts.hostname or ''}{port}{parts.path}"
