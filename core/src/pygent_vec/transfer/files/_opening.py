"""From a file's name, or a place that a plugin reads, to a source."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec.errors import ConfigError
from pygent_vec.plugin import backends, sources
from pygent_vec.transfer.files._formats import FileFormat, format_of
from pygent_vec.transfer.files._jsonl import JsonlReader, JsonlWriter
from pygent_vec.transfer.files._matrix import MatrixReader
from pygent_vec.transfer.files._parquet_reader import ParquetReader
from pygent_vec.transfer.files._parquet_writer import ParquetWriter
from pygent_vec.transfer.files._reader import FileReader, FileSource, FileTarget, FileWriter
from pygent_vec.transfer.files._streams import STANDARD

if TYPE_CHECKING:
    from pygent_vec.transfer._ends import Source
    from pygent_vec.transfer.files._faults import Rejections
    from pygent_vec.transfer.files._options import ReadOptions

__all__ = ["file_target", "source_at"]

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9._-]+):(?P<place>.+)", re.DOTALL)
_COLUMNS = ("id_column", "vector_column", "content_column", "metadata_columns")


def source_at(location: str, options: ReadOptions, rejections: Rejections) -> Source:
    """Return what reads documents from a file, or, for a name such as `pgvector:…`, by a plugin.

    Raises:
        ConfigError: there is no such file or plugin, or an option has no meaning for it.
        PluginLoadError: the plugin is broken.
    """
    named = _SCHEME.fullmatch(location)
    if named is not None and not os.path.lexists(location):  # for addresses may be too long for Path
        return _by_plugin(named["scheme"], named["place"], options, rejections)
    return FileSource(_reader(location, options, rejections))


def file_target(
    name: str, *, file_format: str | None = None, overwrite: bool = False, as_base64: bool = False
) -> FileTarget:
    """Return what writes documents to a file.

    Args:
        name: The file; `-` is the standard output.
        file_format: `jsonl` or `parquet`; None means what the file's ending says.
        overwrite: Whether it may exist.
        as_base64: Whether the vectors of JSON Lines are base64 of float32 instead of numbers.

    Raises:
        ConfigError: the format is unknown, or cannot be written.
    """
    kind = format_of(name, file_format)
    path = None if name == STANDARD else Path(name).expanduser()
    writer: FileWriter
    if kind is FileFormat.PARQUET:
        if as_base64:
            raise ConfigError("Parquet holds vectors as float32 numbers anyway; leave base64 out")
        writer = ParquetWriter(name, path=path, overwrite=overwrite)
    elif kind is FileFormat.JSONL:
        writer = JsonlWriter(name, path=path, overwrite=overwrite, as_base64=as_base64)
    else:
        raise ConfigError("a .npy file holds vectors alone, so it is only read; export to .parquet or .jsonl")
    return FileTarget(writer)


def _reader(name: str, options: ReadOptions, rejections: Rejections) -> FileReader:
    kind = format_of(name, options.file_format)
    options.refuse(["table"], f"the file {name!r}")
    if kind is FileFormat.NPY:
        options.refuse(_COLUMNS[1:], f"the matrix {name!r}")
        return MatrixReader(name, options=options, rejections=rejections)
    options.refuse(["documents"], f"the file {name!r}, which is no matrix,")
    if kind is FileFormat.PARQUET:
        return ParquetReader(name, options=options, rejections=rejections)
    options.refuse(_COLUMNS, "JSON Lines")
    return JsonlReader(name, rejections=rejections, batch_rows=options.batch_rows)


def _by_plugin(scheme: str, place: str, options: ReadOptions, rejections: Rejections) -> Source:
    registry = sources()
    if scheme not in registry.offers() and scheme in {*backends().offers(), "chroma", "postgres"}:
        raise ConfigError(
            f"{scheme}:{place} is a store, and not a file; copy its collections with: "
            f"pygent-vec copy {scheme}:{place} STORE"
        )
    spec = registry.load(scheme)
    options.refuse(
        [name for name in (*_COLUMNS, "file_format", "documents", "table") if name not in spec.options],
        f"{scheme}:",
    )
    return spec.source(place, options, rejections)
