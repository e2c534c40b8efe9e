"""Streams of bytes: files and pipes, compressed or not."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol, cast

from pygent_vec.errors import ConfigError, CorruptStoreError
from pygent_vec.transfer.files._formats import Compression, arrow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STANDARD", "Lines", "compressed", "existing", "plain_stream", "reading_from"]

STANDARD = "-"
"""The name of the standard input or output."""
_MAGIC = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5": Compression.ZSTD}
_BUFFER = 1 << 20
_DECODED = 1 << 16
"""Of a file that is cut, as much is lost before the cut."""
_GZIP_LEVEL = 6


class Lines(Protocol):
    """What is read line by line."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, at most so many bytes of it; nothing at the end."""
        ...


def existing(name: str) -> Path:
    """Return the path of a file that is there.

    Raises:
        ConfigError: it is not.
    """
    path = Path(name).expanduser()
    if not path.exists():
        raise ConfigError(f"there is no file {name!r}")
    if path.is_dir():
        raise ConfigError(f"{name!r} is a directory; name a file")
    return path


def plain_stream(name: str, held: ExitStack) -> Lines:
    """Return the content of a file or of the standard input, without its compression if it has one.

    What it is compressed with is read from its first bytes, whatever its name.

    Args:
        name: The file.
        held: What is opened for it and is to be closed.
    """
    if name == STANDARD:
        raw: BinaryIO = sys.stdin.buffer
    else:
        raw = held.enter_context(existing(name).open("rb", buffering=_BUFFER))
    if not isinstance(raw, io.BufferedReader):  # a test's or a notebook's standard input
        raw = io.BufferedReader(io.BytesIO(raw.read()))
    kind = _MAGIC.get(raw.peek(2)[:2])
    if kind is Compression.GZIP:
        return held.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
    if kind is Compression.ZSTD:
        return held.enter_context(io.BufferedReader(arrow().CompressedInputStream(raw, "zstd"), _DECODED))
    return raw


def compressed(file: IO[bytes], compression: Compression) -> IO[bytes]:
    """Return what writes to *file* compressed; closing it leaves *file* open."""
    if compression is Compression.GZIP:
        # Without the time and the name, the same documents make the same bytes.
        zipped = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0)
        return cast("IO[bytes]", zipped)
    if compression is Compression.ZSTD:
        pyarrow = arrow()
        stream: IO[bytes] = pyarrow.CompressedOutputStream(pyarrow.PythonFile(_Unclosed(file), "w"), "zstd")
        return stream
    return file


class _Unclosed(io.RawIOBase):
    """Passes bytes on to a file that somebody else closes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return self._file.write(data)  # type: ignore[call-overload, no-any-return]  # bytes or a view of them


@contextmanager
def reading_from(name: str, place: str) -> Iterator[None]:
    """Say of an error of the operating system or of a decompressor where in which file it was.

    Raises:
        CorruptStoreError: the content is cut or damaged.
    """
    try:
        yield
    except EOFError as error:
        raise CorruptStoreError(
            f"{name!r} is cut behind {place}: the compressed data has no end. Fetch or make the file again; "
            "what was read before it may be written already"
        ) from error
    except (OSError, zlib.error) as error:
        raise CorruptStoreError(
            f"{name!r} cannot be read behind {place}: {error}. Fetch or make the file again; "
            "what was read before it may be written already"
        ) from error
