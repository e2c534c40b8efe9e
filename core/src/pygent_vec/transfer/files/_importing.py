"""Documents from a file into a store."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.errors import ConfigError, DocumentExistsError, shown
from pygent_vec.model import now_micros, to_micros
from pygent_vec.transfer._move import move
from pygent_vec.transfer._source import computes_here
from pygent_vec.transfer._target import StoreTarget
from pygent_vec.transfer.files._checking import CheckedSource
from pygent_vec.transfer.files._faults import Rejection, Rejections
from pygent_vec.transfer.files._opening import source_at
from pygent_vec.transfer.files._options import ReadOptions
from pygent_vec.transfer.files._reader import FileSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pygent_vec.contract import OnConflict, VectorStore
    from pygent_vec.model import DistanceMetric, Int64Vector, JsonObject, VectorBatch
    from pygent_vec.transfer._ends import Description

__all__ = ["ImportReport", "import_documents"]


@attrs.frozen(kw_only=True)
class ImportReport:
    """What an import did.

    Attributes:
        source: The file.
        target: The store and the collection.
        documents: How many the file held that a store can take, those of an interrupted run too.
        written: How many this run wrote; fewer where documents were skipped.
        rejected: How many rows were not taken.
        rejections: The first hundred of them.
        notes: What was guessed, and what a person should know.
        seconds: How long it took.
        dry_run: Whether nothing was to be written.
    """

    source: str
    target: str
    documents: int
    written: int
    rejected: int
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]
    seconds: float
    dry_run: bool

    def to_dict(self) -> JsonObject:
        """Return the report as JSON."""
        return {
            **attrs.asdict(self, recurse=False),
            "rejections": [one.to_dict() for one in self.rejections],
            "notes": list(self.notes),
        }


async def import_documents(
    location: str,
    store: VectorStore,
    *,
    collection: str | None = None,
    dimension: int | None = None,
    metric: DistanceMetric | None = None,
    create: bool = True,
    on_conflict: OnConflict = "error",
    max_errors: int = 0,
    options: ReadOptions | None = None,
    checkpoint: Path | None = None,
    dry_run: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
    name: str | None = None,
) -> ImportReport:
    """Write the documents of a file into a store, with their timestamps, in constant memory.

    What is written is durable batch by batch. After an error, the documents of the batches before it are in
    the store: `on_conflict="skip"` goes on behind them, or a checkpoint does.

    Args:
        location: A file, `-` for the standard input, or a place that a plugin reads, such as `pgvector:…`.
        store: An open store.
        collection: Where they go; None means the one that the file names, or else the store's default one.
        dimension: What the vectors' length has to be; None means any.
        metric: How they are compared; None means what the file says, the collection has, or cosine.
        create: Whether to make the collection if it is not there.
        on_conflict: What to do with ids that the store has.
        max_errors: How many faulty rows are passed over; they are reported.
        options: How the file is read.
        checkpoint: A file that remembers how far the import has come, and is removed at its end.
        dry_run: Whether to check every row and write nothing.
        on_progress: Called with the documents so far and their number, which may be None.
        name: What reports call the store; None means its name.

    Raises:
        ConfigError: an argument does not fit the file or the store.
        CorruptStoreError: the file is damaged or cut; the message says where.
        InvalidDocumentError: more rows are faulty than may be; the message names the row.
        CollectionMismatchError, CollectionNotFoundError, DocumentExistsError: the store's collection says no.
    """
    if not isinstance(max_errors, int) or isinstance(max_errors, bool) or max_errors < 0:
        raise ConfigError(f"max_errors must be a number of rows from 0 on, got {shown(max_errors)}")
    rejections = Rejections(max_errors)
    found = source_at(location, options or ReadOptions(), rejections)
    target = StoreTarget(store, collection, on_conflict=on_conflict, create=create, name=name)
    try:
        description = await found.describe()
        if dimension is not None and description.dimension != dimension:
            raise ConfigError(
                f"the vectors of {location!r} have dimension {description.dimension}, not {dimension}"
            )
        if collection is None and description.collection:
            target = StoreTarget(
                store, description.collection, on_conflict=on_conflict, create=create, name=name
            )
        checked = CheckedSource(found, await _meant_for(target, description, metric), rejections)
        into = _DryTarget(target) if dry_run else _TimelessTarget(target)
        begun = perf_counter()
        moved = await move(
            checked,
            into,
            checkpoint=checkpoint,
            options={"on_conflict": on_conflict},
            digest=False,
            ahead=not (computes_here(store) and isinstance(found, FileSource)),
            on_progress=on_progress,
        )
    finally:
        if isinstance(found, FileSource):
            await found.close()
    return ImportReport(
        source=checked.label,
        target=target.label,
        documents=moved.documents,
        written=0 if dry_run else moved.written,
        rejected=rejections.count,
        rejections=tuple(rejections.kept),
        notes=(*checked.notes, *into.notes),
        seconds=perf_counter() - begun,
        dry_run=dry_run,
    )


async def _meant_for(
    target: StoreTarget, description: Description, metric: DistanceMetric | None
) -> Description:
    """Return what the collection is to be: of the file's metric, unless another is asked for, or is there."""
    there = await target.existing()
    known = metric or description.metric or (there.distance_metric if there is not None else None)
    return attrs.evolve(description, collection=target.collection, metric=known)


class _TimelessTarget:
    """Lets an interrupted import know its own documents again where the file has no times for them.

    The store gave them theirs, so those are what such documents are compared with.
    """

    def __init__(self, target: StoreTarget) -> None:
        self._target = target
        self._resumed = False

    @property
    def label(self) -> str:
        return self._target.label

    @property
    def notes(self) -> Sequence[str]:
        return self._target.notes

    @property
    def resumable(self) -> bool:
        return self._target.resumable

    async def prepare(self, description: Description, *, resumed: bool) -> None:
        self._resumed = resumed
        await self._target.prepare(description, resumed=resumed)

    async def write(self, batch: VectorBatch) -> int:
        try:
            return await self._target.write(batch)
        except DocumentExistsError:
            if not self._resumed or (batch.created_at is not None and batch.updated_at is not None):
                raise
        return await self._target.write(await self._with_kept_times(batch))

    async def finish(self) -> None:
        await self._target.finish()

    async def abandon(self) -> None:
        await self._target.abandon()

    async def _with_kept_times(self, batch: VectorBatch) -> VectorBatch:
        store, now = self._target.store, now_micros()
        found = await store.get_documents(batch.ids, collection=self._target.collection)

        def times(given: Int64Vector | None, name: str) -> Int64Vector:
            if given is not None:
                return given
            kept = [None if one is None else getattr(one, name) for one in found]
            return np.array([now if one is None else to_micros(one) for one in kept], dtype=np.int64)

        return attrs.evolve(
            batch,
            created_at=times(batch.created_at, "created_at"),
            updated_at=times(batch.updated_at, "updated_at"),
        )


class _DryTarget:
    """Refuses what a store's collection would refuse, and writes nothing."""

    resumable = False

    def __init__(self, target: StoreTarget) -> None:
        self._target = target

    @property
    def label(self) -> str:
        return self._target.label

    @property
    def notes(self) -> Sequence[str]:
        return ()

    async def prepare(self, description: Description, *, resumed: bool) -> None:
        del resumed
        await self._target.check(description)

    async def write(self, batch: VectorBatch) -> int:
        return len(batch)

    async def finish(self) -> None:
        return

    async def abandon(self) -> None:
        return
