"""Haystack's Chroma store and retriever, in a directory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["HaystackChroma"]


_BATCH = 5000


class HaystackChroma:
    """As its documentation shows it, with the cosine distance."""

    def __init__(self, work: Path, _: str) -> None:
        place = "haystack_integrations.%s.chroma"
        self._store: Any = import_module(place % "document_stores").ChromaDocumentStore(
            collection_name="bench", persist_path=str(work / "chroma"), distance_function="cosine"
        )
        retrievers = import_module(place % "components.retrievers")
        self._retriever: Any = retrievers.ChromaEmbeddingRetriever(document_store=self._store)

    def _prepare(self, _: int) -> None:
        """Nothing is to be made beforehand."""

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
        HaystackChroma,
        "haystack",
        "haystack.document_stores.types",
        "haystack_integrations.document_stores.chroma",
        "haystack_integrations.components.retrievers.chroma",
    )
