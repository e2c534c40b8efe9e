"""Every error that pygent-vec raises on purpose.

```
PygentVecError
├── ConfigError (ValueError)
├── BackendNotFoundError (LookupError)
├── PluginLoadError (ImportError)
│   └── ContractMismatchError
├── InvalidDocumentError (ValueError)
├── InvalidVectorError (ValueError)
├── InvalidFilterError (ValueError)
├── InvalidQueryError (ValueError)
├── CollectionNotFoundError (LookupError)
├── CollectionExistsError
├── CollectionMismatchError
├── DocumentExistsError
├── UnsupportedFeatureError (NotImplementedError)
├── StoreClosedError
├── StoreLockedError
├── CorruptStoreError
├── WriteError
└── BackendError
    ├── BackendUnavailableError
    └── BackendTimeoutError
```

A message says what is wrong, with which value, and how to mend it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BackendError",
    "BackendNotFoundError",
    "BackendTimeoutError",
    "BackendUnavailableError",
    "CollectionExistsError",
    "CollectionMismatchError",
    "CollectionNotFoundError",
    "ConfigError",
    "ContractMismatchError",
    "CorruptStoreError",
    "DocumentExistsError",
    "InvalidDocumentError",
    "InvalidFilterError",
    "InvalidQueryError",
    "InvalidVectorError",
    "PluginLoadError",
    "PygentVecError",
    "StoreClosedError",
    "StoreLockedError",
    "UnsupportedFeatureError",
    "WriteError",
    "hint",
    "shown",
]

_SHOWN_CHARACTERS = 80
_SHOWN_ITEMS = 5
_SHOWN_DEPTH = 3


class PygentVecError(Exception):
    """The base of every error of pygent-vec."""


class ConfigError(PygentVecError, ValueError):
    """A setting is unknown, missing or has an impossible value."""


class BackendNotFoundError(PygentVecError, LookupError):
    """No installed distribution offers the backend, or it is disabled."""


class PluginLoadError(PygentVecError, ImportError):
    """A plugin was found and could not be used; the other plugins keep working."""


class ContractMismatchError(PluginLoadError):
    """A plugin was written for another version of the contract."""


class InvalidDocumentError(PygentVecError, ValueError):
    """A document breaks a rule of the contract; nothing of its batch was written."""


class InvalidVectorError(PygentVecError, ValueError):
    """A vector is missing, has the wrong dimension, or has no finite value or direction."""


class InvalidFilterError(PygentVecError, ValueError):
    """A metadata filter is not well formed; the message names the place in the filter."""


class InvalidQueryError(PygentVecError, ValueError):
    """A query's limit, offset, threshold or vector is outside of the contract."""


class CollectionNotFoundError(PygentVecError, LookupError):
    """The collection does not exist. Nothing is created implicitly."""


class CollectionExistsError(PygentVecError):
    """A collection of this name exists already."""


class CollectionMismatchError(PygentVecError):
    """A collection of this name exists with another dimension or metric."""


class DocumentExistsError(PygentVecError):
    """`on_conflict="error"` met ids that exist; nothing of that batch was written.

    Attributes:
        ids: The ids that exist already.
    """

    def __init__(self, ids: Sequence[str], collection: str) -> None:
        super().__init__(
            f"{len(ids)} of the ids exist already in collection {collection!r}: {shown(ids)}. "
            'Nothing of this batch was written; use on_conflict="overwrite" or "skip" to go on.'
        )
        self.ids = list(ids)
        self.collection = collection

    def __reduce__(self) -> tuple[type[DocumentExistsError], tuple[list[str], str]]:
        return type(self), (self.ids, self.collection)


class UnsupportedFeatureError(PygentVecError, NotImplementedError):
    """The backend does not declare this feature among its capabilities."""


class StoreClosedError(PygentVecError):
    """The store was used before `initialize()` or after `close()`."""


class StoreLockedError(PygentVecError):
    """Another store holds this single-writer directory; the message says who."""


class CorruptStoreError(PygentVecError):
    """Stored data is damaged; the message says what, what was saved, and how to repair it."""


class WriteError(PygentVecError):
    """A write of several batches failed part way; the cause is chained.

    Attributes:
        written: The ids that are durable already, in the order in which they were given.
    """

    def __init__(self, message: str, *, written: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.written = list(written)


class BackendError(PygentVecError):
    """The backend's own library or server failed; its error is chained as the cause.

    Attributes:
        transient: Whether the same call may succeed when it is tried again.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class BackendUnavailableError(BackendError):
    """The backend cannot be reached."""

    def __init__(self, message: str, *, transient: bool = True) -> None:
        super().__init__(message, transient=transient)


class BackendTimeoutError(BackendError):
    """The backend did not answer in time."""

    def __init__(self, message: str, *, transient: bool = True) -> None:
        super().__init__(message, transient=transient)


def shown(value: object, *, depth: int = 0) -> str:
    """Return a short `repr` for an error message, cut so that no value floods a log."""
    if isinstance(value, (list, tuple, set, frozenset)):
        if depth == _SHOWN_DEPTH:
            return "[…]"
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else list(value)
        parts = [shown(item, depth=depth + 1) for item in items[:_SHOWN_ITEMS]]
        more = f", … {len(items) - _SHOWN_ITEMS} more" if len(items) > _SHOWN_ITEMS else ""
        return f"[{', '.join(parts)}{more}]"
    try:
        text = repr(value)
    except RecursionError:
        return f"a deeply nested {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def hint(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean …? Known: …" for a misspelt *name*, for the end of a message."""
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    mean = f"did you mean {near[0]!r}? " if near else ""
    return f"; {mean}Known: {', '.join(names)}" if names else ""
