"""The index of a collection's vectors: what it may be, and the efforts of a search."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from pygent_vec.contract import Tuning
from pygent_vec.errors import ConfigError, UnsupportedFeatureError, hint, shown
from pygent_vec.model import DistanceMetric, IndexSpec
from pygent_vec_postgres.search.access import Access, access_of
from pygent_vec_postgres.search.policy import MOST_EFFORT, scan_seconds
from pygent_vec_postgres.search.state import read_state

if TYPE_CHECKING:
    import asyncpg

    from pygent_vec.model import CollectionSpec
    from pygent_vec_postgres.schema.layout import Table
    from pygent_vec_postgres.search.state import IndexState

__all__ = ["INDEX_KINDS", "check_index", "default_effort", "tuning", "wanted_index"]

INDEX_KINDS = frozenset({"auto", "flat", "hnsw", "ivf_flat"})
"""What a collection's index may be."""

_OPTIONS: dict[str, dict[str, tuple[int, int]]] = {
    "hnsw": {"m": (2, 100), "ef_construction": (4, 1000)},
    "ivf_flat": {"lists": (1, 32_768)},
}
"""The options of each kind, with the least and the largest value that pgvector takes."""
_M, _EF_CONSTRUCTION = 16, 128
_EF_SEARCH = 100
_BIT_EF_SEARCH = 256
_EF_SEARCHES = (16, 32, 64, 100, 128, 256, 512, MOST_EFFORT)
_LEAST_PROBES, _LIST_SHARE = 8, 16
_ROWS_PER_LIST = 1000
_MANY_ROWS = 1_000_000
_FEW_ROWS = 1000
"""Fewer rows than these give no centres worth searching by."""
_SLOW_SCAN_SECONDS = 5e-3


def check_index(spec: CollectionSpec) -> None:
    """Check what a new collection's index is to be.

    Raises:
        ConfigError: an unknown option, or a value that is out of range.
        UnsupportedFeatureError: pgvector has no such index for the metric and dimension.
    """
    kind, options = spec.index.kind, spec.index.options
    known = _OPTIONS.get(kind, {})
    for name, value in options.items():
        if name not in known:
            raise ConfigError(f"index {kind!r}: unknown option {shown(name)}{hint(name, known)}")
        least, most = known[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ConfigError(
                f"index {kind!r}: {name}={shown(value)}; give an integer from {least} to {most}"
            )
    m, ef_construction = int(options.get("m", _M)), int(options.get("ef_construction", _EF_CONSTRUCTION))
    if kind == "hnsw" and "ef_construction" in options and ef_construction < 2 * m:
        raise ConfigError(f"index 'hnsw': ef_construction={ef_construction} must be at least twice m={m}")
    access = access_of(spec.dimension, spec.distance_metric)
    if kind == "hnsw" and access is None:
        raise UnsupportedFeatureError(
            f"above 4,000 dimensions, PostgreSQL has an index for the metric 'cosine' only; the collection "
            f"{spec.name!r} has {spec.dimension} and {spec.distance_metric.value!r}: "
            "use index='flat' or 'auto'"
        )
    if kind == "ivf_flat" and (
        spec.distance_metric is DistanceMetric.MANHATTAN or access in {None, Access.BIT}
    ):
        raise UnsupportedFeatureError(
            "an index 'ivf_flat' takes up to 4,000 dimensions and any metric but 'manhattan'; the collection "
            f"{spec.name!r} has {spec.dimension} and {spec.distance_metric.value!r}: "
            "use index='hnsw' or 'auto'"
        )


def wanted_index(spec: CollectionSpec, rows: int) -> IndexSpec:
    """Return which index a collection of *rows* documents should have now, with all of its options."""
    kind, given = spec.index.kind, spec.index.options
    access = access_of(spec.dimension, spec.distance_metric)
    if kind == "auto":
        slow = access is not None and scan_seconds(rows, spec.dimension) > _SLOW_SCAN_SECONDS
        kind = "hnsw" if slow else "flat"
    if kind == "hnsw" and rows:
        m = int(given.get("m", _M))
        least = max(2 * m, _EF_CONSTRUCTION)
        return IndexSpec("hnsw", options={"m": m, "ef_construction": given.get("ef_construction", least)})
    if kind == "ivf_flat" and rows >= _FEW_ROWS:
        lists = max(rows // _ROWS_PER_LIST if rows <= _MANY_ROWS else 0, round(sqrt(rows) / 2))
        return IndexSpec("ivf_flat", options={"lists": given.get("lists", lists)})
    return IndexSpec("flat")


def default_effort(state: IndexState) -> int:
    """Return the search effort of an index for which none was chosen."""
    if state.kind == "hnsw":
        return _BIT_EF_SEARCH if state.access is Access.BIT else _EF_SEARCH
    lists = state.options.get("lists", 1)
    return min(lists, max(_LEAST_PROBES, lists // _LIST_SHARE))


async def tuning(connection: asyncpg.Connection, table: Table) -> Tuning:
    """Return the search efforts of a collection's index, and the one in force."""
    state = await read_state(connection, table)
    if not state.valid:
        return Tuning()
    if state.kind == "hnsw":
        efforts: tuple[int, ...] = _EF_SEARCHES
    else:
        lists = state.options.get("lists", 1)
        efforts = (*(1 << power for power in range((lists - 1).bit_length())), lists)
    return Tuning(efforts=efforts, effort=table.effort or default_effort(state))
