"""vecs, with its own HNSW index."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve, sqlalchemy_address

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["VecsPgvector"]


class VecsPgvector:
    """It keeps no text of its own, so that the text is a field of the metadata."""

    def __init__(self, _: Path, server: str) -> None:
        self._client: Any = import_module("vecs").create_client(sqlalchemy_address(server, "psycopg2"))
        self._rows: Any = None

    def fill(self, rows: Rows) -> None:
        """Upsert everything, and build the index."""
        vecs = import_module("vecs")
        self._rows = self._client.get_or_create_collection(name="bench", dimension=rows["vectors"].shape[1])
        metadatas = [
            {**metadata, "text": text}
            for metadata, text in zip(rows["metadatas"], rows["contents"], strict=True)
        ]
        self._rows.upsert(records=list(zip(rows["ids"], rows["vectors"], metadatas, strict=True)))
        self._rows.create_index(
            measure=vecs.IndexMeasure.cosine_distance,
            method=vecs.IndexMethod.hnsw,
            index_arguments=vecs.IndexArgsHNSW(m=16, ef_construction=128),
        )

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Query by vector."""
        condition = None if where is None else {where["field"]: {"$lt": where["below"]}}
        found = self._rows.query(data=vector, limit=k, filters=condition, include_metadata=True)
        return [one[0] for one in found]


if __name__ == "__main__":
    serve(VecsPgvector, "vecs")
