"""How a collection is read without a query vector: by id, in id order, and counted."""

from __future__ import annotations

from bisect import bisect_right
from heapq import nsmallest
from typing import TYPE_CHECKING, cast

import attrs
import numpy as np

from pygent_vec_chroma.document import rows_of
from pygent_vec_chroma.driver import Include, NativeRows
from pygent_vec_chroma.filtering.matching import matching_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import DocumentRows, Projection
    from pygent_vec_chroma.catalogue import Handle

__all__ = ["columns", "count", "fetch", "included", "page_rows", "picked", "scan"]

_PAGE = 2_000
"""Rows of one call of Chroma's."""
_NUMBERS = 2**20
"""Elements of vectors of one call: Chroma's bindings make an object of each."""
_WINDOW = 10_000
"""Ids that are kept for the next pages of an iteration."""
_WINDOWS = 8


def included(projection: Projection) -> Include:
    """Return the columns of Chroma's that a projection needs."""
    return Include(documents=projection.content, metadatas=projection.metadata, vectors=projection.embedding)


def fetch(handle: Handle, ids: Sequence[str], projection: Projection) -> DocumentRows:
    """Return those of *ids* that exist, in any order."""
    return rows_of(columns(handle, ids, included(projection)), projection)


def columns(handle: Handle, ids: Sequence[str], include: Include) -> NativeRows:
    """Return the rows of *ids* that exist, in any order, however many there are."""
    step = page_rows(handle) if include.vectors else _PAGE
    if len(ids) <= step:
        return handle.driver.get(handle.native, ids=ids, include=include)
    return _joined(
        [
            handle.driver.get(handle.native, ids=ids[start : start + step], include=include)
            for start in range(0, len(ids), step)
        ]
    )


def page_rows(handle: Handle) -> int:
    """Return how many rows with vectors one call of Chroma's gives."""
    return max(1, min(_PAGE, _NUMBERS // handle.spec.dimension))


def scan(
    handle: Handle, after_id: str | None, limit: int, pushed: Filter | None, projection: Projection
) -> DocumentRows:
    """Return the next documents in id order that satisfy *pushed*."""
    include = included(projection)
    found: list[NativeRows] = []
    missing = limit
    while missing:
        ids = _next_ids(handle, after_id, missing, pushed)
        if not ids:
            break
        found.append(_in_order(columns(handle, ids, include), ids))
        missing -= len(found[-1].ids)  # another process may have deleted some of them
        after_id = ids[-1]
    rows = _joined(found) if found else handle.driver.get(handle.native, ids=[], include=include)
    return rows_of(rows, projection)


def _next_ids(handle: Handle, after_id: str | None, limit: int, pushed: Filter | None) -> list[str]:
    """Return up to *limit* ids behind *after_id* that match, in order; none if there are no more.

    Where Chroma cannot list ids in order, some thousand that follow are kept for the next pages. An iteration
    is known by its filter: equal filters may differ in the types of their operands, so identity counts.
    """
    driver, native = handle.driver, handle.native
    if pushed is None and not handle.multi_process:
        return driver.ids_after(native, after_id, limit)
    key = f"window {id(pushed)}"
    held = cast("_Window | None", handle.cache.get(key))
    if held is None or held.pushed is not pushed or after_id is None or not held.covers(after_id):
        if pushed is None:
            ids = driver.ids_after(native, after_id, _WINDOW)
        else:
            every = matching_ids(driver, native, pushed)
            ids = nsmallest(_WINDOW, [one for one in every if after_id is None or one > after_id])
        held = _Window(pushed=pushed, after=after_id, ids=ids)
        if len(handle.cache) >= _WINDOWS:
            handle.cache.clear()
        handle.cache[key] = held
    place = 0 if after_id is None else bisect_right(held.ids, after_id)
    return held.ids[place : place + limit]


@attrs.frozen(kw_only=True, eq=False)
class _Window:
    """Ids that follow each other in an iteration.

    Attributes:
        pushed: The filter that they satisfy.
        after: The id behind which they begin.
        ids: Sorted; fewer than a window if they are the last ones.
    """

    pushed: Filter | None
    after: str | None
    ids: list[str]

    def covers(self, after_id: str) -> bool:
        """Return whether what follows *after_id* is known."""
        begins = self.after is None or self.after <= after_id
        return begins and (len(self.ids) < _WINDOW or after_id < self.ids[-1])


def count(handle: Handle, pushed: Filter | None) -> int:
    """Return how many documents satisfy *pushed*."""
    if pushed is None:
        return handle.driver.count(handle.native)
    return len(matching_ids(handle.driver, handle.native, pushed))


def picked(rows: NativeRows, places: Sequence[int]) -> NativeRows:
    """Return the rows at *places*."""
    at = np.array(places, dtype=np.intp)
    return NativeRows(
        ids=[rows.ids[place] for place in places],
        documents=None if rows.documents is None else [rows.documents[place] for place in places],
        metadatas=None if rows.metadatas is None else [rows.metadatas[place] for place in places],
        vectors=None if rows.vectors is None else rows.vectors[at],
        distances=None if rows.distances is None else rows.distances[at],
    )


def _in_order(rows: NativeRows, ids: Sequence[str]) -> NativeRows:
    """Return *rows* in the order of *ids*; those that are not there are left out."""
    places = {one: place for place, one in enumerate(rows.ids)}
    return picked(rows, [places[one] for one in ids if one in places])


def _joined(pages: Sequence[NativeRows]) -> NativeRows:
    """Return the rows of one or more pages as one."""
    if len(pages) == 1:
        return pages[0]
    first = pages[0]
    vectors = [page.vectors for page in pages if page.vectors is not None and len(page.ids)]
    joined = np.concatenate(vectors) if vectors else first.vectors
    return attrs.evolve(
        first,
        ids=[one for page in pages for one in page.ids],
        documents=None
        if first.documents is None
        else [text for page in pages for text in page.documents or ()],
        metadatas=None
        if first.metadatas is None
        else [metadata for page in pages for metadata in page.metadatas or ()],
        vectors=None if first.vectors is None else joined,
    )
