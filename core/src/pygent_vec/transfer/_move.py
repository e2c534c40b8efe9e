"""The engine: documents stream from a source to a target, in constant memory."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import attrs
from anyio.to_thread import run_sync

from pygent_vec.errors import ConfigError, shown
from pygent_vec.transfer._checkpoint import Checkpoint, Job, Progress
from pygent_vec.transfer._digest import added, digest_text, row_digests
from pygent_vec.transfer._reports import MoveReport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
    from pathlib import Path

    from pygent_vec.model import JsonValue
    from pygent_vec.transfer._ends import Chunk, Source, Target

__all__ = ["Pace", "check_rate", "move", "run"]


async def move(
    source: Source,
    target: Target,
    *,
    checkpoint: Path | None = None,
    options: Mapping[str, JsonValue] | None = None,
    rate_limit: float | None = None,
    digest: bool = True,
    ahead: bool = True,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> MoveReport:
    """Move the documents of a source to a target, chunk by chunk.

    After a failure, what a resumable target has stays there; the same call with the same checkpoint goes on.

    Args:
        source: Where documents come from.
        target: Where they go.
        checkpoint: A file that remembers how far the move has come, and is removed at its end.
        options: What a run must have in common with the one that it continues, such as the filter.
        rate_limit: The most documents a second.
        digest: Whether to sum up the documents for comparisons, which takes half as long as reading them.
        ahead: Whether a chunk is read while the one before is written. Where both ends compute in this
            process, their threads take turns anyway, and take longer for it.
        on_progress: Called with the documents moved so far and their total, which may be None.

    Raises:
        ConfigError: the checkpoint belongs to another move, or the target cannot go on where it stopped.
        StoreLockedError: another move holds the checkpoint.
        PygentVecError: an end fails; what it says.
    """
    check_rate(rate_limit)
    if checkpoint is not None and not target.resumable:
        raise ConfigError(
            f"{target.label} cannot go on where a move was interrupted, so a checkpoint is of no use; "
            "leave it out"
        )
    job = Job(
        source=source.label,
        target=target.label,
        options=dict(options or {}),
        fingerprint=await source.fingerprint(),
    )
    with Checkpoint.held(checkpoint, job) as kept:
        report = await run(
            source, target, kept, rate_limit=rate_limit, digest=digest, ahead=ahead, on_progress=on_progress
        )
        kept.remove()
        return report


async def run(
    source: Source,
    target: Target,
    checkpoint: Checkpoint,
    *,
    before: int = 0,
    rate_limit: float | None = None,
    digest: bool = True,
    ahead: bool = True,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> MoveReport:
    """Do what `move` does under a checkpoint that is held, and leave it as complete.

    Args:
        source: Where documents come from.
        target: Where they go.
        checkpoint: Held by the caller.
        before: How many documents the target has, for the record.
        rate_limit: The most documents a second.
        digest: As of `move`.
        ahead: As of `move`.
        on_progress: As of `move`.
    """
    begun, earlier = perf_counter(), checkpoint.progress
    records = _Records(checkpoint)
    try:
        description = await source.describe()
        await target.prepare(description, resumed=earlier is not None)
        if earlier is None:  # before the first document is, so that a next run knows of this one
            await records.add(Progress(before=before))
            await records.settled()
        tell = None if on_progress is None else partial(_told, on_progress, description.count)
        chunks = (_ahead if ahead else _in_turn)(source, records.last, digest=digest)
        progress, written = await _moved(chunks, target, records, Pace(rate_limit), tell)
        await target.finish()
        await records.add(attrs.evolve(progress, complete=True))
        await records.settled()
    except BaseException:
        try:
            await _to_the_end(records.settled())
        finally:
            await _to_the_end(target.abandon())
        raise
    return MoveReport(
        source=source.label,
        target=target.label,
        documents=progress.documents,
        resumed=0 if earlier is None else earlier.documents,
        written=written,
        digest=digest_text(progress.digest) if digest else None,
        seconds=perf_counter() - begun,
        notes=(*source.notes, *target.notes),
    )


async def _moved(
    ahead: AsyncGenerator[tuple[Chunk, int], None],
    target: Target,
    records: _Records,
    pace: Pace,
    tell: Callable[[int], None] | None,
) -> tuple[Progress, int]:
    """Move what is behind the last record; return how far that is, and how many documents were written."""
    progress, written = records.last, 0
    if tell is not None:
        tell(progress.documents)
    async with aclosing(ahead):
        async for chunk, digest in ahead:
            written += await target.write(chunk.batch)
            progress = attrs.evolve(
                progress,
                position=chunk.position,
                documents=progress.documents + len(chunk.batch),
                digest=added(progress.digest, digest),
            )
            await records.add(progress)
            if tell is not None:
                tell(progress.documents)
            await pace.after(len(chunk.batch))
    return progress, written


def _told(on_progress: Callable[[int, int | None], None], total: int | None, done: int) -> None:
    on_progress(done, total)


class _Records:
    """Keeps progress durably, each record while the next batch is written: the disk takes as long as that."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._under_way: asyncio.Future[None] | None = None
        self.last = checkpoint.progress or Progress()

    async def add(self, progress: Progress) -> None:
        """Begin to record *progress*, when the record before is durable."""
        await self.settled()
        self.last = progress
        if not self._checkpoint.has_file:
            self._checkpoint.record(progress)
            return
        self._under_way = asyncio.ensure_future(run_sync(self._checkpoint.record, progress))

    async def settled(self) -> None:
        """Wait until the last record is durable."""
        task = self._under_way
        if task is not None:
            try:
                await asyncio.shield(task)
            finally:
                if task.done():
                    self._under_way = None


