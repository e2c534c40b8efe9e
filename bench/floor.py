"""The floor: the raw libraries, used as well as an engineer would by hand, with no store around them."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import faiss
import numpy as np
import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from bench.data import Corpus

__all__ = ["RawFetch", "RawFiles", "raw_hnsw", "unit"]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return *vectors* divided by their norms."""
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def raw_hnsw(vectors: np.ndarray, *, m: int, ef_construction: int) -> faiss.IndexHNSWFlat:
    """Return a graph over the directions of *vectors*, built with all cores."""
    index = faiss.IndexHNSWFlat(vectors.shape[1], m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ef_construction
    index.add(unit(vectors))
    return index


class RawFetch:
    """Reads rows by slot from a store's own database with plain sqlite3 and orjson."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, check_same_thread=False)

    def rows(self, slots: list[int]) -> list[tuple[int, str, str, object]]:
        """Return slot, id, content and metadata of *slots*."""
        marks = ",".join("?" * len(slots))
        found = self._connection.execute(
            f"SELECT slot, id, content, metadata FROM documents WHERE slot IN ({marks})", slots
        ).fetchall()
        return [(slot, key, content, orjson.loads(metadata)) for slot, key, content, metadata in found]

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


class RawFiles:
    """SQLite and a vector file, written durably batch by batch: `fdatasync`, then a synchronous commit."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._connection = sqlite3.connect(folder / "raw.sqlite3", isolation_level=None)
        for pragma in ("page_size=8192", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            "CREATE TABLE documents (slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
            "content TEXT NOT NULL, metadata BLOB NOT NULL, own BLOB, "
            "created_at INTEGER, updated_at INTEGER, checksum INTEGER)"
        )
        self._vectors = os.open(folder / "vectors.f32", os.O_RDWR | os.O_CREAT)
        self._slots = 0

    def write(self, data: Corpus, start: int, stop: int) -> None:
        """Write some rows of *data*, which may end before *stop*."""
        stop = min(stop, len(data.ids))
        block = np.ascontiguousarray(data.vectors[start:stop])
        os.pwrite(self._vectors, block.data.cast("B"), self._slots * block.shape[1] * 4)
        os.fdatasync(self._vectors)
        rows = [
            (slot, data.ids[row], data.contents[row], orjson.dumps(data.metadatas[row]), None, 0, 0, 0)
            for slot, row in enumerate(range(start, stop), self._slots)
        ]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO documents VALUES (?,?,?,?,?,?,?,?)", rows)
        self._connection.execute("COMMIT")
        self._slots += stop - start

    def close(self) -> None:
        """Close the files."""
        self._connection.close()
        os.close(self._vectors)
