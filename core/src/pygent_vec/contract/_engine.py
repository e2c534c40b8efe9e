"""How an operation of a store runs: through the gate, with errors translated, and one event emitted."""

from __future__ import annotations

import inspect
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, TypeVar, final

import anyio.to_thread

from pygent_vec.contract import _writing
from pygent_vec.contract._context import StoreContext
from pygent_vec.contract._gate import Gate
from pygent_vec.contract._primitives import Primitives
from pygent_vec.errors import BackendError, PygentVecError
from pygent_vec.model import OperationEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Iterable

    from pygent_vec.contract._config import StoreConfig
    from pygent_vec.contract._embedder import Embedder
    from pygent_vec.model import VectorDocument

__all__ = ["StoreEngine"]

T = TypeVar("T")


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
            embedder=embedder,
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

    async def _write_all(
        self,
        operation: str,
        write: _writing.Write,
        documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument],
        size: int,
        on_progress: Callable[[int], None] | None,
    ) -> list[str]:
        try:
            if isinstance(documents, (list, tuple)) and len(documents) > size:
                async for chunk in _writing.chunks(documents, size):
                    await self._perform(operation, partial(write.check, chunk))
                write.checked()
            async for chunk in _writing.chunks(documents, size):
                await self._perform(operation, partial(write.documents, chunk))
                if on_progress is not None:
                    on_progress(len(write.written))
        except PygentVecError as error:
            failed = write.failed(error)
            if failed is error:
                raise
            raise failed from error
        return write.written

    async def _perform(self, operation: str, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Run one operation: through the gate, with errors translated and one event emitted."""
        return await self._run(partial(self._guarded, operation, work))

    async def _run(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Run *work* where this kind of store runs its operations."""
        return await work()

    async def _off_loop(self, wait: Callable[[], T]) -> T:
        """Return what *wait*, which may block, returns, without blocking an event loop."""
        return await anyio.to_thread.run_sync(wait)

    async def _guarded(self, operation: str, work: Callable[[], Coroutine[object, object, T]]) -> T:
        with self._gate.passage():
            if not self._observers:
                return await self._translating(operation, work)
            started, failure = perf_counter(), None
            try:
                return await self._translating(operation, work)
            except BaseException as error:
                failure = type(error).__name__
                raise
            finally:
                event = OperationEvent(
                    operation=operation,
                    store=self._context.name,
                    seconds=perf_counter() - started,
                    error=failure,
                )
                for observer in self._observers:
                    observer(event)

    async def _translating(self, operation: str, work: Callable[[], Coroutine[object, object, T]]) -> T:
        try:
            return await work()
        except PygentVecError:
            raise
        except Exception as error:
            raise self._translate(error) or BackendError(
                f"{self._context.name}.{operation} failed in the backend {self.backend!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
