"""What is read past Chroma: ids by filter, and documents and metadata by id, straight from its tables.

Chroma's tables hold what it has acknowledged, except before its first call on a collection, which works off
what is left in its queue. Whatever is not answered here, Chroma answers.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pygent_vec_chroma.embedded.tables import Row, Tables
    from pygent_vec_chroma.embedded.wire import Header

__all__ = ["COLUMNS", "Reader"]

COLUMNS = ("documents", "metadatas")
"""What the tables have, by Chroma's names; vectors they have not."""
_PATIENCE_SECONDS = 0.05
"""How long to wait for a writer of another collection; after that Chroma, which need not wait, is asked."""


class Reader:
    """Reads the tables, one thread at a time.

    Args:
        tables: The database.
        lock: Held while a statement is open, so that no writer of Chroma's waits for it.
        catch_up: Lets Chroma work off what is left in a collection's queue; raises if it is gone.
    """

    def __init__(self, tables: Tables, lock: threading.Lock, catch_up: Callable[[str], None]) -> None:
        self._tables = tables
        self._lock = lock
        self._catch_up = catch_up

    def answer(self, header: Header) -> Header | None:
        """Return the answer to a `get`; None if Chroma is to be asked."""
        ids, where, include = header["ids"], header["where"], header["include"]
        if header["offset"] or "embeddings" in include or (ids is None) == (where is None):
            return None
        if where is not None:
            return None if include else self._matching(header)
        if header["limit"] is not None:
            return None
        rows = self._rows(header["collection"], ids, include)
        return None if rows is None else {"ids": list(rows), **_columns(rows, rows, include)}

    def columns(self, header: Header, found: Sequence[Sequence[str]]) -> Header | None:
        """Return the columns that a `query` asked for, of the ids *found*; None if Chroma is to be asked."""
        include = [one for one in header["include"] if one in COLUMNS]
        if not include:
            return _columns({}, None, ())
        rows = self._rows(header["collection"], list({one for ids in found for one in ids}), include)
        if rows is None or any(one not in rows for ids in found for one in ids):
            return None
        each = [_columns(rows, ids, include) for ids in found]
        return {name: [one[name] for one in each] if name in include else None for name in COLUMNS}

    def _matching(self, header: Header) -> Header | None:
        with self._turn(header["collection"]) as is_ours:
            if not is_ours:
                return None
            ids = self._tables.matching(header["collection"], header["where"], header["limit"])
        return None if ids is None else {"ids": ids, **_columns({}, None, ())}

    def _rows(self, collection: str, ids: Sequence[str], include: Sequence[str]) -> dict[str, Row] | None:
        with self._turn(collection) as is_ours:
            if not is_ours:
                return None
            return self._tables.rows(
                collection, ids, documents="documents" in include, metadatas="metadatas" in include
            )

    @contextmanager
    def _turn(self, collection: str) -> Iterator[bool]:
        """Hold the lock, if it is to be had soon."""
        self._catch_up(collection)
        held = self._lock.acquire(timeout=_PATIENCE_SECONDS)
        try:
            yield held
        finally:
            if held:
                self._lock.release()


def _columns(rows: dict[str, Row], ids: Iterable[str] | None, include: Sequence[str]) -> Header:
    """Return the columns asked for, in the order of *ids*; those that were not are None."""
    chosen = [] if ids is None else [rows[one] for one in ids]
    return {
        "documents": [row.document for row in chosen] if "documents" in include else None,
        "metadatas": [row.metadata for row in chosen] if "metadatas" in include else None,
    }
