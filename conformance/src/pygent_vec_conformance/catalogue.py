"""Every check, in the order of the contract."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pygent_vec_conformance.checks import checks_of
from pygent_vec_conformance.topics import (
    care,
    collections,
    concurrency,
    constant_memory,
    damage,
    door,
    durability,
    filter_laws,
    filter_lookalikes,
    filter_refusals,
    filter_values,
    filters,
    indexes,
    injection,
    isolation,
    lifecycle,
    linearizability,
    names,
    plugins,
    reading,
    recall,
    roundtrip,
    scores,
    search,
    sequences,
    stalls,
    streams,
    sync_face,
    timestamps,
    tuning,
    vanishing,
    writes,
)

if TYPE_CHECKING:
    from pygent_vec_conformance.checks import Check

__all__ = ["TOPICS", "catalogue"]

TOPICS = (
    lifecycle,
    collections,
    names,
    isolation,
    door,
    writes,
    streams,
    timestamps,
    roundtrip,
    reading,
    search,
    scores,
    filters,
    filter_lookalikes,
    filter_values,
    filter_refusals,
    filter_laws,
    injection,
    concurrency,
    linearizability,
    vanishing,
    stalls,
    constant_memory,
    sync_face,
    sequences,
    recall,
    tuning,
    indexes,
    durability,
    damage,
    care,
    plugins,
)


@cache
def catalogue() -> tuple[Check, ...]:
    """Return the checks of every topic; the first is the smoke check."""
    return tuple(check for topic in TOPICS for check in checks_of(topic))
