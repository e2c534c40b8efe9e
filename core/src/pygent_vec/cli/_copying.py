"""Carrying out `pygent-vec copy`, and what it says."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from pygent_vec.cli._opening import any_store, existing_store, named_config
from pygent_vec.cli._output import Cell, Column, clean, print_json, print_line, print_table
from pygent_vec.cli._progress import progress_shown
from pygent_vec.errors import PygentVecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pygent_vec.contract import VectorStore
    from pygent_vec.transfer import CopyProgress, CopyReport, Verification

__all__ = ["Order", "carry_out"]

_SECRET = re.compile(
    r"(//[^/@:]*:)[^@]*(?=@)|([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE
)


@attrs.frozen(kw_only=True)
class Order:
    """What the command line asks for; the attributes are its options."""

    source: str
    target: str
    collection: str | None
    to: str | None
    where: Mapping[str, object] | None
    on_conflict: Literal["error", "overwrite", "skip"]
    batch_size: int | None
    rate_limit: float | None
    checkpoint: Path | None
    dry_run: bool
    verify: bool


def carry_out(order: Order, *, as_json: bool) -> bool:
    """Copy, say what was done, and return whether both sides are the same.

    Raises:
        PygentVecError: what cannot be done; a copy that had begun can go on.
        KeyboardInterrupt: likewise.
    """
    import asyncio

    with _opened(order) as (here, there):
        checkpoint = _checkpoint(order, there)
        begun = _begun(checkpoint)
        if begun:
            _say("Going on with a copy that was interrupted.")
        try:
            with progress_shown() as show:
                reports = asyncio.run(_copied(order, here, there, checkpoint, show))
        except (PygentVecError, OSError, KeyboardInterrupt):
            if _begun(checkpoint):
                _say("What was copied is kept; the same command again goes on from there.")
            raise
    ok = all(report.ok for report in reports)
    if as_json:
        collections = [report.to_dict() for report in reports]
        print_json({"ok": ok, "dry_run": order.dry_run, "collections": collections})
    else:
        _print(reports, dry_run=order.dry_run)
    return ok


@contextmanager
def _opened(order: Order) -> Iterator[tuple[VectorStore, VectorStore]]:
    """Give both stores, not open yet; a dry run makes none where there is none."""
    here = existing_store(order.source).store
    if identity(order.source) == identity(order.target):
        yield here, here
        return
    if not (order.dry_run and _is_absent(order.target)):
        yield here, any_store(order.target).store
        return
    with tempfile.TemporaryDirectory(prefix="pygent-vec-dry-run-") as scratch:
        yield here, any_store(order.target, path=Path(scratch) / "store").store


def _is_absent(url: str) -> bool:
    path = getattr(named_config(url), "path", None)
    return isinstance(path, (str, os.PathLike)) and not Path(path).exists()


async def _copied(
    order: Order,
    here: VectorStore,
    there: VectorStore,
    checkpoint: Path | None,
    show: Callable[[str, int, int | None], None],
) -> list[CopyReport]:
    def told(now: CopyProgress) -> None:
        show(f"{now.phase} {now.collection}", now.done, now.total)

    async with here, there:
        if order.collection is None:
            return await _every(order, here, there, checkpoint, told)
        return [await _one(order, here, there, checkpoint, told)]


async def _every(
    order: Order,
    here: VectorStore,
    there: VectorStore,
    checkpoint: Path | None,
    told: Callable[[CopyProgress], None],
) -> list[CopyReport]:
    from pygent_vec.transfer import copy_all

    return await copy_all(
        here,
        there,
        on_conflict=order.on_conflict,
        batch_size=order.batch_size,
        rate_limit=order.rate_limit,
        checkpoint=checkpoint,
        on_progress=told,
        verify=order.verify,
        dry_run=order.dry_run,
        names=(identity(order.source), identity(order.target)),
    )


async def _one(
    order: Order,
    here: VectorStore,
    there: VectorStore,
    checkpoint: Path | None,
    told: Callable[[CopyProgress], None],
) -> CopyReport:
    from pygent_vec.transfer import copy

    return await copy(
        here,
        there,
        collection=order.collection,
        to=order.to,
        where=order.where,
        on_conflict=order.on_conflict,
        batch_size=order.batch_size,
        rate_limit=order.rate_limit,
        checkpoint=checkpoint,
        on_progress=told,
        verify=order.verify,
        dry_run=order.dry_run,
        names=(identity(order.source), identity(order.target)),
    )


def identity(url: str) -> str:
    """Return what a store is called in any directory: with its absolute path, and without secrets."""
    path = getattr(named_config(url), "path", None)
    scheme, colon, _ = url.partition(":")
    if isinstance(path, (str, os.PathLike)):
        return f"{scheme}:{Path(path).expanduser().resolve()}"
    return _SECRET.sub(lambda found: f"{found[1] or found[2]}…", url) if colon else url


def _checkpoint(order: Order, there: VectorStore) -> Path | None:
    """Return where the copy remembers how far it has come; None where it could not go on anyway."""
    if order.checkpoint is not None:
        return order.checkpoint
    if order.dry_run or not there.capabilities.durable:
        return None
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    ends = "\0".join((identity(order.source), order.collection or "", identity(order.target), order.to or ""))
    name = blake2b(ends.encode(), digest_size=16).hexdigest()
    return Path(state) / "pygent-vec" / f"copy-{name}.json"


def _begun(checkpoint: Path | None) -> bool:
    """Return whether there is a checkpoint, or one of some collection."""
    if checkpoint is None or not checkpoint.parent.is_dir():
        return False
    ends = (".lock", ".tmp")
    return any(
        one.name == checkpoint.name or one.name.startswith(f"{checkpoint.name}.")
        for one in checkpoint.parent.iterdir()
        if not one.name.endswith(ends)
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{clean(text)}\n")


def _print(reports: list[CopyReport], *, dry_run: bool) -> None:
    if not reports:
        print_line("The source has no collections.")
        return
    columns = [
        Column("Collection"),
        Column("Documents", "right"),
        Column("Would be" if dry_run else "Written", "right"),
        Column("Compared", "right"),
        Column("Outcome"),
    ]
    print_table(columns, [_row(report) for report in reports])
    for report in reports:
        checked = () if report.verification is None else report.verification.notes
        for note in (*report.notes, *checked):
            print_line(f"Note: {note}")
        if report.verification is not None and not report.verification.same:
            _print_differences(report.verification)


def _row(report: CopyReport) -> tuple[Cell, str, str, str, Cell]:
    moved, found = report.moved, report.verification
    written = ("made" if report.creates else "filled") if moved is None else f"{moved.written:,}"
    if moved is None:
        outcome = Cell("can be copied", "green")
    elif found is None:
        outcome = Cell("not compared", "yellow")
    else:
        outcome = Cell("the same", "green") if found.same else Cell("DIFFERENT", "red")
    documents = report.documents if moved is None else moved.documents
    compared = "" if found is None else f"{found.documents:,}"
    return Cell(report.target.rpartition("/")[2], "bold"), f"{documents:,}", written, compared, outcome


def _print_differences(found: Verification) -> None:
    for what, count, ids in (
        ("missing", found.missing, found.missing_ids),
        ("extra", found.extra, found.extra_ids),
        (
            "different",
            found.different,
            [f"{one.id} ({', '.join(one.fields)})" for one in found.differences],
        ),
        ("ranked otherwise", len(found.misranked), found.misranked),
    ):
        if count:
            more = "" if count == len(ids) else f", … {count - len(ids):,} more"
            print_line(f"{count:,} {what}: {', '.join(ids)}{more}", style="red")
