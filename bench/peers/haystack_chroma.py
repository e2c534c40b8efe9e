"""Haystack's Chroma store and retriever, in a directory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.haystacks import HaystackStore
from bench.peers.serving import serve

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HaystackChroma"]


class HaystackChroma(HaystackStore):
    """As its documentation shows it, with the cosine distance."""

    batch = 5000

    def __init__(self, work: Path, _: str) -> None:
        place = "haystack_integrations.%s.chroma"
        self._store: Any = import_module(place % "document_stores").ChromaDocumentStore(
            collection_name="bench", persist_path=str(work / "chroma"), distance_function="cosine"
        )
        retrievers = import_module(place % "components.retrievers")
        self._retriever: Any = retrievers.ChromaEmbeddingRetriever(document_store=self._store)


if __name__ == "__main__":
    serve(
        HaystackChroma,
        "haystack",
        "haystack.document_stores.types",
        "haystack_integrations.document_stores.chroma",
        "haystack_integrations.components.retrievers.chroma",
    )
