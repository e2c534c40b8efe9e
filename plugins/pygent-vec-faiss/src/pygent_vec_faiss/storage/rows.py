"""Rows of the documents table: columns of a batch in, checked columns of `DocumentRows` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

import attrs
import orjson

from pygent_vec.model import NO_OWN_FIELDS, DocumentRows
from pygent_vec_faiss.storage.failures import corrupt
from pygent_vec_faiss.storage.integrity import content_checksum, head_checksum, row_checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pygent_vec.model import Metadata, OwnFields, Projection, VectorBatch

__all__ = [
    "FieldRow",
    "FullRow",
    "StoredRow",
    "StoredRows",
    "columns_of",
    "decoded",
    "encoded",
    "field_rows",
    "verify",
]

StoredRow: TypeAlias = tuple[int, str, str, bytes, bytes | None, int, int, int]
"""A row as it is written: slot, id, content, metadata, own, created_at, updated_at, checksum."""
FullRow: TypeAlias = tuple[int, bytes, bytes, bytes, bytes | None, int, int, int]
"""A row as it is read: the same, text as UTF-8 bytes."""
FieldRow: TypeAlias = "tuple[int, str, bytes, OwnFields | None, int, int]"
"""What filters read of a row: slot, id, metadata as JSON, own fields, created_at, updated_at."""
_HeadRow: TypeAlias = tuple[int, bytes, bytes, bytes | None, int, int, int]
_ContentRow: TypeAlias = tuple[int, bytes, bytes, int]
_LOW_32 = 0xFFFF_FFFF


@attrs.frozen(kw_only=True, eq=False)
class StoredRows:
    """Documents with the slots of their vectors, which the caller gathers.

    Attributes:
        slots: `n` slots.
        rows: `n` documents, without vectors.
    """

    slots: list[int]
    rows: DocumentRows


def encoded(
    batch: VectorBatch, places: Iterable[int], first_slot: int, created_at: Sequence[int]
) -> list[StoredRow]:
    """Return the rows to store for some *places* of a batch, in consecutive slots.

    Args:
        batch: With contents, metadatas and updated_at set.
        places: Positions in the batch.
        first_slot: The slot of the first of them.
        created_at: For each position in the batch, not of *places*.
    """
    contents, metadatas = cast("Sequence[str]", batch.contents), cast("Sequence[Metadata]", batch.metadatas)
    updated_at, own = cast("list[int]", batch.updated_at.tolist()), _own_columns(batch)  # type: ignore[union-attr]  # a backend gets it set
    rows: list[StoredRow] = []
    for slot, place in enumerate(places, first_slot):
        key, content, metadata = batch.ids[place], contents[place], orjson.dumps(metadatas[place])
        fields, created, updated = own[place] if own else None, created_at[place], updated_at[place]
        checksum = row_checksum(key.encode(), content.encode(), metadata, fields, created, updated)
        rows.append((slot, key, content, metadata, fields, created, updated, checksum))
    return rows


def _own_columns(batch: VectorBatch) -> list[bytes | None] | None:
    """Return the own fields of each document as JSON; None where a document, or all of them, have none."""
    columns = (batch.titles, batch.sources, batch.document_types, batch.chunk_indexes, batch.chunk_counts)
    if all(column is None for column in columns):
        return None
    full = [column if column is not None else [None] * len(batch) for column in columns]
    return [None if fields == NO_OWN_FIELDS else orjson.dumps(fields) for fields in zip(*full, strict=True)]


def columns_of(projection: Projection) -> str:
    """Return the columns to select for *projection*, for `decoded`."""
    if projection.content and projection.metadata:
        return "slot, documents.id, content, metadata, own, created_at, updated_at, documents.checksum"
    if projection.metadata:
        return "slot, documents.id, metadata, own, created_at, updated_at, documents.checksum"
    if projection.content:
        return "slot, documents.id, content, documents.checksum"
    return "slot, documents.id"


def decoded(rows: Sequence[tuple[object, ...]], projection: Projection, path: Path) -> StoredRows:
    """Return rows that were selected by `columns_of(projection)`, checked.

    Raises:
        CorruptStoreError: a row does not have its checksum.
    """
    if projection.content and projection.metadata:
        return _full(cast("Sequence[FullRow]", rows), path)
    if projection.metadata:
        return _heads(cast("Sequence[_HeadRow]", rows), path)
    if projection.content:
        return _contents(cast("Sequence[_ContentRow]", rows), path)
    bare = cast("Sequence[tuple[int, bytes]]", rows)
    return StoredRows(
        slots=[row[0] for row in bare], rows=DocumentRows(ids=[_text(row[1], path) for row in bare])
    )


def _full(rows: Sequence[FullRow], path: Path) -> StoredRows:
    verify(rows, path)
    slots, keys, contents, metadatas, own, created_at, updated_at, _ = _transposed(rows, 8)
    return StoredRows(
        slots=slots,
        rows=DocumentRows(
            ids=list(map(bytes.decode, keys)),
            contents=list(map(bytes.decode, contents)),
            metadatas=list(map(orjson.loads, metadatas)),
            own=_own(own),
            created_at=created_at,
            updated_at=updated_at,
        ),
    )


def _transposed(rows: Sequence[tuple[object, ...]], width: int) -> list[list[Any]]:
    return list(map(list, zip(*rows, strict=True))) if rows else [[] for _ in range(width)]


def verify(rows: Sequence[FullRow], path: Path) -> None:
    """Check rows of all columns, text as bytes.

    Raises:
        CorruptStoreError: one does not have its checksum.
    """
    try:
        for slot, key, content, metadata, own, created_at, updated_at, checksum in rows:
            if checksum != row_checksum(key, content, metadata, own, created_at, updated_at):
                _damaged(slot, key, path)
    except TypeError as error:  # the damage made a value one of another kind
        raise corrupt(path, f"a document has a value of the wrong kind ({error})") from error


def _heads(rows: Sequence[_HeadRow], path: Path) -> StoredRows:
    _verify_heads(rows, path)
    slots, keys, metadatas, own, created_at, updated_at, _ = _transposed(rows, 7)
    return StoredRows(
        slots=slots,
        rows=DocumentRows(
            ids=list(map(bytes.decode, keys)),
            metadatas=list(map(orjson.loads, metadatas)),
            own=_own(own),
            created_at=created_at,
            updated_at=updated_at,
        ),
    )


def _verify_heads(rows: Sequence[_HeadRow], path: Path) -> None:
    try:
        for slot, key, metadata, own, created_at, updated_at, checksum in rows:
            if checksum >> 32 != head_checksum(key, metadata, own, created_at, updated_at):
                _damaged(slot, key, path)
    except TypeError as error:
        raise corrupt(path, f"a document has a value of the wrong kind ({error})") from error


def _contents(rows: Sequence[_ContentRow], path: Path) -> StoredRows:
    for slot, key, content, checksum in rows:
        if type(content) is not bytes or checksum & _LOW_32 != content_checksum(content):
            _damaged(slot, key, path)
    return StoredRows(
        slots=[row[0] for row in rows],
        rows=DocumentRows(
            ids=[_text(row[1], path) for row in rows], contents=[row[2].decode() for row in rows]
        ),
    )


def field_rows(rows: Sequence[tuple[object, ...]], path: Path) -> list[FieldRow]:
    """Return rows that were selected for the metadata alone as what filters read, checked.

    Raises:
        CorruptStoreError: a row does not have its checksum.
    """
    heads = cast("Sequence[_HeadRow]", rows)
    _verify_heads(heads, path)
    return [
        (slot, key.decode(), metadata, None if own is None else _fields(own), created_at, updated_at)
        for slot, key, metadata, own, created_at, updated_at, _ in heads
    ]


def _own(cells: list[bytes | None]) -> list[OwnFields] | None:
    if cells.count(None) == len(cells):
        return None
    return [NO_OWN_FIELDS if cell is None else _fields(cell) for cell in cells]


def _fields(cell: bytes) -> OwnFields:
    return cast("OwnFields", tuple(orjson.loads(cell)))


def _text(cell: bytes, path: Path) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError as error:
        raise corrupt(path, f"an id is not UTF-8: {cell!r}") from error


def _damaged(slot: int, key: object, path: Path) -> NoReturn:
    raise corrupt(path, f"the document in slot {slot} with the id {key!r} does not have its checksum")
