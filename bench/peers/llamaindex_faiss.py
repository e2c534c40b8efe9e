"""LlamaIndex's FAISS store: it keeps vectors alone, and has neither ids nor filters."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peers.serving import Rows, Where

__all__ = ["LlamaIndexFaiss"]


class LlamaIndexFaiss:
    """Over an inner product of directions; what it finds are numbers of rows."""

    def __init__(self, *_: object) -> None:
        self._store: Any = None
        self._ids: list[str] = []
        self._documents: list[tuple[str, dict[str, Any]]] = []

    def fill(self, rows: Rows) -> None:
        """Add everything to a flat index; texts stay in a list, as its document store holds them."""
        faiss = import_module("faiss")
        schema = import_module("llama_index.core.schema")
        vectors = rows["vectors"] / ((rows["vectors"] ** 2).sum(axis=1, keepdims=True) ** 0.5)
        module = import_module("llama_index.vector_stores.faiss")
        self._store = module.FaissVectorStore(faiss_index=faiss.IndexFlatIP(vectors.shape[1]))
        self._ids = rows["ids"]
        self._documents = list(zip(rows["contents"], rows["metadatas"], strict=True))
        self._store.add(
            [
                schema.TextNode(id_=key, text=text, metadata=metadata, embedding=vector)
                for key, text, metadata, vector in zip(
                    rows["ids"], rows["contents"], rows["metadatas"], vectors.tolist(), strict=True
                )
            ]
        )

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Query by vector."""
        if where is not None:
            raise NotImplementedError("its FAISS store has no metadata filters")
        types = import_module("llama_index.core.vector_stores.types")
        query = types.VectorStoreQuery(query_embedding=vector, similarity_top_k=k)
        places = [int(one) for one in self._store.query(query).ids]
        documents = [self._documents[place] for place in places]
        return [self._ids[place] for place, _ in zip(places, documents, strict=True)]


if __name__ == "__main__":
    serve(
        LlamaIndexFaiss,
        "faiss",
        "llama_index.core.schema",
        "llama_index.vector_stores.faiss",
        "llama_index.core.vector_stores.types",
    )
