"""The store: the contract's primitives over one SQLite file."""
# ruff: noqa: S608  # statements are put together of constants; every value is a parameter

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import numpy as np

from pygent_vec import contract, errors, filters, model
from pygent_vec.contract import SearchHits, SearchRequest, WriteMode
from pygent_vec.filters import Filter
from pygent_vec.model import CollectionSpec, DocumentRows, Projection, VectorBatch
from pygent_vec_sqlite import rows
from pygent_vec_sqlite.plugin import CAPABILITIES, SqliteConfig

_PAGE = 1000


class SqliteStore(contract.BlockingVectorStore):
    """A durable store in one SQLite file, which several processes may share."""

    backend: ClassVar[str] = "sqlite"
    capabilities = CAPABILITIES
    _connection: sqlite3.Connection

    def __init__(self, config: SqliteConfig, *, name: str | None, embedder: contract.Embedder | None) -> None:
        super().__init__(config, name=name, embedder=embedder)
        self._config, self._lock = config, threading.Lock()

    # ── life ──

    def _open(self) -> None:
        connection = self._connection = sqlite3.connect(
            self._config.path, timeout=self._config.timeout, isolation_level=None, check_same_thread=False
        )
        try:
            connection.create_function("crc", 4, rows.crc)
            connection.create_function("holds", 2, rows.holds)
            connection.execute("PRAGMA synchronous = FULL")  # a commit returns when it is on the disk
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:  # the file is new
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(rows.TABLE)
            self._check()
        except BaseException:
            connection.close()
            raise

    def _check(self) -> None:
        """Raise `CorruptStoreError` unless the file holds what was written: SQLite itself does not look."""
        with self._transaction() as connection:  # others may write meanwhile
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            changed = connection.execute(rows.DAMAGED).fetchone()[0]
        if found != "ok" or changed:
            raise errors.CorruptStoreError(
                f"{self._config.path} is damaged: {found}, and {changed} rows have changed; restore a copy, "
                f"or save what can be read with: sqlite3 {self._config.path} .recover"
            )

    def _close(self) -> None:
        self._connection.close()

    def _ping(self) -> contract.Ping:
        self._collection_names()
        return contract.Ping(version=sqlite3.sqlite_version)

    # ── collections ──

    def _create_collection(self, spec: CollectionSpec) -> bool:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            row = (0, spec.name, rows.spec_text(spec), b"")
            return connection.execute(f"INSERT OR IGNORE {rows.PUT}", row).rowcount == 1

    def _drop_collection(self, name: str) -> bool:
        named = "WHERE collection = 0 AND id = ?"
        with self._transaction("BEGIN IMMEDIATE") as connection:
            documents = f"collection IN (SELECT number FROM rows {named})"
            connection.execute(f"DELETE FROM rows WHERE {documents}", [name])
            return connection.execute(f"DELETE FROM rows {named}", [name]).rowcount == 1

    def _collection_names(self) -> Sequence[str]:
        with self._transaction() as connection:
            return [name for (name,) in connection.execute("SELECT id FROM rows WHERE collection = 0")]

    def _collection(self, name: str) -> CollectionSpec | None:
        with self._transaction() as connection:
            found = connection.execute("SELECT json FROM rows WHERE collection = 0 AND id = ?", [name])
            return next((rows.spec_of(text) for (text,) in found), None)

    def _collection_stats(self, spec: CollectionSpec) -> model.CollectionStats:
        count = self._count(spec, None)
        return model.CollectionStats(document_count=count, dimension=spec.dimension, index="flat (exact)")

    # ── writing ──

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        query = "SELECT json_extract(json, '$.created_at') FROM rows WHERE collection = ? AND id = ?"
        with self._transaction("BEGIN IMMEDIATE") as connection:
            number = self._number(spec)
            created = {one: row[0] for one in batch.ids for row in connection.execute(query, (number, one))}
            if created and mode is WriteMode.ERROR:
                raise errors.DocumentExistsError(list(created), spec.name)
            left = {WriteMode.SKIP: {*created}, WriteMode.UPDATE: {*batch.ids} - {*created}}.get(mode, set())
            new = rows.encoded(batch, {} if preserve_created else created)
            chosen = ((number, *row) for row in new if row[0] not in left)
            connection.executemany(f"INSERT OR REPLACE {rows.PUT}", chosen)
            return [one for one in batch.ids if one not in left]

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            number = self._number(spec)
            delete = "DELETE FROM rows WHERE collection = ? AND id = ?"
            return sum(connection.execute(delete, (number, one)).rowcount for one in ids)

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            delete = f"DELETE FROM rows WHERE {rows.MATCHING}"
            return connection.execute(delete, self._matching(spec, pushed)).rowcount

    # ── reading ──

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        with self._transaction():
            return self._documents(spec, ids, projection)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        with self._transaction() as connection:
            count = f"SELECT count(*) FROM rows WHERE {rows.MATCHING}"
            return int(connection.execute(count, self._matching(spec, pushed)).fetchone()[0])

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        with self._transaction() as connection:
            query = f"SELECT id FROM rows WHERE {rows.MATCHING} AND id > :after ORDER BY id LIMIT :limit"
            matching = self._matching(spec, pushed)
            found = connection.execute(query, {**matching, "after": after_id or "", "limit": limit})
            return self._documents(spec, [one for (one,) in found], projection)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        ids: list[str] = []
        pages = [np.empty((len(request.vectors), 0))]
        with self._transaction() as connection:
            query = f"SELECT id, vector FROM rows WHERE {rows.MATCHING}"
            found = connection.execute(query, self._matching(spec, request.pushed))
            while page := found.fetchmany(_PAGE):
                ids.extend(one for one, _ in page)
                vectors = rows.matrix([vector for _, vector in page], spec.dimension)
                measured = [model.distances_to(request.metric, one, vectors) for one in request.vectors]
                pages.append(np.array(measured))
            hits = []
            for distances in np.concatenate(pages, axis=1):
                nearest = model.top_k(distances, ids, request.k)
                documents = self._documents(spec, [ids[row] for row in nearest], request.projection)
                hits.append(SearchHits(rows=documents, distances=distances[nearest]))
            return hits

    # ── the index: there is none ──

    def _build_index(self, spec: CollectionSpec) -> model.IndexSpec:
        self._count(spec, None)
        return model.IndexSpec("flat")

    def _tuning(self, spec: CollectionSpec) -> contract.Tuning:  # noqa: ARG002  # no effort to report
        return contract.Tuning()

    def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        raise errors.UnsupportedFeatureError(f"{spec.name!r} has no effort to set to {effort}")

    # ── transactions ──

    @contextmanager
    def _transaction(self, begin: str = "BEGIN") -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread; what it does is whole and on the disk at the end, or undone."""
        with self._lock, self._connection as connection:
            connection.execute(begin)
            yield connection

    def _number(self, spec: CollectionSpec) -> int:
        """Return the number of a collection, and refuse one that was deleted or made anew meanwhile."""
        query = "SELECT number FROM rows WHERE collection = 0 AND id = ? AND json = ?"
        for (number,) in self._connection.execute(query, (spec.name, rows.spec_text(spec))):
            return int(number)
        raise errors.CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")

    def _matching(self, spec: CollectionSpec, pushed: Filter | None) -> dict[str, str | int | None]:
        """Return the parameters of `rows.MATCHING`."""
        condition = None if pushed is None else json.dumps(filters.to_dict(pushed))
        return {"number": self._number(spec), "filter": condition}

    def _documents(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        """Return those of *ids* that exist, in their order."""
        number = self._number(spec)
        query = "SELECT id, json, vector FROM rows WHERE collection = ? AND id = ?"
        found = [row for one in ids for row in self._connection.execute(query, (number, one))]
        return rows.decoded(found, projection, spec.dimension)

    # ── errors ──

    def _translate(self, error: Exception) -> errors.PygentVecError | None:
        code, path = getattr(error, "sqlite_errorcode", 0) & 0xFF, self._config.path
        if code == sqlite3.SQLITE_BUSY:
            return errors.BackendTimeoutError(f"another process has been writing to {path} all the time")
        if code == sqlite3.SQLITE_CANTOPEN:
            return errors.BackendUnavailableError(f"{path} cannot be opened: does its directory exist?")
        # an ERROR is the file's too: the statements are right, it lacks a table or holds what cannot be read
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            return errors.CorruptStoreError(f"{path} is no store, or damaged: {error}; restore a copy")
        return None
