"""Chroma in a directory or in memory, by way of a helper process."""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import BackendUnavailableError
from pygent_vec_chroma.driver import (
    Include,
    Limits,
    NativeCollection,
    NativeRows,
    included,
    no_rows,
    split_queries,
)
from pygent_vec_chroma.embedded.process import HelperGone, HelperProcess
from pygent_vec_chroma.failures import NativeError, chroma_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pygent_vec.model import Float32Matrix
    from pygent_vec_chroma.driver import NativeMetadata, Where
    from pygent_vec_chroma.embedded.wire import Header
    from pygent_vec_chroma.lock import DirectoryLock

__all__ = ["EmbeddedDriver"]

_WRITES = frozenset({"create", "modify", "drop", "add", "upsert", "delete"})


class EmbeddedDriver:
    """A `Driver` of a database that a helper process of ours owns.

    Args:
        directory: Chroma's directory; None keeps everything in the helper's memory.
        lock: That of the directory, held by the time of `open`; the helper holds it too.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        tenant: str,
        database: str,
        lock: DirectoryLock | None = None,
    ) -> None:
        self._directory = directory
        self._place = "Chroma in memory" if directory is None else str(directory)
        self._order: Header = {
            "directory": None if directory is None else str(directory),
            "tenant": tenant,
            "database": database,
        }
        self._lock = lock
        self._helper: HelperProcess | None = None
        self._starting = threading.Lock()
        self.limits = Limits()

    def open(self) -> None:
        """Start the helper, which puts back what a kill left half written."""
        self._start()

    def close(self) -> None:
        """End the helper and wait for it."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.end()

    def ping(self) -> str:
        """Return the version of Chroma."""
        self._call({"call": "ping"})
        return version("chromadb")

    def collections(self) -> list[NativeCollection]:
        """Return all collections."""
        answer, _ = self._call({"call": "collections"})
        return [_collection(one) for one in answer["collections"]]

    def collection(self, name: str) -> NativeCollection | None:
        """Return the collection that Chroma calls *name*."""
        return next((one for one in self.collections() if one.name == name), None)

    def create(
        self, name: str, *, hnsw: Mapping[str, object], metadata: NativeMetadata
    ) -> NativeCollection | None:
        """Create a collection; return None if the name is taken."""
        order: Header = {"call": "create", "name": name, "hnsw": hnsw, "metadata": metadata}
        answer, _ = self._call(order)
        return None if answer["collection"] is None else _collection(answer["collection"])

    def modify(
        self,
        collection: NativeCollection,
        *,
        name: str | None = None,
        metadata: NativeMetadata | None = None,
        hnsw: Mapping[str, object] | None = None,
    ) -> None:
        """Change a collection's name, replace its metadata, or change settings of its index."""
        self._call(
            {"call": "modify", "collection": collection.id, "name": name, "metadata": metadata, "hnsw": hnsw}
        )

    def drop(self, collection: NativeCollection) -> bool:
        """Delete a collection; return False if it is gone already."""
        answer, _ = self._call({"call": "drop", "collection": collection.id})
        return bool(answer["dropped"])

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
        if ids:
            self._call(_rows_order("add", collection, ids, documents, metadatas), _bytes(vectors))

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
        if ids:
            self._call(_rows_order("upsert", collection, ids, documents, metadatas), _bytes(vectors))

    def delete(self, collection: NativeCollection, ids: Sequence[str]) -> None:
        """Delete rows."""
        if ids:
            self._call({"call": "delete", "collection": collection.id, "ids": ids})

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
        columns = included(include)
        order: Header = {"call": "get", "collection": collection.id, "ids": ids, "where": where}
        answer, body = self._call({**order, "limit": limit, "offset": offset, "include": columns})
        vectors = _matrix(body, len(answer["ids"])) if include.vectors else None
        return NativeRows(
            ids=answer["ids"],
            documents=answer["documents"] if include.documents else None,
            metadatas=answer["metadatas"] if include.metadatas else None,
            vectors=vectors,
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
        order: Header = {"call": "query", "collection": collection.id, "ids": ids, "where": where, "k": k}
        answer, body = self._call({**order, "count": len(vectors), "include": columns}, _bytes(vectors))
        flat = _matrix(body, sum(map(len, answer["ids"]))) if include.vectors else None
        return split_queries(answer, include, flat)

    def count(self, collection: NativeCollection) -> int:
        """Return how many rows there are."""
        answer, _ = self._call({"call": "count", "collection": collection.id})
        return int(answer["count"])

    def ids_after(self, collection: NativeCollection, after: str | None, limit: int) -> list[str]:
        """Return ids in code-point order."""
        order: Header = {"call": "ids_after", "collection": collection.id, "after": after, "limit": limit}
        answer, _ = self._call(order)
        ids: list[str] = answer["ids"]
        return ids

    def analyze(self) -> None:
        """Let SQLite measure its indexes."""
        self._call({"call": "analyze"})

    def _call(self, header: Header, body: bytes | memoryview = b"") -> tuple[Header, bytearray]:
        helper = self._running()
        try:
            return helper.call(header, body)
        except NativeError as error:
            raise chroma_error(error, self._place) from error
        except HelperGone as gone:
            code = helper.end()
            if self._directory is None or (gone.asked and header["call"] in _WRITES):
                raise self._lost(code) from gone
        try:
            return self._running().call(header, body)
        except NativeError as error:
            raise chroma_error(error, self._place) from error
        except HelperGone as gone:
            raise self._lost(helper.end()) from gone

    def _running(self) -> HelperProcess:
        """Return the helper; a new one, where the last one has ended."""
        with self._starting:
            if self._helper is None:
                raise BackendUnavailableError("the store has no helper process; open it again")
            if self._directory is not None and not self._helper.alive:
                self._helper.end()
                self._start()
            return self._helper

    def _start(self) -> None:
        inherited = [] if self._lock is None else [self._lock.descriptor]
        try:
            self._helper = HelperProcess(self._order, inherited)
        except NativeError as error:
            raise chroma_error(error, self._place) from error

    def _lost(self, code: int) -> BackendUnavailableError:
        ended = f"the helper process that holds {self._place} ended with code {code}"
        if self._directory is None:
            return BackendUnavailableError(
                f"{ended}, and all that was in it is gone; open a new store", transient=False
            )
        return BackendUnavailableError(
            f"{ended} during this call, which was kept whole or not at all; the next call starts it again"
        )


def _collection(told: Header) -> NativeCollection:
    return NativeCollection(
        id=told["id"],
        name=told["name"],
        dimension=told["dimension"],
        metadata=told["metadata"],
        hnsw=told["hnsw"],
    )


def _rows_order(
    call: str,
    collection: NativeCollection,
    ids: Sequence[str],
    documents: Sequence[str | None] | None,
    metadatas: Sequence[NativeMetadata | None] | None,
) -> Header:
    return {
        "call": call,
        "collection": collection.id,
        "ids": ids,
        "documents": documents,
        "metadatas": metadatas,
    }


def _bytes(vectors: Float32Matrix) -> memoryview:
    return np.ascontiguousarray(vectors, dtype=np.float32).data


def _matrix(body: bytearray, rows: int) -> Float32Matrix:
    flat = np.frombuffer(body, np.float32)
    return flat.reshape(rows, len(flat) // rows if rows else 0)
