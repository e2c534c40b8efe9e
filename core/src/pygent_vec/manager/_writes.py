"""Writing documents where routes send them."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, TypeVar

import attrs

from pygent_vec.errors import InvalidDocumentError, WriteError, shown
from pygent_vec.model import Problem, StoreEvent, VectorDocument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from pygent_vec.manager._routing import RouteExplanation
    from pygent_vec.plugin import Observers

__all__ = ["Shadows", "chunks", "routed", "to_all"]

T = TypeVar("T")

_CHUNK = 1000


class Shadows:
    """What shadow stores have missed."""

    def __init__(self, observers: Observers) -> None:
        self._observers = observers
        self._missed: dict[str, tuple[int, str]] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One for each store that has missed a write."""
        return tuple(
            Problem(
                what=f"the shadow store {name!r} has missed {count} writes, the last one by {last}",
                remedy="copy the collections to it again before it is read from",
            )
            for name, (count, last) in self._missed.items()
        )

    def missed(self, store: str, operation: str, error: Exception) -> None:
        """Take notice of a write that a shadow store failed."""
        count, _ = self._missed.get(store, (0, ""))
        self._missed[store] = (count + 1, f"{operation}: {type(error).__name__}: {error}")
        self._observers.emit(
            StoreEvent(kind="shadow_failed", store=store, operation=operation, error=type(error).__name__)
        )


async def to_all(
    route: RouteExplanation,
    operation: str,
    call: Callable[[str], Awaitable[T]],
    shadows: Shadows,
    written: Callable[[T], Sequence[str]] = lambda _: (),
) -> T:
    """Return what the first store of a route answers, when the others have been written too.

    Raises:
        WriteError: the first one has it and another one failed; the stores differ now.
    """
    import asyncio

    first, *others = route.write
    answer = await call(first)
    for name in others:
        try:
            await call(name)
        except Exception as error:
            raise WriteError(
                f"{operation} on {route.collection!r}: {first!r} has it, and {name!r} failed, so they differ "
                f"now; repeat the call when it can succeed: {error}",
                written=written(answer),
            ) from error

    async def shadow(name: str) -> None:
        try:
            await call(name)
        except Exception as error:  # noqa: BLE001  # a shadow fails nothing; it is reported instead
            shadows.missed(name, operation, error)

    if route.shadow:
        await asyncio.gather(*map(shadow, route.shadow))
    return answer


async def chunks(
    documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], size: int | None
) -> AsyncIterator[list[VectorDocument]]:
    """Yield *documents* in lists: a list as a whole, anything else in constant memory."""
    if isinstance(documents, (list, tuple)):
        yield list(documents)
        return
    chunk: list[VectorDocument] = []
    async for document in _each(documents):
        chunk.append(document)
        if len(chunk) == (size or _CHUNK):
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def routed(
    documents: Sequence[VectorDocument],
    explain: Callable[[str | None], RouteExplanation],
) -> list[tuple[RouteExplanation, list[VectorDocument]]]:
    """Return *documents* by the route of their collection, each with its collection's name.

    Raises:
        InvalidDocumentError: one of them is no document.
    """
    routes: dict[str | None, RouteExplanation] = {}
    groups: dict[tuple[object, ...], tuple[RouteExplanation, list[VectorDocument]]] = {}
    for document in documents:
        if not isinstance(document, VectorDocument):
            raise InvalidDocumentError(f"expected a VectorDocument, got {shown(document)}")
        name = document.collection
        if name not in routes:
            routes[name] = explain(name)
        route = routes[name]
        named = document if name is not None else attrs.evolve(document, collection=route.collection)
        key = (route.read, route.write, route.shadow)
        groups.setdefault(key, (route, []))[1].append(named)
    return list(groups.values())


async def _each(
    documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument],
) -> AsyncIterator[VectorDocument]:
    if isinstance(documents, AsyncIterable):
        async for document in documents:
            yield document
    elif isinstance(documents, Iterable) and not isinstance(documents, (str, VectorDocument)):
        for document in documents:
            yield document
    else:
        raise InvalidDocumentError(f"expected an iterable of documents, got {shown(documents)}")
