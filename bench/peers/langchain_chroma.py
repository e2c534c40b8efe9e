"""LangChain's Chroma store, in a directory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["LangChainChroma"]


_BATCH = 5000


class LangChainChroma:
    """Vectors are given through an embedder that knows them, for there is no other way in."""

    def __init__(self, work: Path, _: str) -> None:
        self._known: dict[str, list[float]] = {}
        self._store: Any = import_module("langchain_chroma").Chroma(
            collection_name="bench",
            persist_directory=str(work / "chroma"),
            embedding_function=self,
            collection_configuration={"hnsw": {"space": "cosine"}},
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of known texts."""
        return [self._known[text] for text in texts]

    def fill(self, rows: Rows) -> None:
        """Add batches that Chroma takes."""
        texts = [f"{key} {text}" for key, text in zip(rows["ids"], rows["contents"], strict=True)]
        self._known = dict(zip(texts, rows["vectors"].tolist(), strict=True))
        for start in range(0, len(texts), _BATCH):
            part = slice(start, start + _BATCH)
            self._store.add_texts(texts[part], metadatas=rows["metadatas"][part], ids=rows["ids"][part])

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Search by vector."""
        condition = None if where is None else {where["field"]: {"$lt": where["below"]}}
        found = self._store.similarity_search_by_vector(vector, k=k, filter=condition)
        return [one.id for one in found]


if __name__ == "__main__":
    serve(LangChainChroma, "langchain_chroma")
