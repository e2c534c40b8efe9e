"""How a manager calls its stores: each attempt in bounded time, transient failures tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pygent_vec.errors import BackendError, BackendTimeoutError, PygentVecError, WriteError
from pygent_vec.model import StoreEvent

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from tenacity import AsyncRetrying, RetryCallState

    from pygent_vec.manager._settings import Resilience
    from pygent_vec.plugin import Observers

__all__ = ["Calls"]

T = TypeVar("T")


class Calls:
    """Runs calls of stores, and remembers those that were given up but still run.

    Args:
        observers: Told of every retry and timeout.
    """

    def __init__(self, observers: Observers) -> None:
        self._observers = observers
        self._given_up: set[asyncio.Task[object]] = set()

    async def repeated(
        self,
        resilience: Resilience,
        store: str,
        operation: str,
        work: Callable[[], Coroutine[object, object, T]],
        *,
        idempotent: bool,
    ) -> T:
        """Return what *work* returns, tried again where that helps and does no harm.

        Raises:
            BackendTimeoutError: the last attempt took too long.
        """

        async def attempt() -> T:
            return await self.bounded(resilience.timeout_of(operation), store, operation, work)

        if not idempotent or resilience.attempts == 1:
            return await attempt()
        try:
            return await attempt()
        except PygentVecError as error:
            if not _is_transient(error):
                raise
            failures = [error]

        async def again() -> T:
            if failures:
                raise failures.pop()  # the first attempt, which needed no machinery
            return await attempt()

        return await self._retrying(resilience, store, operation)(again)

    async def bounded(
        self,
        seconds: float | None,
        store: str,
        operation: str,
        work: Callable[[], Coroutine[object, object, T]],
    ) -> T:
        """Return what *work* returns within so many seconds.

        Work that does not stop when it is cancelled, because a thread is in it, is left to itself.

        Raises:
            BackendTimeoutError: it took longer.
        """
        if seconds is None:
            return await work()
        import asyncio

        task = asyncio.ensure_future(work())
        try:
            await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})  # as if the caller itself had run it
            raise
        if task.done():
            return task.result()
        task.cancel()
        self._keep(task)
        self._observers.emit(StoreEvent(kind="timeout", store=store, operation=operation))
        raise BackendTimeoutError(
            f"{store}.{operation} took longer than {seconds:g} seconds; a write may still take effect. "
            "Try again, give it more time (resilience.timeouts), or look at health_check()"
        )

    async def drain(self) -> None:
        """Wait for the work that was given up, which may use what is closed next."""
        import asyncio

        while self._given_up:
            await asyncio.wait(set(self._given_up))

    def _retrying(self, resilience: Resilience, store: str, operation: str) -> AsyncRetrying:
        from tenacity import (
            AsyncRetrying,
            retry_if_exception,
            stop_after_attempt,
            wait_random_exponential,
        )

        def tell(state: RetryCallState) -> None:
            error = None if state.outcome is None else state.outcome.exception()
            self._observers.emit(
                StoreEvent(
                    kind="retry",
                    store=store,
                    operation=operation,
                    attempt=state.attempt_number,
                    error=type(error).__name__,
                )
            )

        return AsyncRetrying(
            stop=stop_after_attempt(resilience.attempts),
            wait=wait_random_exponential(multiplier=resilience.wait, max=resilience.max_wait),
            retry=retry_if_exception(_is_transient),
            before_sleep=tell,
            reraise=True,
        )

    def _keep(self, task: asyncio.Task[T]) -> None:
        self._given_up.add(task)

        def forget(done: asyncio.Task[T]) -> None:
            self._given_up.discard(done)
            if not done.cancelled():
                done.exception()  # looked at: its caller has had a timeout already

        task.add_done_callback(forget)


def _is_transient(error: BaseException | None) -> bool:
    """Return whether the same call may succeed; a write of several batches fails by its cause."""
    if isinstance(error, WriteError):
        return _is_transient(error.__cause__)
    return isinstance(error, BackendError) and error.transient
