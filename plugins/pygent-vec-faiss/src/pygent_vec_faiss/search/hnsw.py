"""The HNSW index: a graph over one copy of the vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pygent_vec.model import DistanceMetric
from pygent_vec_faiss.search.ann import AnnIndex, IndexParameters, SlotSelector, VectorSource, faiss_metric
from pygent_vec_faiss.search.library import faiss, index_errors
from pygent_vec_faiss.search.scores import norms_of
from pygent_vec_faiss.search.snapshot import Unusable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygent_vec.model import Float32Matrix
    from pygent_vec_faiss.search.snapshot import Snapshot, SnapshotWriter

__all__ = ["HnswIndex"]

_FILL_VALUES = 1 << 18
_EFFORTS = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_LARGE = 300_000
_UNIT_TOLERANCE = 8 * 2.0**-24
"""How far from 1 the norm of a vector may be that needs no dividing: the rounding of those who divided it."""


class _StorageMemory:
    """The memory of a flat storage as NumPy sees it; an array over it keeps the storage alive."""

    def __init__(self, storage: Any, shape: tuple[int, int], *, readonly: bool) -> None:
        self._storage = storage
        self.__array_interface__ = {
            "version": 3,
            "typestr": np.dtype(np.float32).str,
            "shape": shape,
            "data": (int(storage.get_xb()), readonly),
        }


class HnswIndex(AnnIndex):
    """A graph of FAISS over a flat storage that this object owns.

    For cosine the storage holds directions. As long as every vector came with a norm of 1, as from most
    embedding models, these are the raw bits, and nothing is divided.

    Attributes:
        capacity: How many slots the storage has room for.
    """

    kind: ClassVar[str] = "hnsw"

    def __init__(
        self,
        *,
        metric: DistanceMetric,
        dimension: int,
        parameters: IndexParameters,
        graph: Any = None,
    ) -> None:
        super().__init__(metric=metric, dimension=dimension, parameters=parameters)
        # FAISS refers to the storage by a bare pointer: it lives as long as this object.
        self._storage = faiss.IndexFlat(dimension, faiss_metric(metric))
        if graph is None:
            graph = faiss.IndexHNSW(self._storage, parameters.m)
            graph.hnsw.efConstruction = parameters.ef_construction
        else:
            graph.storage = self._storage
            graph.own_fields = False
            # Setting a member hands ownership to C++, which was just told not to own it: take it back.
            self._storage.thisown = True
        self._graph = graph
        self._count = int(graph.ntotal)  # kept here: a search asks for it twice, and FAISS is slow to say
        self._matrix = np.empty((0, dimension), np.float32)
        self._raw = True
        self.capacity = 0

    @classmethod
    def load(
        cls, snapshot: Snapshot, *, metric: DistanceMetric, source: VectorSource, capacity: int
    ) -> HnswIndex | Unusable:
        """Read the graph of a checked *snapshot* and its vectors from *source*."""
        info = snapshot.info
        try:
            graph = faiss.read_index(faiss.PyCallbackIOReader(snapshot.read))
        except RuntimeError as error:
            return Unusable(f"this version of FAISS cannot read the snapshot: {error}")
        if graph.ntotal != info.slots or graph.d != info.dimension:
            return Unusable(f"the snapshot's graph has {graph.ntotal} nodes for {info.slots} slots")
        parameters = IndexParameters(
            kind=cls.kind, m=info.options["m"], ef_construction=info.options["ef_construction"]
        )
        index = cls(metric=metric, dimension=info.dimension, parameters=parameters, graph=graph)
        index.reserve(max(capacity, info.slots), source)
        return index

    @property
    def count(self) -> int:
        """The number of slots that are in the index."""
        return self._count

    @property
    def matrix(self) -> Float32Matrix:
        """Return a view `[count, d]` of the vectors, directions for cosine; see `AnnIndex.matrix`."""
        return self._matrix

    @property
    def raw(self) -> bool:
        """Whether `matrix` holds the raw bits: for cosine while every vector had a norm of 1."""
        return self._raw

    @property
    def memory_bytes(self) -> int:
        """The bytes that it holds in memory: the storage's capacity and the graph."""
        hnsw = self._graph.hnsw
        graph = 4 * hnsw.neighbors.size() + 8 * hnsw.offsets.size() + 4 * hnsw.levels.size()
        return int(graph) + self.capacity * self.dimension * 4

    @property
    def efforts(self) -> tuple[int, ...]:
        """Values of ef_search, ascending."""
        return _EFFORTS

    @property
    def default_effort(self) -> int:
        """ef_search 128, and 256 for large collections."""
        return 256 if self.count > _LARGE else 128

    def grow(self, vectors: Float32Matrix) -> None:
        """Add the raw *vectors* `[n, d]` of the next *n* slots; see `AnnIndex.grow`."""
        count = self.count + len(vectors)
        if count > self.capacity:
            # What std::vector does when it was not told in advance.
            self.capacity = max(count, 2 * self.count)
        with index_errors():
            self._graph.add(self._directions(vectors, self.count))
        self._count = count
        self._matrix = self._view()

    def reserve(self, slots: int, source: VectorSource) -> None:
        """Make room for *slots* slots; see `AnnIndex.reserve`."""
        if slots <= self.capacity:
            return
        count, row_bytes = self.count, 4 * self.dimension
        self._matrix = self._matrix[:0].copy()
        self._storage.ntotal = 0
        self._storage.codes = faiss.MaybeOwnedVectorUInt8()
        with index_errors():
            self._storage.codes.resize(slots * row_bytes)
            self._storage.codes.resize(count * row_bytes)
        self._storage.ntotal = count
        self.capacity = slots
        self._raw = True
        for start, rows in self._blocks(count):
            source.read_into(rows, start)
            rows[:] = self._directions(rows, start)
        self._matrix = self._view()

    def _directions(self, vectors: Float32Matrix, stored: int) -> Float32Matrix:
        """Return raw *vectors* as the storage holds them; the first to need dividing divide *stored* ones."""
        if self.metric is not DistanceMetric.COSINE:
            return vectors
        norms = norms_of(vectors)
        if self._raw and (np.abs(norms - 1) <= _UNIT_TOLERANCE).all():
            return vectors
        if self._raw:
            self._raw = False
            for _, rows in self._blocks(stored):
                rows[:] = rows / norms_of(rows)[:, None]
        return vectors / norms[:, None]

    def _blocks(self, count: int) -> Iterator[tuple[int, Float32Matrix]]:
        """Yield the first slot and a writable view of each block of the first *count* rows of the storage."""
        matrix = self._view(readonly=False)
        step = max(1, _FILL_VALUES // self.dimension)
        for start in range(0, count, step):
            yield start, matrix[start : min(start + step, count)]

    def _view(self, *, readonly: bool = True) -> Float32Matrix:
        if not self.count:
            return np.empty((0, self.dimension), np.float32)
        return np.asarray(_StorageMemory(self._storage, (self.count, self.dimension), readonly=readonly))

    def _parameters(self, effort: int, selector: SlotSelector | None) -> Any:
        if selector is None:
            return faiss.SearchParametersHNSW(efSearch=effort)
        return faiss.SearchParametersHNSW(efSearch=effort, sel=selector.selector)

    def _index(self) -> Any:
        return self._graph

    def _options(self) -> dict[str, int]:
        return {"m": self.parameters.m, "ef_construction": self.parameters.ef_construction}

    def _write(self, writer: SnapshotWriter) -> None:
        faiss.write_index(self._graph, faiss.PyCallbackIOWriter(writer.write), faiss.IO_FLAG_SKIP_STORAGE)
