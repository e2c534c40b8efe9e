"""vecport over pgvector, as it creates and searches its table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.serving import Rows, Where

__all__ = ["VecportPgvector"]


class VecportPgvector:
    """It makes no index, and keeps no text, which is a field of the metadata."""

    def __init__(self, _: Path, server: str) -> None:
        self._driver: Any = import_module("vecport").PgVectorDriver(dsn=server)

    def fill(self, rows: Rows) -> None:
        """Upsert everything."""
        record = import_module("vecport").VectorRecord
        self._driver.delete_collection("bench_vecport")
        self._driver.create_collection("bench_vecport", rows["vectors"].shape[1])
        columns = (rows["ids"], rows["contents"], rows["metadatas"], rows["vectors"].tolist())
        self._driver.upsert(
            "bench_vecport",
            [
                record(id=key, vector=vector, metadata={**metadata, "text": text})
                for key, text, metadata, vector in zip(*columns, strict=True)
            ],
        )

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Search by vector."""
        if where is None:
            return [one.id for one in self._driver.search("bench_vecport", vector, k)]
        condition = {where["field"]: {"$lt": where["below"]}}
        return [one.id for one in self._driver.search("bench_vecport", vector, k, condition)]


if __name__ == "__main__":
    serve(VecportPgvector, "vecport")
