"""What the programs of Haystack's stores share: documents are written, and retrieved by vector."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peers.serving import Rows, Where

__all__ = ["HaystackStore"]


class HaystackStore:
    """A document store and its retriever, once they are made."""

    batch: int
    """Documents of one write."""
    _store: Any
    _retriever: Any

    def _prepare(self, dimension: int) -> None:
        """Make what needs the vectors' dimension; by default nothing."""

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
        for start in range(0, len(documents), self.batch):
            self._store.write_documents(documents[start : start + self.batch], policy=policy)

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Retrieve by vector."""
        filters = None
        if where is not None:
            filters = {"field": f"meta.{where['field']}", "operator": "<", "value": where["below"]}
        found = self._retriever.run(query_embedding=vector, filters=filters, top_k=k)
        return [one.id for one in found["documents"]]
