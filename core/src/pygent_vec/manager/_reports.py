"""What a manager answers about all of its stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec.model import HealthReport, HealthStatus, Problem, StoreStats, VectorSearchResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FederatedAnswer", "FusedResult", "GlobalStats", "ManagerHealth", "StoreAnswer"]


@attrs.frozen(kw_only=True)
class StoreAnswer:
    """What one store answered to a search of all stores.

    Attributes:
        store: Its name.
        results: What it found; None if it failed.
        error: Why it failed, or None.
        seconds: How long it took, opening it included.
    """

    store: str
    results: list[VectorSearchResult] | None
    error: Exception | None
    seconds: float


@attrs.frozen(kw_only=True)
class FusedResult(VectorSearchResult):
    """A result in a list that was made of several stores'.

    Attributes:
        fused_score: What the list is sorted by; higher is better.
        store_rank: Its rank in its store's own list.
    """

    fused_score: float
    store_rank: int


@attrs.frozen(kw_only=True)
class FederatedAnswer:
    """One ranked list from several stores. Iterating over it gives the results.

    Attributes:
        results: By `fused_score`, ties by id and store.
        errors: Why a store is not in it, by the store's name.
        fusion: `"score"` or `"rrf"` (reciprocal rank fusion).
        reason: Why it was fused this way.
    """

    results: list[FusedResult]
    errors: Mapping[str, Exception]
    fusion: str
    reason: str

    def __iter__(self) -> Iterator[FusedResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


@attrs.frozen(kw_only=True)
class ManagerHealth:
    """Whether a manager's stores can be relied on now.

    Attributes:
        status: Healthy if all are, unhealthy if none answers, degraded otherwise.
        stores: The report of each store.
        problems: What is wrong beside the stores: failed shadow writes, broken observers.
    """

    status: HealthStatus
    stores: Mapping[str, HealthReport]
    problems: tuple[Problem, ...] = ()


@attrs.frozen(kw_only=True)
class GlobalStats:
    """The sizes of a manager's stores.

    Attributes:
        stores: Those that answered.
        errors: Why the others did not.
    """

    stores: Mapping[str, StoreStats]
    errors: Mapping[str, Exception]

    @property
    def document_count(self) -> int:
        """The documents of all stores that answered."""
        return sum(stats.document_count for stats in self.stores.values())
