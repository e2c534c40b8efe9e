"""A collection that is kept the same in two stores while it is in use."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import attrs
from anyio.to_thread import run_sync

from pygent_vec.errors import ConfigError
from pygent_vec.manager import Route
from pygent_vec.transfer._compare import differences
from pygent_vec.transfer._move import Pace
from pygent_vec.transfer._pages import Page, page
from pygent_vec.transfer._reports import CopyProgress, MirrorReport
from pygent_vec.transfer._rows import batch_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pygent_vec.manager import VectorStoreManager
    from pygent_vec.transfer._compare import Differences
    from pygent_vec.transfer._reports import Difference, Phase
    from pygent_vec.transfer._source import StoreSource
    from pygent_vec.transfer._target import StoreTarget

__all__ = ["Mirror"]

_NAMED = 20


class Mirror:
    """A collection that is kept the same in two stores; made by `mirror`.

    What the source holds after a write is read from it and written to the target, one batch at a time. So
    the order of writes does not matter, nor what they meant: the last one that is read is the last that was
    written.
    """

    def __init__(
        self,
        manager: VectorStoreManager,
        source: StoreSource,
        target: StoreTarget,
        *,
        rate_limit: float | None,
        on_progress: Callable[[CopyProgress], None] | None,
    ) -> None:
        self._manager = manager
        self._source = source
        self._target = target
        self._pace = Pace(rate_limit)
        self._on_progress = on_progress
        self._behind: Counter[str] = Counter()
        self._turn = asyncio.Lock()
        self._written = self._deleted = 0
        self._report: MirrorReport | None = None

    @property
    def report(self) -> MirrorReport:
        """What the last comparison found.

        Raises:
            ConfigError: nothing was compared yet.
        """
        if self._report is None:
            raise ConfigError("the mirror has compared nothing yet; call verify()")
        return self._report

    @property
    def behind(self) -> int:
        """How many documents wait for a write to end, or for `catch_up` because the target had failed."""
        return len(self._behind)

    def expect(self, ids: Sequence[str]) -> None:
        """Take notice of documents that are about to change; the manager calls this."""
        self._behind.update(ids)

    async def follow(self, ids: Sequence[str]) -> None:
        """Make the target hold what the source holds now under some ids; the manager calls this."""
        async with self._turn:
            await self._apply(ids)
        self._behind.subtract(ids)
        for one in ids:
            if self._behind[one] <= 0:
                del self._behind[one]

    async def catch_up(self) -> None:
        """Take over what the target missed while it failed.

        Raises:
            BackendError, WriteError: it still fails.
        """
        async with self._manager.writes_paused():
            await self._catch_up()

    async def verify(self) -> MirrorReport:
        """Compare both sides while they are in use; what seems to differ is looked at between writes."""
        told = self._told("verifying")
        done, position = 0, None
        found = _Found()
        while True:
            async with self._turn:
                window = await self._window(position)
            suspects = await run_sync(self._compared, window)
            ids = [*suspects.only_left, *suspects.only_right, *(one.id for one in suspects.found)]
            if ids:
                await self._look_again(ids, found)
            done += len(suspects.left)
            told(done)
            if window.last is None:
                break
            position = window.last
        self._report = MirrorReport(
            collection=self._source.collection,
            source=self._source.label,
            target=self._target.label,
            written=self._written,
            deleted=self._deleted,
            documents=done,
            missing=tuple(found.missing[:_NAMED]),
            extra=tuple(found.extra[:_NAMED]),
            differences=tuple(found.differences[:_NAMED]),
            notes=tuple(self._target.notes),
        )
        return self._report

    async def cut_over(self) -> None:
        """Let the collection be in the target from now on, for reads and writes; the source keeps its copy.

        Writes wait for a moment. Put the new route into the configuration before the next start.

        Raises:
            ConfigError: the last comparison found differences.
            BackendError, WriteError: the target has missed writes and still fails; nothing was changed.
        """
        if not self.report.same:
            raise ConfigError(
                f"{self._source.label} and {self._target.label} are not the same; see the report, and mirror "
                "again with replace=True"
            )
        name = self._target.store_name
        async with self._manager.writes_paused():
            await self._catch_up()
            self._manager.set_route(Route(collection=self._source.collection, read=name, write=(name,)))
            self.stop()

    def stop(self) -> None:
        """Let the collection be in the source alone; the target keeps what it has."""
        self._manager.unfollow(self._source.store_name, self._source.collection)

    async def begin(self) -> None:
        """Follow every write that is not inside yet, when those inside have ended."""
        async with self._manager.writes_paused():
            self._manager.follow(self._source.store_name, self._source.collection, self)

    async def fill(self) -> None:
        """Make the target hold what the source holds, batch by batch; nothing is written in between."""
        told, done, position = self._told("copying"), 0, None
        while True:
            async with self._turn:
                window = await self._window(position)
                found = await run_sync(self._compared, window)
                await self._mend(window, found)
            done += len(found.left)
            told(done)
            if window.last is None:
                return
            position = window.last
            await self._pace.after(len(found.left))

    async def _window(self, position: str | None) -> Page:
        return await page(
            (self._source.store, self._target.store),
            self._source.collection,
            position,
            await self._source.rows(),
        )

    def _compared(self, window: Page) -> Differences:
        exact = self._target.store.capabilities.exact_vectors
        return differences(window.left, window.right, exact=exact)

    async def _mend(self, window: Page, found: Differences) -> None:
        wanted = {*found.only_left, *(one.id for one in found.found)}
        if wanted and window.left is not None:
            places = [place for place, one in enumerate(window.left.ids) if one in wanted]
            self._written += await self._target.write(window.left.take(places))
        if found.only_right:
            self._deleted += await self._target.store.delete_documents(
                found.only_right, collection=self._target.collection
            )

    async def _apply(self, ids: Sequence[str]) -> None:
        """Read the source, then write the target; the caller has the turn."""
        unique = list(dict.fromkeys(ids))
        step = await self._source.rows()
        for start in range(0, len(unique), step):
            part = unique[start : start + step]
            found = await self._source.store.get_documents(part, collection=self._source.collection)
            there = [one for one in found if one is not None]
            if there:
                await self._target.write(batch_from(there))
            if len(there) < len(part):
                gone = [one for one, document in zip(part, found, strict=True) if document is None]
                await self._target.store.delete_documents(gone, collection=self._target.collection)

    async def _catch_up(self) -> None:
        """Apply all that is behind; no write is inside."""
        async with self._turn:
            await self._apply(list(self._behind))
            self._behind.clear()

    async def _look_again(self, ids: Sequence[str], found: _Found) -> None:
        """Compare some documents with no write inside, when nothing is behind."""
        async with self._manager.writes_paused():
            await self._catch_up()
            sides = []
            for store in (self._source.store, self._target.store):
                documents = await store.get_documents(ids, collection=self._source.collection)
                there = [one for one in documents if one is not None]
                sides.append(batch_from(there) if there else None)
        exact = self._target.store.capabilities.exact_vectors
        left, right = sides
        found.add(await run_sync(lambda: differences(left, right, exact=exact)))

    def _told(self, phase: Phase) -> Callable[[int], None]:
        tell, name = self._on_progress, self._source.collection
        if tell is None:
            return lambda _: None
        return lambda done: tell(CopyProgress(phase=phase, collection=name, done=done, total=None))


@attrs.define
class _Found:
    """The differences so far."""

    missing: list[str] = attrs.field(factory=list)
    extra: list[str] = attrs.field(factory=list)
    differences: list[Difference] = attrs.field(factory=list)

    def add(self, found: Differences) -> None:
        self.missing += found.only_left
        self.extra += found.only_right
        self.differences += found.found
