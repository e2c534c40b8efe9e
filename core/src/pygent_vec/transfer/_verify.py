"""Whether a collection holds what another one holds."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from pygent_vec.transfer._compare import Differences, Window, differences, side_by_side
from pygent_vec.transfer._digest import added, digest_text
from pygent_vec.transfer._ranked import Sample, misranked
from pygent_vec.transfer._reports import Difference, Verification
from pygent_vec.transfer._source import StoreSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygent_vec.contract import VectorStore
    from pygent_vec.filters import Filter

__all__ = ["compared", "verify"]

_NAMED = 20


async def verify(
    src: VectorStore,
    dst: VectorStore,
    *,
    collection: str | None = None,
    to: str | None = None,
    where: Filter | Mapping[str, object] | None = None,
    others: bool = False,
    batch_size: int | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Verification:
    """Compare two collections: every document bit for bit, and the ranked answers of sampled searches.

    Args:
        src: An open store.
        dst: Another one.
        collection: The collection of *src*; None is its default collection.
        to: The collection of *dst*; None is the same name.
        where: Which documents of *src*; None means all.
        others: Whether *dst* may have other documents beside them.
        batch_size: Documents that are read at a time.
        on_progress: Called with the documents compared so far and their total.

    Raises:
        CollectionNotFoundError: one of them does not exist.
        InvalidFilterError: *where* is not well formed.
    """
    source = StoreSource(src, collection, where=where, batch_size=batch_size)
    target = StoreSource(dst, to or source.collection, batch_size=batch_size)
    await target.describe()
    return await compared(source, target, others=others, on_progress=on_progress)


async def compared(
    source: StoreSource,
    target: StoreSource,
    *,
    others: bool = False,
    keeps: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Verification:
    """Return how *target* compares with *source*.

    Args:
        source: One side.
        target: The other side.
        others: Whether the target may have other documents.
        keeps: Whether documents of the target that differ were left as they were on purpose.
        on_progress: As of `verify`.
    """
    total = (await source.describe()).count
    tally, sample, done = _Tally(), Sample(), 0
    exact = target.store.capabilities.exact_vectors
    async with aclosing(side_by_side(source.batches(), target.batches())) as windows:
        async for window in windows:
            if window.left is not None:
                sample.offer(window.left)
                done += len(window.left)
            tally.add(await run_sync(_compared, window, exact))
            if on_progress is not None:
                on_progress(done, total)
    notes = tally.notes(others=others, keeps=keeps, exact=exact)
    reason = _unranked(tally, source.store, target.store)
    wrong: list[str] = []
    if reason is None:
        here, there = ((one.store, one.collection) for one in (source, target))
        wrong = await misranked(here, there, sample, source.where)
    else:
        notes.append(f"ranked answers are not compared: {reason}")
    asked = 0 if reason is not None else len(sample.chosen)
    return tally.verification(others=others, keeps=keeps, queries=asked, wrong=wrong, notes=notes)


def _compared(window: Window, exact: bool) -> Differences:  # noqa: FBT001  # called by a thread, by position
    return differences(window.left, window.right, exact=exact)


def _unranked(tally: _Tally, *stores: VectorStore) -> str | None:
    """Return why ranked answers say nothing, or None."""
    if tally.missing or tally.extra or tally.different:
        return "the two sides do not hold the same documents"
    for store in stores:
        if not store.capabilities.exact_search:
            return f"the backend {store.backend!r} has no exact search"
    return None


class _Tally:
    """What has been found so far."""

    def __init__(self) -> None:
        self.documents = self.missing = self.extra = self.different = 0
        self._left = self._right = 0
        self._missing: list[str] = []
        self._extra: list[str] = []
        self._different: list[Difference] = []

    def add(self, found: Differences) -> None:
        self.documents += len(found.left)
        self.missing += len(found.only_left)
        self.extra += len(found.only_right)
        self.different += len(found.found)
        self._left, self._right = added(self._left, *found.left), added(self._right, *found.right)
        self._missing += found.only_left[: _NAMED - len(self._missing)]
        self._extra += found.only_right[: _NAMED - len(self._extra)]
        self._different += found.found[: _NAMED - len(self._different)]

    def notes(self, *, others: bool, keeps: bool, exact: bool) -> list[str]:
        """Return what is compared less strictly."""
        notes = []
        if others:
            notes.append(f"only the source's ids are compared; the target has {self.extra} other documents")
        if keeps and self.different:
            notes.append(f"{self.different} documents were there before and are kept as they were")
        if not exact:
            notes.append("vectors are compared within 1e-6 of their norm, as the target keeps them")
        return notes

    def verification(
        self, *, others: bool, keeps: bool, queries: int, wrong: list[str], notes: list[str]
    ) -> Verification:
        return Verification(
            documents=self.documents,
            others=self.extra if others else 0,
            missing=self.missing,
            extra=0 if others else self.extra,
            different=0 if keeps else self.different,
            kept=self.different if keeps else 0,
            missing_ids=tuple(self._missing),
            extra_ids=() if others else tuple(self._extra),
            differences=() if keeps else tuple(self._different),
            kept_ids=tuple(one.id for one in self._different) if keeps else (),
            source_digest=digest_text(self._left),
            target_digest=digest_text(self._right),
            queries=queries,
            misranked=tuple(wrong),
            notes=tuple(notes),
        )
