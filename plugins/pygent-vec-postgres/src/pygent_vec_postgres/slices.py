"""A batch as the columns of a table, in slices that are encoded without keeping an event loop waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec_postgres.codec import encode_document, encode_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pygent_vec.model import Int64Vector, VectorBatch

__all__ = ["SLICE_BYTES", "Slice", "own_columns", "portions", "slices", "times"]

SLICE_BYTES = 4 << 20
_ROW_BYTES = 1024
"""What a row costs besides its vector and texts, counted in bytes."""


@attrs.frozen(eq=False)
class Slice:
    """Some rows of a batch.

    Attributes:
        columns: The values of each of the table's columns, in their order.
    """

    columns: tuple[Sequence[object], ...]

    @property
    def ids(self) -> Sequence[object]:
        """The ids of the rows."""
        return self.columns[0]


def slices(batch: VectorBatch, order: Sequence[int], size: int = SLICE_BYTES) -> Iterator[Slice]:
    """Yield the rows of *batch* at the positions *order*, about *size* bytes at a time."""
    for rows, documents in portions(batch, order, size):
        yield _slice(batch, rows, documents)


def portions(
    batch: VectorBatch, order: Sequence[int], size: int
) -> Iterator[tuple[list[int], list[tuple[bytes, bytes]]]]:
    """Yield the positions *order*, about *size* bytes at a time, with their documents, encoded."""
    if batch.contents is None or batch.metadatas is None:
        raise TypeError("core gives a backend batches whose columns are set")
    fixed = _ROW_BYTES + 4 * batch.vectors.shape[1]
    rows: list[int] = []
    documents: list[tuple[bytes, bytes]] = []
    bytes_so_far = 0
    for row in order:
        document = encode_document(batch.metadatas[row])
        rows.append(row)
        documents.append(document)
        bytes_so_far += fixed + len(batch.contents[row]) + 2 * len(document[0])
        if bytes_so_far >= size:
            yield rows, documents
            rows, documents, bytes_so_far = [], [], 0
    if rows:
        yield rows, documents


def own_columns(batch: VectorBatch) -> tuple[Sequence[str | int | None] | None, ...]:
    """Return the columns of a document's own fields, in the order of the table's."""
    return (batch.titles, batch.sources, batch.document_types, batch.chunk_indexes, batch.chunk_counts)


def times(batch: VectorBatch, rows: Sequence[int]) -> tuple[Int64Vector, Int64Vector]:
    """Return when some rows were made and changed, in microseconds since 1970."""
    return np.asarray(batch.created_at)[rows], np.asarray(batch.updated_at)[rows]


def _slice(batch: VectorBatch, rows: list[int], documents: list[tuple[bytes, bytes]]) -> Slice:
    return Slice(
        (
            [batch.ids[row] for row in rows],
            encode_vectors(batch.vectors[rows]),
            [batch.contents[row] for row in rows],  # type: ignore[index]  # `portions` has looked
            [queryable for _, queryable in documents],
            [exact for exact, _ in documents],
            *(
                [None] * len(rows) if column is None else [column[row] for row in rows]
                for column in own_columns(batch)
            ),
            *(column.tolist() for column in times(batch, rows)),
        )
    )
