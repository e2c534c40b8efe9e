"""LangChain's FAISS store, with its own flat index, over directions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["LangChainFaiss"]


class LangChainFaiss:
    """As its documentation shows it; filters fetch a thousand, and are applied to these."""

    def __init__(self, work: Path, _: str) -> None:
        self._work = work
        self._store: Any = None

    def fill(self, rows: Rows) -> None:
        """Add everything, and save the folder: its only durability."""
        vectors = rows["vectors"] / ((rows["vectors"] ** 2).sum(axis=1, keepdims=True) ** 0.5)
        module = import_module("langchain_community.vectorstores")
        self._store = module.FAISS.from_embeddings(
            list(zip(rows["contents"], vectors.tolist(), strict=True)),
            import_module("langchain_core.embeddings").DeterministicFakeEmbedding(size=vectors.shape[1]),
            metadatas=rows["metadatas"],
            ids=rows["ids"],
        )
        self._store.save_local(str(self._work / "folder"))

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Search by vector; directions make Euclidean order the cosine's."""
        length = sum(value * value for value in vector) ** 0.5
        unit = [value / length for value in vector]
        if where is None:
            found = self._store.similarity_search_by_vector(unit, k=k)
        else:
            condition = {where["field"]: {"$lt": where["below"]}}
            found = self._store.similarity_search_by_vector(unit, k=k, filter=condition, fetch_k=1000)
        return [one.id for one in found]


if __name__ == "__main__":
    serve(LangChainFaiss, "faiss", "langchain_community.vectorstores", "langchain_core.embeddings")
