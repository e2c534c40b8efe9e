"""LlamaIndex's Chroma store, in a directory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["LlamaIndexChroma"]


class LlamaIndexChroma:
    """As its documentation shows it, with the cosine distance."""

    def __init__(self, work: Path, _: str) -> None:
        client = import_module("chromadb").PersistentClient(str(work / "chroma"))
        collection = client.create_collection("bench", configuration={"hnsw": {"space": "cosine"}})
        module = import_module("llama_index.vector_stores.chroma")
        self._store: Any = module.ChromaVectorStore(chroma_collection=collection)

    def fill(self, rows: Rows) -> None:
        """Add everything; only flat metadata is taken, so lists become text."""
        schema = import_module("llama_index.core.schema")
        columns = (rows["ids"], rows["contents"], rows["metadatas"], rows["vectors"].tolist())
        self._store.add(
            [
                schema.TextNode(id_=key, text=text, metadata=_flat(metadata), embedding=vector)
                for key, text, metadata, vector in zip(*columns, strict=True)
            ]
        )

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Query by vector."""
        types = import_module("llama_index.core.vector_stores.types")
        filters = None
        if where is not None:
            one = types.MetadataFilter(
                key=where["field"], value=where["below"], operator=types.FilterOperator.LT
            )
            filters = types.MetadataFilters(filters=[one])
        query = types.VectorStoreQuery(query_embedding=vector, similarity_top_k=k, filters=filters)
        return list(self._store.query(query).ids)


def _flat(metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (str, int, float)) else str(value) for key, value in metadata.items()
    }


if __name__ == "__main__":
    serve(
        LlamaIndexChroma,
        "chromadb",
        "llama_index.vector_stores.chroma",
        "llama_index.core.schema",
        "llama_index.core.vector_stores.types",
    )
