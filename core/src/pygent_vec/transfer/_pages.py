"""One page of two collections at the same place, for readers that stop between pages."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import attrs

from pygent_vec.transfer._compare import cut

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pygent_vec.contract import VectorStore
    from pygent_vec.model import VectorBatch

__all__ = ["Page", "page"]


@attrs.frozen(kw_only=True, eq=False)
class Page:
    """All that both sides have behind one id and up to another.

    Attributes:
        left: Of the one store; None for nothing.
        right: Of the other store.
        last: The id up to which both are complete; None where nothing is left on either side.
    """

    left: VectorBatch | None
    right: VectorBatch | None
    last: str | None


async def page(
    stores: tuple[VectorStore, VectorStore], collection: str, after: str | None, rows: int
) -> Page:
    """Return what two stores have behind the id *after*, at most *rows* documents of each."""
    size = min(rows, *(store.capabilities.max_batch for store in stores))
    left, right = [await _first(store, collection, after, size) for store in stores]
    ends = [batch.ids[-1] for batch in (left, right) if batch is not None and len(batch) == size]
    if not ends:
        return Page(left=left, right=right, last=None)
    last = min(ends)
    return Page(left=cut(left, last)[0], right=cut(right, last)[0], last=last)


async def _first(store: VectorStore, collection: str, after: str | None, rows: int) -> VectorBatch | None:
    batches = store.iter_batches(collection=collection, after=after, batch_size=rows)
    async with aclosing(cast("AsyncGenerator[VectorBatch, None]", batches)) as pages:
        return await anext(pages, None)
