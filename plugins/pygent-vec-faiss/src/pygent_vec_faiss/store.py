"""The FAISS store: the contract's primitives over the collections of one directory."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

import faiss

from pygent_vec.contract import BlockingVectorStore, Ping
from pygent_vec.errors import CollectionNotFoundError
from pygent_vec.model import Problem
from pygent_vec_faiss import reading, searching, writing
from pygent_vec_faiss.background import Background
from pygent_vec_faiss.capabilities import FAISS_CAPABILITIES
from pygent_vec_faiss.collection import Collection, check_index, create_folder
from pygent_vec_faiss.storage.catalogue import Catalogue
from pygent_vec_faiss.storage.failures import storage_error
from pygent_vec_faiss.storage.lock import DirectoryLock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import Capabilities, Embedder, SearchHits, SearchRequest, Tuning, WriteMode
    from pygent_vec.errors import PygentVecError
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        CollectionSpec,
        CollectionStats,
        DocumentRows,
        IndexSpec,
        Projection,
        VectorBatch,
    )
    from pygent_vec_faiss.config import FaissConfig

__all__ = ["FaissStore"]


class FaissStore(BlockingVectorStore):
    """A durable store in one directory, searched by FAISS and NumPy; one process at a time."""

    backend: ClassVar[str] = "faiss"
    joins_searches: ClassVar[bool] = True

    def __init__(
        self, config: FaissConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        super().__init__(config, name=name, embedder=embedder)
        self._config = config
        self._lock = DirectoryLock(config.path)
        self._catalogue = Catalogue(config.path)
        self._collections: dict[str, Collection] = {}
        self._opening = threading.Lock()
        self._background = Background()

    @property
    def capabilities(self) -> Capabilities:
        """Durable and exact; see `pygent_vec_faiss.capabilities`."""
        return FAISS_CAPABILITIES

    def _open(self) -> None:
        self._catalogue.check()
        self._lock.acquire()
        try:
            self._catalogue.prepare()
        except BaseException:
            self._lock.release()
            raise

    def _close(self) -> None:
        self._background.stop()
        with ExitStack() as stack:
            stack.callback(self._lock.release)
            for collection in self._collections.values():
                stack.callback(collection.close)
            self._collections = {}

    def _ping(self) -> Ping:
        self._catalogue.names()
        problems: list[Problem] = []
        problems.extend(
            Problem(
                what=f"the upkeep of an index failed: {failure}",
                remedy="mend the cause, then call optimize(); until then searches are exact and slower",
            )
            for failure in self._background.failures
        )
        for name, collection in list(self._collections.items()):
            if collection.parts.fault is not None:
                problems.append(
                    Problem(
                        what=f"the collection {name!r} stopped after an error: {collection.parts.fault}",
                        remedy="close the store and open it again; nothing acknowledged is lost",
                    )
                )
        return Ping(version=faiss.__version__, problems=tuple(problems))

    def _create_collection(self, spec: CollectionSpec) -> bool:
        check_index(spec.index)
        with self._opening:
            return self._catalogue.make(spec.name, lambda folder: create_folder(folder, spec))

    def _drop_collection(self, name: str) -> bool:
        if not self._catalogue.holds(name):
            return False
        with self._opening:
            collection = self._collections.get(name)
            if collection is None:
                return self._catalogue.remove(name)
            # Others find the collection until it is gone from the disk: if that fails, it stays in use.
            removed = collection.drop(lambda: self._catalogue.remove(name))
            self._background.forget(collection)
            del self._collections[name]
            return removed

    def _collection_names(self) -> Sequence[str]:
        return self._catalogue.names()

    def _collection(self, name: str) -> CollectionSpec | None:
        collection = self._collections.get(name) or self._opened(name)
        return None if collection is None else collection.spec

    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        collection = self._existing(spec)
        with collection.parts.lock.shared:
            collection.parts.check()
            return collection.stats()

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        collection = self._existing(spec)
        written = writing.write(collection.parts, batch, mode, preserve_created=preserve_created)
        self._care(collection)
        return written

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        collection = self._existing(spec)
        deleted = writing.delete(collection.parts, ids)
        self._care(collection)
        return deleted

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        collection = self._existing(spec)
        deleted = writing.delete_where(collection.parts, pushed)
        self._care(collection)
        return deleted

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        parts = self._existing(spec).parts
        with parts.lock.shared:
            parts.check()
            return reading.fetch(parts, ids, projection)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        parts = self._existing(spec).parts
        with parts.lock.shared:
            parts.check()
            return reading.scan(parts, after_id, limit, pushed, projection)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        parts = self._existing(spec).parts
        with parts.lock.shared:
            parts.check()
            return searching.search(parts, request)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        parts = self._existing(spec).parts
        with parts.lock.shared:
            parts.check()
            return reading.count(parts, pushed)

    def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        collection = self._existing(spec)
        collection.upkeep.rebuild()
        return collection.index

    def _tuning(self, spec: CollectionSpec) -> Tuning:
        return self._existing(spec).tuning()

    def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        self._existing(spec).set_effort(effort)

    def _translate(self, error: Exception) -> PygentVecError | None:
        return storage_error(error, self._config.path) if isinstance(error, OSError) else None

    def _existing(self, spec: CollectionSpec) -> Collection:
        collection = self._collections.get(spec.name)
        # Another collection may have taken the name, with other dimensions, since core looked it up.
        if collection is None or (collection.spec is not spec and collection.spec != spec):
            raise CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")
        return collection

    def _opened(self, name: str) -> Collection | None:
        """Open a collection when it is first used: a damaged one does not hide the others."""
        if not self._catalogue.holds(name):
            return None
        with self._opening:
            found = self._collections.get(name)
            if found is None and self._catalogue.holds(name):
                found = self._collections[name] = Collection(
                    self._catalogue.folder(name),
                    name,
                    build_budget=self._config.build_budget,
                    stopped=lambda: self._background.stopped,
                )
                self._care(found)
            return found

    def _care(self, collection: Collection) -> None:
        if self._config.background and collection.upkeep.due():
            self._background.notify(collection, collection.upkeep.work)
