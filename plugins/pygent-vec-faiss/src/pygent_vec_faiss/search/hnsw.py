"""The HNSW index: a graph over one copy of the vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pygent_vec.model import DistanceMetric
from pygent_vec_faiss.search.ann import AnnIndex, IndexParameters, SlotSelector, VectorSource, faiss_metric
from pygent_vec_faiss.search.library import faiss, index_errors
from pygent_vec_faiss.search.snapshot import Unusable

if TYPE_CHECKING:
    from pygent_vec.model import Float32Matrix, Float32Vector
    from pygent_vec_faiss.search.snapshot import Snapshot, SnapshotWriter

__all__ = ["HnswIndex"]

_FILL_VALUES = 1 << 18
_EFFORTS = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_LARGE = 300_000


class _StorageMemory:
    """The memory of a flat storage as NumPy sees it; an array over it keeps the storage alive."""

    def __init__(self, storage: Any, shape: tuple[int, int]) -> None:
        self._storage = storage
        self.__array_interface__ = {
            "version": 3,
            "typestr": np.dtype(np.float32).str,
            "shape": shape,
            "data": (int(storage.get_xb()), True),
        }


class HnswIndex(AnnIndex):
    """A graph of FAISS over a storage that this object owns.

    For cosine the storage holds directions in half precision: half the memory, and a walk over the graph that
    waits for memory takes two thirds of the time. Recall is that of float32, because hits are scored again
    from the raw vectors: a direction's rounding moves a cosine by about 2^-12 / sqrt(d), less than what
    separates neighbors. The other metrics know no range of values, so they keep the raw float32 bits.

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
        self._storage = _storage(metric, dimension)
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
        self._matrix: Float32Matrix | None = None
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
    def matrix(self) -> Float32Matrix | None:
        """Return a view `[count, d]` of the raw vectors; None for cosine; see `AnnIndex.matrix`."""
        return self._matrix

    @property
    def lossy(self) -> bool:
        """Whether the vectors are rounded: for cosine."""
        return self.metric is DistanceMetric.COSINE

    @property
    def memory_bytes(self) -> int:
        """The bytes that it holds in memory: the storage's capacity and the graph."""
        hnsw = self._graph.hnsw
        graph = 4 * hnsw.neighbors.size() + 8 * hnsw.offsets.size() + 4 * hnsw.levels.size()
        return int(graph) + self.capacity * int(self._storage.code_size)

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
            self._graph.add(self._stored(vectors))
        self._count = count
        self._matrix = self._view()

    def reserve(self, slots: int, source: VectorSource) -> None:
        """Make room for *slots* slots; see `AnnIndex.reserve`."""
        if slots <= self.capacity:
            return
        size = int(self._storage.code_size)
        self._matrix = None
        self._storage.ntotal = 0
        self._storage.codes = faiss.MaybeOwnedVectorUInt8()
        with index_errors():
            self._storage.codes.resize(slots * size)
            self._storage.codes.resize(0)
        self.capacity = slots
        step = max(1, _FILL_VALUES // self.dimension)
        block = np.empty((min(step, self.count), self.dimension), np.float32)
        for start in range(0, self.count, step):
            rows = block[: min(step, self.count - start)]
            source.read_into(rows, start)
            with index_errors():
                self._storage.add(self._stored(rows))
        self._matrix = self._view()

    def _stored(self, vectors: Float32Matrix) -> Float32Matrix:
        """Return raw *vectors* as the storage wants them: for cosine directions."""
        if not self.lossy:
            return vectors
        # The squares fit into float32: the metric takes no other vectors.
        norms: Float32Vector = np.sqrt(np.vecdot(vectors, vectors))
        return vectors / norms[:, np.newaxis]

    def _view(self) -> Float32Matrix | None:
        if self.lossy:
            return None
        if not self.count:
            return np.empty((0, self.dimension), np.float32)
        return np.asarray(_StorageMemory(self._storage, (self.count, self.dimension)))

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


def _storage(metric: DistanceMetric, dimension: int) -> Any:
    if metric is DistanceMetric.COSINE:
        return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss_metric(metric))
    return faiss.IndexFlat(dimension, faiss_metric(metric))
