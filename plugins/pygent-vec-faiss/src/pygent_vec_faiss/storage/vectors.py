"""The vector file: the rows of an append-only float32 matrix, as their bits were given."""

from __future__ import annotations

import mmap
import os
import threading
from typing import TYPE_CHECKING

import attrs
import numpy as np
from xxhash import xxh3_64

from pygent_vec_faiss.storage.failures import corrupt, storage_error
from pygent_vec_faiss.storage.integrity import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pygent_vec.model import Float32Matrix, Int64Vector

__all__ = ["VectorFile", "VectorState", "vector_file_name"]

_CHUNK_BYTES = 1 << 20
_FEW_ROWS = 512
"""Up to here looking for neighbouring rows costs more than it saves."""


@attrs.frozen(kw_only=True)
class VectorState:
    """Which vector file belongs to a commit, and what it must hold.

    Attributes:
        generation: The file's number; each compaction writes the next one.
        watermark: How many rows count; bytes behind them are a torn append.
        digest: xxh3_64 of the bytes below the watermark.
    """

    generation: int
    watermark: int = 0
    digest: int = attrs.field(factory=lambda: xxh3_64().intdigest())


def vector_file_name(generation: int) -> str:
    """Return the name of a generation's vector file."""
    return f"vectors-{generation}.f32"


