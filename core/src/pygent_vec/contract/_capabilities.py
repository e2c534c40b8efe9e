"""What a backend can do, as data: declared by the plugin, proved by the conformance suite."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import UnsupportedFeatureError, hint
from pygent_vec.filters import Operator, Pushdown
from pygent_vec.model import MAX_DIMENSION, DistanceMetric

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXACT_PUSHDOWN", "Capabilities", "CrashModel"]

EXACT_PUSHDOWN: Mapping[Operator, Pushdown] = dict.fromkeys(Operator, Pushdown.EXACT)
"""For a backend that answers every operator exactly."""


class CrashModel(StrEnum):
    """What an acknowledged write survives."""

    NONE = "none"
    """Nothing: it lives in this process."""
    PROCESS = "process"
    """The process being killed at any instant."""
    POWER = "power"
    """A loss of power too, where the disk keeps its promises."""


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a backend declares. What is declared works; the rest raises `UnsupportedFeatureError`.

    Attributes:
        metrics: The distance metrics of its collections.
        index_kinds: What `IndexSpec.kind` may be; always with `"auto"`.
        max_dimension: The largest dimension of a collection.
        pushdown: How well it answers each filter operator; the rest is finished by core.
        atomic_batches: Whether a batch is all or nothing, for readers and after a crash.
        durable: Whether an acknowledged write survives the process.
        crash_model: What an acknowledged write survives.
        multi_process: Whether several processes may open the same data at once.
        conditional_writes: Whether no other process comes between what a write finds and what it does: the
            counts of deletes, and `on_conflict`. Calls of one store never come between.
        remote: Whether the data lives in another process or machine.
        exact_search: Whether `exact=True` is answered.
        query_metric: Whether a query may use another metric than its collection's.
        exact_vectors: Whether vectors round-trip bit for bit (otherwise within 1e-6 of the norm).
        max_batch: The most rows that one write takes as a whole.
        tuning: Whether `optimize(target_recall=…)` is answered.
    """

    metrics: frozenset[DistanceMetric] = frozenset(DistanceMetric)
    index_kinds: frozenset[str] = frozenset({"auto", "flat"})
    max_dimension: int = MAX_DIMENSION
    pushdown: Mapping[Operator, Pushdown] = attrs.field(factory=dict)
    atomic_batches: bool = True
    durable: bool
    crash_model: CrashModel
    multi_process: bool
    conditional_writes: bool = True
    remote: bool
    exact_search: bool = True
    query_metric: bool = True
    exact_vectors: bool = True
    max_batch: int = 10_000
    tuning: bool = False

    def require_metric(self, metric: DistanceMetric, backend: str) -> None:
        """Raise `UnsupportedFeatureError` unless *metric* is declared."""
        if metric not in self.metrics:
            raise UnsupportedFeatureError(
                f"the backend {backend!r} has no metric {metric.value!r}"
                f"{hint(metric, (known.value for known in self.metrics))}"
            )

    def require_index_kind(self, kind: str, backend: str) -> None:
        """Raise `UnsupportedFeatureError` unless the index *kind* is declared."""
        if kind not in self.index_kinds:
            raise UnsupportedFeatureError(
                f"the backend {backend!r} has no index kind {kind!r}{hint(kind, self.index_kinds)}"
            )
