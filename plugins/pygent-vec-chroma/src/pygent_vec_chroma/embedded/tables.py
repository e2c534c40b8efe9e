"""What the helper reads of Chroma's SQLite file itself: where checkpoints stand, and ids in order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DATABASE_NAME", "Tables", "analyze", "checkpoints"]

DATABASE_NAME = "chroma.sqlite3"
_BUSY_SECONDS = 60.0
_VECTORS = "SELECT id FROM segments WHERE collection = ? AND scope = 'VECTOR'"


class Tables:
    """Read-only statements on the database. One thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_SECONDS,
        )

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def vector_segment(self, collection: str) -> str | None:
        """Return the id of a collection's vector segment, which names the folder of its index."""
        row = self._connection.execute(_VECTORS, (collection,)).fetchone()
        return None if row is None else str(row[0])

    def checkpoint(self, segment: str) -> int:
        """Return up to which entry of the queue a segment's files are complete; 0 before the first time."""
        row = self._connection.execute(
            "SELECT seq_id FROM max_seq_id WHERE segment_id = ?", (segment,)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def pending(self, collection: str, checkpoint: int) -> int:
        """Return how many entries of the queue a collection's index has not in its files yet."""
        row = self._connection.execute(
            "SELECT count(*) FROM embeddings_queue WHERE topic LIKE ? AND seq_id > ?",
            (f"%/{collection}", checkpoint),
        ).fetchone()
        return int(row[0])

    def purged(self, collection: str, checkpoint: int) -> bool:
        """Return whether the queue holds nothing any more that lies before *checkpoint*."""
        row = self._connection.execute(
            "SELECT 1 FROM embeddings_queue WHERE topic LIKE ? AND seq_id < ? LIMIT 1",
            (f"%/{collection}", checkpoint),
        ).fetchone()
        return row is None

    def ids_after(self, collection: str, after: str, limit: int) -> list[str]:
        """Return the first *limit* ids behind *after*; SQLite compares UTF-8, so in code-point order."""
        rows = self._connection.execute(
            "SELECT embedding_id FROM embeddings WHERE segment_id = "
            "(SELECT id FROM segments WHERE collection = ? AND scope = 'METADATA') "
            "AND embedding_id > ? ORDER BY embedding_id LIMIT ?",
            (collection, after, limit),
        )
        return [row[0] for row in rows]


def analyze(path: Path) -> None:
    """Let SQLite count what its indexes hold, by which it plans filters."""
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
        connection.execute("ANALYZE")


def checkpoints(path: Path) -> dict[str, int]:
    """Return the checkpoint of every vector segment, after SQLite has undone what a crash left half done."""
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
        return dict(
            connection.execute(
                "SELECT segments.id, coalesce(max_seq_id.seq_id, 0) FROM segments "
                "LEFT JOIN max_seq_id ON max_seq_id.segment_id = segments.id WHERE scope = 'VECTOR'"
            ).fetchall()
        )
