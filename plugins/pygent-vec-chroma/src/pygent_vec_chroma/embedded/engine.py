"""The engine: what the helper does for each request, on a database that it holds open."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygent_vec_chroma.embedded import manifest
from pygent_vec_chroma.embedded.bindings import MISSING, Packed, described, matrix
from pygent_vec_chroma.embedded.checkpoints import OWN_FOLDER, recover
from pygent_vec_chroma.embedded.database import Database
from pygent_vec_chroma.embedded.reader import COLUMNS, Reader
from pygent_vec_chroma.embedded.tables import DATABASE_NAME, analyze

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygent_vec_chroma.embedded.wire import Header

__all__ = ["Engine"]


_TENANT = "default_tenant"
_NOT_EXISTING = False
"""Create a collection, and do not return the one that exists."""
_DEFAULT_THRESHOLD = 1000
"""Chroma's own, for collections of other tools that have none in their configuration."""


class Engine:
    """One open Chroma database, in a directory or in memory. Calls may come from several threads.

    Raises:
        DamagedError: a file changed since the store was closed.
    """

    def __init__(self, directory: str | None, tenant: str, database: str) -> None:
        self._directory = None if directory is None else Path(directory)
        self.restored: list[str] = []
        if self._directory is not None:
            manifest.check(self._directory, self._manifest(self._directory))
            self.restored = recover(self._directory)
        self._place = (tenant, database)
        self._open = Database(self._directory, self._threshold)
        self._prepare(tenant, database)
        self._sorted: dict[str, list[str]] = {}
        self._reader: Reader | None = None
        if self._open.tables is not None:
            self._reader = Reader(self._open.tables, self._open.lock, self._catch_up)

    def close(self) -> None:
        """Close the database."""
        self._open.close()
        if self._directory is not None:
            manifest.write(self._directory, self._manifest(self._directory))

    def ping(self, _: Header, __: bytearray) -> tuple[Header, bytes]:
        """Give a sign of life."""
        with self._open.reading(None) as bindings:
            bindings.count_collections(*self._place)
        return {}, b""

    def collections(self, _: Header, __: bytearray) -> tuple[Header, bytes]:
        """Return all collections."""
        with self._open.alone() as bindings:
            found = bindings.list_collections(None, 0, *self._place)
        return {"collections": [described(one) for one in found]}, b""

    def create(self, header: Header, _: bytearray) -> tuple[Header, bytes]:
        """Create a collection; None if there is one of that name."""
        with self._open.alone() as bindings:
            names = {one.name for one in bindings.list_collections(None, 0, *self._place)}
            if header["name"] in names:
                return {"collection": None}, b""
            configuration = json.dumps({"hnsw": header["hnsw"]})
            made = bindings.create_collection(
                header["name"], configuration, None, header["metadata"], _NOT_EXISTING, *self._place
            )
        return {"collection": described(made)}, b""

    def modify(self, header: Header, _: bytearray) -> tuple[Header, bytes]:
        """Change a collection's name, metadata or configuration."""
        hnsw = header["hnsw"]
        with self._open.alone() as bindings:
            bindings.update_collection(
                header["collection"],
                header["name"],
                header["metadata"],
                None if hnsw is None else json.dumps({"hnsw": hnsw}),
            )
        return {}, b""

    def drop(self, header: Header, _: bytearray) -> tuple[Header, bytes]:
        """Delete a collection, and the files of its index, which Chroma leaves behind."""
        collection = header["collection"]
        with self._open.dropping(collection) as bindings:
            found = bindings.list_collections(None, 0, *self._place)
            names = [one.name for one in found if str(one.id) == collection]
            if names:
                bindings.delete_collection(names[0], *self._place)
                self._sorted.pop(collection, None)
        return {"dropped": bool(names)}, b""

    def add(self, header: Header, body: bytearray) -> tuple[Header, bytes]:
        """Insert rows."""
        collection, vectors = header["collection"], matrix(body, len(header["ids"]))
        with self._writing(collection, len(header["ids"])) as bindings:
            bindings.add(
                header["ids"],
                collection,
                vectors,
                header["metadatas"],
                header["documents"],
                None,
                *self._place,
            )
        return {}, b""

    def upsert(self, header: Header, body: bytearray) -> tuple[Header, bytes]:
        """Insert or change rows."""
        collection, vectors = header["collection"], matrix(body, len(header["ids"]))
        with self._writing(collection, len(header["ids"])) as bindings:
            bindings.upsert(
                collection,
                header["ids"],
                vectors,
                header["metadatas"],
                header["documents"],
                None,
                *self._place,
            )
        return {}, b""

    def delete(self, header: Header, _: bytearray) -> tuple[Header, bytes]:
        """Delete rows."""
        collection = header["collection"]
        with self._writing(collection, len(header["ids"])) as bindings:
            bindings.delete(collection, header["ids"], None, None, None, *self._place)
        return {}, b""

    def get(self, header: Header, _: bytearray) -> tuple[Header, bytes]:
        """Return rows by id or filter."""
        answer = None if self._reader is None else self._reader.answer(header)
        if answer is not None:
            return answer, b""
        where = header["where"]
        with self._open.reading(header["collection"]) as bindings:
            found = bindings.get(
                header["collection"],
                header["ids"],
                None if where is None else json.dumps(where),
                header["limit"],
                header["offset"] or 0,
                None,
                header["include"],
                *self._place,
            )
        vectors = Packed([found.embeddings or []])  # each reading of it makes the lists anew
        return {"ids": found.ids, "documents": found.documents, "metadatas": found.metadatas}, vectors

    def query(self, header: Header, body: bytearray) -> tuple[Header, bytes]:
        """Return the nearest rows of each vector."""
        queries, include = matrix(body, header["count"]), header["include"]
        bare = include if self._reader is None else [one for one in include if one not in COLUMNS]
        found = self._queried(header, queries, bare)
        columns = None if self._reader is None else self._reader.columns(header, found.ids)
        if columns is None:
            found = found if bare == include else self._queried(header, queries, include)
            columns = {"documents": found.documents, "metadatas": found.metadatas}
        answer = {"ids": found.ids, "distances": found.distances, **columns}
        return answer, Packed(found.embeddings or [])

    def _queried(self, header: Header, queries: list[list[float]], include: list[str]) -> Any:
        where = header["where"]
        with self._open.reading(header["collection"]) as bindings:
            return bindings.query(
                header["collection"],
                header["ids"],
                queries,
                header["k"],
                None if where is None else json.dumps(where),
                None,
                include,
                *self._place,
            )

    def count(self, header: Header, _: bytearray) -> tuple[Header, bytes]:
        """Return how many rows there are."""
        collection = header["collection"]
        with self._open.writing(collection, 0) as bindings:  # it holds Python's lock, as a write does
            return {"count": bindings.count(collection, *self._place)}, b""

    def ids_after(self, header: Header, _: bytearray) -> tuple[Header, bytes]:
        """Return ids in order."""
        collection, after, limit = header["collection"], header["after"] or "", header["limit"]
        if self._open.tables is not None:
            self._catch_up(collection)
            with self._open.alone():
                return {"ids": self._open.tables.ids_after(collection, after, limit)}, b""
        with self._open.alone() as bindings:
            ids = self._sorted.get(collection)
            if ids is None:
                found = bindings.get(collection, None, None, None, 0, None, [], *self._place)
                ids = self._sorted[collection] = sorted(found.ids)
        from bisect import bisect_right

        first = bisect_right(ids, after)
        return {"ids": ids[first : first + limit]}, b""

    def analyze(self, _: Header, __: bytearray) -> tuple[Header, bytes]:
        """Let SQLite measure its indexes, by which it then plans filters."""
        if self._directory is not None:
            with self._open.alone():
                analyze(self._directory / DATABASE_NAME)
        return {}, b""

    def _catch_up(self, collection: str) -> None:
        """Let Chroma bring its tables up to its queue, as its first call on a collection does."""
        if not self._open.knows(collection):
            with self._open.writing(collection, 0) as bindings:
                bindings.count(collection, *self._place)

    def _manifest(self, directory: Path) -> Path:
        return directory / OWN_FOLDER / manifest.MANIFEST_NAME

    @contextmanager
    def _writing(self, collection: str, rows: int) -> Iterator[Any]:
        with self._open.writing(collection, rows) as bindings:
            self._sorted.pop(collection, None)
            yield bindings

    def _threshold(self, bindings: Any, collection: str) -> int:
        found = bindings.get_collection_by_id(collection, *self._place)
        hnsw = (found.configuration or {}).get("hnsw") or {}
        return int(hnsw.get("sync_threshold") or _DEFAULT_THRESHOLD)

    def _prepare(self, tenant: str, database: str) -> None:
        """Make the tenant and the database; Chroma's default ones exist always."""
        with self._open.alone() as bindings:
            databases = {one.name for one in bindings.list_databases(None, 0, tenant)}
            if not databases and tenant != _TENANT:
                _make_tenant(bindings, tenant)
            if database not in databases:
                bindings.create_database(database, tenant)


def _make_tenant(bindings: Any, tenant: str) -> None:
    try:
        bindings.get_tenant(tenant)
    except Exception as error:
        if type(error).__name__ != MISSING:
            raise
        bindings.create_tenant(tenant)
