"""BlockingVectorStore: the base of backends whose library blocks."""

from __future__ import annotations

from abc import abstractmethod
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pygent_vec.contract import _reading
from pygent_vec.contract._coalescing import Coalescer
from pygent_vec.contract._store import VectorStore
from pygent_vec.model import VectorQuery

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence

    from pygent_vec.contract._config import StoreConfig
    from pygent_vec.contract._embedder import Embedder
    from pygent_vec.contract._requests import Ping, SearchHits, SearchRequest, Tuning, WriteMode
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        CollectionSpec,
        CollectionStats,
        DocumentRows,
        IndexSpec,
        Projection,
        VectorBatch,
        VectorSearchResult,
    )

__all__ = ["BlockingVectorStore", "drive"]

T = TypeVar("T")

_PAUSE_SECONDS = 0.05
"""The longest that a notice of the gate can be missed."""

_in_place: ContextVar[bool] = ContextVar("pygent_vec_in_place", default=False)


def drive(work: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run a coroutine that never waits to its end, here and now, without an event loop.

    Operations of a `BlockingVectorStore` are such coroutines; they run in the calling thread.
    """
    token = _in_place.set(True)
    coroutine = work()
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value  # type: ignore[no-any-return]
    finally:
        _in_place.reset(token)
        coroutine.close()
    raise RuntimeError(
        "the operation waited for an event loop; a synchronous caller cannot give one "
        "(async iterables need the asynchronous store)"
    )


class BlockingVectorStore(VectorStore):
    """A store whose primitives are plain functions, called from several threads at once.

    Each operation runs as a whole in one worker thread; `SyncVectorStore` runs it in the caller's thread.
    """

    joins_searches: ClassVar[bool] = False
    """Whether searches that come while others are under way, and that agree with one another in everything
    but their vectors, share a call of `_search`. Say so where one call for many vectors costs less than many,
    and answers each as if it were alone."""
    _plain_primitives: ClassVar[bool] = True

    def __init__(
        self, config: StoreConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        super().__init__(config, name=name, embedder=embedder)
        self._coalescer = Coalescer(self._gate, self._answers)

    def _enter(self, operation: str, work: Callable[[], Awaitable[T]]) -> Coroutine[object, object, T]:
        return self._run(partial(self._guarded, operation, work))

    async def _run(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        if _in_place.get():
            return await work()
        import anyio.to_thread

        return await anyio.to_thread.run_sync(partial(drive, work))

    async def _searched(self, query: VectorQuery) -> list[VectorSearchResult]:
        if not self.joins_searches or (key := _company(query)) is None:
            return await super()._searched(query)
        if _in_place.get():
            return self._coalescer.asked_here(key, query)
        loop = _running_loop()
        if loop is None:  # another framework's
            return await super()._searched(query)
        return await self._coalescer.asked(key, query, loop)

    def _answers(self, queries: list[VectorQuery]) -> list[list[VectorSearchResult] | Exception]:
        """Return the results of each query, or what is wrong with it; then each is asked alone."""

        def found() -> Coroutine[object, object, list[list[VectorSearchResult]]]:
            return self._translating("search_similar", lambda: _reading.search(self, self._context, queries))

        try:
            return [*drive(found)]
        except Exception as error:  # noqa: BLE001  # told to whom it concerns
            return [error] if len(queries) == 1 else [self._answers([query])[0] for query in queries]

    async def _close_once(self) -> None:
        await super()._close_once()
        self._coalescer.close()

    async def _off_loop(self, work: Callable[[], T]) -> T:
        return work()  # an operation is off every event loop already

    async def _pause(self) -> None:
        self._gate.wait(_PAUSE_SECONDS)

    @abstractmethod
    def _open(self) -> None: ...
    @abstractmethod
    def _close(self) -> None: ...
    @abstractmethod
    def _ping(self) -> Ping: ...
    @abstractmethod
    def _create_collection(self, spec: CollectionSpec) -> bool: ...
    @abstractmethod
    def _drop_collection(self, name: str) -> bool: ...
    @abstractmethod
    def _collection_names(self) -> Sequence[str]: ...
    @abstractmethod
    def _collection(self, name: str) -> CollectionSpec | None: ...
    @abstractmethod
    def _collection_stats(self, spec: CollectionSpec) -> CollectionStats: ...
    @abstractmethod
    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]: ...
    @abstractmethod
    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int: ...
    @abstractmethod
    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int: ...
    @abstractmethod
    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows: ...
    @abstractmethod
    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows: ...
    @abstractmethod
    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]: ...
    @abstractmethod
    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int: ...
    @abstractmethod
    def _build_index(self, spec: CollectionSpec) -> IndexSpec: ...
    @abstractmethod
    def _tuning(self, spec: CollectionSpec) -> Tuning: ...
    @abstractmethod
    def _set_effort(self, spec: CollectionSpec, effort: int) -> None: ...


def _company(query: VectorQuery) -> Hashable | None:
    """Return what searches that share a call agree on; None for a query that goes alone.

    A text goes alone, because an embedder may answer otherwise in company, and so does what is no query.
    """
    if not isinstance(query, VectorQuery) or query.query_vector is None or query.query_text is not None:
        return None
    try:
        key = (
            query.collection,
            query.limit,
            query.offset,
            query.distance_metric,
            query.exact,
            query.include_content,
            query.include_metadata,
            query.include_embedding,
            None if query.metadata_filter is None else repr(query.metadata_filter),
        )
        hash(key)
    except (TypeError, RecursionError):  # not valid, which its own call will say
        return None
    return key


def _running_loop() -> asyncio.AbstractEventLoop | None:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
