"""Checksums: of rows, of files, and of what was acknowledged."""

from __future__ import annotations

import os
import struct
from enum import Enum
from typing import TYPE_CHECKING

import attrs
import numpy as np
import orjson
from xxhash import xxh3_64, xxh3_64_intdigest

from pygent_vec_faiss.storage.failures import storage_error

if TYPE_CHECKING:
    from pathlib import Path

    from pygent_vec.model import Int64Vector

__all__ = [
    "Acknowledged",
    "FileDigest",
    "ManifestState",
    "content_checksum",
    "file_digest",
    "fold",
    "head_checksum",
    "manifest_state",
    "replace_file",
    "row_checksum",
    "sync_directory",
    "write_manifest",
]

_LOW_32 = 0xFFFF_FFFF
_HEAD_BITS = 0x7FFF_FFFF
_MASK_64 = 0xFFFF_FFFF_FFFF_FFFF
_CHUNK = 1 << 20
_SEQUENCE = struct.Struct("<Q")
_RECORD = struct.Struct("<QQ")
_GOLDEN, _MIX = np.uint64(0x9E37_79B9_7F4A_7C15), np.uint64(0xD6E8_FEB8_6659_FD93)
_HALF = np.uint64(32)


def row_checksum(
    key: bytes, content: bytes, metadata: bytes, own: bytes | None, created_at: int, updated_at: int
) -> int:
    """Return 63 bits over all columns of a row but its slot: `head_checksum`, then `content_checksum`.

    The halves can be verified apart, by reads that leave one of them out.
    """
    # Written out, because a search pays for each call here once for every result.
    seed = xxh3_64_intdigest(
        key if own is None else b"%b\0%b" % (key, own), (created_at * 3 ^ updated_at) & _MASK_64
    )
    return (xxh3_64_intdigest(metadata, seed) & _HEAD_BITS) << 32 | xxh3_64_intdigest(content) & _LOW_32


def head_checksum(key: bytes, metadata: bytes, own: bytes | None, created_at: int, updated_at: int) -> int:
    """Return the upper 31 bits of `row_checksum`: all but the content."""
    return row_checksum(key, b"", metadata, own, created_at, updated_at) >> 32


def content_checksum(content: bytes) -> int:
    """Return the lower 32 bits of `row_checksum`."""
    return xxh3_64_intdigest(content) & _LOW_32


def fold(slots: Int64Vector, checksums: Int64Vector) -> int:
    """Return the sum modulo 2**64 over rows of a mix of slot and checksum.

    It does not depend on the order, and is kept up to date by adding and subtracting, so that it proves that
    a table holds exactly the rows that were committed, each in its slot.
    """
    mixed = (slots.astype(np.uint64) + np.uint64(1)) * _GOLDEN ^ checksums.astype(np.uint64)
    mixed *= _MIX
    mixed ^= mixed >> _HALF
    mixed *= _GOLDEN
    return int(mixed.sum(dtype=np.uint64))


@attrs.frozen(kw_only=True)
class FileDigest:
    """The size of a file in bytes and the xxh3 of its bytes."""

    size: int
    digest: int


def file_digest(path: Path) -> FileDigest:
    """Return the digest of a file, read in pieces of 1 MiB.

    Raises:
        OSError: it cannot be read.
    """
    hasher, size = xxh3_64(), 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_CHUNK):
            hasher.update(piece)
            size += len(piece)
    return FileDigest(size=size, digest=hasher.intdigest())


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable.

    Raises:
        OSError: the file system refuses.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, body: bytes) -> None:
    """Write *path* durably and as a whole: the old bytes or the new ones, never a mixture.

    Raises:
        OSError: the file system refuses; the old file stands.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


class ManifestState(Enum):
    """What a manifest says about its file."""

    INTACT = "intact"
    """The file is as it was left by a clean close."""
    UNKNOWN = "unknown"
    """There is no readable manifest, as after a crash: check the file itself."""
    DIFFERENT = "different"
    """The file changed since the clean close."""


def write_manifest(manifest: Path, file: Path) -> None:
    """Record the digest of a closed *file*.

    Raises:
        OSError: the file system refuses.
    """
    digest = file_digest(file)
    body = orjson.dumps({"file": file.name, "size": digest.size, "xxh3": f"{digest.digest:016x}"})
    replace_file(manifest, b"%b\n%016x\n" % (body, xxh3_64_intdigest(body)))


def manifest_state(manifest: Path, file: Path) -> ManifestState:
    """Return whether *file* is as its manifest says.

    Raises:
        OSError: one of them exists and cannot be read.
    """
    try:
        body, _, checksum = manifest.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return ManifestState.UNKNOWN
    if checksum != b"%016x\n" % xxh3_64_intdigest(body):
        return ManifestState.UNKNOWN
    digest = file_digest(file)
    expected = {"file": file.name, "size": digest.size, "xxh3": f"{digest.digest:016x}"}
    return ManifestState.INTACT if orjson.loads(body) == expected else ManifestState.DIFFERENT


class Acknowledged:
    """The number of the last commit that a caller was told of, in a file of 16 bytes.

    It is written after each commit and never synchronised, so it can lag behind the database (after a power
    failure) but cannot be ahead of it, unless the database lost commits.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise storage_error(error, path) from error

    @staticmethod
    def last(path: Path) -> int:
        """Return the last acknowledged commit; 0 where the file is missing or unreadable.

        Raises:
            OSError: it exists and cannot be read.
        """
        try:
            record = path.read_bytes()
        except FileNotFoundError:
            return 0
        if len(record) != _RECORD.size:
            return 0
        sequence, checksum = _RECORD.unpack(record)
        return int(sequence) if checksum == xxh3_64_intdigest(_SEQUENCE.pack(sequence)) else 0

    def write(self, sequence: int) -> None:
        """Record that commit number *sequence* is about to be acknowledged.

        Raises:
            OSError: the file system refuses.
        """
        os.pwrite(self._descriptor, _RECORD.pack(sequence, xxh3_64_intdigest(_SEQUENCE.pack(sequence))), 0)

    def close(self) -> None:
        """Close the file; without effect if it is closed."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
