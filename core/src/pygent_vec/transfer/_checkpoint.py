"""How far a move has come, in a file that survives a kill and belongs to one move at a time."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from pygent_vec.errors import BackendError, ConfigError, CorruptStoreError, StoreLockedError, shown
from pygent_vec.transfer._digest import digest_text
from pygent_vec.transfer._disk import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pygent_vec.model import JsonValue
    from pygent_vec.transfer._ends import Position

__all__ = ["Checkpoint", "Job", "Progress"]

_VERSION = 1


@attrs.frozen(kw_only=True)
class Job:
    """What a run must have in common with the run that it continues.

    Attributes:
        source: The source's label.
        target: The target's label.
        options: The filter, the mode, and whatever else decides what is written.
        fingerprint: The source's, where it has one.
    """

    source: str
    target: str
    options: Mapping[str, JsonValue]
    fingerprint: str | None = None


@attrs.frozen(kw_only=True)
class Progress:
    """How far a move has come.

    Attributes:
        position: Where the source is read on.
        documents: How many have been read and are durable in the target.
        digest: Of these documents.
        before: How many documents the target had before the move began.
        complete: Whether nothing is left to move.
    """

    position: Position = None
    documents: int = 0
    digest: int = 0
    before: int = 0
    complete: bool = False


@attrs.define
class Checkpoint:
    """An open checkpoint.

    Attributes:
        progress: As it was last recorded; None if no run has begun.
    """

    _path: Path | None
    _job: Job
    progress: Progress | None = None

    @classmethod
    @contextmanager
    def held(cls, path: Path | None, job: Job) -> Iterator[Checkpoint]:
        """Hold the checkpoint of *job* at *path*; without a path it remembers nothing.

        Raises:
            ConfigError: it belongs to another job.
            CorruptStoreError: it cannot be read.
            StoreLockedError: another move holds it.
        """
        if path is None:
            yield cls(None, job)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            yield cls(path, job, _read(path, job))

    @property
    def has_file(self) -> bool:
        """Whether recording waits for the disk."""
        return self._path is not None

    def record(self, progress: Progress) -> None:
        """Keep *progress* durably, as a whole or not at all.

        Raises:
            BackendError: the disk does not take it.
        """
        self.progress = progress
        if self._path is None:
            return
        body = {
            "version": _VERSION,
            **attrs.asdict(self._job),
            **attrs.asdict(progress),
            "digest": digest_text(progress.digest),
        }
        try:
            _replace(self._path, json.dumps(body, indent=1))
        except OSError as error:
            raise BackendError(
                f"the checkpoint {self._path} cannot be written ({error}); what was moved before is kept"
            ) from error

    def remove(self) -> None:
        """Forget the move, which has ended."""
        self.progress = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            sync_directory(self._path.parent)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def _read(path: Path, job: Job) -> Progress | None:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CorruptStoreError(
            f"the checkpoint {path} is not JSON ({error}); remove it to begin anew"
        ) from error
    if not isinstance(body, dict) or body.get("version") != _VERSION:
        found = body.get("version") if isinstance(body, dict) else body
        raise ConfigError(
            f"the checkpoint {path} has version {shown(found)}, not {_VERSION}; remove it to begin anew"
        )
    _check_job(path, body, job)
    try:
        return Progress(
            position=body["position"],
            documents=int(body["documents"]),
            digest=int(body["digest"], 16),
            before=int(body["before"]),
            complete=bool(body["complete"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptStoreError(
            f"the checkpoint {path} is damaged ({error!r}); remove it to begin anew"
        ) from error


def _check_job(path: Path, body: Mapping[str, Any], job: Job) -> None:
    for name, wanted in attrs.asdict(job).items():
        found = body.get(name)
        if name == "options" and isinstance(found, dict):
            differing = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
            if not differing:
                continue
            name = f"option {differing[0]}"  # noqa: PLW2901  # the message names what differs
            found, wanted = found.get(differing[0]), wanted.get(differing[0])  # noqa: PLW2901  # as above
        if found == wanted:
            continue
        if name == "fingerprint":
            raise ConfigError(
                f"the source {job.source} has changed since the move began whose checkpoint is {path}; "
                "remove the checkpoint to begin anew"
            )
        raise ConfigError(
            f"the checkpoint {path} belongs to another move: its {name} is {shown(found)}, and not "
            f"{shown(wanted)}; repeat that one, use another checkpoint, or remove this one to begin anew"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock beside *path*, which is not on it because a rename would leave it behind."""
    import fcntl

    lock = path.with_name(f"{path.name}.lock")
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 32).decode("ascii", "replace").strip()
            os.close(file)
            raise StoreLockedError(
                f"another move is using the checkpoint {path} (process {holder or 'unknown'}); "
                "wait for its end, or give this one a checkpoint of its own"
            ) from error
        if _is_at(file, lock):
            break
        os.close(file)  # its holder has removed it between our two calls
    try:
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False