class VectorFile:
    """One generation of a collection's vectors: row `slot` is the vector of that slot.

    One thread at a time may append; any number may read rows that were appended before.
    """

    def __init__(self, folder: Path, dimension: int, generation: int, flags: int) -> None:
        self.path = folder / vector_file_name(generation)
        self._generation = generation
        self._dimension = dimension
        self._row_bytes = dimension * 4
        self._count = 0
        self._hasher = xxh3_64()
        self._undo = (0, self._hasher.copy())
        self._mapped: mmap.mmap | None = None
        self._matrix: Float32Matrix = np.empty((0, dimension), dtype="<f4")
        self._mapping = threading.Lock()
        try:
            self._descriptor = os.open(self.path, flags | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise storage_error(error, self.path) from error

    @classmethod
    def create(cls, folder: Path, *, dimension: int, generation: int = 0) -> VectorFile:
        """Make an empty file in *folder*, durably; a leftover of the same name is emptied.

        Raises:
            BackendError: the file system refuses.
        """
        file = cls(folder, dimension, generation, os.O_CREAT | os.O_TRUNC)
        try:
            sync_directory(folder)
        except OSError as error:
            file.close()
            raise storage_error(error, file.path) from error
        return file

    @classmethod
    def open(cls, folder: Path, *, dimension: int, state: VectorState) -> VectorFile:
        """Open the file of *state*: verify its rows, and cut off a torn tail.

        Raises:
            CorruptStoreError: it is missing, shorter than the watermark, or its bytes differ from the digest.
            BackendError: the file system refuses.
        """
        path = folder / vector_file_name(state.generation)
        if not path.exists():
            raise corrupt(path, f"the file is missing; it should hold {state.watermark} vectors")
        file = cls(folder, dimension, state.generation, 0)
        try:
            file._verify(state)
        except OSError as error:
            file.close()
            raise storage_error(error, path) from error
        except BaseException:
            file.close()
            raise
        return file

    def _verify(self, state: VectorState) -> None:
        size, needed = os.fstat(self._descriptor).st_size, state.watermark * self._row_bytes
        if size < needed:
            raise corrupt(
                self.path, f"it has {size} bytes, and {state.watermark} committed vectors need {needed}"
            )
        self._count = state.watermark
        for _, piece in self.chunks():
            self._hasher.update(piece.data)
        if self._hasher.intdigest() != state.digest:
            raise corrupt(self.path, f"the {state.watermark} committed vectors do not have their checksum")
        self._undo = (self._count, self._hasher.copy())
        if size > needed:
            os.ftruncate(self._descriptor, needed)
            os.fsync(self._descriptor)

    @property
    def count(self) -> int:
        """How many rows were appended."""
        return self._count

    @property
    def state(self) -> VectorState:
        """What to commit with the documents of the rows that were appended."""
        return VectorState(
            generation=self._generation, watermark=self._count, digest=self._hasher.intdigest()
        )

    @property
    def disk_bytes(self) -> int:
        """The size of the rows in bytes."""
        return self._count * self._row_bytes

    def append(self, vectors: Float32Matrix, *, durable: bool = True) -> int:
        """Write rows behind the last one; return the slot of the first. On failure nothing is kept.

        Args:
            vectors: float32 `[n, d]`, C-contiguous.
            durable: Whether to wait until they survive a power failure; if not, `sync` before the commit.

        Raises:
            BackendError: the disk is full or failed; the file is as it was.
        """
        first, rows = self._count, np.ascontiguousarray(vectors, dtype="<f4")
        body = rows.data.cast("B") if rows.size else memoryview(b"")
        offset = first * self._row_bytes
        try:
            while body:
                done = os.pwrite(self._descriptor, body, offset)
                body, offset = body[done:], offset + done
            if durable:
                os.fdatasync(self._descriptor)
        except OSError as error:
            self._cut(first)
            raise storage_error(error, self.path) from error
        self._undo = (first, self._hasher.copy())
        self._hasher.update(rows.data)
        self._count = first + len(rows)
        return first

    def sync(self) -> None:
        """Make all appended rows durable.

        Raises:
            BackendError: the disk failed; open the store again.
        """
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def undo_append(self) -> None:
        """Forget the last append, whose documents were not committed; the next one writes over it.

        The bytes stay: a commit that failed half-way may still turn out to be on disk after a crash.
        """
        self._count, self._hasher = self._undo[0], self._undo[1].copy()

    def _cut(self, rows: int) -> None:
        try:
            os.ftruncate(self._descriptor, rows * self._row_bytes)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def matrix(self) -> Float32Matrix:
        """Return a read-only view of all rows in a map of the file, float32 `[count, d]`.

        The map is renewed when the file has grown; older views stay valid. Touched pages count as resident
        memory, so prefer `rows` and `chunks` where a copy in memory exists.
        """
        matrix = self._matrix
        return matrix if len(matrix) == self._count else self._remapped()

    def _remapped(self) -> Float32Matrix:
        with self._mapping:
            count = self._count
            if len(self._matrix) < count:
                size = count * self._row_bytes
                try:
                    mapped = mmap.mmap(self._descriptor, size, prot=mmap.PROT_READ)
                except OSError as error:
                    raise storage_error(error, self.path) from error
                self._mapped = mapped
                self._matrix = np.frombuffer(mapped, dtype="<f4").reshape(count, self._dimension)
            matrix = self._matrix
            return matrix if len(matrix) == count else matrix[:count]

    def release(self, start: int, stop: int) -> None:
        """Take the pages of the rows `[start, stop)` of `matrix` out of this process; they are read again."""
        mapped = self._mapped
        if mapped is None or not hasattr(mmap, "MADV_DONTNEED"):
            return
        first = start * self._row_bytes // mmap.PAGESIZE * mmap.PAGESIZE
        length = min(stop * self._row_bytes, len(mapped)) - first
        if length > 0:
            mapped.madvise(mmap.MADV_DONTNEED, first, length)

    def rows(self, slots: Int64Vector) -> Float32Matrix:
        """Return a copy of some rows in the order of *slots*, float32 `[n, d]`, without touching the map.

        In a larger gather neighbouring slots are read together.

        Raises:
            CorruptStoreError: the file ends before one of them.
        """
        if len(slots) <= _FEW_ROWS:
            return self._few_rows(slots.tolist())
        out = np.empty((len(slots), self._dimension), dtype="<f4")
        starts = np.concatenate(([0], np.flatnonzero(np.diff(slots) != 1) + 1))
        ends = [*starts[1:].tolist(), len(slots)]
        for start, end, slot in zip(starts.tolist(), ends, slots[starts].tolist(), strict=True):
            self._read(out[start:end], slot)
        return out

    def _few_rows(self, slots: list[int]) -> Float32Matrix:
        """Return the rows of *slots*, each by one call of the system: a search does this for its results."""
        size, descriptor = self._row_bytes, self._descriptor
        try:
            body = b"".join([os.pread(descriptor, size, slot * size) for slot in slots])
        except OSError as error:
            raise storage_error(error, self.path) from error
        if len(body) != size * len(slots):
            raise corrupt(self.path, f"it ends inside of the rows {slots}, which were committed")
        return np.frombuffer(bytearray(body), dtype="<f4").reshape(len(slots), self._dimension)

    def chunks(self, start: int = 0, rows: int | None = None) -> Iterator[tuple[int, Float32Matrix]]:
        """Yield `(first slot, float32 [m, d])` over all rows from *start* on, read without the map.

        Args:
            start: The first slot.
            rows: How many rows a piece has; by default about 1 MiB. The array is used again for the next one.
        """
        step = rows or max(1, _CHUNK_BYTES // self._row_bytes)
        buffer = np.empty((step, self._dimension), dtype="<f4")
        for first in range(start, self._count, step):
            piece = buffer[: min(step, self._count - first)]
            self._read(piece, first)
            yield first, piece

    def read_into(self, out: Float32Matrix, start: int = 0) -> None:
        """Fill *out*, float32 `[n, d]` and C-contiguous, with the rows from *start* on."""
        self._read(out, start)

    def _read(self, out: Float32Matrix, slot: int) -> None:
        view, offset = out.data.cast("B"), slot * self._row_bytes
        while view:
            try:
                done = os.preadv(self._descriptor, [view], offset)
            except OSError as error:
                raise storage_error(error, self.path) from error
            if not done:
                raise corrupt(self.path, f"it ends at byte {offset}, inside of the rows that were committed")
            view, offset = view[done:], offset + done

    def close(self) -> None:
        """Close the file; views of the map stay valid. Without effect if it is closed."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
