"""Copying collections from store to store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
from anyio.to_thread import run_sync

from pygent_vec.errors import ConfigError
from pygent_vec.filters import to_dict
from pygent_vec.transfer._checkpoint import Checkpoint, Job, Progress
from pygent_vec.transfer._move import check_rate, run
from pygent_vec.transfer._preflight import Plan, planned
from pygent_vec.transfer._reports import CopyProgress, CopyReport
from pygent_vec.transfer._source import StoreSource, computes_here
from pygent_vec.transfer._target import StoreTarget
from pygent_vec.transfer._verify import compared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pygent_vec.contract import OnConflict, VectorStore
    from pygent_vec.filters import Filter
    from pygent_vec.transfer._reports import MoveReport, Phase, Verification

__all__ = ["copy", "copy_all"]


async def copy(
    src: VectorStore,
    dst: VectorStore,
    *,
    collection: str | None = None,
    to: str | None = None,
    where: Filter | Mapping[str, object] | None = None,
    on_conflict: OnConflict = "error",
    batch_size: int | None = None,
    rate_limit: float | None = None,
    checkpoint: Path | None = None,
    on_progress: Callable[[CopyProgress], None] | None = None,
    verify: bool = True,
    dry_run: bool = False,
    names: tuple[str, str] | None = None,
) -> CopyReport:
    """Copy a collection with its documents, their timestamps and the bits of their vectors, and compare.

    A target collection that is not there is made, with the source's metric, metadata and index, or the
    target's own index where it lacks that one. What cannot be held is refused before anything is written.
    With a checkpoint, a copy that was interrupted at any instant goes on where it was, when the same call is
    made again; and if the source was changed meanwhile, the same call once more catches up.

    Args:
        src: An open store.
        dst: Another one, or the same one for another collection.
        collection: The collection of *src*; None is its default collection.
        to: The collection of *dst*; None is the same name.
        where: Which documents; None means all.
        on_conflict: What to do with ids that the target has.
        batch_size: Documents of a batch; None takes so many that it has about 4 MiB, 5000 at most.
        rate_limit: The most documents a second.
        checkpoint: A file that remembers how far the copy has come; it is removed when all is the same.
        on_progress: Called after each batch.
        verify: Whether both sides are compared afterwards, bit for bit.
        dry_run: Whether only to check what can be checked before anything is written.
        names: What labels and the checkpoint call *src* and *dst*; None: the stores' own names.

    Raises:
        CollectionNotFoundError: the source has no such collection.
        CollectionMismatchError: the target has one of another dimension or metric.
        DocumentExistsError: under `on_conflict="error"`, the target has some of the ids.
        ConfigError: source and target are the same collection, or an argument does not fit.
        StoreLockedError: another copy holds the checkpoint.
        InvalidFilterError, UnsupportedFeatureError, BackendError, WriteError: as the stores raise them.
    """
    sides = _sides(src, dst, collection, to, where, on_conflict, batch_size, names)
    settings = _Settings(rate_limit=rate_limit, on_progress=on_progress, verify=verify, dry_run=dry_run)
    return await _copied(*sides, settings, checkpoint, keep=False)


async def copy_all(
    src: VectorStore,
    dst: VectorStore,
    *,
    on_conflict: OnConflict = "error",
    batch_size: int | None = None,
    rate_limit: float | None = None,
    checkpoint: Path | None = None,
    on_progress: Callable[[CopyProgress], None] | None = None,
    verify: bool = True,
    dry_run: bool = False,
    names: tuple[str, str] | None = None,
) -> list[CopyReport]:
    """Copy every collection of a store under its own name; else as `copy`.

    All of them are checked before the first one is written. Each has a checkpoint of its own, beside
    *checkpoint*, with its name behind a dot; all are removed together, when everything is the same.
    """
    settings = _Settings(rate_limit=rate_limit, on_progress=on_progress, verify=verify, dry_run=dry_run)
    sides = [
        (_sides(src, dst, name, None, None, on_conflict, batch_size, names), _beside(checkpoint, name))
        for name in await src.list_collections()
    ]
    checks = attrs.evolve(settings, dry_run=True)
    reports = [await _copied(*pair, checks, path, keep=True) for pair, path in sides]
    if dry_run:
        return reports
    reports = [await _copied(*pair, settings, path, keep=True) for pair, path in sides]
    for (_, path), report in zip(sides, reports, strict=True):
        if path is not None and all(one.ok for one in reports) and report.moved is not None:
            path.unlink(missing_ok=True)
    return reports


@attrs.frozen(kw_only=True)
class _Settings:
    """What is not part of what is copied."""

    rate_limit: float | None
    on_progress: Callable[[CopyProgress], None] | None
    verify: bool
    dry_run: bool

    def told(self, phase: Phase, collection: str) -> Callable[[int, int | None], None] | None:
        """Return what a phase calls as it goes on."""
        tell = self.on_progress
        if tell is None:
            return None
        return lambda done, total: tell(
            CopyProgress(phase=phase, collection=collection, done=done, total=total)
        )


def _sides(
    src: VectorStore,
    dst: VectorStore,
    collection: str | None,
    to: str | None,
    where: Filter | Mapping[str, object] | None,
    on_conflict: OnConflict,
    batch_size: int | None,
    names: tuple[str, str] | None,
) -> tuple[StoreSource, StoreTarget]:
    here, there = names or (None, None)
    source = StoreSource(src, collection, where=where, batch_size=batch_size, name=here)
    target = StoreTarget(dst, to or source.collection, on_conflict=on_conflict, name=there)
    return source, target


def _beside(checkpoint: Path | None, collection: str) -> Path | None:
    return None if checkpoint is None else checkpoint.with_name(f"{checkpoint.name}.{collection}")


async def _copied(
    source: StoreSource, target: StoreTarget, settings: _Settings, checkpoint: Path | None, *, keep: bool
) -> CopyReport:
    """Copy one collection; with *keep*, leave the checkpoint of a copy that went well."""
    check_rate(settings.rate_limit)
    if checkpoint is not None and not target.resumable:
        raise ConfigError(
            f"{target.label} is in a store that is not durable, so a copy cannot go on "
            "after an interruption; leave the checkpoint out"
        )
    where = None if source.where is None else json.dumps(to_dict(source.where), sort_keys=True)
    options = {"on_conflict": target.on_conflict, "where": where}
    job = Job(source=source.label, target=target.label, options=options)
    with Checkpoint.held(checkpoint, job) as kept:
        earlier = kept.progress
        plan = await planned(source, target, resumed=earlier is not None)
        before = plan.before if earlier is None else earlier.before
        if settings.dry_run:
            return _report(source, target, plan, before)
        moved, found = await _moved(source, target, settings, kept, before)
        report = _report(source, target, plan, before, moved, found)
        if not report.ok:
            await run_sync(kept.record, Progress(before=before))  # the next run reads everything again
        elif not keep:
            await run_sync(kept.remove)
        return report


async def _moved(
    source: StoreSource, target: StoreTarget, settings: _Settings, kept: Checkpoint, before: int
) -> tuple[MoveReport, Verification | None]:
    """Move what is not moved yet, and compare both sides."""
    if before == 0:
        target.claim()
    moved = await run(
        source,
        target,
        kept,
        before=before,
        rate_limit=settings.rate_limit,
        ahead=not (computes_here(source.store) and computes_here(target.store)),
        on_progress=settings.told("copying", source.collection),
    )
    if not settings.verify:
        return moved, None
    found = await compared(
        source,
        StoreSource(target.store, target.collection, batch_size=source.batch_size),
        others=before > 0,
        keeps=before > 0 and target.on_conflict == "skip",
        on_progress=settings.told("verifying", source.collection),
    )
    return moved, found


def _report(
    source: StoreSource,
    target: StoreTarget,
    plan: Plan,
    before: int,
    moved: MoveReport | None = None,
    found: Verification | None = None,
) -> CopyReport:
    changed = moved is not None and found is not None and moved.digest != found.source_digest
    notes = [*plan.notes] if moved is None else [*moved.notes]
    if changed:
        notes.append(
            f"{source.label} was changed while it was copied; the same copy again catches up, with its "
            'checkpoint or with on_conflict="overwrite"'
        )
    if found is not None and found.extra:
        notes.append(
            "what the source no longer has is not deleted from the target; delete the extra ids there"
        )
    return CopyReport(
        source=source.label,
        target=target.label,
        documents=plan.documents,
        creates=plan.creates,
        before=before,
        moved=moved,
        verification=found,
        changed=changed,
        notes=tuple(notes),
    )
