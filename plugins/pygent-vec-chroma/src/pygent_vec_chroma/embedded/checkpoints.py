"""Checkpoints that survive a kill.

Chroma appends writes to a queue in SQLite, and from time to time writes an index to its files: in place, so
that a kill meanwhile leaves files that nobody can read. Then it moves the checkpoint in SQLite, and purges
the queue. So before a write that may make Chroma do this, the files are copied. If a kill comes before the
checkpoint has moved, the copy is put back at the next open, and Chroma replays the queue, which is whole.
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pygent_vec_chroma.embedded.tables import DATABASE_NAME, Tables, checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["OWN_FOLDER", "Checkpoints", "recover"]

OWN_FOLDER = "pygent-vec"
"""What belongs to us in Chroma's directory; Chroma's other tools pass over it."""
_COPIES, _UNFINISHED = "copies", ".unfinished"
_PURGE_SECONDS = 10.0
_PURGE_PAUSE_SECONDS = 0.002


class _Index:
    """One index: its segment, and how many writes it has taken since its files were written."""

    def __init__(self, segment: str, threshold: int, checkpoint: int, pending: int) -> None:
        self.segment = segment
        self.threshold = threshold
        self.checkpoint = checkpoint
        self.pending = pending
        self.copy: Path | None = None


class Checkpoints:
    """Keeps a copy of the files of each index that Chroma is about to write. One thread at a time.

    Args:
        directory: Chroma's.
        threshold: Returns a collection's `sync_threshold`.

    Attributes:
        opened: How many indexes Chroma has had to open; those of collections deleted since are among them.
    """

    def __init__(self, directory: Path, tables: Tables, threshold: Callable[[str], int]) -> None:
        self._directory = directory
        self._tables = tables
        self._threshold = threshold
        self._indexes: dict[str, _Index] = {}
        self.opened = 0

    @contextmanager
    def guarded(self, collection: str, rows: int) -> Iterator[None]:
        """Let a call on *collection* run that puts *rows* entries into the queue; 0 for the first read.

        The first call of a process replays the queue, which may write the files too.
        """
        index = self._indexes.get(collection) or self._index(collection)
        if index is None:  # the call will say that the collection is gone
            yield
            return
        if index.copy is None and index.pending + rows >= index.threshold:
            index.copy = self._copied(index)
        index.pending += rows
        try:
            yield
        finally:
            if index.copy is not None:
                self._settle(collection, index)

    def known(self, collection: str) -> bool:
        """Return whether a call has been guarded already: reads need it only once."""
        return collection in self._indexes

    def forget(self, collection: str) -> None:
        """Remove what is left of a collection that was deleted."""
        index = self._indexes.pop(collection, None)
        if index is None:
            return
        if index.copy is not None:
            _discard(index.copy)
        shutil.rmtree(self._directory / index.segment, ignore_errors=True)

    def _index(self, collection: str) -> _Index | None:
        segment = self._tables.vector_segment(collection)
        if segment is None:
            return None
        self.opened += 1
        checkpoint = self._tables.checkpoint(segment)
        index = self._indexes[collection] = _Index(
            segment, self._threshold(collection), checkpoint, self._tables.pending(collection, checkpoint)
        )
        return index

    def _copied(self, index: _Index) -> Path:
        """Copy the files of an index; the copy counts from its last rename on."""
        source = self._directory / index.segment
        copies = self._directory / OWN_FOLDER / _COPIES
        copies.mkdir(parents=True, exist_ok=True)
        copy = copies / f"{index.segment}.{index.checkpoint}"
        unfinished = copy.with_name(copy.name + _UNFINISHED)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        if index.checkpoint:  # before the first time the queue holds everything
            for file in source.iterdir():
                shutil.copyfile(file, unfinished / file.name)
        unfinished.rename(copy)
        return copy

    def _settle(self, collection: str, index: _Index) -> None:
        """Drop the copy if Chroma has written the files, and wait until it has purged the queue."""
        checkpoint = self._tables.checkpoint(index.segment)
        if checkpoint == index.checkpoint or index.copy is None:
            return
        index.checkpoint = checkpoint
        index.pending = self._tables.pending(collection, checkpoint)
        _discard(index.copy)
        index.copy = None
        until = time.monotonic() + _PURGE_SECONDS
        while not self._tables.purged(collection, checkpoint) and time.monotonic() < until:
            time.sleep(_PURGE_PAUSE_SECONDS)  # purging is Chroma's background work, and tells nobody


def recover(directory: Path) -> list[str]:
    """Put back the files of indexes that a kill left half written; return their segments.

    It may be killed too, and is then done again at the next open.
    """
    copies = directory / OWN_FOLDER / _COPIES
    if not copies.is_dir():
        return []
    found = sorted(copies.iterdir())
    standing = checkpoints(directory / DATABASE_NAME) if found else {}
    restored = []
    for copy in found:
        segment, _, checkpoint = copy.name.partition(".")
        if checkpoint != str(standing.get(segment)):
            _discard(copy)  # unfinished, of a deleted collection, or Chroma has written the files
            continue
        shutil.rmtree(directory / segment, ignore_errors=True)
        copy.rename(directory / segment)
        restored.append(segment)
    return restored


def _discard(copy: Path) -> None:
    """Remove a copy so that a kill meanwhile leaves none that counts."""
    if not copy.name.endswith(_UNFINISHED):
        unfinished = copy.with_name(copy.name + _UNFINISHED)
        shutil.rmtree(unfinished, ignore_errors=True)
        copy = copy.rename(unfinished)
    shutil.rmtree(copy, ignore_errors=True)
