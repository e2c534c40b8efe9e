"""Snapshots of an index on disk: a cache, written as a whole, and read only after every byte was checked.

Layout: a head of 1,024 bytes (magic, the length of a JSON object, its xxh3_64 digest, the object, zeros),
then the payload. The object names what was saved and carries the payload's length and xxh3_64 digest.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO, Self

import attrs
import orjson
from xxhash import xxh3_64, xxh3_64_intdigest

from pygent_vec_faiss.storage.failures import storage_error
from pygent_vec_faiss.storage.integrity import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Snapshot", "SnapshotInfo", "SnapshotWriter", "Unusable", "open_snapshot", "save_snapshot"]

_MAGIC = b"PGVECIX1"
_PREFIX = struct.Struct("<8sIQ")
_HEAD_BYTES = 1024
_CHUNK_BYTES = 1 << 20


@attrs.frozen(kw_only=True)
class SnapshotInfo:
    """What a snapshot holds.

    Attributes:
        kind: The index kind.
        metric: The distance metric's value.
        dimension: Of the vectors.
        generation: Of the vector file whose slots it covers.
        slots: It covers the slots `[0, slots)`.
        options: What the index was built with.
    """

    kind: str
    metric: str
    dimension: int
    generation: int
    slots: int
    options: Mapping[str, int]


@attrs.frozen
class Unusable:
    """Why there is no index to load; the caller builds a new one.

    Attributes:
        reason: In words, for a log or a health report.
    """

    reason: str


class SnapshotWriter:
    """Receives the payload in pieces and keeps its length and digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hasher = xxh3_64()
        self.size = 0

    def write(self, piece: bytes | memoryview) -> None:
        """Append *piece*, which is contiguous."""
        view = memoryview(piece).cast("B")
        self._file.write(view)
        self._hasher.update(view)
        self.size += len(view)

    @property
    def digest(self) -> int:
        """The xxh3_64 digest of everything written."""
        return self._hasher.intdigest()


class Snapshot:
    """A snapshot whose bytes were all found intact. A context manager."""

    def __init__(self, file: BinaryIO, info: SnapshotInfo) -> None:
        self._file = file
        self.info = info

    def read(self, size: int) -> bytes:
        """Return the next bytes of the payload, at most *size*."""
        return self._file.read(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def save_snapshot(path: Path, info: SnapshotInfo, write: Callable[[SnapshotWriter], None]) -> None:
    """Write a snapshot durably; *path* holds the old one or the new one, never a mixture.

    Raises:
        BackendError: the file system refuses; the old snapshot stands.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(bytes(_HEAD_BYTES))
            writer = SnapshotWriter(file)
            write(writer)
            file.seek(0)
            file.write(_head(info, writer))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise storage_error(error, path) from error


def open_snapshot(path: Path, *, generation: int, slots: int) -> Snapshot | Unusable:
    """Open the snapshot at *path* after checking every byte of it.

    Args:
        path: Where it was saved.
        generation: The generation of the vector file now.
        slots: How many slots the vector file has now; a snapshot of fewer is usable, one of more is not.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return Unusable("there is no snapshot")
    except OSError as error:
        return Unusable(f"the snapshot cannot be opened: {error}")
    try:
        found = _checked(file, generation, slots)
    except OSError as error:
        found = Unusable(f"the snapshot cannot be read: {error}")
    if isinstance(found, Unusable):
        file.close()
        return found
    return Snapshot(file, found)


def _head(info: SnapshotInfo, writer: SnapshotWriter) -> bytes:
    body = orjson.dumps(
        {**attrs.asdict(info), "payload_bytes": writer.size, "payload_digest": f"{writer.digest:016x}"}
    )
    head = _PREFIX.pack(_MAGIC, len(body), xxh3_64_intdigest(body)) + body
    return head.ljust(_HEAD_BYTES, b"\0")


def _checked(file: BinaryIO, generation: int, slots: int) -> SnapshotInfo | Unusable:
    """Check the head and the payload, and leave *file* at the payload's first byte."""
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return Unusable("the snapshot's head is cut off")
    magic, length, digest = _PREFIX.unpack_from(head)
    body = head[_PREFIX.size : _PREFIX.size + length]
    if magic != _MAGIC:
        return Unusable("the file is no snapshot of this format")
    if xxh3_64_intdigest(body) != digest or any(head[_PREFIX.size + length :]):
        return Unusable("the snapshot's head is damaged")
    fields = orjson.loads(body)
    size, payload_digest = fields.pop("payload_bytes"), fields.pop("payload_digest")
    info = SnapshotInfo(**fields)
    if info.generation != generation:
        return Unusable(f"the snapshot is of generation {info.generation}, the vectors are of {generation}")
    if info.slots > slots:
        return Unusable(f"the snapshot covers {info.slots} slots, the vector file has {slots}")
    hasher, read = xxh3_64(), 0
    while piece := file.read(_CHUNK_BYTES):
        hasher.update(piece)
        read += len(piece)
    if read != size or f"{hasher.intdigest():016x}" != payload_digest:
        return Unusable("the snapshot's payload is damaged or cut off")
    file.seek(_HEAD_BYTES)
    return info
