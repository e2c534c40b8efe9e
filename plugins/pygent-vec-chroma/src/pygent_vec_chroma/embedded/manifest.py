"""A manifest of the files as they were when the store was closed, to notice damage at the next open.

Chroma's files have no checksums. Other tools may write them after the store was closed, so the manifest
counts only while SQLite's own counter of changes stands where it stood: nothing else is written without a
change to the database.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pygent_vec_chroma.embedded.tables import DATABASE_NAME, checkpoints

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MANIFEST_NAME", "DamagedError", "check", "write"]

MANIFEST_NAME = "closed.json"
_COUNTER = slice(24, 28)
"""Where the header of an SQLite file has its counter of changes."""
_HEADER_BYTES = 100


class DamagedError(Exception):
    """A file is not as it was when the store was closed."""


def write(directory: Path, manifest: Path) -> None:
    """Record the digests of the database and of the files of all indexes."""
    digests = {str(file.relative_to(directory)): _digest(file) for file in _files(directory)}
    body = json.dumps({"counter": _counter(directory / DATABASE_NAME), "digests": digests})
    unfinished = manifest.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"body": body, "digest": _digest_of(body.encode())}), encoding="utf-8")
    unfinished.replace(manifest)


def check(directory: Path, manifest: Path) -> None:
    """Compare the files with the manifest, and remove it: from now on they change.

    Raises:
        DamagedError: a file changed, and no tool of SQLite's has changed it.
    """
    if not manifest.exists():
        return
    counter, digests = _read(manifest)
    database = directory / DATABASE_NAME
    if not database.exists() or _counter(database) == counter:
        for name, digest in digests.items():
            file = directory / name
            if not file.exists():
                raise DamagedError(f"{name} is missing")
            if _digest(file) != digest:
                raise DamagedError(f"{name} is not as it was when the store was closed")
    manifest.unlink()


def _read(manifest: Path) -> tuple[str, dict[str, str]]:
    try:
        told = json.loads(manifest.read_bytes())
        if _digest_of(told["body"].encode()) != told["digest"]:
            raise DamagedError(f"{manifest.name} is not as it was written")
        body = json.loads(told["body"])
        return body["counter"], body["digests"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{manifest.name} cannot be read: {error}") from error


def _files(directory: Path) -> list[Path]:
    database = directory / DATABASE_NAME
    segments = [directory / segment for segment in checkpoints(database)] if database.exists() else []
    files = [file for segment in segments if segment.is_dir() for file in segment.iterdir()]
    return [file for file in (database, *sorted(files)) if file.is_file()]


def _counter(database: Path) -> str:
    with database.open("rb") as file:
        return file.read(_HEADER_BYTES)[_COUNTER].hex()


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "blake2b").hexdigest()


def _digest_of(data: bytes) -> str:
    return hashlib.blake2b(data).hexdigest()