async def _to_the_end(work: Coroutine[object, object, None]) -> None:
    """Run *work* to its end, even where this task is cancelled again."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    task.result()


async def _ahead(
    source: Source, progress: Progress, *, digest: bool
) -> AsyncGenerator[tuple[Chunk, int], None]:
    """Yield what is behind *progress* with its digest, or 0; the next chunk is read meanwhile."""
    chunks = _in_turn(source, progress, digest=digest)
    reading = asyncio.ensure_future(anext(chunks, None))
    try:
        while (found := await reading) is not None:
            reading = asyncio.ensure_future(anext(chunks, None))
            yield found
    finally:
        reading.cancel()
        await asyncio.wait({reading})
        if not reading.cancelled():
            reading.exception()  # looked at: whoever stopped early does not wait for it
        await chunks.aclose()


async def _in_turn(
    source: Source, progress: Progress, *, digest: bool
) -> AsyncGenerator[tuple[Chunk, int], None]:
    """Yield what is behind *progress* with its digest, or 0; nothing is read meanwhile."""
    if progress.complete:
        return
    async with aclosing(source.chunks(progress.position)) as chunks:
        async for chunk in chunks:
            yield chunk, await run_sync(_digest, chunk) if digest else 0


def _digest(chunk: Chunk) -> int:
    return added(*row_digests(chunk.batch))


def check_rate(rate_limit: float | None) -> None:
    """Refuse a rate that is none.

    Raises:
        ConfigError: it is not above 0.
    """
    if rate_limit is not None and not rate_limit > 0:
        raise ConfigError(
            f"rate_limit={shown(rate_limit)}: give documents a second, above 0, or None for no limit"
        )


class Pace:
    """Waits so long that no more than so many documents a second go by."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._due = perf_counter()

    async def after(self, documents: int) -> None:
        """Wait for as long as *documents* may take, since the last ones."""
        if self._rate is None:
            return
        self._due = max(self._due, perf_counter() - 1) + documents / self._rate
        await asyncio.sleep(max(0.0, self._due - perf_counter()))
