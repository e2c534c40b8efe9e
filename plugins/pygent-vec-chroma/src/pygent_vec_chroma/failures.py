"""The one place where Chroma's errors become the contract's."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Self

import httpx

from pygent_vec.errors import (
    BackendError,
    BackendTimeoutError,
    BackendUnavailableError,
    CollectionNotFoundError,
    CorruptStoreError,
    PygentVecError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NativeError", "TooLargeError", "chroma_error", "is_passing", "refused", "transport_error"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# Chroma tells all but a few failures by one class, InternalError; only their texts tell them apart.
_TORN_TEXTS = (
    "hnsw segment",
    "loading hnsw",
    "pickle file",
    "error finding id",
    "malformed",
    "not a database",
)
_PASSING_TEXTS = ("error finding id", "database is locked")
_FULL_TEXTS = ("disk is full", "no space left", "disk i/o error")
_BUSY_TEXTS = ("database is locked", "database table is locked")
_FORBIDDEN_TEXTS = ("readonly database", "unable to open database", "permission denied")


class TooLargeError(BackendError):
    """A server refused a request for its size."""


class NativeError(Exception):
    """An error that Chroma raised, as it raised it.

    Attributes:
        kind: Its class.
        text: What it said.
        errno: That of the operating system, if it is one of its errors.
    """

    def __init__(self, kind: str, text: str, *, errno: int | None = None, trace: str = "") -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.errno = errno
        if trace:
            self.add_note(f"In the helper process:\n{trace}")

    @classmethod
    def from_helper(cls, told: Mapping[str, Any]) -> Self:
        """Return the error that a helper told of."""
        return cls(told["type"], told["text"], errno=told["errno"], trace=told["trace"])


def is_passing(error: NativeError) -> bool:
    """Return whether a server may answer in a moment: amid one client's write, others see half of it."""
    return any(part in error.text.lower() for part in _PASSING_TEXTS)


def chroma_error(error: NativeError, place: str) -> PygentVecError:
    """Return the contract's error for one of Chroma's at *place*. Raise it `from` the original."""
    text = error.text.lower()
    if error.kind == "NotFoundError":
        return CollectionNotFoundError(f"the collection was deleted meanwhile ({error.text})")
    if error.errno in _FULL or any(part in text for part in _FULL_TEXTS):
        return BackendError(
            f"{place} cannot grow ({error.text}); nothing acknowledged is lost. "
            "Free disk space or raise the quota, then try again"
        )
    if error.errno in _FORBIDDEN or any(part in text for part in _FORBIDDEN_TEXTS):
        return BackendError(
            f"{place} cannot be opened or written ({error.text}); make the directory and its files writable "
            "for this user, or give another path. If they are, the process that runs Chroma may have no file "
            "descriptors left: raise its limit (ulimit -n)"
        )
    if error.kind == "DamagedError" or any(part in text for part in _TORN_TEXTS):
        return CorruptStoreError(
            f"{place} is damaged: an index or the database cannot be used ({error.text}). Its files were "
            "left as they are: restore the directory from a backup, or read the documents with get and "
            "iterate, and add them to a new collection"
        )
    transient = any(part in text for part in _BUSY_TEXTS)
    return BackendError(f"Chroma at {place} failed: {error.text}", transient=transient)


def transport_error(error: httpx.TransportError, url: str) -> BackendError:
    """Return the contract's error where *url* did not answer. Raise it `from` the original."""
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return BackendTimeoutError(
            f"the server {url} did not answer in time ({type(error).__name__}); what was asked may still be "
            "done. Give a longer timeout, or smaller batches"
        )
    return BackendUnavailableError(
        f"the server {url} cannot be reached ({str(error) or type(error).__name__}); see that it runs, and "
        "that the address is right: the store works again when it answers"
    )


def refused(status: int, text: str, url: str) -> BackendError:
    """Return the contract's error for an answer that is not Chroma's own, but that of a gate before it."""
    if status in (401, 403):
        return BackendError(
            f"the server {url} refuses access (status {status}); check the setting headers, and that the "
            "address is that of Chroma"
        )
    if status == 413:  # noqa: PLR2004  # the payload is too large
        return TooLargeError(
            f"the server {url} refuses a request of this size; give a smaller batch_size, or raise the "
            "server's max_payload_size_bytes"
        )
    return BackendError(f"the server {url} answered with status {status}: {text[:200]!r}")
