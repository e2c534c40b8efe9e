"""The IVF index: vectors in lists, one for each centroid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pygent_vec.model import DistanceMetric
from pygent_vec_faiss.search.ann import AnnIndex, IndexParameters, SlotSelector, VectorSource, faiss_metric
from pygent_vec_faiss.search.clusters import assigned, centroids_of
from pygent_vec_faiss.search.library import faiss, index_errors
from pygent_vec_faiss.search.scores import norms_of
from pygent_vec_faiss.search.snapshot import Unusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pygent_vec.model import Float32Matrix
    from pygent_vec_faiss.search.snapshot import Snapshot, SnapshotWriter

__all__ = ["IvfFlatIndex"]

_FILL_VALUES = 1 << 18
_DEFAULT_SHARE = 16
"""By default one list in sixteen is read."""


class IvfFlatIndex(AnnIndex):
    """Inverted lists of FAISS; the lists hold the one copy of the vectors."""

    kind: ClassVar[str] = "ivf_flat"

    def __init__(
        self, *, metric: DistanceMetric, parameters: IndexParameters, centroids: Float32Matrix
    ) -> None:
        nlist, dimension = centroids.shape
        super().__init__(metric=metric, dimension=dimension, parameters=parameters)
        self._centroids = centroids
        number = faiss_metric(metric)
        # FAISS refers to the quantizer by a bare pointer: it lives as long as this object.
        self._quantizer = faiss.IndexFlat(dimension, number)
        self._quantizer.add(centroids)
        self._lists = faiss.IndexIVFFlat(self._quantizer, dimension, nlist, number)
        self._lists.own_fields = False
        self._lists.is_trained = True

    @classmethod
    def train(
        cls, *, metric: DistanceMetric, parameters: IndexParameters, sample: Float32Matrix
    ) -> IvfFlatIndex:
        """Return an empty index of `parameters.nlist` lists, trained on the raw *sample* `[s, d]`."""
        directions = metric in (DistanceMetric.COSINE, DistanceMetric.DOT_PRODUCT)
        centroids = centroids_of(sample, parameters.nlist, directions=directions)
        return cls(metric=metric, parameters=parameters, centroids=centroids)

    @classmethod
    def load(
        cls, snapshot: Snapshot, *, metric: DistanceMetric, source: VectorSource
    ) -> IvfFlatIndex | Unusable:
        """Read centroids and lists of a checked *snapshot*, and the vectors from *source*."""
        info = snapshot.info
        nlist, dimension = info.options["nlist"], info.dimension
        body = snapshot.read(4 * nlist * dimension)
        lists = np.frombuffer(snapshot.read(4 * info.slots), "<i4")
        if len(body) != 4 * nlist * dimension or len(lists) != info.slots:
            return Unusable("the snapshot's payload has the wrong length")
        centroids = np.frombuffer(body, "<f4").reshape(nlist, dimension)
        index = cls(
            metric=metric, parameters=IndexParameters(kind=cls.kind, nlist=nlist), centroids=centroids
        )
        index._fill(lists, source)
        return index

    @property
    def count(self) -> int:
        """The number of slots that are in the index."""
        return int(self._lists.ntotal)

    @property
    def memory_bytes(self) -> int:
        """The bytes that it holds in memory: vectors, slots and centroids."""
        return self.count * (4 * self.dimension + 8) + self._centroids.nbytes

    @property
    def efforts(self) -> tuple[int, ...]:
        """Values of nprobe, ascending."""
        nlist = len(self._centroids)
        return (*(1 << power for power in range((nlist - 1).bit_length())), nlist)

    @property
    def default_effort(self) -> int:
        """A sixteenth of the lists, at least eight."""
        return min(len(self._centroids), max(8, len(self._centroids) // _DEFAULT_SHARE))

    def grow(self, vectors: Float32Matrix) -> None:
        """Add the raw *vectors* `[n, d]` of the next *n* slots; see `AnnIndex.grow`."""
        if self.metric is DistanceMetric.COSINE:
            vectors = vectors / norms_of(vectors)[:, None]
        if self.metric is DistanceMetric.MANHATTAN:
            lists = self._quantizer.search(vectors, 1)[1][:, 0]
        else:
            directions = self.metric is not DistanceMetric.EUCLIDEAN
            lists = assigned(vectors, self._centroids, directions=directions)
        self._add(vectors, lists)

    def reserve(self, slots: int, source: VectorSource) -> None:
        """Do nothing: each list grows by itself, and none of them is large."""

    def _add(self, vectors: Float32Matrix, lists: NDArray[np.integer]) -> None:
        # Both arrays have a name here because FAISS receives bare pointers to them.
        rows, numbers = np.ascontiguousarray(vectors), np.ascontiguousarray(lists, np.int64)
        with index_errors():
            self._lists.add_core(len(rows), faiss.swig_ptr(rows), None, faiss.swig_ptr(numbers))

    def _fill(self, lists: NDArray[np.int32], source: VectorSource) -> None:
        arrays = faiss.downcast_InvertedLists(self._lists.invlists)
        for number, size in enumerate(np.bincount(lists, minlength=len(self._centroids)).tolist()):
            arrays.resize(number, size)
            arrays.resize(number, 0)
        step = max(1, _FILL_VALUES // self.dimension)
        for start in range(0, len(lists), step):
            part = lists[start : start + step]
            rows = np.empty((len(part), self.dimension), np.float32)
            source.read_into(rows, start)
            if self.metric is DistanceMetric.COSINE:
                rows /= norms_of(rows)[:, None]
            self._add(rows, part)

    def _parameters(self, effort: int, selector: SlotSelector | None) -> Any:
        if selector is None:
            return faiss.SearchParametersIVF(nprobe=effort)
        return faiss.SearchParametersIVF(nprobe=effort, sel=selector.selector)

    def _index(self) -> Any:
        return self._lists

    def _options(self) -> dict[str, int]:
        return {"nlist": len(self._centroids)}

    def _write(self, writer: SnapshotWriter) -> None:
        writer.write(np.ascontiguousarray(self._centroids, "<f4").data)
        lists = np.empty(self.count, "<i4")
        arrays = self._lists.invlists
        for number in range(len(self._centroids)):
            size = arrays.list_size(number)
            if size:
                lists[faiss.rev_swig_ptr(arrays.get_ids(number), size)] = number
        writer.write(lists.data)
