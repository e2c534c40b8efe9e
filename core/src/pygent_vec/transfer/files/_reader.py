"""What a format offers: reading and writing without an event loop, and the ends of a move made of it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio.to_thread
import attrs

from pygent_vec.errors import ConfigError, shown
from pygent_vec.transfer._ends import Chunk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from pygent_vec.model import VectorBatch
    from pygent_vec.transfer._ends import Description, Position

__all__ = ["FileReader", "FileSource", "FileTarget", "FileWriter", "Rows", "place_of"]

T = TypeVar("T")


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Documents of a file that were read together.

    Attributes:
        batch: The documents.
        numbers: The row of each, from 1.
        last: The last row that was read for them, taken or not.
    """

    batch: VectorBatch
    numbers: Sequence[int]
    last: int


class FileReader(Protocol):
    """Reads one file."""

    name: str
    """The file."""
    noun: str
    """What its rows are called: `line` or `row`."""
    notes: list[str]
    """What was guessed."""

    def describe(self) -> Description:
        """Return what is known before the documents are read."""
        ...

    def fingerprint(self) -> str | None:
        """Return what changes with the content; None if nothing does."""
        ...

    def rows(self, after: int) -> Iterator[Rows]:
        """Yield the documents behind a row. Those before it are read for their ids only."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class FileWriter(Protocol):
    """Writes one file."""

    name: str
    """The file."""
    notes: list[str]
    """What a person should know of it."""

    def begin(self, description: Description) -> None:
        """Begin the file."""
        ...

    def write(self, batch: VectorBatch) -> None:
        """Write documents."""
        ...

    def finish(self) -> None:
        """Make the file visible, durably."""
        ...

    def discard(self) -> None:
        """Leave nothing behind; after `finish`, do nothing."""
        ...


class FileSource:
    """A file as the source of a move. It reads in another thread."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self._numbers: dict[str, int] = {}

    @property
    def label(self) -> str:
        """The file's name."""
        return self._reader.name

    @property
    def notes(self) -> Sequence[str]:
        """What was guessed."""
        return tuple(self._reader.notes)

    def place(self, one: str) -> str | None:
        """Return where the document *one* of the last chunk stands; None if it is not there."""
        number = self._numbers.get(one)
        return None if number is None else place_of(self._reader, number)

    async def describe(self) -> Description:
        """See `Source.describe`."""
        return await anyio.to_thread.run_sync(self._reader.describe)

    async def fingerprint(self) -> str | None:
        """See `Source.fingerprint`."""
        return self._reader.fingerprint()

    async def close(self) -> None:
        """Let go of the file, which reading it to its end does too."""
        await anyio.to_thread.run_sync(self._reader.close)

    async def chunks(self, after: Position = None) -> AsyncGenerator[Chunk, None]:
        """See `Source.chunks`; a position is a row.

        Raises:
            ConfigError: *after* is none.
        """
        if after is not None and not isinstance(after, int):
            raise ConfigError(f"a position in a file is the number of a row, got {shown(after)}")
        reading = self._reader.rows(after or 0)
        try:
            while (rows := await anyio.to_thread.run_sync(_next, reading)) is not None:
                self._numbers = dict(zip(rows.batch.ids, rows.numbers, strict=True))
                yield Chunk(batch=rows.batch, position=rows.last)
        finally:
            if isinstance(reading, Generator):
                reading.close()
            self._reader.close()


class FileTarget:
    """A file as the target of a move. It writes in another thread."""

    resumable = False

    def __init__(self, writer: FileWriter) -> None:
        self._writer = writer

    @property
    def label(self) -> str:
        """The file's name."""
        return self._writer.name

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of the file."""
        return tuple(self._writer.notes)

    async def prepare(self, description: Description, *, resumed: bool) -> None:
        """See `Target.prepare`."""
        if resumed:
            raise ConfigError(f"the file {self.label!r} cannot be gone on with; write it from its beginning")
        await anyio.to_thread.run_sync(self._writer.begin, description)

    async def write(self, batch: VectorBatch) -> int:
        """See `Target.write`."""
        await anyio.to_thread.run_sync(self._writer.write, batch)
        return len(batch)

    async def finish(self) -> None:
        """See `Target.finish`."""
        await anyio.to_thread.run_sync(self._writer.finish)

    async def abandon(self) -> None:
        """See `Target.abandon`."""
        await anyio.to_thread.run_sync(self._writer.discard)


def place_of(reader: FileReader, number: int) -> str:
    """Return how messages name a row.

    >>> from types import SimpleNamespace
    >>> place_of(SimpleNamespace(noun="row"), 70001)
    'row 70,001'
    """
    return f"{reader.noun} {number:,}"


def _next(iterator: Iterator[T]) -> T | None:
    return next(iterator, None)
