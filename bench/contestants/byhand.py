"""asyncpg and pgvector by hand: the floor of the PostgreSQL store, in a table of its own."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import orjson

from bench.contestants.contestant import Answers, Effort, Where
from bench.handmade import connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bench.data import Corpus

__all__ = ["RawPostgres"]

_BATCH = 1000


class RawPostgres:
    """A table with a graph, filled by COPY and searched by one prepared statement."""

    ours = False
    name = "raw asyncpg"

    def __init__(self, address: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(connected(address))
        self._execute("DROP TABLE IF EXISTS bench_raw")

    @property
    def efforts(self) -> Sequence[Effort]:
        """`hnsw.ef_search`."""
        return (16, 32, 64, 128, 256)

    def _execute(self, *statements: str) -> None:
        for statement in statements:
            self._runner.run(self._connection.execute(statement))

    def fill(self, data: Corpus) -> None:
        """Copy batches of 1,000 rows."""
        dimension = data.vectors.shape[1]
        self._execute(
            f"CREATE TABLE bench_raw (id text PRIMARY KEY, embedding vector({dimension}), "
            "content text, metadata jsonb)",
            "ALTER TABLE bench_raw ALTER embedding SET STORAGE PLAIN",
        )
        head = dimension.to_bytes(2, "big") + b"\0\0"
        for start in range(0, len(data.ids), _BATCH):
            part = slice(start, start + _BATCH)
            vectors = data.vectors[part].astype(">f4")
            documents = map(orjson.dumps, data.metadatas[part])
            columns = zip(data.ids[part], vectors, data.contents[part], documents, strict=True)
            rows = [(key, head + vector.tobytes(), text, document) for key, vector, text, document in columns]
            self._runner.run(self._connection.copy_records_to_table("bench_raw", records=rows))

    def finish(self) -> None:
        """Build the graph, and gather statistics."""
        self._execute(
            "CREATE INDEX ON bench_raw USING hnsw (embedding vector_cosine_ops) "
            "WITH (m = 16, ef_construction = 128)",
            "CREATE INDEX ON bench_raw USING gin (metadata jsonb_path_ops)",
            "ANALYZE bench_raw",
        )
        self._execute("SET hnsw.iterative_scan = relaxed_order")
        self.turn(128)

    def turn(self, effort: Effort) -> str:
        """Set `hnsw.ef_search`."""
        self._execute(f"SET hnsw.ef_search = {int(effort)}")
        return f"ef_search {effort}"

    def search(self, queries: np.ndarray, where: Where | None = None, *, k: int = 10) -> Answers:
        """Fetch the nearest rows, and decode them."""
        condition = "" if where is None else f"WHERE (metadata->>'{where.field}')::int < {where.below}"
        statement = (
            f"SELECT id, content, metadata, embedding <=> $1::vector AS distance FROM bench_raw {condition} "
            f"ORDER BY embedding <=> $1::vector LIMIT {k}"
        )

        async def all_of_them() -> Answers:
            seconds, found = [], []
            for vector in queries:
                started = perf_counter()
                body = len(vector).to_bytes(2, "big") + b"\0\0" + vector.astype(">f4").tobytes()
                rows = await self._connection.fetch(statement, body)
                plain = [(row["id"], row["content"], orjson.loads(row["metadata"][1:])) for row in rows]
                seconds.append(perf_counter() - started)
                found.append([key for key, _, _ in plain])
            return Answers(seconds=seconds, found=found)

        return self._runner.run(all_of_them())

    def close(self) -> None:
        """Drop the table, and close the connection."""
        self._execute("DROP TABLE IF EXISTS bench_raw")
        self._runner.run(self._connection.close())
        self._runner.close()
