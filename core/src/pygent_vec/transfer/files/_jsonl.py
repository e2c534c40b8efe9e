"""Files of JSON Lines, plain, or compressed with gzip or zstd."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

from pygent_vec.errors import ConfigError, CorruptStoreError, InvalidDocumentError
from pygent_vec.transfer._ends import Description
from pygent_vec.transfer.files._atomic import AtomicFile, writing_to
from pygent_vec.transfer.files._formats import compression_of
from pygent_vec.transfer.files._gathering import Gathering
from pygent_vec.transfer.files._lines import (
    END,
    HEADER,
    RowError,
    description_from,
    end_line,
    header_line,
    lines,
    parsed,
    vector,
)
from pygent_vec.transfer.files._streams import STANDARD, compressed, existing, plain_stream, reading_from

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pygent_vec.model import VectorBatch
    from pygent_vec.transfer.files._faults import Rejections
    from pygent_vec.transfer.files._reader import Rows
    from pygent_vec.transfer.files._streams import Lines

__all__ = ["JsonlReader", "JsonlWriter", "LineFile", "fingerprint_of"]

_LONGEST = 1 << 28
"""A longer line is no document, but a file of another kind."""


def fingerprint_of(name: str) -> str | None:
    """Return a file's size and time; None for the standard input."""
    if name == STANDARD:
        return None
    state = existing(name).stat()
    return f"{state.st_size} {state.st_mtime_ns}"


class LineFile:
    """The lines of a file, each a JSON object, with their numbers.

    Attributes:
        count: How many documents the last line says that there are; None before it was read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.count: int | None = None
        self._held = ExitStack()
        self._stream: Lines | None = None
        self._number = 0

    def lines(self) -> Iterator[tuple[int, dict[str, object] | RowError]]:
        """Yield each line from here on with its number; of a line that is no JSON object, the reason.

        Raises:
            CorruptStoreError: the file is cut, or no text.
        """
        while True:
            with reading_from(self.name, f"line {self._number:,}"):
                if self._stream is None:
                    self._stream = plain_stream(self.name, self._held)
                line = self._stream.readline(_LONGEST)
            if not line:
                return
            self._number += 1
            if self._number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.isspace():
                continue
            yield self._number, self._parsed(line)

    def close(self) -> None:
        """Let go of the file."""
        self._held.close()

    def _parsed(self, line: bytes) -> dict[str, object] | RowError:
        if len(line) >= _LONGEST:
            raise CorruptStoreError(f"{self.name!r}: line {self._number:,} is longer than {_LONGEST} bytes")
        try:
            return parsed(line)
        except RowError as error:
            if not line.endswith(b"\n"):
                raise CorruptStoreError(
                    f"{self.name!r} is cut within line {self._number:,}, which has no end ({error}). Fetch "
                    "or make the file again; what was read before it may be written already"
                ) from error
            return error


class JsonlReader:
    """Reads JSON Lines. A file of ours tells of its collection; of another, the first document does."""

    noun = "line"

    def __init__(self, name: str, *, rejections: Rejections, batch_rows: int) -> None:
        self.name = name
        self.notes: list[str] = []
        self._rejections = rejections
        self._size = batch_rows
        self._file = LineFile(name)
        self._waiting: list[tuple[int, dict[str, object] | RowError]] = []
        self._header: Description | None = None
        self._described: Description | None = None

    def describe(self) -> Description:
        """Return what the first line says, or the first document shows."""
        if self._described is None:
            self._described = self._found()
        return self._described

    def fingerprint(self) -> str | None:
        """Return the file's size and time."""
        return fingerprint_of(self.name)

    def rows(self, after: int) -> Iterator[Rows]:
        """Yield the documents behind a line."""
        description = self.describe()
        gathering = Gathering(
            self.name,
            collection=self._collection(),
            dimension=description.dimension,
            rejections=self._rejections,
            noun=self.noun,
        )
        number, count = 0, 0
        for number, data in self._lines():  # the last one is needed below
            if not isinstance(data, RowError) and END in data:
                self._check_end(data[END], number, count)
                break
            count += 1
            if number <= after:
                if not isinstance(data, RowError):
                    gathering.skip(data)
                continue
            if isinstance(data, RowError):
                gathering.reject(number, str(data))
            else:
                gathering.add(number, data)
            if len(gathering) == self._size and (rows := gathering.taken(number)) is not None:
                yield rows
        else:
            self._check_no_end(number)
        if (rows := gathering.taken(number)) is not None:
            yield rows

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _lines(self) -> Iterator[tuple[int, dict[str, object] | RowError]]:
        while self._waiting:
            yield self._waiting.pop(0)
        yield from self._file.lines()

    def _found(self) -> Description:
        """Read up to the first document that has a vector."""
        for number, data in self._file.lines():
            if isinstance(data, dict) and HEADER in data and not self._waiting and self._header is None:
                self._header = description_from(data[HEADER], self.name)
                return self._header
            self._waiting.append((number, data))
            if isinstance(data, RowError):
                continue
            try:
                dimension = len(vector(data.get("embedding")))
            except RowError:
                continue
            name = data.get("collection")
            return Description(collection=name if isinstance(name, str) else "", dimension=dimension)
        raise ConfigError(
            f"{self.name!r} holds no document with an embedding; each line is a JSON object such as "
            '{"id": "a", "embedding": [0.5, 0.25]}'
        )

    def _collection(self) -> str | None:
        first = next((data for _, data in self._waiting if isinstance(data, dict)), {})
        if self._header is not None:
            return self._header.collection
        name = first.get("collection")
        return name if isinstance(name, str) else None

    def _check_end(self, end: object, number: int, count: int) -> None:
        promised = end.get("documents") if isinstance(end, dict) else None
        if promised != count:
            raise CorruptStoreError(
                f"{self.name!r} has {count:,} documents, and its last line {number:,} speaks of {promised}; "
                "lines were lost or added"
            )
        for behind, _ in self._file.lines():  # to the end, where a compressed file has its checksum
            raise CorruptStoreError(
                f"{self.name!r} goes on at line {behind:,} behind its last line {number:,}; "
                "import files one by one"
            )

    def _check_no_end(self, number: int) -> None:
        if self._header is not None:
            raise CorruptStoreError(
                f"{self.name!r} is cut behind line {number:,}: its last line, which tells how many documents "
                "there are, is missing. Fetch or make the file again; what was read is written already"
            )


