"""What can be known of a copy before anything is written."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import ConfigError, DocumentExistsError
from pygent_vec.transfer._compare import side_by_side
from pygent_vec.transfer._source import StoreSource

if TYPE_CHECKING:
    from pygent_vec.model import CollectionInfo
    from pygent_vec.transfer._ends import Description
    from pygent_vec.transfer._target import StoreTarget

__all__ = ["Plan", "planned"]


@attrs.frozen(kw_only=True)
class Plan:
    """A copy that can be made.

    Attributes:
        documents: How many the source would give now.
        creates: Whether the target has no such collection.
        before: How many documents the target has.
        notes: What would not be kept as it is.
    """

    documents: int
    creates: bool
    before: int
    notes: tuple[str, ...]


async def planned(source: StoreSource, target: StoreTarget, *, resumed: bool) -> Plan:
    """Return what a copy would do.

    Raises:
        CollectionNotFoundError: the source has no such collection.
        CollectionMismatchError: the target's has another dimension or metric.
        ConfigError: both are the same collection.
        DocumentExistsError: the target has ids of the source, and no earlier run can have written them.
        UnsupportedFeatureError: the target's backend cannot hold the documents.
    """
    if source.store is target.store and source.collection == target.collection:
        raise ConfigError(f"{source.label} would be copied to itself; name another store or collection")
    description = await source.describe()
    there = await target.check(description)
    if there is not None:
        await _refuse_same(source, target, there)
        if there.document_count and target.on_conflict == "error" and not resumed:
            await _refuse_collisions(source, target)
    return Plan(
        documents=description.count or 0,
        creates=there is None,
        before=0 if there is None else there.document_count,
        notes=_notes(description, target, creates=there is None),
    )


async def _refuse_same(source: StoreSource, target: StoreTarget, there: CollectionInfo) -> None:
    """Refuse one collection that is reached by two stores: it was made at the very same microsecond."""
    shared = source.store.capabilities.multi_process and target.store.capabilities.multi_process
    if not shared or source.store.backend != target.store.backend or source.collection != target.collection:
        return
    here = await source.store.get_collection_info(source.collection)
    if here.created_at == there.created_at:
        raise ConfigError(
            f"{source.label} and {target.label} are the same collection, for both were made at "
            f"{here.created_at.isoformat()}; if the target is a restored copy, "
            "delete the collection there first"
        )


async def _refuse_collisions(source: StoreSource, target: StoreTarget) -> None:
    """Refuse ids that both sides have. Both are read, as only that can tell without a write."""
    there = StoreSource(target.store, target.collection, batch_size=source.batch_size)
    async with aclosing(side_by_side(source.batches(), there.batches())) as windows:
        async for window in windows:
            if window.left is None or window.right is None:
                continue
            known = set(window.right.ids)
            both = [one for one in window.left.ids if one in known]
            if both:
                raise DocumentExistsError(both, target.collection)


def _notes(description: Description, target: StoreTarget, *, creates: bool) -> tuple[str, ...]:
    notes = []
    capabilities, backend = target.store.capabilities, target.store.backend
    kind = None if description.index is None else description.index.kind
    if creates and kind is not None and kind not in capabilities.index_kinds:
        notes.append(f"the backend {backend!r} has no index {kind!r}, so the collection gets its own choice")
    if not capabilities.exact_vectors:
        notes.append(f"the backend {backend!r} keeps vectors within 1e-6 of their norm, not bit for bit")
    return tuple(notes)
