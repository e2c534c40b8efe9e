"""What a document is, bit for bit, as a number that can be added up."""

from __future__ import annotations

from hashlib import sha256
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.transfer._json import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pygent_vec.model import Int64Vector, VectorBatch

__all__ = ["COLUMNS", "added", "digest_text", "row_digests"]

COLUMNS = (
    "contents",
    "metadatas",
    "titles",
    "sources",
    "document_types",
    "chunk_indexes",
    "chunk_counts",
    "created_at",
    "updated_at",
)
"""The columns of a batch beside its ids and vectors."""

_BYTES = 16
_MODULUS = 1 << (8 * _BYTES)


def row_digests(batch: VectorBatch) -> list[int]:
    """Return a 128-bit number for each row, the same on every machine for the same document.

    It is the first half of SHA-256 of the row's fields as texts, each behind the last with a NUL between,
    which no text of a document may hold; and of the vector's float32 bytes, little-endian. Metadata is JSON
    with sorted keys: that keeps 1, 1.0 and true apart, and writes each float so that its bits come back.
    """
    vectors = np.ascontiguousarray(batch.vectors, dtype="<f4")
    width = vectors[0].nbytes if len(batch) else 0
    data = vectors.data.cast("B") if width else memoryview(b"")
    fields = zip(
        batch.ids,
        batch.contents or repeat("", len(batch)),
        _metadata_texts(batch),
        _own_texts(batch),
        _times(batch.created_at, len(batch)),
        _times(batch.updated_at, len(batch)),
        range(0, len(data) + 1, width) if width else repeat(0, len(batch)),
        strict=False,  # a range has one more
    )
    return [
        int.from_bytes(
            sha256(
                f"{id}\0{content}\0{metadata}\0{own}\0{created}\0{updated}\0".encode("utf-8", "surrogatepass")
                + data[start : start + width]
            ).digest()[:_BYTES]
        )
        for id, content, metadata, own, created, updated, start in fields
    ]


def _metadata_texts(batch: VectorBatch) -> Sequence[str]:
    """Return each metadata as JSON, encoded in one call and cut where no text of a document can be."""
    if batch.metadatas is None:
        return ["{}"] * len(batch)
    between: list[object] = ["\0"] * (2 * len(batch) - 1)
    between[::2] = batch.metadatas
    texts = json_text(between, sort_keys=True)[1:-1].split(',"\\u0000",')
    return texts if len(texts) == len(batch) else [json_text(one, sort_keys=True) for one in batch.metadatas]


def _own_texts(batch: VectorBatch) -> Iterable[str]:
    columns: list[Sequence[object] | None] = [
        *(batch.titles, batch.sources, batch.document_types),
        *(batch.chunk_indexes, batch.chunk_counts),
    ]
    if all(column is None for column in columns):
        return repeat("\0" * (len(columns) - 1), len(batch))
    rows = zip(*(repeat(None, len(batch)) if one is None else one for one in columns), strict=True)
    return ["\0".join("" if value is None else f"={value}" for value in row) for row in rows]


def _times(column: Int64Vector | None, rows: int) -> Iterable[object]:
    return repeat("", rows) if column is None else column.tolist()


def added(*digests: int) -> int:
    """Return the digest of a set of documents, given the digests of its parts; their order is the same to it.

    A sum modulo 2**128: additive multiset hashing (Bellare and Micciancio, 1997).
    """
    return sum(digests) % _MODULUS


def digest_text(digest: int) -> str:
    """Return a digest as 32 hexadecimal digits."""
    return f"{digest:0{2 * _BYTES}x}"
