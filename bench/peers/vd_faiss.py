"""vd over FAISS: a flat index, and documents in memory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["VdFaiss"]


class VdFaiss:
    """As its documentation shows it."""

    def __init__(self, work: Path, _: str) -> None:
        self._client: Any = import_module("vd").connect("faiss", path=str(work / "vd"))
        self._rows: Any = None

    def fill(self, rows: Rows) -> None:
        """Add everything."""
        document = import_module("vd").Document
        self._rows = self._client.create_collection("bench", dimension=rows["vectors"].shape[1])
        columns = (rows["ids"], rows["contents"], rows["metadatas"], rows["vectors"].tolist())
        self._rows.add_documents(
            [
                document(id=key, text=text, vector=vector, metadata=metadata)
                for key, text, metadata, vector in zip(*columns, strict=True)
            ]
        )

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Search by vector."""
        condition = None if where is None else {where["field"]: {"$lt": where["below"]}}
        return [one["id"] if isinstance(one, dict) else one.id for one in self._found(vector, k, condition)]

    def _found(self, vector: list[float], k: int, condition: dict[str, Any] | None) -> Any:
        return self._rows.search(vector, limit=k, filter=condition)


if __name__ == "__main__":
    serve(VdFaiss, "vd")
