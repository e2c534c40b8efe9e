"""Documents of a store into a file."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import attrs

from pygent_vec.transfer._move import move
from pygent_vec.transfer._source import StoreSource, computes_here
from pygent_vec.transfer.files._opening import file_target
from pygent_vec.transfer.files._streams import STANDARD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygent_vec.contract import VectorStore
    from pygent_vec.filters import Filter
    from pygent_vec.model import JsonObject

__all__ = ["ExportReport", "export_documents"]


@attrs.frozen(kw_only=True)
class ExportReport:
    """What an export did.

    Attributes:
        source: The store and the collection.
        file: The file.
        documents: How many there are in it.
        bytes: Its size; None for the standard output.
        notes: What a person should know.
        seconds: How long it took.
    """

    source: str
    file: str
    documents: int
    bytes: int | None
    notes: tuple[str, ...]
    seconds: float

    def to_dict(self) -> JsonObject:
        """Return the report as JSON."""
        return {**attrs.asdict(self), "notes": list(self.notes)}


async def export_documents(
    store: VectorStore,
    file: str | Path,
    *,
    collection: str | None = None,
    where: Filter | Mapping[str, object] | None = None,
    file_format: str | None = None,
    overwrite: bool = False,
    as_base64: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
    name: str | None = None,
) -> ExportReport:
    """Write the documents of a collection to a file, in id order and constant memory.

    The file appears under its name when it is whole and on the disk; after a failure nothing is left of it.

    Args:
        store: An open store.
        file: `.jsonl`, `.jsonl.gz`, `.jsonl.zst` or `.parquet`; `-` is the standard output.
        collection: Its name; None means the store's default collection.
        where: Which documents; None means all.
        file_format: `jsonl` or `parquet`, where the ending does not say it.
        overwrite: Whether the file may exist.
        as_base64: Whether the vectors of JSON Lines are base64 of float32 instead of numbers.
        on_progress: Called with the documents so far and their number, which may be None.
        name: What reports call the store; None means its name.

    Raises:
        ConfigError: the file exists, its directory does not, or its format is unknown.
        CollectionNotFoundError: there is no such collection.
        InvalidFilterError: *where* is not well formed.
        BackendError: the disk is full, or fails.
    """
    path = str(file)
    source = StoreSource(store, collection, where=where, name=name)
    target = file_target(path, file_format=file_format, overwrite=overwrite, as_base64=as_base64)
    begun = perf_counter()
    moved = await move(source, target, digest=False, ahead=not computes_here(store), on_progress=on_progress)
    return ExportReport(
        source=source.label,
        file=target.label,
        documents=moved.documents,
        bytes=None if path == STANDARD else _size(path),
        notes=tuple(target.notes),
        seconds=perf_counter() - begun,
    )


def _size(path: str) -> int:
    return Path(path).expanduser().stat().st_size
