"""How a collection is written: vectors first, then the documents, then memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import DocumentExistsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import WriteMode
    from pygent_vec.filters import Filter
    from pygent_vec.model import Int64Vector, VectorBatch
    from pygent_vec_faiss.parts import Parts
    from pygent_vec_faiss.storage.transactions import WritePlan

__all__ = ["delete", "delete_where", "write"]


def write(parts: Parts, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool) -> list[str]:
    """Write a batch, all or nothing and durably; return the ids written, in order.

    Raises:
        DocumentExistsError: under `WriteMode.ERROR`; nothing was written.
        BackendError: the disk is full or failed; nothing was written.
    """
    with parts.writing:
        parts.check()
        plan = parts.table.plan(batch.ids, mode)
        if plan.conflicts:
            raise DocumentExistsError(plan.conflicts, parts.spec.name)
        places = plan.places.tolist()
        if not places:
            return []
        whole = len(places) == len(batch)
        first = parts.vectors.append(batch.vectors if whole else batch.vectors[plan.places])
        try:
            _commit(parts, batch, plan, first, places, preserve_created=preserve_created)
        except BaseException as error:
            _undo(parts, error)
            raise
        parts.table.checkpoint_if_due()
        return list(batch.ids) if whole else [batch.ids[place] for place in places]


def _commit(
    parts: Parts,
    batch: VectorBatch,
    plan: WritePlan,
    first: int,
    places: list[int],
    *,
    preserve_created: bool,
) -> None:
    created_at = _created_at(batch, plan, places, preserve_created=preserve_created)
    with parts.table.transaction() as change:
        change.write(plan, batch, first, preserve_created=preserve_created)
        with parts.lock.exclusive:
            change.commit(parts.vectors.state)
            parts.publish(batch, places, created_at, plan.dead_slots)


def _undo(parts: Parts, error: BaseException) -> None:
    """Forget appended vectors, unless an interrupt came when their documents were committed already."""
    if parts.table.vectors != parts.vectors.state:
        parts.vectors.undo_append()
    elif parts.fault is None:
        parts.fault = RuntimeError(f"a write was interrupted after its commit: {error!r}")


def _created_at(
    batch: VectorBatch, plan: WritePlan, places: list[int], *, preserve_created: bool
) -> list[int]:
    """Return the creation times of the rows written: those of replaced documents stay."""
    if batch.created_at is None:
        raise TypeError("core gives a backend batches whose columns are set")
    given: list[int] = batch.created_at[plan.places].tolist()
    if preserve_created or not plan.replaced:
        return given
    kept = (plan.replaced.get(batch.ids[place]) for place in places)
    return [own if row is None else row[1] for own, row in zip(given, kept, strict=True)]


def delete(parts: Parts, ids: Sequence[str]) -> int:
    """Delete documents, all or nothing and durably; return how many existed."""
    with parts.writing:
        parts.check()
        return _delete(parts, parts.table.slots_of(ids))


def delete_where(parts: Parts, pushed: Filter) -> int:
    """Delete what satisfies *pushed*, all or nothing and durably; return how many."""
    with parts.writing:
        parts.check()
        with parts.lock.shared:
            mask = parts.mask(pushed)
            slots = np.flatnonzero(mask) if mask is not None else np.arange(len(parts.slots))
        return _delete(parts, slots.astype(np.int64))


def _delete(parts: Parts, slots: Int64Vector) -> int:
    if not len(slots):
        return 0
    with parts.table.transaction() as change:
        deleted = change.delete(slots)
        with parts.lock.exclusive:
            try:
                change.commit()
                parts.kill(slots)
            finally:
                if parts.table.count != parts.slots.living:
                    parts.fault = RuntimeError("a deletion was interrupted after its commit")
    parts.table.checkpoint_if_due()
    return deleted
