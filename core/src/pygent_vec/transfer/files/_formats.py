"""Which kinds of files there are, and how they are recognized."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING

from pygent_vec.errors import ConfigError, hint, shown

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Compression", "FileFormat", "arrow", "compression_of", "format_of", "parquet"]


class FileFormat(StrEnum):
    """How documents lie in a file."""

    JSONL = "jsonl"
    """A line of JSON for each document."""
    PARQUET = "parquet"
    """Columns, for data frames."""
    NPY = "npy"
    """A matrix of NumPy, with a file of documents beside it; it is only read."""


class Compression(StrEnum):
    """How a text is compressed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_SUFFIXES = {
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
    ".npy": FileFormat.NPY,
}
_COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}


def format_of(name: str, asked: str | None = None) -> FileFormat:
    """Return the format of the file *name*: the one that is *asked* for, or what its ending says.

    Raises:
        ConfigError: neither says it.
    """
    if asked is not None:
        try:
            return FileFormat(asked)
        except ValueError as error:
            raise ConfigError(f"file_format={shown(asked)}{hint(asked, FileFormat)}") from error
    if name == "-":
        return FileFormat.JSONL
    path = PurePath(name)
    suffix = PurePath(path.stem).suffix if path.suffix in _COMPRESSIONS else path.suffix
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    raise ConfigError(
        f"the ending of {name!r} says no format; name it .jsonl, .jsonl.gz, .jsonl.zst or .parquet, "
        "or give the format"
    )


def compression_of(name: str) -> Compression:
    """Return how a text that is written to *name* is compressed, as its ending says."""
    return _COMPRESSIONS.get(PurePath(name).suffix, Compression.NONE)


def arrow() -> ModuleType:
    """Return `pyarrow`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ConfigError(
            "Parquet and .zst files need pyarrow; install it with: pip install 'pygent-vec[parquet]'"
        ) from error
    module: ModuleType = pa
    return module


def parquet() -> ModuleType:
    """Return `pyarrow.parquet`.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    arrow()
    import pyarrow.parquet as pq

    module: ModuleType = pq
    return module
