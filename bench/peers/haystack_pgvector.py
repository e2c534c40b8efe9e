"""Haystack's pgvector store and retriever, with its own HNSW index."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.haystacks import HaystackStore
from bench.peers.serving import serve

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HaystackPgvector"]


class HaystackPgvector(HaystackStore):
    """As its documentation shows it, with the strategy `hnsw`."""

    batch = 1000

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


if __name__ == "__main__":
    serve(
        HaystackPgvector,
        "haystack.utils",
        "haystack",
        "haystack.document_stores.types",
        "haystack_integrations.document_stores.pgvector",
        "haystack_integrations.components.retrievers.pgvector",
    )
