"""Writing Parquet: row groups of bounded size, and columns for the metadata keys that allow it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec.errors import InvalidDocumentError
from pygent_vec.transfer.files._atomic import AtomicFile, writing_to
from pygent_vec.transfer.files._formats import arrow, parquet
from pygent_vec.transfer.files._lines import parsed
from pygent_vec.transfer.files._table import METADATA_PREFIX, schema_of, table_of, typed_array
from pygent_vec.transfer.files._typed import MOST_KEYS, KeyKinds

if TYPE_CHECKING:
    from typing import IO

    import pyarrow as pa
    import pyarrow.parquet as pq

    from pygent_vec.model import VectorBatch
    from pygent_vec.transfer._ends import Description

__all__ = ["ParquetWriter", "table_options"]

_GROUP_ROWS = 10_000
_GROUP_BYTES = 16 << 20
"""A row group ends with the batch that reaches one of them."""
_TEXTS = ("content", "title", "source", "document_type")


def table_options(schema: pa.Schema) -> dict[str, object]:
    """Return how a table of *schema* is written: zstd, checksums, dictionaries where values repeat."""
    repeating = [name for name in schema.names if name in _TEXTS[1:] or name.startswith(METADATA_PREFIX)]
    return {
        "compression": "zstd",
        "use_dictionary": repeating,
        "write_page_checksum": True,
        "write_statistics": ["id", *repeating],
        "store_schema": True,
    }


class ParquetWriter:
    """Writes a table into a file that becomes visible when it is whole.

    Which metadata keys have values of one kind is known at the end only. The first row group makes a guess,
    and if that was wrong, the columns are written once more from the file itself.

    Args:
        name: What messages call the file.
        path: Where it goes; None means the standard output.
        overwrite: Whether it may exist.
    """

    def __init__(self, name: str, *, path: Path | None, overwrite: bool) -> None:
        arrow()
        self.name = name
        self.notes: list[str] = []
        self._path = path
        self._overwrite = overwrite
        self._kinds = KeyKinds()
        self._first: list[VectorBatch] = []
        self._waiting: list[pa.Table] = []
        self._rows = self._bytes = 0
        self._typed: dict[str, str] = {}
        self._writer: pq.ParquetWriter | None = None
        self._sink: IO[bytes] | pa.NativeFile
        self._thread = ThreadPoolExecutor(1, "pygent-vec-parquet")
        self._writing: Future[None] | None = None
        self._target: AtomicFile | _Standard
        self._begun = False

    def begin(self, description: Description) -> None:
        """Make the file."""
        self._description = description
        if self._path is None:
            self._target = _Standard()
        else:
            self._target = AtomicFile(self._path, overwrite=self._overwrite)
        self._begun = True

    def write(self, batch: VectorBatch) -> None:
        """Take documents; they are written once there are enough for a row group."""
        self._kinds.watch(batch.metadatas or ())
        if self._writer is None:
            self._first.append(batch)
        else:
            self._waiting.append(self._table(batch))
        self._rows += len(batch)
        self._bytes += batch.vectors.nbytes + sum(map(len, batch.contents or ()))
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._end_group()

    def finish(self) -> None:
        """Write what is left, set the columns right, and make the file visible."""
        self._end_group()
        self._wait()
        self._close()
        right = self._kinds.columns()
        if right != self._typed:
            self._rewrite(right)
        if self._kinds.unwatched:
            self.notes.append(f"more than {MOST_KEYS} metadata keys: the others have no column of their own")
        self._thread.shutdown()
        self._target.commit()

    def discard(self) -> None:
        """Leave no file behind."""
        self._thread.shutdown()
        if self._writer is not None:
            with suppress(OSError, ValueError):  # its file is thrown away, whether it could be ended or not
                self._writer.close()
            with suppress(OSError):
                self._end_sink()
            self._writer = None
        if self._begun:
            self._target.discard()

    def _end_group(self) -> None:
        """Hand a row group to the thread that writes; the next one is gathered meanwhile."""
        if self._writer is None:
            self._typed = self._kinds.columns()
            self._open(self._typed)
            self._waiting, self._first = [self._table(batch) for batch in self._first], []
        tables, self._waiting = self._waiting, []
        self._rows = self._bytes = 0
        self._wait()
        if tables:
            self._writing = self._thread.submit(self._write_group, tables)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _write_group(self, tables: list[pa.Table]) -> None:
        table = arrow().concat_tables(tables)
        if self._writer is not None:
            with writing_to(self.name):
                self._writer.write_table(table, row_group_size=max(1, len(table)))

    def _table(self, batch: VectorBatch) -> pa.Table:
        try:
            return table_of(batch, self._schema, self._typed)
        except (ValueError, TypeError) as error:  # Arrow's own errors are among them
            raise InvalidDocumentError(f"a document fits no table: {error}") from error

    def _open(self, typed: dict[str, str]) -> pq.ParquetWriter:
        """Begin the table."""
        self._schema = schema_of(self._description, typed)
        with writing_to(self.name):
            self._sink = _arrows(self._target.file)
            writer = parquet().ParquetWriter(self._sink, self._schema, **table_options(self._schema))
        self._writer = writer
        return writer

    def _close(self) -> None:
        if self._writer is not None:
            with writing_to(self.name):
                self._writer.close()
                self._end_sink()
            self._writer = None

    def _end_sink(self) -> None:
        if self._sink is not self._target.file:
            self._sink.close()

    def _rewrite(self, right: dict[str, str]) -> None:
        """Write the row groups again, with the columns of *right*."""
        pa = arrow()
        with writing_to(self.name), tempfile.TemporaryFile(dir=self._target.directory) as spool:
            self._target.file.flush()
            self._target.file.seek(0)
            shutil.copyfileobj(self._target.file, spool, 1 << 20)
            spool.seek(0)
            self._target.file.seek(0)
            self._target.file.truncate()
            old = self._typed
            kept = {key for key, kind in right.items() if old.get(key) == kind}
            with parquet().ParquetFile(spool) as source:
                writer = self._open(right)
                for group in range(source.num_row_groups):
                    table = source.read_row_group(group)
                    texts = table.column("metadata").to_pylist() if len(kept) < len(right) else []
                    metadatas = [parsed(text) for text in texts]
                    columns = [
                        table.column(field.name)
                        if not field.name.startswith(METADATA_PREFIX)
                        or (key := field.name.removeprefix(METADATA_PREFIX)) in kept
                        else typed_array(metadatas, key, right[key])
                        for field in self._schema
                    ]
                    remade = pa.Table.from_arrays(columns, schema=self._schema)
                    writer.write_table(remade, row_group_size=max(1, len(remade)))
                self._close()


def _arrows(file: IO[bytes]) -> IO[bytes] | pa.NativeFile:
    """Return the file as one of Arrow's own: into Python's it writes only in turns with Python's threads."""
    place = Path(f"/dev/fd/{file.fileno()}")
    return arrow().OSFile(str(place), "wb") if place.exists() else file


class _Standard:
    """The standard output: the table is made in a temporary file and then passed on."""

    directory = None

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed at the end

    def commit(self) -> None:
        self.file.seek(0)
        shutil.copyfileobj(self.file, sys.stdout.buffer, 1 << 20)
        sys.stdout.buffer.flush()
        self.file.close()

    def discard(self) -> None:
        self.file.close()
