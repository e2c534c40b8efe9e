"""How an operation of a store runs: through the gate, with errors translated, and one event emitted."""

from __future__ import annotations

import inspect
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar, final

from pygent_vec.contract import _browsing, _writing
from pygent_vec.contract._context import StoreContext
from pygent_vec.contract._gate import Gate
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.errors import BackendError, PygentVecError
from pygent_vec.model import OperationEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable, Sequence
    from types import TracebackType

    from pygent_vec.contract._config import StoreConfig
    from pygent_vec.contract._embedder import Embedder
    from pygent_vec.model import VectorDocument

__all__ = ["StoreEngine"]

T = TypeVar("T")

_PAUSE_SECONDS = 0.005


class StoreEngine(Primitives):
    """The machinery under `VectorStore`'s public methods.

    Args:
        config: The backend's configuration.
        name: What results and reports call this store; None means the backend's name.
        embedder: Turns query texts, and documents without an embedding, into vectors.
    """

    backend: ClassVar[str]
    """The backend's name, as plugins offer it."""
    _plain_primitives: ClassVar[bool] = False

    def __init__(
        self, config: StoreConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        self._context = StoreContext(
            name=name or self.backend,
            backend=self.backend,
            default_collection=config.default_collection,
            default_index=config.default_index,
            embedder=embedder,
            off_loop=self._off_loop,
        )
        self._gate = Gate(self._context.name)
        self._observers: list[Callable[[OperationEvent], None]] = []

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, member in vars(cls).items():
            if getattr(getattr(super(cls, cls), name, None), "__final__", False):
                raise TypeError(f"{cls.__name__}.{name} overrides a final method; override the primitives")
            primitive = getattr(Primitives, name, None)
            if not getattr(primitive, "__isabstractmethod__", False) or not inspect.isfunction(member):
                continue
            if inspect.iscoroutinefunction(member) == cls._plain_primitives:
                wanted = "a plain function" if cls._plain_primitives else "a coroutine function (async def)"
                other = "VectorStore" if cls._plain_primitives else "BlockingVectorStore"
                raise TypeError(
                    f"{cls.__name__}.{name} must be {wanted}; for the other kind subclass {other}"
                )

    @property
    def name(self) -> str:
        """What results and reports call this store."""
        return self._context.name

    @property
    def embedder(self) -> Embedder | None:
        """What turns texts into vectors here."""
        return self._context.embedder

    @final
    def subscribe(self, observer: Callable[[OperationEvent], None]) -> None:
        """Call *observer* after every operation, in the thread that ran it. It must not block or raise."""
        self._observers.append(observer)

    @final
    async def initialize(self) -> None:
        """Open the store; a second call does nothing."""
        await self._run(self._open_once)

    @final
    async def close(self) -> None:
        """Wait for the calls inside, then release threads, files and sockets; a second call does nothing."""
        await self._run(self._close_once)

    @final
    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    @final
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _open_once(self) -> None:
        """Open, or wait while another caller opens. Cancelled anywhere, it leaves nothing half done."""
        while (turn := self._gate.try_open()) is None:
            await self._pause()
        if turn:
            opened = False
            try:
                await self._translating("initialize", lambda: settle(self._open()))
                opened = True
            finally:
                self._gate.end_open(opened=opened)

    async def _close_once(self) -> None:
        """Wait for the calls inside, then close, or wait while another caller closes."""
        while (turn := self._gate.try_close()) is None:
            await self._pause()
        if turn:
            try:
                await self._translating("close", lambda: settle(self._close()))
            finally:
                self._gate.end_close()

    async def _write_all(
        self,
        operation: str,
        write: _writing.Write,
        documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument],
        size: int,
        on_progress: Callable[[int], None] | None,
    ) -> list[str]:
        """Write *documents* in batches of *size*; what went wrong after the first carries what is durable."""

        async def batches() -> list[str]:
            with self._gate:
                """Refuse a closed store, also where there is nothing to write."""
            if isinstance(documents, (list, tuple)) and len(documents) > size:
                async for chunk in _writing.chunks(documents, size):
                    await self._enter(operation, partial(write.check, chunk))
                write.checked()
            async for chunk in _writing.chunks(documents, size):
                await self._enter(operation, partial(write.documents, chunk))
                if on_progress is not None:
                    on_progress(len(write.written))
            return write.written

        return await self._observed(operation, lambda: write.accounted(batches), lambda: write.collection)

    async def _fetched(
        self, operation: str, ids: Sequence[str], collection: str | None
    ) -> dict[str, VectorDocument]:
        return await self._perform(
            operation,
            lambda: _browsing.fetch(self, self._context, ids, collection),
            self._named(collection),
        )

    def _named(self, collection: str | None) -> str:
        """Return the collection that *collection*, which is not checked yet, means."""
        return collection or self._context.default_collection

    def _perform(
        self,
        operation: str,
        work: Callable[[], Awaitable[T]],
        collection: str | None = None,
    ) -> Awaitable[T]:
        """Run one operation as a whole, and emit one event, which says that it was about *collection*."""
        if not self._observers:
            return self._enter(operation, work)
        return self._watched(operation, lambda: self._enter(operation, work), lambda: collection)

    def _observed(
        self,
        operation: str,
        work: Callable[[], Awaitable[T]],
        collection: Callable[[], str | None],
    ) -> Awaitable[T]:
        """Run *work*, and emit one event if anybody observes."""
        return self._watched(operation, work, collection) if self._observers else work()

    async def _watched(
        self,
        operation: str,
        work: Callable[[], Awaitable[T]],
        collection: Callable[[], str | None],
    ) -> T:
        started, failure = perf_counter(), None
        try:
            return await work()
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            seconds, about = perf_counter() - started, collection()
            event = OperationEvent(
                operation=operation,
                store=self._context.name,
                backend=self.backend,
                seconds=seconds,
                collection=about if isinstance(about, str) else None,
                error=failure,
            )
            for observer in self._observers:
                observer(event)

    def _enter(self, operation: str, work: Callable[[], Awaitable[T]]) -> Coroutine[object, object, T]:
        """Run *work* inside of the gate, with errors translated, where this kind of store runs operations."""
        return self._guarded(operation, work)

    def _run(self, work: Callable[[], Coroutine[object, object, T]]) -> Coroutine[object, object, T]:
        """Run *work* where this kind of store runs its operations."""
        return work()

    async def _off_loop(self, work: Callable[[], T]) -> T:
        """Return what *work*, which takes long, returns, without keeping an event loop waiting."""
        import anyio.to_thread

        return await anyio.to_thread.run_sync(work)

    async def _pause(self) -> None:
        """Let others go on for a moment."""
        import anyio

        await anyio.sleep(_PAUSE_SECONDS)

    async def _guarded(self, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        with self._gate:
            try:  # as `_translating` does, which would be one coroutine more for each call
                return await work()
            except PygentVecError:
                raise
            except Exception as error:
                raise self._meant(operation, error) from error

    async def _translating(self, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return await work()
        except PygentVecError:
            raise
        except Exception as error:
            raise self._meant(operation, error) from error

    def _meant(self, operation: str, error: Exception) -> PygentVecError:
        """Return the contract's error for one that the contract does not know."""
        return self._translate(error) or BackendError(
            f"{self._context.name}.{operation} failed in the backend {self.backend!r}: "
            f"{type(error).__name__}: {error}"
        )
