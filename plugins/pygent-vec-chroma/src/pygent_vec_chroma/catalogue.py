"""The collections of a store, by our names."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs

from pygent_vec.contract import ReadWriteLock
from pygent_vec.errors import CollectionNotFoundError, CorruptStoreError
from pygent_vec_chroma.names import collection_name, native_name
from pygent_vec_chroma.specs import collection_spec, is_foreign, native_hnsw, native_metadata
from pygent_vec_chroma.vectors import VectorCache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.model import CollectionSpec
    from pygent_vec_chroma.driver import Driver, NativeCollection

__all__ = ["Catalogue", "Handle"]


@attrs.define(kw_only=True, eq=False)
class Handle:
    """A collection in use.

    Attributes:
        driver: Where it is.
        native: As Chroma has it.
        spec: What it was created with.
        foreign: Whether another tool made it.
        multi_process: Whether others may write to it meanwhile.
        lock: Exclusive for whoever changes it: Chroma shows readers a write half done.
        gone: Whether it was deleted.
        generation: Grows with every change made through this store.
        cache: What readers keep until the next change.
        large: Whether it was found to have too many documents to compare one by one.
        vectors: Those written or read last; empty where others may write.
    """

    driver: Driver
    native: NativeCollection
    spec: CollectionSpec
    foreign: bool
    multi_process: bool
    lock: ReadWriteLock = attrs.Factory(ReadWriteLock)
    gone: bool = False
    generation: int = 0
    cache: dict[str, object] = attrs.Factory(dict)
    large: bool = False
    vectors: VectorCache = attrs.Factory(VectorCache)

    def changed(self) -> None:
        """Forget what readers kept."""
        self.generation += 1
        self.cache.clear()

    def check(self) -> None:
        """Raise `CollectionNotFoundError` if the collection was deleted."""
        if self.gone:
            raise CollectionNotFoundError(f"the collection {self.spec.name!r} was deleted meanwhile")


class Catalogue:
    """The collections of one database.

    Args:
        alone: Whether nobody else changes the database, so that it need not be asked again.
        hnsw: The configuration of new collections' indexes.
    """

    def __init__(self, driver: Driver, *, alone: bool, hnsw: Mapping[str, object]) -> None:
        self._driver = driver
        self._alone = alone
        self._hnsw = hnsw
        self._handles: dict[str, Handle] = {}
        self._damaged: dict[str, NativeCollection] = {}
        self._changing = threading.Lock()

    def load(self) -> None:
        """Learn what collections there are, where nobody else changes them."""
        if self._alone:
            for native in self._driver.collections():
                try:
                    self._learn(native)
                except CorruptStoreError:  # raised when it is asked for: it does not hide the others
                    self._damaged[collection_name(native) or native.name] = native

    def names(self) -> list[str]:
        """Return the names of all collections that the contract can name, and of damaged ones."""
        if self._alone:
            return [*self._handles, *self._damaged]
        return [name for native in self._driver.collections() if (name := self._visible(native)) is not None]

    def find(self, name: str) -> Handle | None:
        """Return a collection; None if there is none.

        Raises:
            CorruptStoreError: what we keep of it is damaged.
        """
        handle = self._handles.get(name)
        if handle is None and name in self._damaged:
            self._spec(self._damaged[name])
        if handle is not None or self._alone:
            return handle
        native = self._driver.collection(native_name(name))
        with self._changing:
            return self._handles.get(name) or (None if native is None else self._learn(native))

    def existing(self, spec: CollectionSpec) -> Handle:
        """Return the collection that has *spec*.

        Raises:
            CollectionNotFoundError: it was deleted meanwhile; another may have taken its name.
        """
        handle = self.find(spec.name)
        if handle is None or (handle.spec is not spec and handle.spec != spec):
            raise CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")
        return handle

    def create(self, spec: CollectionSpec) -> bool:
        """Create a collection; return False if the name is taken."""
        with self._changing:
            if spec.name in self._damaged or (self._alone and spec.name in self._handles):
                return False
            native = self._driver.create(
                native_name(spec.name), hnsw=native_hnsw(spec, self._hnsw), metadata=native_metadata(spec)
            )
            if native is None:
                return False
            self._handles[spec.name] = self._handle(native, spec)
            return True

    def drop(self, name: str) -> bool:
        """Delete a collection; return False if there is none."""
        damaged = self._damaged.pop(name, None)
        if damaged is not None:
            return self._driver.drop(damaged)
        handle = self.find(name)
        if handle is None:
            return False
        with handle.lock.exclusive:
            if handle.gone:
                return False
            dropped = self._driver.drop(handle.native)
            self.forget(handle)
            return dropped

    def forget(self, handle: Handle) -> None:
        """Take out a collection that is gone."""
        handle.gone = True
        with self._changing:
            if self._handles.get(handle.spec.name) is handle:
                del self._handles[handle.spec.name]

    def _learn(self, native: NativeCollection) -> Handle | None:
        spec = self._spec(native)
        if spec is None:
            return None
        handle = self._handles[spec.name] = self._handle(native, spec)
        return handle

    def _visible(self, native: NativeCollection) -> str | None:
        try:
            return None if self._spec(native) is None else collection_name(native)
        except CorruptStoreError:
            return collection_name(native)

    def _spec(self, native: NativeCollection) -> CollectionSpec | None:
        return collection_spec(native, native.dimension)

    def _handle(self, native: NativeCollection, spec: CollectionSpec) -> Handle:
        return Handle(
            driver=self._driver,
            native=attrs.evolve(native, dimension=spec.dimension),  # Chroma learns it by the first vector
            spec=spec,
            foreign=is_foreign(native),
            multi_process=not self._alone,
        )
