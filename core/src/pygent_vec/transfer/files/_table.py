"""Documents as an Arrow table: its schema, and the way there and back."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from pygent_vec.errors import CorruptStoreError
from pygent_vec.model import VectorBatch
from pygent_vec.transfer._json import json_text, sure_objects
from pygent_vec.transfer.files._formats import arrow
from pygent_vec.transfer.files._lines import HEADER, RowError, description_from, description_json, parsed
from pygent_vec.transfer.files._typed import column_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from pygent_vec.transfer._ends import Description

__all__ = [
    "METADATA_PREFIX",
    "batch_of",
    "described",
    "encoded",
    "flat_vectors",
    "schema_of",
    "table_of",
    "typed_array",
]

METADATA_PREFIX = "metadata."
"""What the typed columns' names begin with."""
_OWN_COLUMNS = {
    "title": ("titles", "string"),
    "source": ("sources", "string"),
    "document_type": ("document_types", "string"),
    "chunk_index": ("chunk_indexes", "int64"),
    "chunk_count": ("chunk_counts", "int64"),
}


def schema_of(description: Description, typed: Mapping[str, str]) -> pa.Schema:
    """Return the schema of a collection's table.

    Args:
        description: The collection.
        typed: The metadata keys that get a column, with their kinds.
    """
    pa = arrow()
    instant = pa.timestamp("us", tz="UTC")
    element = pa.field("element", pa.float32(), nullable=False)
    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("embedding", pa.list_(element, description.dimension)),
        pa.field("content", pa.string(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
        *(pa.field(name, pa.type_for_alias(kind)) for name, (_, kind) in _OWN_COLUMNS.items()),
        pa.field("created_at", instant),
        pa.field("updated_at", instant),
        *(pa.field(f"{METADATA_PREFIX}{key}", pa.type_for_alias(kind)) for key, kind in typed.items()),
    ]
    header = json.dumps(description_json(description), ensure_ascii=False)
    return pa.schema(fields, metadata={HEADER: header})


def described(schema: pa.Schema, name: str) -> Description | None:
    """Return what a table of ours says of its collection; None for another's table.

    Raises:
        CorruptStoreError: it cannot be read, or is of a newer version.
    """
    text = (schema.metadata or {}).get(HEADER.encode())
    if text is None:
        return None
    try:
        return description_from(parsed(text), name)
    except RowError as error:
        raise CorruptStoreError(f"{name!r}: what it says of its collection is damaged: {error}") from error


def table_of(batch: VectorBatch, schema: pa.Schema, typed: Mapping[str, str]) -> pa.Table:
    """Return a batch that a store gave as a table of *schema*."""
    pa = arrow()
    count = len(batch)
    metadatas = batch.metadatas or [{}] * count
    columns = [
        pa.array(batch.ids, pa.string()),
        _vector_array(batch.vectors, schema),
        pa.array(batch.contents or [""] * count, pa.string()),
        pa.array(encoded(metadatas), pa.string()),
        *(
            _optional(getattr(batch, column), count, pa.type_for_alias(kind))
            for column, kind in _OWN_COLUMNS.values()
        ),
        *(
            _optional(times, count, pa.timestamp("us", tz="UTC"))
            for times in (batch.created_at, batch.updated_at)
        ),
        *(typed_array(metadatas, key, kind) for key, kind in typed.items()),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def typed_array(metadatas: Sequence[Mapping[str, object]], key: str, kind: str) -> pa.Array:
    """Return the column of a metadata key."""
    pa = arrow()
    return pa.array(column_of(metadatas, key, kind), pa.type_for_alias(kind))


def batch_of(table: pa.RecordBatch) -> tuple[VectorBatch, list[tuple[int, str]]]:
    """Return the documents of a table of ours, and the places and faults of unreadable metadata."""
    metadatas, faults = _metadatas(table.column("metadata").to_pylist())
    batch = VectorBatch(
        ids=table.column("id").to_pylist(),
        vectors=flat_vectors(table.column("embedding"), table.column("embedding").type.list_size),
        contents=table.column("content").to_pylist(),
        metadatas=metadatas,
        created_at=_micros(table.column("created_at")),
        updated_at=_micros(table.column("updated_at")),
        **{
            column: None if table.column(name).null_count == len(table) else table.column(name).to_pylist()
            for name, (column, _) in _OWN_COLUMNS.items()
        },
    )
    return batch, faults


def _metadatas(texts: Sequence[str | None]) -> tuple[list[Any], list[tuple[int, str]]]:
    """Return the objects in *texts*, and the places and faults of those in which there is none."""
    faults: list[tuple[int, str]] = []
    metadatas: list[Any] = [*sure_objects(texts)]
    for place, found in enumerate(metadatas):
        if found is None:
            try:
                text = texts[place]
                metadatas[place] = parsed("null" if text is None else text)
            except RowError as error:
                metadatas[place] = {}
                faults.append((place, f"metadata: {error}"))
    return metadatas, faults


def encoded(values: Sequence[object]) -> list[str]:
    """Return each of some values as JSON, made in one call of the encoder.

    The text is cut where a mark stands that is made for this call: no document has such a random number.

    >>> encoded([{"a": [1, 1.0]}, {}])
    ['{"a":[1,1.0]}', '{}']
    """
    if not values:
        return []
    mark = str(secrets.randbits(128))
    marked = [part for value in values for part in (value, mark)][:-1]
    return json_text(marked)[1:-1].split(f',"{mark}",')


def flat_vectors(column: pa.Array, dimension: int) -> np.ndarray:
    """Return lists of equal length as float32 `[n, d]`; a null among the numbers becomes NaN."""
    values = column.flatten().to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):  # an infinity is refused at the store's door, with its row
        return np.ascontiguousarray(values.reshape(len(column), dimension), dtype=np.float32)


def _vector_array(vectors: np.ndarray, schema: pa.Schema) -> pa.Array:
    pa = arrow()
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, type=schema.field("embedding").type)


def _optional(column: Sequence[object] | np.ndarray | None, count: int, kind: pa.DataType) -> pa.Array:
    pa = arrow()
    if column is None:
        return pa.nulls(count, kind)
    return (
        pa.array(column, pa.int64()).cast(kind) if isinstance(column, np.ndarray) else pa.array(column, kind)
    )


def _micros(column: pa.Array) -> np.ndarray | None:
    if column.null_count == len(column):
        return None
    pa = arrow()
    micros: np.ndarray = column.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.int64)
    return micros
