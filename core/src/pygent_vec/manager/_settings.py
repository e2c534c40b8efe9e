"""What a manager is configured with, as values that have been checked."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # resolved at run time
from typing import TYPE_CHECKING, Any

import attrs

from pygent_vec.errors import ConfigError, hint, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pygent_vec.contract import Embedder

__all__ = ["ManagerSettings", "Resilience", "Route", "StoreSettings"]

_UNLIMITED = ("add_batch", "add_documents", "delete_where", "optimize", "update_documents")
_OPERATIONS = frozenset(
    {
        *_UNLIMITED,
        "count_documents",
        "create_collection",
        "delete_collection",
        "delete_documents",
        "get_collection_info",
        "get_document",
        "get_documents",
        "get_stats",
        "iter_documents",
        "list_collections",
        "search_many",
        "search_similar",
    }
)


def _at_least(least: float) -> Callable[[object, attrs.Attribute[Any], float], None]:
    def check(_: object, field: attrs.Attribute[Any], value: float) -> None:
        if not value >= least:
            raise ConfigError(f"{field.name}={shown(value)} is not valid: use {least:g} or more")

    return check


def _operations(_: object, field: attrs.Attribute[Any], value: Mapping[str, float]) -> None:
    for name, seconds in value.items():
        if name not in _OPERATIONS:
            raise ConfigError(f"{field.name} names no operation {name!r}{hint(name, _OPERATIONS)}")
        if not seconds >= 0:
            raise ConfigError(f"{field.name}: {name}={shown(seconds)} is not valid: use 0 or more seconds")


@attrs.frozen(kw_only=True)
class Resilience:
    """How long a call may take, and how often it is tried.

    Only errors that say of themselves that they are transient are tried again, and only in calls that may
    be repeated without harm: reads, `update_documents`, and writes that overwrite.

    Attributes:
        timeout: Seconds that one attempt may take; 0 means any time.
        timeouts: The same by operation, such as `{"search_similar": 2}`. Without an entry of their own,
            writes of any length and `optimize` have no limit.
        open_timeout: Seconds that opening a store may take; 0 means any time.
        attempts: How often a call is tried; 1 means once.
        wait: The most seconds before the second attempt. The time is random, and its bound doubles with each
            attempt, up to `max_wait`.
        max_wait: The most seconds between two attempts.
    """

    timeout: float = attrs.field(default=60.0, validator=_at_least(0))
    timeouts: Mapping[str, float] = attrs.field(factory=dict, validator=_operations)
    open_timeout: float = attrs.field(default=60.0, validator=_at_least(0))
    attempts: int = attrs.field(default=3, validator=_at_least(1))
    wait: float = attrs.field(default=0.1, validator=_at_least(0))
    max_wait: float = attrs.field(default=5.0, validator=_at_least(0))

    def timeout_of(self, operation: str) -> float | None:
        """Return the seconds that one attempt may take, or None."""
        usual = 0.0 if operation in {*_UNLIMITED, "initialize"} else self.timeout
        return self.timeouts.get(operation, usual) or None


@attrs.frozen(kw_only=True)
class StoreSettings:
    """One store.

    Attributes:
        backend: A backend's name, or a URL whose scheme is one.
        settings: The backend's settings, in new or old spellings, with references to secrets.
        embedder: What turns texts into vectors, or the name of an installed embedder.
        resilience: Instead of the manager's.
    """

    backend: str
    settings: Mapping[str, object] = attrs.field(factory=dict, repr=False)
    embedder: Embedder | str | None = None
    resilience: Resilience | None = None


@attrs.frozen(kw_only=True)
class Route:
    """Where the collections of a name are.

    Attributes:
        collection: A name, or a pattern with `*`, `?` and `[…]`.
        read: The store that answers.
        write: The stores that are written, the first one first; a write fails where one of them fails.
        shadow: Stores that are written too, and whose failures are reported and fail nothing.
    """

    collection: str
    read: str
    write: tuple[str, ...]
    shadow: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not self.collection or not self.write:
            raise ConfigError(f"a route needs a collection and a store, got {shown(self)}")
        everyone = (*self.write, *self.shadow)
        if len(set(everyone)) != len(everyone):
            raise ConfigError(f"the route of {self.collection!r} writes a store twice: {', '.join(everyone)}")

    @property
    def stores(self) -> tuple[str, ...]:
        """Every store that it names."""
        return (self.read, *self.write, *self.shadow)


@attrs.frozen(kw_only=True)
class ManagerSettings:
    """The stores of a manager, and which of them a collection is in.

    Attributes:
        stores: By name.
        default_store: Where collections are that no route names. None means the store named "default", or
            else the first one.
        routes: The first one that fits a collection counts.
        resilience: How long a call may take, and how often it is tried.
        deadline: Seconds that each store has for a federated search, a health check and statistics.
        base: What relative paths are relative to; None means the working directory.
    """

    stores: Mapping[str, StoreSettings] = attrs.field(factory=dict)
    default_store: str | None = None
    routes: tuple[Route, ...] = ()
    resilience: Resilience = attrs.field(factory=Resilience)
    deadline: float = attrs.field(default=10.0, validator=_at_least(0.001))
    base: Path | None = None

    def __attrs_post_init__(self) -> None:
        if self.default_store is not None and self.default_store not in self.stores:
            raise ConfigError(
                f"default_store={self.default_store!r}: there is no such store"
                f"{hint(self.default_store, self.stores)}"
            )
        for route in self.routes:
            for name in route.stores:
                if name not in self.stores:
                    raise ConfigError(
                        f"the route of {route.collection!r} names the store {name!r}, which is not configured"
                        f"{hint(name, self.stores)}"
                    )
