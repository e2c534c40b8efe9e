"""The calls of the contract that write, each sent to the stores that a name or a route says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

import attrs

from pygent_vec.errors import ConfigError, WriteError
from pygent_vec.manager._followed import FollowedStores
from pygent_vec.manager._following import followed
from pygent_vec.manager._writes import Shadows, chunks, routed, to_all
from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterable,
        AsyncIterator,
        Callable,
        Coroutine,
        Iterable,
        Mapping,
        Sequence,
    )

    from pygent_vec.contract import OnConflict, VectorStore
    from pygent_vec.filters import Filter
    from pygent_vec.manager._routing import RouteExplanation
    from pygent_vec.model import (
        CollectionInfo,
        IndexSpec,
        Metadata,
        VectorBatch,
        VectorDocument,
    )

__all__ = ["RoutedStores"]

T = TypeVar("T")


class RoutedStores(FollowedStores):
    """Every method does what its namesake of `VectorStore` does, in the store *store*, or where routes say.

    A collection of None is the default store's default collection. Reads are tried again after transient
    errors, and so are writes that can be repeated without harm.

    Args:
        settings: As of `VectorStoreManager`.
        db_manager: As of `VectorStoreManager`.
    """

    def __init__(self, settings: object = None, db_manager: object = None) -> None:
        super().__init__(settings, db_manager)
        self._shadows = Shadows(self._observers)

    # ── collections ──

    async def create_collection(
        self,
        name: str,
        dimension: int,
        distance_metric: DistanceMetric = DistanceMetric.COSINE,
        *,
        index: IndexSpec | str | None = None,
        metadata: Metadata | None = None,
        if_exists: Literal["error", "ignore"] = "error",
        store: str | None = None,
    ) -> CollectionInfo:
        """Create a collection in every store that its route writes; return the first one's."""
        return await self._written(
            (name, store),
            "create_collection",
            lambda one: one.create_collection(
                name, dimension, distance_metric, index=index, metadata=metadata, if_exists=if_exists
            ),
            idempotent=if_exists == "ignore",
        )

    async def delete_collection(self, name: str, *, store: str | None = None) -> bool:
        """Delete a collection in every store that its route writes; return whether the first one had it.

        Raises:
            ConfigError: it is being mirrored.
        """
        async with self._writes.passed():
            route = self._route(name, store)
            if self._is_followed(route):
                raise ConfigError(f"{name!r} in {route.write[0]!r} is being mirrored; stop the mirror first")
            return await self._written_inside(
                route, "delete_collection", lambda one: one.delete_collection(name)
            )

    # ── writing ──

    async def add_documents(
        self,
        documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument],
        *,
        on_conflict: OnConflict = "overwrite",
        batch_size: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        preserve_timestamps: bool = False,
        store: str | None = None,
    ) -> list[str]:
        """Write documents, each to the stores of its collection's route; return the ids written.

        A list is checked as a whole by each store before it writes.

        Raises:
            WriteError: a part failed after another one was durable; `written` has the ids of that one.
        """

        async def add(one: VectorStore, part: list[VectorDocument]) -> list[str]:
            return await one.add_documents(
                part,
                on_conflict=on_conflict,
                batch_size=batch_size,
                preserve_timestamps=preserve_timestamps,
            )

        idempotent = on_conflict == "overwrite"
        parts = chunks(documents, batch_size)
        return await self._written_documents(
            "add_documents", parts, add, store, on_progress, idempotent=idempotent
        )

    async def update_documents(
        self, documents: Iterable[VectorDocument], *, store: str | None = None
    ) -> list[str]:
        """Replace documents that exist, each in the stores of its collection's route; return their ids."""

        async def update(one: VectorStore, part: list[VectorDocument]) -> list[str]:
            return await one.update_documents(part)

        parts = chunks(documents, None)
        return await self._written_documents("update_documents", parts, update, store, None, idempotent=True)

    async def add_batch(
        self,
        batch: VectorBatch,
        *,
        on_conflict: OnConflict = "overwrite",
        preserve_timestamps: bool = False,
        store: str | None = None,
    ) -> list[str]:
        """Write columns to the stores of their collection's route; return the ids written."""
        route = self._route(batch.collection, store)
        named = attrs.evolve(batch, collection=route.collection)
        return await self._written(
            (route.collection, store),
            "add_batch",
            lambda one: one.add_batch(
                named, on_conflict=on_conflict, preserve_timestamps=preserve_timestamps
            ),
            idempotent=on_conflict == "overwrite",
            written=list,
            ids=named.ids,
        )

    async def delete_documents(
        self, ids: Iterable[str], *, collection: str | None = None, store: str | None = None
    ) -> int:
        """Delete documents by id in the stores of the route; return how many the first one had."""
        name = self._route(collection, store).collection
        asked = ids if isinstance(ids, str) else list(ids)
        return await self._written(
            (name, store),
            "delete_documents",
            lambda one: one.delete_documents(asked, collection=name),
            ids=() if isinstance(asked, str) else asked,
        )

    async def delete_where(
        self,
        filter: Filter | Mapping[str, object],
        *,
        collection: str | None = None,
        store: str | None = None,
    ) -> int:
        """Delete what satisfies a filter in the stores of the route; return how many the first one had.

        Where the collection is mirrored, what matches is looked up and deleted by id, page by page.
        """
        async with self._writes.passed():
            route = self._route(collection, store)
            name = route.collection
            if self._is_followed(route):
                return await self._delete_by_id(filter, route)
            return await self._written_inside(
                route, "delete_where", lambda one: one.delete_where(filter, collection=name)
            )

    def _is_followed(self, route: RouteExplanation) -> bool:
        """Return whether writes are followed; of a write that is inside of the gate, this does not change."""
        return any(self._following.of(one, route.collection) is not None for one in route.write)

    async def _delete_by_id(self, filter: Filter | Mapping[str, object], route: RouteExplanation) -> int:
        first = await self._opened(self._slot(route.write[0]))
        deleted = 0
        async for batch in first.iter_batches(collection=route.collection, filter=filter):
            ids = batch.ids

            def work(one: VectorStore, ids: Sequence[str] = ids) -> Coroutine[object, object, int]:
                return one.delete_documents(ids, collection=route.collection)

            deleted += await self._written_inside(route, "delete_where", work, ids=ids)
        return deleted

    async def _written(
        self,
        place: tuple[str | None, str | None],
        operation: str,
        work: Callable[[VectorStore], Coroutine[object, object, T]],
        *,
        idempotent: bool = False,
        written: Callable[[T], Sequence[str]] = lambda _: (),
        ids: Sequence[str] = (),
    ) -> T:
        """Write to the stores of a route: of a collection, or in a store that is named."""
        async with self._writes.passed():
            return await self._written_inside(
                self._route(*place), operation, work, idempotent=idempotent, written=written, ids=ids
            )

    async def _written_inside(
        self,
        route: RouteExplanation,
        operation: str,
        work: Callable[[VectorStore], Coroutine[object, object, T]],
        *,
        idempotent: bool = False,
        written: Callable[[T], Sequence[str]] = lambda _: (),
        ids: Sequence[str] = (),
    ) -> T:
        async def call(name: str) -> T:
            async def once() -> T:
                return await self._call(name, operation, work, idempotent=idempotent)

            follower = self._following.of(name, route.collection)
            return await (once() if follower is None or not ids else followed(follower, ids, once))

        return await to_all(route, operation, call, self._shadows, written)

    async def _written_documents(
        self,
        operation: str,
        parts: AsyncIterator[list[VectorDocument]],
        write: Callable[[VectorStore, list[VectorDocument]], Coroutine[object, object, list[str]]],
        store: str | None,
        on_progress: Callable[[int], None] | None,
        *,
        idempotent: bool,
    ) -> list[str]:
        done: list[str] = []
        async for part in parts:
            async with self._writes.passed():
                for route, group in routed(part, lambda name: self._route(name, store)):

                    def work(
                        one: VectorStore, group: list[VectorDocument] = group
                    ) -> Coroutine[object, object, list[str]]:
                        return write(one, group)

                    ids = [document.id for document in group]
                    try:
                        done += await self._written_inside(
                            route, operation, work, idempotent=idempotent, written=list, ids=ids
                        )
                    except Exception as error:
                        if not done:
                            raise
                        raise _after(done, operation, error) from error
                    if on_progress is not None:
                        on_progress(len(done))
        return done


def _after(done: Sequence[str], operation: str, error: Exception) -> WriteError:
    """Return what to raise where some documents are durable already."""
    more = error.written if isinstance(error, WriteError) else []
    return WriteError(
        f"{operation} failed after {len(done) + len(more)} documents, which are durable "
        f"(see .written): {error}",
        written=[*done, *more],
    )
