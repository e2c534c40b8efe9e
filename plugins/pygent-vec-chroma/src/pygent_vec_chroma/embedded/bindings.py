"""Chroma's bindings to its own library, opened without the rest of Chroma.

They are used directly because importing `chromadb` costs more than a second of processor time, at each open
of a store. Only when they raise an error do they import it themselves.
"""

from __future__ import annotations

from importlib import import_module
from struct import Struct
from typing import TYPE_CHECKING, Any, Self

from pygent_vec_chroma.embedded.tables import DATABASE_NAME

if TYPE_CHECKING:
    from pygent_vec_chroma.embedded.wire import Header

__all__ = ["MISSING", "Packed", "described", "matrix", "opened"]

MISSING = "NotFoundError"
"""What Chroma raises for a collection or tenant that does not exist."""
_BOUNDLESS = 10_000_000
"""As many indexes stay open: Chroma may lose rows of one that it drops from its cache."""


def opened(directory: str | None) -> Any:
    """Open the database in *directory*, or one in memory."""
    bindings = import_module("chromadb_rust_bindings")
    config = bindings.SqliteDBConfig(
        url=None if directory is None else f"{directory}/{DATABASE_NAME}",
        hash_type=bindings.MigrationHash.MD5,
        migration_mode=bindings.MigrationMode.Apply,
    )
    return bindings.Bindings(
        allow_reset=False,
        sqlite_db_config=config,
        persist_path=directory,
        hnsw_cache_size=_BOUNDLESS,
    )


def described(collection: Any) -> Header:
    """Return what a message tells of a collection."""
    configuration = collection.configuration or {}
    return {
        "id": str(collection.id),
        "name": collection.name,
        "dimension": collection.dimension,
        "metadata": collection.metadata or {},
        "hnsw": configuration.get("hnsw") or {},
    }


def matrix(body: bytearray, rows: int) -> list[list[float]]:
    """Return float32 `[rows, d]` as lists, which is what the bindings read fastest."""
    flat = memoryview(body).cast("f")
    lists: list[list[float]] = memoryview(body).cast("f", (rows, len(flat) // rows)).tolist()  # type: ignore[assignment]  # typeshed knows one dimension
    return lists


class Packed(bytes):
    """Rows of vectors as the bytes of float32.

    It holds on to the rows: to free so many floats takes as long as to make them, which may well wait until
    the answer has been sent.
    """

    vectors: list[list[list[float]]]

    def __new__(cls, vectors: list[list[list[float]]]) -> Self:
        """Pack the vectors of each query."""
        packed = super().__new__(cls, b"".join([_packed(rows) for rows in vectors if rows]))
        packed.vectors = vectors
        return packed


def _packed(rows: list[list[float]]) -> bytes:
    pack = Struct(f"{len(rows[0])}f").pack  # three times as fast as an array, also one of NumPy's
    return b"".join([pack(*row) for row in rows])
