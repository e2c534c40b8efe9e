"""Chroma on a server, over HTTP.

Vectors go up as base64 of their bytes, which costs a fraction of writing numbers as text. Every request may
be repeated without harm, or is made so here, so it is repeated where the connection failed.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from pygent_vec.errors import BackendError, CollectionNotFoundError, ConfigError
from pygent_vec_chroma.driver import (
    Include,
    Limits,
    NativeCollection,
    NativeRows,
    included,
    joined,
    no_rows,
    split_queries,
)
from pygent_vec_chroma.failures import TooLargeError
from pygent_vec_chroma.parts import Rows, write_in_parts
from pygent_vec_chroma.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.model import Float32Matrix
    from pygent_vec_chroma.config import ChromaConfig
    from pygent_vec_chroma.driver import NativeMetadata, Where

__all__ = ["HttpDriver"]

_LIST_PAGE = 1000
_LEAST_NUMBERS, _MOST_NUMBERS, _PARTS = 6_000, 100_000, 16
"""How many numbers of vectors one answer has: while they are parsed they take 40 times their memory."""


class HttpDriver:
    """A `Driver` of a database on a server."""

    def __init__(self, config: ChromaConfig) -> None:
        self._config = config
        self._transport = Transport(config)
        tenant, database = quote(config.tenant, safe=""), quote(config.database, safe="")
        self._database = f"/api/v2/tenants/{tenant}/databases/{database}"
        self.limits = Limits()

    def open(self) -> None:
        """Connect, and see that the server has the database.

        Raises:
            ConfigError: it has not, or the certificates cannot be read.
        """
        self._transport.open()
        try:
            self._transport.call("GET", self._database)
            checks = self._transport.call("GET", "/api/v2/pre-flight-checks")
            self.limits = Limits(rows=min(Limits().rows, int(checks["max_batch_size"])))
        except CollectionNotFoundError as error:
            self.close()
            raise ConfigError(
                f"the server {self._transport.url} has no database {self._config.database!r} of the tenant "
                f"{self._config.tenant!r}: make it there, or give the settings tenant and database"
            ) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def ping(self) -> str:
        """Return the version of the server."""
        return str(self._transport.call("GET", "/api/v2/version"))

    def collections(self) -> list[NativeCollection]:
        """Return all collections."""
        found: list[NativeCollection] = []
        while True:
            path = f"{self._database}/collections?limit={_LIST_PAGE}&offset={len(found)}"
            page = self._transport.call("GET", path)
            found += map(_collection, page)
            if len(page) < _LIST_PAGE:
                return found

    def collection(self, name: str) -> NativeCollection | None:
        """Return the collection that Chroma calls *name*."""
        try:
            return _collection(self._transport.call("GET", self._path(name)))
        except CollectionNotFoundError:
            return None

    def create(
        self, name: str, *, hnsw: Mapping[str, object], metadata: NativeMetadata
    ) -> NativeCollection | None:
        """Create a collection; return None if the name is taken."""
        body = {"name": name, "metadata": metadata, "configuration": {"hnsw": hnsw}, "get_or_create": False}
        try:
            return _collection(self._transport.call("POST", f"{self._database}/collections", body))
        except BackendError:
            found = self.collection(name)
            if found is None:
                raise
            # Ours, if an answer was lost on its way and the request repeated: the metadata tell the instant.
            return found if found.metadata == metadata else None

    def modify(
        self,
        collection: NativeCollection,
        *,
        name: str | None = None,
        metadata: NativeMetadata | None = None,
        hnsw: Mapping[str, object] | None = None,
    ) -> None:
        """Change a collection's name, replace its metadata, or change settings of its index."""
        configuration = None if hnsw is None else {"hnsw": hnsw}
        body = {"new_name": name, "new_metadata": metadata, "new_configuration": configuration}
        self._transport.call("PUT", self._path(collection.id), body)

    def drop(self, collection: NativeCollection) -> bool:
        """Delete a collection; return False if it is gone already."""
        found = self.collection(collection.name)
        if found is None or found.id != collection.id:
            return False
        try:
            self._transport.call("DELETE", self._path(collection.name))
        except CollectionNotFoundError:
            return True  # by this request, whose answer was lost, or by another at the same time
        return True

    def add(
        self,
        collection: NativeCollection,
        *,
        ids: Sequence[str],
        vectors: Float32Matrix,
        documents: Sequence[str | None] | None = None,
        metadatas: Sequence[NativeMetadata | None] | None = None,
    ) -> None:
        """Insert rows; ids that exist are left as they are."""
        self._put("add", collection, Rows(ids=ids, vectors=vectors, documents=documents, metadatas=metadatas))

    def upsert(
        self,
        collection: NativeCollection,
        *,
        ids: Sequence[str],
        vectors: Float32Matrix,
        documents: Sequence[str | None] | None = None,
        metadatas: Sequence[NativeMetadata | None] | None = None,
    ) -> None:
        """Insert or change rows."""
        rows = Rows(ids=ids, vectors=vectors, documents=documents, metadatas=metadatas)
        self._put("upsert", collection, rows)

    def delete(self, collection: NativeCollection, ids: Sequence[str]) -> None:
        """Delete rows."""
        if ids:
            self._transport.call("POST", self._path(collection.id, "delete"), {"ids": list(ids)})

    def get(
        self,
        collection: NativeCollection,
        *,
        ids: Sequence[str] | None = None,
        where: Where | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: Include = Include(),  # noqa: B008  # a frozen value
    ) -> NativeRows:
        """Return rows by id or filter, or all."""
        if ids is not None and not ids:
            return no_rows(collection, include)
        step = _rows_at_once(0 if ids is None else len(ids), collection.dimension or 1)
        if ids is not None and include.vectors and len(ids) > step:
            parts = [ids[start : start + step] for start in range(0, len(ids), step)]
            return joined([self.get(collection, ids=part, where=where, include=include) for part in parts])
        body = {"ids": ids, "where": where, "limit": limit, "offset": offset, "include": included(include)}
        answer = self._transport.call("POST", self._path(collection.id, "get"), body)
        return NativeRows(
            ids=answer["ids"],
            documents=answer["documents"] if include.documents else None,
            metadatas=answer["metadatas"] if include.metadatas else None,
            vectors=_matrix(answer["embeddings"]) if include.vectors else None,
        )

    def query(
        self,
        collection: NativeCollection,
        vectors: Float32Matrix,
        k: int,
        *,
        where: Where | None = None,
        ids: Sequence[str] | None = None,
        include: Include = Include(),  # noqa: B008  # a frozen value
    ) -> list[NativeRows]:
        """Return the nearest rows of each vector."""
        columns = ["distances", *included(include)]
        body = {"query_embeddings": vectors, "n_results": k, "where": where, "ids": ids, "include": columns}
        answer = self._transport.call("POST", self._path(collection.id, "query"), body)
        flat = None
        if include.vectors:
            flat = _matrix([vector for rows in answer["embeddings"] for vector in rows])
        return split_queries(answer, include, flat)

    def count(self, collection: NativeCollection) -> int:
        """Return how many rows there are."""
        return int(self._transport.call("GET", self._path(collection.id, "count")))

    def ids_after(self, collection: NativeCollection, after: str | None, limit: int) -> list[str]:
        """Return ids in code-point order: the server has no order of its own, so all are listed."""
        ids = self.get(collection).ids
        return heapq.nsmallest(limit, (one for one in ids if after is None or one > after))

    def analyze(self) -> None:
        """Do nothing: a server's database is out of reach."""

    def _put(self, action: str, collection: NativeCollection, rows: Rows) -> None:
        """Write rows in one request; in several, where the server refuses so large a one."""
        if not rows.ids:
            return

        def send(part: Rows) -> None:
            self._transport.call("POST", self._path(collection.id, action), part.body())

        try:
            send(rows)
        except TooLargeError:
            write_in_parts(self, collection, rows, send)

    def _path(self, collection: str, action: str = "") -> str:
        return f"{self._database}/collections/{quote(collection, safe='')}{action and '/'}{action}"


def _collection(told: Mapping[str, Any]) -> NativeCollection:
    configuration = told.get("configuration_json") or {}
    return NativeCollection(
        id=told["id"],
        name=told["name"],
        dimension=told.get("dimension"),
        metadata=told.get("metadata") or {},
        hnsw=configuration.get("hnsw") or {},
    )


def _rows_at_once(rows: int, dimension: int) -> int:
    numbers = min(max(_LEAST_NUMBERS, rows * dimension // _PARTS), _MOST_NUMBERS)
    return max(1, numbers // dimension)


def _matrix(vectors: Sequence[Sequence[float]]) -> Float32Matrix:
    return np.array(vectors, np.float32) if len(vectors) else np.empty((0, 0), np.float32)
