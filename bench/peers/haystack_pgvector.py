"""Haystack's pgvector store and retriever, with its own HNSW index."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["HaystackPgvector"]


_BATCH = 1000


class HaystackPgvector:
    """As its documentation shows it, with the strategy `hnsw`."""

    def __init__(self, _: Path, server: str) -> None:
        self._server = server
        self._store: Any = None
        self._retriever: Any = None

    def _prepare(self, dimension: int) -> None:
        place = "haystack_integrations.%s.pgvector"
        secret = import_module("haystack.utils").Secret.from_token(self._server)
        self._store = import_module(place % "document_stores").PgvectorDocumentStore(
            connection_string=secret,
            embedding_dimension=dimension,
            recreate_table=True,
            search_strategy="hnsw",
            hnsw_index_creation_kwargs={"m": 16, "ef_construction": 128},
        )
        retrievers = import_module(place % "components.retrievers")
        self._retriever = retrievers.PgvectorEmbeddingRetriever(document_store=self._store)

    def fill(self, rows: Rows) -> None:
        """Write batches of documents."""
        document = import_module("haystack").Document
        policy = import_module("haystack.document_stores.types").DuplicatePolicy.OVERWRITE
        columns = (rows["ids"], rows["contents"], rows["metadatas"], rows["vectors"].tolist())
        documents = [
            document(id=key, content=text, meta=metadata, embedding=vector)
            for key, text, metadata, vector in zip(*columns, strict=True)
        ]
        self._prepare(rows["vectors"].shape[1])
        for start in range(0, len(documents), _BATCH):
            self._store.write_documents(documents[start : start + _BATCH], policy=policy)

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Retrieve by vector."""
        filters = None
        if where is not None:
            filters = {"field": f"meta.{where['field']}", "operator": "<", "value": where["below"]}
        found = self._retriever.run(query_embedding=vector, filters=filters, top_k=k)
        return [one.id for one in found["documents"]]


if __name__ == "__main__":
    serve(
        HaystackPgvector,
        "haystack.utils",
        "haystack",
        "haystack.document_stores.types",
        "haystack_integrations.document_stores.pgvector",
        "haystack_integrations.components.retrievers.pgvector",
    )
