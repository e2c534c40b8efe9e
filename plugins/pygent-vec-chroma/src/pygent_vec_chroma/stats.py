"""The size of a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.model import CollectionStats, DistanceMetric

if TYPE_CHECKING:
    from pygent_vec_chroma.catalogue import Handle

__all__ = ["stats"]


def stats(handle: Handle) -> CollectionStats:
    """Return the exact count, and the index in words."""
    hnsw = handle.native.hnsw
    index = (
        "none: Manhattan distances are scanned"
        if handle.spec.distance_metric is DistanceMetric.MANHATTAN
        else f"hnsw ({hnsw.get('space')}), max_neighbors {hnsw.get('max_neighbors')}, "
        f"ef_construction {hnsw.get('ef_construction')}, ef_search {hnsw.get('ef_search')}"
    )
    return CollectionStats(
        document_count=handle.driver.count(handle.native), dimension=handle.spec.dimension, index=index
    )
