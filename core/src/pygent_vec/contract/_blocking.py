"""BlockingVectorStore: the base of backends whose library blocks."""

from __future__ import annotations

from abc import abstractmethod
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pygent_vec.contract._store import VectorStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from pygent_vec.contract._requests import Ping, SearchHits, SearchRequest, Tuning, WriteMode
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        CollectionSpec,
        CollectionStats,
        DocumentRows,
        IndexSpec,
        Projection,
        VectorBatch,
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

    _plain_primitives: ClassVar[bool] = True

    async def _run(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        if _in_place.get():
            return await work()
        import anyio.to_thread

        return await anyio.to_thread.run_sync(partial(drive, work))

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
