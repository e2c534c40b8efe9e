"""Reading Parquet: our own tables, and those that others have made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.errors import ConfigError, CorruptStoreError, shown
from pygent_vec.model import VectorBatch
from pygent_vec.transfer._ends import Description
from pygent_vec.transfer.files._columns import Columns, chosen_columns, plain_values
from pygent_vec.transfer.files._formats import arrow, parquet
from pygent_vec.transfer.files._jsonl import fingerprint_of
from pygent_vec.transfer.files._options import ROW_NUMBERS
from pygent_vec.transfer.files._reader import Rows
from pygent_vec.transfer.files._seen import SeenIds
from pygent_vec.transfer.files._streams import STANDARD, existing
from pygent_vec.transfer.files._table import batch_of, described, flat_vectors, schema_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

    from pygent_vec.transfer.files._faults import Rejections
    from pygent_vec.transfer.files._options import ReadOptions

__all__ = ["ParquetReader"]

_OWN = (
    "id", "embedding", "content", "metadata", "title", "source", "document_type", "chunk_index",
    "chunk_count", "created_at", "updated_at",
)  # fmt: skip
_BUFFER = 1 << 20


class ParquetReader:
    """Reads a table of ours as it was written, and another's by a choice of its columns."""

    noun = "row"

    def __init__(self, name: str, *, options: ReadOptions, rejections: Rejections) -> None:
        if name == STANDARD:
            raise ConfigError("Parquet is read from its end, so it cannot come from a pipe; save it first")
        self.name = name
        self.notes: list[str] = []
        self._options = options
        self._rejections = rejections
        self._file: pq.ParquetFile | None = None
        self._columns: Columns | None = None
        self._described: Description | None = None
        self._seen = SeenIds()

    def describe(self) -> Description:
        """Return what the file says of its collection, or what its schema shows."""
        if self._described is None:
            file = self._opened()
            ours = described(file.schema_arrow, self.name)
            if ours is not None:
                self._options.refuse(
                    ("id_column", "vector_column", "content_column", "metadata_columns"),
                    f"{self.name!r}, which pygent-vec has written,",
                )
                self._check_own(file.schema_arrow, ours)
                self._described = attrs.evolve(ours, count=file.metadata.num_rows)
            else:
                self._described = self._of_others(file)
        return self._described

    def fingerprint(self) -> str | None:
        """Return the file's size and time."""
        return fingerprint_of(self.name)

    def rows(self, after: int) -> Iterator[Rows]:
        """Yield the documents behind a row."""
        dimension = self.describe().dimension
        names = list(_OWN) if self._columns is None else self._columns.names
        number = 0
        with closing(self._parts(names)) as parts:
            for part in parts:
                first, number = number + 1, number + len(part)
                if first <= after:
                    skipped = part.slice(0, after - first + 1)
                    self._seen.add([one for one in self._ids(skipped, first) if isinstance(one, str)])
                    part, first = part.slice(len(skipped)), first + len(skipped)  # noqa: PLW2901  # the rest of it
                rows = self._rows(part, first, dimension) if len(part) else None
                if rows is not None:
                    yield rows

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> pq.ParquetFile:
        if self._file is None:
            path = existing(self.name)
            with self._damage("its footer"):
                self._file = parquet().ParquetFile(
                    path, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
                )
        return self._file

    def _parts(self, names: Sequence[str]) -> Generator[pa.RecordBatch, None, None]:
        number = 0
        parts = self._opened().iter_batches(self._options.batch_rows, columns=names, use_threads=False)
        with ThreadPoolExecutor(1, "pygent-vec-parquet") as thread:
            coming = thread.submit(next, parts, None)
            while True:
                with self._damage(f"row {number:,}"):
                    part = coming.result()
                if part is None:
                    return
                coming = thread.submit(next, parts, None)  # Arrow decodes it beside Python's work on this one
                yield part
                number += len(part)

    def _rows(self, part: pa.RecordBatch, first: int, dimension: int) -> Rows | None:
        numbers, last = np.arange(first, first + len(part)), first + len(part) - 1
        faults = self._vector_faults(part, dimension)
        ids = self._ids(part, first)
        faults.update(
            (place, "the id is missing")
            for place, one in enumerate(ids)
            if one is None and place not in faults
        )
        fit = np.array([place for place in range(len(part)) if place not in faults], dtype=np.int64)
        if len(fit) < len(part):
            part = part.take(arrow().array(fit))
            numbers = numbers[fit]
        batch, unreadable = self._batch(part, [ids[place] for place in fit])
        for place, reason in sorted([*faults.items()]):
            self._reject(first + place, reason, ids[place])
        twice = dict.fromkeys(self._seen.add(batch.ids), "the id was given before in this file")
        spoiled = {**twice, **dict(unreadable)}
        for place, reason in sorted(spoiled.items()):
            self._reject(int(numbers[place]), reason, batch.ids[place])
        if len(spoiled) == len(batch):
            return None
        if spoiled:
            places = [place for place in range(len(batch)) if place not in spoiled]
            batch, numbers = batch.take(places), numbers[places]
        return Rows(batch=batch, numbers=numbers.tolist(), last=last)

    def _batch(self, part: pa.RecordBatch, ids: Sequence[str]) -> tuple[VectorBatch, list[tuple[int, str]]]:
        if self._columns is None:
            return batch_of(part)
        columns = self._columns
        keys = {name: plain_values(part.column(name), name, self.notes) for name in columns.metadata}
        metadatas: list[dict[str, object]] = [
            dict(zip(keys, values, strict=True)) for values in zip(*keys.values(), strict=True)
        ] or [{} for _ in ids]
        if columns.spread is not None:
            for metadata, spread in zip(metadatas, part.column(columns.spread).to_pylist(), strict=True):
                metadata.update(spread or {})
        contents = None if columns.content is None else part.column(columns.content).to_pylist()
        batch = VectorBatch(
            ids=ids,
            vectors=flat_vectors(part.column(columns.vector), self.describe().dimension),
            contents=None if contents is None else ["" if text is None else text for text in contents],
            metadatas=metadatas,
        )
        return batch, []

    def _ids(self, part: pa.RecordBatch, first: int) -> list[str | None]:
        name = "id" if self._columns is None else self._columns.id
        if name == ROW_NUMBERS:
            return [str(first + place) for place in range(len(part))]
        values = part.column(name).to_pylist()
        return [None if one is None else str(one) for one in values]

    def _vector_faults(self, part: pa.RecordBatch, dimension: int) -> dict[int, str]:
        column = part.column("embedding" if self._columns is None else self._columns.vector)
        import pyarrow.compute as pc

        lengths = pc.list_value_length(column).fill_null(-1).to_numpy(zero_copy_only=False)
        return {
            int(place): "its vector is missing"
            if lengths[place] < 0
            else f"its vector has dimension {lengths[place]}, the file's is {dimension}"
            for place in np.flatnonzero(lengths != dimension)
        }

    def _reject(self, number: int, reason: str, one: str | None) -> None:
        self._rejections.add(self.name, f"row {number:,}", reason, id=one)

    def _check_own(self, schema: pa.Schema, description: Description) -> None:
        usual = schema_of(description, {})
        types = {field.name: field.type for field in schema}
        changed = [name for name in _OWN if types.get(name) != usual.field(name).type]
        if changed:
            raise ConfigError(
                f"{self.name!r} was written by pygent-vec, and its columns {', '.join(changed)} were changed "
                "or removed since; export it again, or drop its key-value metadata and name the columns"
            )

    def _of_others(self, file: pq.ParquetFile) -> Description:
        schema = file.schema_arrow
        self._columns = chosen_columns(schema, self._options, self.name)
        self.notes.extend(self._columns.notes)
        types = arrow().types
        if self._columns.id != ROW_NUMBERS:
            kind = schema.field(self._columns.id).type
            if types.is_integer(kind):
                self.notes.append(f"the integers of the column {self._columns.id} become texts")
            elif not (types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind)):
                raise ConfigError(f"{self.name!r}: the column {self._columns.id} is {kind}, which is no id")
        kind = schema.field(self._columns.vector).type
        if types.is_fixed_size_list(kind):
            dimension = kind.list_size
        elif types.is_list(kind) or types.is_large_list(kind):
            dimension = self._first_length(self._columns.vector)
        else:
            raise ConfigError(
                f"{self.name!r}: the column {self._columns.vector} is {kind}, which is no vector"
            )
        if not (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)):
            raise ConfigError(f"{self.name!r}: the column {self._columns.vector} holds {kind.value_type}")
        return Description(collection="", dimension=dimension, count=file.metadata.num_rows)

    def _first_length(self, name: str) -> int:
        with closing(self._parts([name])) as parts:
            for value in (value for part in parts for value in part.column(0)):
                if value.is_valid:
                    return len(value)
        raise ConfigError(f"{self.name!r}: the column {shown(name)} holds no vector")

    @contextmanager
    def _damage(self, place: str) -> Iterator[None]:
        try:
            yield
        except (OSError, arrow().ArrowException) as error:
            raise CorruptStoreError(
                f"{self.name!r} is no whole Parquet file: at {place}: {error}. Fetch or make it again; "
                "what was read before it may be written already"
            ) from error
