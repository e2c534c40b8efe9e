"""What one writes by hand with asyncpg and pgvector: the floor of the PostgreSQL store."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
import orjson

from pygent_vec_postgres.store import PostgresStore

if TYPE_CHECKING:
    from bench.data import Corpus
    from pygent_vec import VectorStore

__all__ = ["address_of", "connected", "copy", "table_of", "undecoded"]

_COLUMNS = (
    *("id", "embedding", "content", "metadata", "document", "title", "source", "document_type"),
    *("chunk_index", "chunk_count", "created_at", "updated_at"),
)


async def copy(connection: asyncpg.Connection, data: Corpus, table: str, part: slice) -> None:
    """Write rows by asyncpg's COPY, as one does by hand."""
    vectors = data.vectors[part]
    head = vectors.shape[1].to_bytes(2, "big") + b"\0\0"
    documents = [orjson.dumps(one) for one in data.metadatas[part]]
    rows = zip(data.ids[part], vectors.astype(">f4"), data.contents[part], documents, strict=True)
    nothing = (None,) * 5
    schema, _, name = table.partition(".")
    await connection.copy_records_to_table(
        name.strip('"'),
        schema_name=schema.strip('"'),
        columns=_COLUMNS,
        records=[
            (one, head + vector.tobytes(), content, document, document, *nothing, 1, 1)
            for one, vector, content, document in rows
        ],
    )


def address_of(store: VectorStore) -> str:
    if not isinstance(store, PostgresStore) or store.server is None:
        raise TypeError(f"expected a store with a private server, got {store!r}")
    return f"postgresql:///postgres?host={quote(store.server.host, safe='')}&user=postgres"


async def connected(address: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(address)
    await undecoded(connection)
    return connection


async def undecoded(connection: asyncpg.Connection) -> None:
    """Let vectors and jsonb be bytes on a connection."""
    schema = await connection.fetchval(
        "SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace "
        "WHERE extname = 'vector'"
    )
    for name, where in (("vector", schema), ("jsonb", "pg_catalog")):
        prefix = b"\x01" if name == "jsonb" else b""
        await connection.set_type_codec(
            name,
            schema=where,
            format="binary",
            encoder=lambda value, prefix=prefix: prefix + value,
            decoder=lambda value: value,
        )


async def table_of(connection: asyncpg.Connection, collection: str) -> str:
    name: str = await connection.fetchval(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname = 'pygent_vec_bench' AND tablename LIKE 'c%\\_' || $1::text",
        collection,
    )
    return name
