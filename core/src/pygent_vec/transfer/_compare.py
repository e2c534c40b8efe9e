"""Two streams of documents in id order, side by side."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, cast

import attrs
import numpy as np

from pygent_vec.transfer._digest import COLUMNS, row_digests
from pygent_vec.transfer._reports import Difference

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from pygent_vec.model import VectorBatch

__all__ = ["Differences", "Window", "cut", "differences", "side_by_side"]

_NEAR = 1e-6
"""How far, against its norm, a vector may be off where a backend does not keep bits."""
_OWN = {
    "contents": "content",
    "metadatas": "metadata",
    "titles": "title",
    "sources": "source",
    "document_types": "document_type",
    "chunk_indexes": "chunk_index",
    "chunk_counts": "chunk_count",
}


@attrs.frozen(kw_only=True, eq=False)
class Window:
    """All that both sides have between two ids; a side that has nothing there is None."""

    left: VectorBatch | None
    right: VectorBatch | None


async def side_by_side(
    left: AsyncGenerator[VectorBatch, None], right: AsyncGenerator[VectorBatch, None]
) -> AsyncGenerator[Window, None]:
    """Yield windows of two streams in id order, each as long as the shorter of the two batches at hand."""
    try:
        one, other = await anext(left, None), await anext(right, None)
        while one is not None or other is not None:
            last = min(batch.ids[-1] for batch in (one, other) if batch is not None)
            head, one = cut(one, last)
            tail, other = cut(other, last)
            yield Window(left=head, right=tail)
            one = await anext(left, None) if one is None else one
            other = await anext(right, None) if other is None else other
    finally:
        await left.aclose()
        await right.aclose()


def cut(batch: VectorBatch | None, last: str) -> tuple[VectorBatch | None, VectorBatch | None]:
    """Return the rows up to the id *last*, and those behind it."""
    if batch is None:
        return None, None
    place = bisect_right(batch.ids, last)
    if place == len(batch):
        return batch, None
    return batch.take(slice(0, place)) if place else None, batch.take(slice(place, len(batch)))


@attrs.frozen(kw_only=True)
class Differences:
    """How two windows compare.

    Attributes:
        only_left: The ids of which the right side has no document.
        only_right: The ids of which the left side has none.
        found: What both have and is not the same.
        left: The digests of the documents of the left side.
        right: The digests of those documents of the right side that the left has too; where vectors need
            not be the same bit for bit, one that is near enough counts as the left one's.
    """

    only_left: Sequence[str]
    only_right: Sequence[str]
    found: Sequence[Difference]
    left: Sequence[int]
    right: Sequence[int]


def differences(left: VectorBatch | None, right: VectorBatch | None, *, exact: bool) -> Differences:
    """Return how two batches compare, row by row of the same id.

    Args:
        left: One side, its ids in any order.
        right: The other one.
        exact: Whether vectors must be the same bit for bit; else within 1e-6 of their norm.
    """
    here, there = _by_id(left), _by_id(right)
    both = [one for one in here if one in there]
    suspect = [one for one in both if here[one][1] != there[one][1]]
    fields: list[tuple[str, ...]] = []
    if suspect and left is not None and right is not None:
        one_side = left.take([here[one][0] for one in suspect])
        other_side = right.take([there[one][0] for one in suspect])
        fields = _fields(one_side, other_side, exact=exact)
    found = [Difference(id=one, fields=names) for one, names in zip(suspect, fields, strict=True) if names]
    differ = {one.id for one in found}
    return Differences(
        only_left=[one for one in here if one not in there],
        only_right=[one for one in there if one not in here],
        found=found,
        left=[digest for _, digest in here.values()],
        right=[(there if one in differ else here)[one][1] for one in both],
    )


def _by_id(batch: VectorBatch | None) -> dict[str, tuple[int, int]]:
    if batch is None:
        return {}
    return {
        one: (place, digest)
        for place, (one, digest) in enumerate(zip(batch.ids, row_digests(batch), strict=True))
    }


def _fields(left: VectorBatch, right: VectorBatch, *, exact: bool) -> list[tuple[str, ...]]:
    """Return, row by row, the fields in which the documents of two batches differ."""
    near = _near(left, right, exact=exact)
    found: list[tuple[str, ...]] = [() if same else ("embedding",) for same in near]
    blank_left, blank_right = (attrs.evolve(one, vectors=one.vectors[:, :0]) for one in (left, right))
    alike = [one == two for one, two in zip(row_digests(blank_left), row_digests(blank_right), strict=True)]
    rest = [place for place, same in enumerate(alike) if not same]
    for name in COLUMNS if rest else ():
        one, two = (_only(batch, rest, name) for batch in (blank_left, blank_right))
        for place, here, there in zip(rest, row_digests(one), row_digests(two), strict=True):
            if here != there:
                found[place] = (*found[place], _OWN.get(name, name))
    return found


def _only(batch: VectorBatch, places: Sequence[int], name: str) -> VectorBatch:
    """Return some rows with their ids and one column."""
    rows = batch.take(places)
    return attrs.evolve(rows, **{other: None for other in COLUMNS if other != name})  # type: ignore[arg-type]  # optional columns


def _near(left: VectorBatch, right: VectorBatch, *, exact: bool) -> list[bool]:
    """Return, row by row, whether two vectors are the same, or as near as they must be."""
    bits = (left.vectors.view(np.uint32) == right.vectors.view(np.uint32)).all(axis=1)
    if exact:
        return cast("list[bool]", bits.tolist())
    one, two = left.vectors.astype(np.float64), right.vectors.astype(np.float64)
    reach = np.linalg.norm(one, axis=1)
    return cast("list[bool]", (bits | (np.linalg.norm(one - two, axis=1) <= _NEAR * reach)).tolist())
