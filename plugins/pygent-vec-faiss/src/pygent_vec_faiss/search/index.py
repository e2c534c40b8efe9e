"""Making and loading approximate indexes of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec_faiss.search.ann import AnnIndex, IndexParameters, SlotSelector, VectorSource
from pygent_vec_faiss.search.hnsw import HnswIndex
from pygent_vec_faiss.search.ivf import IvfFlatIndex
from pygent_vec_faiss.search.policy import nlist_for
from pygent_vec_faiss.search.snapshot import Unusable, open_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from pygent_vec.model import DistanceMetric, Float32Matrix

__all__ = [
    "AnnIndex",
    "IndexParameters",
    "SlotSelector",
    "Unusable",
    "VectorSource",
    "create_index",
    "load_index",
]


def create_index(
    *, metric: DistanceMetric, dimension: int, parameters: IndexParameters, sample: Float32Matrix, slots: int
) -> AnnIndex:
    """Return an empty index; *sample*, raw vectors `[s, d]`, trains those kinds that need it.

    Args:
        metric: How vectors are compared.
        dimension: Of the vectors.
        parameters: Kind and options.
        sample: For `"ivf_flat"` `policy.training_rows(nlist)` rows from all over the collection, or all.
            HNSW ignores it.
        slots: How many slots the collection has now; it decides the number of lists if the parameters do not.
    """
    if parameters.kind == HnswIndex.kind:
        return HnswIndex(metric=metric, dimension=dimension, parameters=parameters)
    nlist = min(parameters.nlist or nlist_for(slots), len(sample))
    return IvfFlatIndex.train(metric=metric, parameters=attrs.evolve(parameters, nlist=nlist), sample=sample)


def load_index(
    path: Path,
    *,
    metric: DistanceMetric,
    dimension: int,
    parameters: IndexParameters,
    generation: int,
    slots: int,
    source: VectorSource,
    capacity: int = 0,
) -> AnnIndex | Unusable:
    """Load the snapshot at *path* if it is intact and fits; it may cover only the first slots.

    Args:
        path: Where `AnnIndex.save` wrote it.
        metric: The collection's.
        dimension: The collection's.
        parameters: What the index should be built with; a snapshot of others is not used.
        generation: Of the vector file.
        slots: How many slots the vector file has.
        source: Where the vectors are read from, once.
        capacity: For how many slots room is made at once.

    Raises:
        BackendError: the vectors cannot be read.
        CorruptStoreError: the vectors are damaged.
    """
    found = open_snapshot(path, generation=generation, slots=slots)
    if isinstance(found, Unusable):
        return found
    with found as snapshot:
        info = snapshot.info
        if (info.kind, info.metric, info.dimension) != (parameters.kind, metric.value, dimension):
            return Unusable(f"the snapshot holds {info.kind}, {info.metric}, {info.dimension} dimensions")
        wanted = attrs.asdict(parameters)
        if any(wanted[name] not in (0, value) for name, value in info.options.items()):
            return Unusable(f"the snapshot was built with {dict(info.options)}")
        if info.kind == HnswIndex.kind:
            return HnswIndex.load(snapshot, metric=metric, source=source, capacity=capacity)
        return IvfFlatIndex.load(snapshot, metric=metric, source=source)