class JsonlWriter:
    """Writes JSON Lines, into a file that becomes visible when it is whole, or to the standard output."""

    def __init__(self, name: str, *, path: Path | None, overwrite: bool, as_base64: bool) -> None:
        self.name = name
        self.notes: list[str] = []
        self._path = path
        self._overwrite = overwrite
        self._as_base64 = as_base64
        self._atomic: AtomicFile | None = None
        self._stream: IO[bytes] = sys.stdout.buffer
        self._count = 0

    def begin(self, description: Description) -> None:
        """Write the first line."""
        if self._path is not None:
            self._atomic = AtomicFile(self._path, overwrite=self._overwrite)
        with writing_to(self.name):
            if self._atomic is not None:
                self._stream = compressed(self._atomic.file, compression_of(self.name))
            self._stream.write(header_line(description))

    def write(self, batch: VectorBatch) -> None:
        """Write a line for each document."""
        try:
            text = b"".join(lines(batch, as_base64=self._as_base64))
        except (ValueError, TypeError) as error:
            raise InvalidDocumentError(f"a document is no JSON: {error}") from error
        with writing_to(self.name):
            self._stream.write(text)
        self._count += len(batch)

    def finish(self) -> None:
        """Write the last line, and make the file visible."""
        with writing_to(self.name):
            self._stream.write(end_line(self._count))
            if self._atomic is None:
                self._stream.flush()
                return
            if self._stream is not self._atomic.file:
                self._stream.close()
        self._atomic.commit()

    def discard(self) -> None:
        """Leave no file behind."""
        if self._atomic is not None:
            self._atomic.discard()
