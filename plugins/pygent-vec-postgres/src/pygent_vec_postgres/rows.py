"""Rows of a collection's table as core's columns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pygent_vec.model import NO_OWN_FIELDS, DocumentRows
from pygent_vec_postgres.codec import decode_document, decode_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import Projection

__all__ = ["columns_of", "document_rows", "is_long", "read_rows", "selected", "width_of"]

_CONTENT = ("content",)
_METADATA = (
    "document",
    "title",
    "source",
    "document_type",
    "chunk_index",
    "chunk_count",
    "created_at",
    "updated_at",
)
_EMBEDDING = ("embedding",)
_LONG_WORK = 1 << 20
"""Turning so many values of vectors takes some milliseconds."""
_ROW_COST = 512
"""Turning the rest of a row takes as long as so many values."""


def selected(projection: Projection) -> str:
    """Return the columns that a statement selects, `id` first, in the order that `document_rows` reads."""
    columns = ["id"]
    columns += _CONTENT if projection.content else ()
    columns += _METADATA if projection.metadata else ()
    columns += _EMBEDDING if projection.embedding else ()
    return ", ".join(columns)


def width_of(projection: Projection) -> int:
    """Return how many columns are `selected`."""
    return 1 + projection.content + len(_METADATA) * projection.metadata + projection.embedding


def document_rows(columns: Sequence[Sequence[Any]], projection: Projection, dimension: int) -> DocumentRows:
    """Return columns of the server, beginning with the `selected` ones, as core's columns."""
    place = 1
    contents = metadatas = own = created_at = updated_at = vectors = None
    if projection.content:
        contents, place = columns[place], place + 1
    if projection.metadata:
        metadatas = [*map(decode_document, columns[place])]
        own = [*zip(*columns[place + 1 : place + 6], strict=True)]
        if own.count(NO_OWN_FIELDS) == len(own):
            own = None
        created_at, updated_at, place = columns[place + 6], columns[place + 7], place + 8
    if projection.embedding:
        vectors = decode_vectors(columns[place], dimension)
    return DocumentRows(
        ids=columns[0],
        contents=contents,
        metadatas=metadatas,
        vectors=vectors,
        own=own,
        created_at=created_at,
        updated_at=updated_at,
    )


def columns_of(records: Sequence[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    """Return *records* of so many fields as columns."""
    return [*zip(*records, strict=True)] if records else [()] * width


def is_long(rows: int, projection: Projection, dimension: int) -> bool:
    """Return whether turning so many rows would keep an event loop waiting."""
    return rows * (_ROW_COST + (dimension if projection.embedding else 0)) > _LONG_WORK


async def read_rows(records: Sequence[Sequence[Any]], projection: Projection, dimension: int) -> DocumentRows:
    """Return *records* of the `selected` columns as core's columns."""
    width = width_of(projection)
    if not is_long(len(records), projection, dimension):
        return document_rows(columns_of(records, width), projection, dimension)
    return await asyncio.to_thread(lambda: document_rows(columns_of(records, width), projection, dimension))
