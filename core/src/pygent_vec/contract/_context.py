"""What the operations of a store know of it, beside its primitives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from pygent_vec.contract._embedder import Embedder
    from pygent_vec.contract._planning import QueryShape
    from pygent_vec.model import IndexSpec

__all__ = ["OffLoop", "StoreContext"]

T = TypeVar("T")


class OffLoop(Protocol):
    """Runs what takes long where no event loop waits for it."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Return what *work* returns."""


@attrs.frozen(kw_only=True)
class StoreContext:
    """A store's name, backend, defaults and embedder, and where its long computations run.

    Attributes:
        shapes: What searches without a filter came to, for the next of their kind.
    """

    name: str
    backend: str
    default_collection: str
    default_index: IndexSpec | None
    embedder: Embedder | None
    off_loop: OffLoop
    shapes: dict[Hashable, QueryShape] = attrs.field(factory=dict, init=False, eq=False, repr=False)
