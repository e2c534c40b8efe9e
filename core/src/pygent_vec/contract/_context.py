"""What the operations of a store know of it, beside its primitives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pygent_vec.contract._embedder import Embedder

__all__ = ["StoreContext"]


@attrs.frozen(kw_only=True)
class StoreContext:
    """A store's name, backend, default collection and embedder."""

    name: str
    backend: str
    default_collection: str
    embedder: Embedder | None
