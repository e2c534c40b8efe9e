"""What the helper reads of Chroma's SQLite file itself: checkpoints, ids in order or by filter, and rows.

Chroma would tell the same, but its own statements cost many times more.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pygent_vec_chroma.embedded.statements import Statement, statement_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

__all__ = ["DATABASE_NAME", "Row", "Tables", "analyze", "checkpoints"]

DATABASE_NAME = "chroma.sqlite3"
_BUSY_SECONDS = 60.0
_VECTORS = "SELECT id FROM segments WHERE collection = ? AND scope = 'VECTOR'"
_METADATA = "(SELECT id FROM segments WHERE collection = ? AND scope = 'METADATA')"
_AFTER = (
    f"SELECT embedding_id FROM embeddings WHERE segment_id = {_METADATA} "  # noqa: S608  # a constant
    "AND embedding_id > ? ORDER BY embedding_id LIMIT ?"
)
_COUNTED = 5_000
"""So many rows of a condition are counted at most, to see which one leaves least."""
_EVERY_ROW = -1
_DOCUMENT, _OTHERS = "chroma:document", "chroma:"
"""The key under which Chroma keeps a row's document, and how all keys begin that are no metadata."""


class Row:
    """What a row has beside its vector."""

    __slots__ = ("document", "metadata")

    def __init__(self) -> None:
        self.document: str | None = None
        self.metadata: dict[str, Any] = {}


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
        rows = self._connection.execute(_AFTER, (collection, after, limit))
        return [row[0] for row in rows]

    def matching(self, collection: str, where: Mapping[str, Any], limit: int | None) -> list[str] | None:
        """Return the ids of at most *limit* rows that satisfy *where*; None where Chroma is to be asked."""
        found = statement_of(where, self._counted)
        if found is None or len(found.operands) > self._most_operands():
            return None
        sql = (
            f"SELECT embedding_id FROM ({found.sql}) AS found CROSS JOIN embeddings "  # noqa: S608  # values stand apart
            f"ON embeddings.id = found.id WHERE segment_id = {_METADATA} LIMIT ?"
        )
        most = _EVERY_ROW if limit is None else limit
        rows = self._connection.execute(sql, (*found.operands, collection, most))
        return [row[0] for row in rows]

    def rows(
        self, collection: str, ids: Sequence[str], *, documents: bool, metadatas: bool
    ) -> dict[str, Row] | None:
        """Return the rows of *ids* that exist, with the columns asked for; None where Chroma is asked."""
        if len(ids) > self._most_operands():
            return None
        sql = (
            f"SELECT id, embedding_id FROM embeddings WHERE segment_id = {_METADATA} "  # noqa: S608  # only marks
            f"AND embedding_id IN ({_marks(ids)})"
        )
        names = dict(self._connection.execute(sql, (collection, *ids)))
        found = {number: Row() for number in names}
        if documents or metadatas:
            if self._has_lists(list(names)):
                return None
            self._fill(found, documents=documents, metadatas=metadatas)
        return {names[number]: row for number, row in found.items()}

    def _fill(self, rows: Mapping[int, Row], *, documents: bool, metadatas: bool) -> None:
        """Put the columns asked for into *rows*."""
        keys = "" if documents and metadatas else f"AND key {'=' if documents else '<>'} '{_DOCUMENT}'"
        sql = (
            "SELECT id, key, string_value, int_value, float_value, bool_value "  # noqa: S608  # only marks
            f"FROM embedding_metadata WHERE id IN ({_marks(rows)}) {keys}"
        )
        for number, key, text, whole, fraction, flag in self._connection.execute(sql, tuple(rows)):
            value = text if text is not None else whole if whole is not None else fraction
            if value is None and flag is not None:
                value = bool(flag)
            if key == _DOCUMENT:
                rows[number].document = value
            elif value is not None and not key.startswith(_OTHERS):
                rows[number].metadata[key] = value

    def _has_lists(self, numbers: Sequence[int]) -> bool:
        """Return whether some of the rows have lists of Chroma's own."""
        sql = f"SELECT 1 FROM embedding_metadata_array WHERE id IN ({_marks(numbers)}) LIMIT 1"  # noqa: S608  # only marks
        return self._connection.execute(sql, tuple(numbers)).fetchone() is not None

    def _most_operands(self) -> int:
        return self._connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) - 2

    def _counted(self, statement: Statement) -> int:
        """Return how many rows a statement selects, up to a bound."""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM ({statement.sql}) LIMIT ?)"  # noqa: S608  # values stand apart
        return int(self._connection.execute(sql, (*statement.operands, _COUNTED)).fetchone()[0])


def _marks(values: Collection[object]) -> str:
    return ",".join("?" * len(values))


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
