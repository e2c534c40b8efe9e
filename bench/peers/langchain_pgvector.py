"""LangChain's PGVector store, with a graph made by hand, for it makes none."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve, sqlalchemy_address

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["LangChainPgvector"]


_BATCH = 1000


class LangChainPgvector:
    """As its documentation shows it, and with the index that everybody adds."""

    def __init__(self, _: Path, server: str) -> None:
        self._address = sqlalchemy_address(server, "psycopg")
        self._store: Any = None

    def fill(self, rows: Rows) -> None:
        """Add batches, then build the graph."""
        dimension = rows["vectors"].shape[1]
        fake = import_module("langchain_core.embeddings").DeterministicFakeEmbedding(size=dimension)
        self._store = import_module("langchain_postgres").PGVector(
            embeddings=fake,
            connection=self._address,
            embedding_length=dimension,
            collection_name="bench",
            pre_delete_collection=True,
        )
        for start in range(0, len(rows["ids"]), _BATCH):
            part = slice(start, start + _BATCH)
            self._store.add_embeddings(
                texts=rows["contents"][part],
                embeddings=rows["vectors"][part].tolist(),
                metadatas=rows["metadatas"][part],
                ids=rows["ids"][part],
            )
        sqlalchemy = import_module("sqlalchemy")
        with sqlalchemy.create_engine(self._address).begin() as connection:
            connection.execute(
                sqlalchemy.text(
                    "CREATE INDEX ON langchain_pg_embedding USING hnsw (embedding vector_cosine_ops) "
                    "WITH (m = 16, ef_construction = 128)"
                )
            )

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Search by vector."""
        condition = None if where is None else {where["field"]: {"$lt": where["below"]}}
        found = self._store.similarity_search_by_vector(vector, k=k, filter=condition)
        return [one.id for one in found]


if __name__ == "__main__":
    serve(LangChainPgvector, "langchain_core.embeddings", "langchain_postgres", "sqlalchemy")
