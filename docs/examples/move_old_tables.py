"""Move what the older module kept in PostgreSQL into a store of any backend, collection by collection."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg

from pygent_vec import VectorDocument, VectorStore, open_store


async def documents(connection: asyncpg.Connection, collection: str) -> AsyncIterator[VectorDocument]:
    """Yield the documents of an old collection."""
    table = f"vectors.vector_{collection}"
    async for row in connection.cursor(f"SELECT *, embedding::real[] AS vector FROM {table}"):  # noqa: S608  # names of an old database of ours
        yield VectorDocument(
            id=row["id"],
            content=row["content"],
            embedding=row["vector"],
            metadata=json.loads(row["metadata"] or "{}"),
            collection=collection,
            title=row["title"],
            source=row["source"],
            document_type=row["document_type"],
            chunk_index=row["chunk_index"],
            chunk_count=row["chunk_count"],
            created_at=utc(row["created_at"]),
            updated_at=utc(row["updated_at"]),
        )


def utc(instant: datetime) -> datetime:
    """Return an old time, which is UTC and does not say so, with its time zone."""
    return instant.replace(tzinfo=UTC)


async def move(dsn: str, store: VectorStore) -> None:
    """Copy every old collection into *store*; run again, it writes the same documents again."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            for old in await connection.fetch(
                "SELECT name, dimension, distance_metric FROM vectors.collections"
            ):
                await store.create_collection(
                    old["name"], old["dimension"], old["distance_metric"], if_exists="ignore"
                )
                ids = await store.add_documents(documents(connection, old["name"]), preserve_timestamps=True)
                print(f"{old['name']}: {len(ids)} documents")
    finally:
        await connection.close()


async def main(dsn: str, url: str) -> None:
    """Copy from the database at *dsn* into the store at *url*."""
    async with open_store(url) as store:
        await move(dsn, store)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
