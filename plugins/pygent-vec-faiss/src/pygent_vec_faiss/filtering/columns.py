"""The filter columns of a collection, read from the documents when a filter first asks for them."""

from __future__ import annotations

from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import orjson

from pygent_vec.filters import MISSING, Field, value_at
from pygent_vec.model import OWN_FIELDS
from pygent_vec_faiss.filtering.column import Column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pygent_vec.model import JsonObject, OwnFields, VectorBatch
    from pygent_vec_faiss.filtering.arrays import IntVector

__all__ = ["DocumentSource", "FilterColumns", "StoredFields"]

_CHUNK = 2048
_INSTANTS = ("created_at", "updated_at")
_LEAST_BUDGET = 64 * 2**20
_METADATA = "metadata"


StoredFields: TypeAlias = "tuple[int, str, bytes, OwnFields | None, int, int]"
"""Slot, id, metadata as JSON, own fields, created_at and updated_at in microseconds since 1970."""


class DocumentSource(Protocol):
    """Where columns are read from: the table of the documents."""

    def iterate(self) -> Iterable[StoredFields]:
        """Yield the fields of each document, in slot order."""
        ...


class FilterColumns:
    """The columns of the fields that filters have used, least recently used first.

    Readers may ask for columns from many threads at once. `append` and `renumber` need the caller's exclusive
    lock: no reader may be between asking for columns and the end of its use of them.

    Args:
        source: Read under the caller's shared lock, one pass for all columns that are asked for together.
        slots: How many slots there are.
        budget: Bytes a slot that all columns together may cost (and 64 MiB are always granted). Beyond it
            the least recently used are dropped, to be read again when they are needed.
    """

    def __init__(self, source: DocumentSource, *, slots: int, budget: int = 192) -> None:
        self._source = source
        self._slots = slots
        self._budget = budget
        self._columns: dict[Field, Column] = {}
        self._lock = Lock()  # held for moments, so that a filter does not wait while others' columns are read
        self._reading = Lock()

    def __len__(self) -> int:
        """The number of slots, dead ones included."""
        return self._slots

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields held in memory, least recently used first."""
        return tuple(self._columns)

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return sum(column.nbytes for column in tuple(self._columns.values()))

    def columns(self, fields: Iterable[Field]) -> dict[Field, Column]:
        """Return the columns of *fields*; those that are not in memory are read from the source."""
        distinct = list(dict.fromkeys(fields))
        wanted = self._held(distinct)
        if len(wanted) < len(distinct):
            with self._reading:
                wanted |= self._held(distinct)  # another reader may have read them meanwhile
                read = self._read([field for field in distinct if field not in wanted])
                wanted |= read
                with self._lock:
                    self._columns |= read
                    self._evict(wanted.keys())
        return wanted

    def _held(self, fields: Sequence[Field]) -> dict[Field, Column]:
        """Return the columns of *fields* that are in memory, as the most recently used ones."""
        with self._lock:
            held: dict[Field, Column] = {}
            for field in fields:
                column = self._columns.pop(field, None)
                # An append that failed halfway leaves short columns behind: they are read anew.
                if column is not None and len(column) == self._slots:
                    self._columns[field] = held[field] = column
            return held

    def append(
        self,
        batch: VectorBatch,
        *,
        rows: Sequence[int] | None = None,
        created_at: Sequence[int] | None = None,
    ) -> None:
        """Append the documents that were written to the next slots.

        Args:
            batch: As a backend receives it.
            rows: Which rows of the batch were written, in slot order; None means all.
            created_at: Of those rows, microseconds since 1970, where it is not the batch's own.
        """
        count = len(batch) if rows is None else len(rows)
        self._slots += count  # first: a column that fails to follow is seen to be short
        for field, column in self._columns.items():
            name = _source_of(field)
            if name == "created_at" and created_at is not None:
                values: Sequence[object] = created_at
            else:
                values = _batch_values(batch, name, rows)
            column.extend(_field_values(field, values))

    def renumber(self, slots: IntVector) -> None:
        """Give slot `slots[i]` the number `i`, after a compaction; other slots are forgotten."""
        self._columns = {
            field: column.taken(slots)
            for field, column in self._columns.items()
            if len(column) == self._slots
        }
        self._slots = len(slots)

    def _read(self, fields: Sequence[Field]) -> dict[Field, Column]:
        if not fields:
            return {}
        columns = {field: self._new(field) for field in fields}
        names = dict.fromkeys(map(_source_of, fields))
        rows = iter(self._source.iterate())
        while chunk := list(islice(rows, _CHUNK)):
            slots = np.fromiter((row[0] for row in chunk), np.int64, len(chunk))
            values = {name: _stored_values(chunk, name) for name in names}
            for field, column in columns.items():
                first = len(column)
                found = _field_values(field, values[_source_of(field)])
                column.extend(found, rows=slots - first, count=int(slots[-1]) + 1 - first)
        for column in columns.values():
            column.extend((), rows=np.empty(0, np.int64), count=self._slots - len(column))
        return columns

    def _new(self, field: Field) -> Column:
        return Column(capacity=self._slots, is_instant=field.own and field.path[0] in _INSTANTS)

    def _evict(self, in_use: Collection[Field]) -> None:
        """Drop the least recently used columns while all together cost too much, but none *in_use*."""
        excess = self.nbytes - max(_LEAST_BUDGET, self._budget * self._slots)
        for field in [field for field in self._columns if field not in in_use]:
            if excess <= 0:
                return
            excess -= self._columns.pop(field).nbytes


def _source_of(field: Field) -> str:
    return field.path[0] if field.own else _METADATA


def _field_values(field: Field, values: Sequence[object]) -> Sequence[object]:
    """Return the values of *field* from own values or metadata objects, `MISSING` where there is none."""
    if field.own:
        return [MISSING if value is None else value for value in values]
    metadatas: Sequence[JsonObject] = values  # type: ignore[assignment]  # metadata by construction
    if len(field.path) > 1:
        return [value_at(field, metadata, {}) for metadata in metadatas]
    key = field.path[0]
    return [metadata.get(key, MISSING) for metadata in metadatas]


def _stored_values(rows: Sequence[StoredFields], name: str) -> Sequence[object]:
    """Return one column of stored rows: the metadata objects, or an own field."""
    if name in OWN_FIELDS:
        place = OWN_FIELDS.index(name)
        return [None if own is None else own[place] for _, _, _, own, _, _ in rows]
    if name == _METADATA:
        return [orjson.loads(row[2]) for row in rows]
    place = {"id": 1, "created_at": 4, "updated_at": 5}[name]
    return [row[place] for row in rows]


def _batch_values(batch: VectorBatch, name: str, rows: Sequence[int] | None) -> Sequence[object]:
    """Return one column of the batch, of the given *rows*."""
    columns = {
        "id": batch.ids,
        "title": batch.titles,
        "source": batch.sources,
        "document_type": batch.document_types,
        "chunk_index": batch.chunk_indexes,
        "chunk_count": batch.chunk_counts,
        "created_at": None if batch.created_at is None else batch.created_at.tolist(),
        "updated_at": None if batch.updated_at is None else batch.updated_at.tolist(),
        _METADATA: batch.metadatas,
    }
    values: Sequence[object] | None = columns[name]
    if values is None:
        empty: object = {} if name == _METADATA else None
        values = [empty] * len(batch)
    return values if rows is None else [values[row] for row in rows]
