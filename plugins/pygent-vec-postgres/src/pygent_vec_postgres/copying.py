"""A batch as the stream that COPY reads: the binary format, made by whole columns where they allow it.

The driver encodes records value by value, through a Python call for each vector and each document; so made,
a row costs half of that.

Source: PostgreSQL's manual, COPY, "Binary Format".
"""

from __future__ import annotations

import struct
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec_postgres.codec import encode_vectors
from pygent_vec_postgres.schema.layout import COLUMNS
from pygent_vec_postgres.slices import own_columns, portions, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pygent_vec.model import VectorBatch

__all__ = ["copy_stream"]

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = b"\1"
_SIZE = struct.Struct(">i")
_ROW = struct.Struct(">hi")
_INTEGER = struct.Struct(">iq")
_TIMES = np.dtype([("size", ">i4"), ("created_at", ">i8"), ("again", ">i4"), ("updated_at", ">i8")])


def copy_stream(batch: VectorBatch, order: Sequence[int], size: int) -> Iterator[bytes]:
    """Yield the rows of *batch* at the positions *order*, about *size* bytes at a time."""
    yield _SIGNATURE
    for rows, documents in portions(batch, order, size):
        yield b"".join(_pieces(batch, rows, documents))
    yield _END


def _pieces(
    batch: VectorBatch, rows: Sequence[int], documents: Sequence[tuple[bytes, bytes]]
) -> Iterable[bytes]:
    """Return the parts of the stream of some rows, in order."""
    ids, contents, fields = batch.ids, batch.contents or (), len(COLUMNS)
    vectors = encode_vectors(batch.vectors[rows])
    vector_size = _SIZE.pack(len(vectors[0]))
    row_head, size_of = _ROW.pack, _SIZE.pack
    pieces: list[bytes] = []
    for row, vector, (exact, queryable), own, instants in zip(
        rows, vectors, documents, _own(batch, rows), _times(batch, rows), strict=False
    ):
        key, content = ids[row].encode(), contents[row].encode()
        pieces += (
            row_head(fields, len(key)),
            key,
            vector_size,
            vector,
            size_of(len(content)),
            content,
            size_of(1 + len(queryable)),
            _JSONB_VERSION,
            queryable,
            size_of(len(exact)),
            exact,
            own,
            instants,
        )
    return pieces


def _own(batch: VectorBatch, rows: Sequence[int]) -> Iterable[bytes]:
    """Return the own fields of each row."""
    columns = own_columns(batch)
    if all(column is None for column in columns):
        return repeat(_NULL * len(columns))
    return [b"".join(_value(None if column is None else column[row]) for column in columns) for row in rows]


def _value(value: str | int | None) -> bytes:
    if value is None:
        return _NULL
    if isinstance(value, int):
        return _INTEGER.pack(8, value)
    text = value.encode()
    return _SIZE.pack(len(text)) + text


def _times(batch: VectorBatch, rows: Sequence[int]) -> Iterable[bytes]:
    """Return the timestamps of each row."""
    made = np.empty(len(rows), dtype=_TIMES)
    made["size"] = made["again"] = 8
    made["created_at"], made["updated_at"] = times(batch, rows)
    whole = made.tobytes()
    return [whole[start : start + _TIMES.itemsize] for start in range(0, len(whole), _TIMES.itemsize)]
