"""What the operations of a store report."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.model._collection import IndexSpec

__all__ = [
    "CollectionStats",
    "HealthReport",
    "HealthStatus",
    "OperationEvent",
    "OptimizeReport",
    "Problem",
    "StoreEvent",
    "StoreStats",
]


class HealthStatus(StrEnum):
    """Whether a store can be relied on now."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@attrs.frozen(kw_only=True)
class Problem:
    """What is wrong, and how to mend it."""

    what: str
    remedy: str


@attrs.frozen(kw_only=True)
class HealthReport:
    """The answer of `health_check`.

    Attributes:
        store: The store's name.
        backend: The backend's name.
        status: Unhealthy if the backend did not answer, degraded if it reported problems.
        latency_ms: Milliseconds that the backend took to answer.
        version: Of the backend's library or server.
        problems: What is wrong, and how to mend it.
    """

    store: str
    backend: str
    status: HealthStatus
    latency_ms: float
    version: str
    problems: tuple[Problem, ...] = ()


@attrs.frozen(kw_only=True)
class CollectionStats:
    """The size of a collection.

    Attributes:
        document_count: Exact.
        dimension: Of its vectors.
        index: What the index is now, in words.
        disk_bytes: On disk; None where the backend cannot tell.
        memory_bytes: Held in this process; None where the backend cannot tell.
    """

    document_count: int
    dimension: int
    index: str
    disk_bytes: int | None = None
    memory_bytes: int | None = None


@attrs.frozen(kw_only=True)
class StoreStats:
    """The size of a store."""

    store: str
    backend: str
    collections: Mapping[str, CollectionStats]

    @property
    def document_count(self) -> int:
        """The documents of all collections."""
        return sum(stats.document_count for stats in self.collections.values())


@attrs.frozen(kw_only=True)
class OptimizeReport:
    """The answer of `optimize`.

    Attributes:
        collection: Its name.
        index: The index as it is now.
        document_count: How many documents it holds.
        seconds: What the call took.
        effort: The search effort in force, such as ef_search or nprobe; None for an exact index.
        recall: Mean recall@10 on sampled documents against exact search; None if it was not measured.
        target_recall: What was asked for.
    """

    collection: str
    index: IndexSpec
    document_count: int
    seconds: float
    effort: int | None = None
    recall: float | None = None
    target_recall: float | None = None


@attrs.frozen(kw_only=True)
class OperationEvent:
    """One finished call of a store, for observers.

    Attributes:
        operation: The public method's name.
        store: The store's name.
        backend: The backend's name.
        collection: The one that it was about; None for several or none.
        seconds: What the call took.
        error: The class name of the error that it raised.
    """

    operation: str
    store: str
    backend: str
    seconds: float
    collection: str | None = None
    error: str | None = None


@attrs.frozen(kw_only=True)
class StoreEvent:
    """What happens to a store of a manager, beside the calls that `OperationEvent` tells of.

    Attributes:
        kind: What happened. `shadow_failed`: a write that a shadow store missed.
        store: The store's name.
        operation: The public method's name, where there is one.
        attempt: The number of the attempt that failed, from 1, where it is tried again.
        error: The class name of the error, where there is one.
    """

    kind: Literal["opened", "open_failed", "closed", "retry", "timeout", "shadow_failed"]
    store: str
    operation: str | None = None
    attempt: int | None = None
    error: str | None = None
