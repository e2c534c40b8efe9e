"""How documents are read without a query vector: by id, in pages, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.contract._planning import collection_spec, split_filter
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._rows import matching_rows
from pygent_vec.model import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.filters import Filter
    from pygent_vec.model import DocumentRows, VectorBatch, VectorDocument

__all__ = ["batch_page", "count", "fetch", "page"]

_WHOLE = Projection(content=True, metadata=True, embedding=True)
_COUNT_PAGE = 1000


async def fetch(
    primitives: Primitives, context: StoreContext, ids: Sequence[str], collection: str | None
) -> dict[str, VectorDocument]:
    """Return the documents of unique *ids* that exist, by id."""
    spec = await collection_spec(primitives, context, collection)
    step = primitives.capabilities.max_batch
    found: dict[str, VectorDocument] = {}
    for start in range(0, len(ids), step):
        rows = await settle(primitives._fetch(spec, ids[start : start + step], _WHOLE))
        found.update(zip(rows.ids, rows.documents(range(len(rows)), spec.name), strict=True))
    return found


async def page(
    primitives: Primitives,
    context: StoreContext,
    collection: str | None,
    condition: Filter | Mapping[str, object] | None,
    after_id: str | None,
    size: int,
) -> tuple[list[VectorDocument], str | None]:
    """Return the next documents in id order, and the id to go on after; None at the end."""
    rows, keep, last = await _page(primitives, context, collection, condition, after_id, size)
    return rows.documents(keep, collection or context.default_collection), last


async def batch_page(
    primitives: Primitives,
    context: StoreContext,
    collection: str | None,
    condition: Filter | Mapping[str, object] | None,
    after_id: str | None,
    size: int,
) -> tuple[VectorBatch | None, str | None]:
    """Return the next documents in id order as a batch, and the id to go on after; None at the end."""
    rows, keep, last = await _page(primitives, context, collection, condition, after_id, size)
    if not keep:
        return None, last
    chosen = rows if len(keep) == len(rows) else rows.take(keep)
    return chosen.batch(collection or context.default_collection), last


async def _page(
    primitives: Primitives,
    context: StoreContext,
    collection: str | None,
    condition: Filter | Mapping[str, object] | None,
    after_id: str | None,
    size: int,
) -> tuple[DocumentRows, Sequence[int], str | None]:
    """Return the next rows, the places of those that satisfy the filter, and the id to go on after."""
    spec = await collection_spec(primitives, context, collection)
    parts = split_filter(primitives, condition)
    rows = await settle(primitives._scan(spec, after_id, size, parts.pushed, _WHOLE))
    keep = range(len(rows)) if parts.residual is None else matching_rows(parts.residual, rows)
    return rows, keep, rows.ids[-1] if len(rows) == size else None


async def count(
    primitives: Primitives,
    context: StoreContext,
    collection: str | None,
    condition: Filter | Mapping[str, object] | None,
) -> int:
    """Return how many documents satisfy a filter, exactly."""
    spec = await collection_spec(primitives, context, collection)
    parts = split_filter(primitives, condition)
    if parts.residual is None:
        return await settle(primitives._count(spec, parts.pushed))
    total, after = 0, None
    projection = Projection(content=False, metadata=True)
    while True:
        rows = await settle(primitives._scan(spec, after, _COUNT_PAGE, parts.pushed, projection))
        total += len(matching_rows(parts.residual, rows))
        if len(rows) < _COUNT_PAGE:
            return total
        after = rows.ids[-1]
