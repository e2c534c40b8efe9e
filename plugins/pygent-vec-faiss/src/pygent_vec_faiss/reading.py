"""How a collection is read without a query vector: by id, in id order, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.model import DocumentRows, Projection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.filters import Filter
    from pygent_vec_faiss.parts import Parts
    from pygent_vec_faiss.storage.rows import StoredRows

__all__ = ["count", "fetch", "scan"]

_BARE = Projection(content=False, metadata=False)
_PAGE = 4096


def fetch(parts: Parts, ids: Sequence[str], projection: Projection) -> DocumentRows:
    """Return those of *ids* that exist. For a holder of the shared lock."""
    return _with_vectors(parts, parts.table.fetch_ids(ids, projection), projection)


def scan(
    parts: Parts, after_id: str | None, limit: int, pushed: Filter | None, projection: Projection
) -> DocumentRows:
    """Return the next documents in id order that satisfy *pushed*. For a holder of the shared lock."""
    if pushed is None:
        return _with_vectors(parts, parts.table.scan(after_id, limit, projection), projection)
    mask = parts.mask(pushed)
    slots: list[int] = []
    while mask is not None and len(slots) < limit:
        page = parts.table.scan(after_id, _PAGE, _BARE)
        slots.extend(slot for slot in page.slots if mask[slot])
        if len(page.slots) < _PAGE:
            break
        after_id = page.rows.ids[-1]
    wanted = np.array(slots[:limit], dtype=np.int64)
    return _with_vectors(parts, parts.table.fetch_slots(wanted, projection), projection)


def count(parts: Parts, pushed: Filter | None) -> int:
    """Return how many documents satisfy *pushed*. For a holder of the shared lock."""
    mask = parts.mask(pushed) if pushed is not None else None
    return parts.table.count if mask is None else int(np.count_nonzero(mask))


def _with_vectors(parts: Parts, stored: StoredRows, projection: Projection) -> DocumentRows:
    if not projection.embedding:
        return stored.rows
    vectors = parts.vectors.rows(np.array(stored.slots, dtype=np.int64))
    return attrs.evolve(stored.rows, vectors=vectors)
