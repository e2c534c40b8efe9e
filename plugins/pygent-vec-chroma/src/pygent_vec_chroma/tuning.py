"""The search effort of a collection, and what there is to rebuild.

Chroma searches its graph with the larger of ef_search and the number of results, and learns of a changed
ef_search in a new process only. So an effort above ef_search is had by asking for so many results, and taking
the best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec.contract import Tuning
from pygent_vec.errors import UnsupportedFeatureError
from pygent_vec.model import DistanceMetric, IndexSpec

if TYPE_CHECKING:
    from pygent_vec_chroma.catalogue import Handle

__all__ = ["reach_of", "rebuild", "set_effort", "tuning"]

_KEY = "pygent_vec_effort"
"""The key of a collection's metadata under which its effort is kept."""
_STEPS = (1, 2, 4, 8, 16)
_DEFAULT_EFFORT = 100
"""Chroma's own ef_search."""
_OPTIONS = {"m": "max_neighbors", "ef_construction": "ef_construction", "ef_search": "ef_search"}


def tuning(handle: Handle) -> Tuning:
    """Return the search efforts; none where Manhattan distances are scanned."""
    if handle.spec.distance_metric is DistanceMetric.MANHATTAN:
        return Tuning()
    least = _ef_search(handle)
    return Tuning(efforts=tuple(least * step for step in _STEPS), effort=_effort(handle))


def reach_of(handle: Handle, effort: int | None) -> int:
    """Return how many results to ask for so that Chroma searches with *effort*, or the one in force."""
    wanted = _effort(handle) if effort is None else effort
    return wanted if wanted > _ef_search(handle) else 1


def set_effort(handle: Handle, effort: int) -> None:
    """Persist a search effort.

    Raises:
        UnsupportedFeatureError: another tool made the collection.
    """
    if handle.foreign:
        raise UnsupportedFeatureError(
            f"the collection {handle.spec.name!r} was made by another tool, which sets its ef_search"
        )
    metadata = {**handle.native.metadata, _KEY: effort}
    handle.driver.modify(handle.native, metadata=metadata)
    handle.native = attrs.evolve(handle.native, metadata=metadata)


def rebuild(handle: Handle) -> IndexSpec:
    """Let Chroma plan filters by what the collection holds now; return what the index is.

    Chroma puts every row into its graph as it is written, so there is nothing else to build.
    """
    handle.driver.analyze()
    if handle.spec.distance_metric is DistanceMetric.MANHATTAN:
        return IndexSpec("flat")
    hnsw = handle.native.hnsw
    options = {ours: value for ours, theirs in _OPTIONS.items() if isinstance(value := hnsw.get(theirs), int)}
    return IndexSpec("hnsw", options=options)


def _effort(handle: Handle) -> int:
    """Return the search effort in force."""
    kept = handle.native.metadata.get(_KEY)
    least = _ef_search(handle)
    return max(kept, least) if isinstance(kept, int) else least


def _ef_search(handle: Handle) -> int:
    kept = handle.native.hnsw.get("ef_search")
    return kept if isinstance(kept, int) else _DEFAULT_EFFORT
