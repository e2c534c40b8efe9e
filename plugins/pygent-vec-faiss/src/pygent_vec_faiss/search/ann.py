"""What every approximate index of FAISS has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import attrs
import numpy as np

from pygent_vec.model import DistanceMetric
from pygent_vec_faiss.search.library import faiss, index_error
from pygent_vec_faiss.search.snapshot import SnapshotInfo, SnapshotWriter, save_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pygent_vec.model import Float32Matrix

__all__ = ["AnnIndex", "IndexParameters", "SlotSelector", "VectorSource", "faiss_metric"]

_TEAM_QUERIES = 128
"""From so many queries on a team of threads saves time. Its members spin while they wait for another:
where others want their processors, a team took 9 times the CPU time for 2 queries, 3 times for 16, and no
more for 1,000."""


class VectorSource(Protocol):
    """Where the raw vectors can be read again, such as the vector file."""

    def read_into(self, out: Float32Matrix, start: int = 0) -> None:
        """Fill *out*, float32 `[n, d]` and C-contiguous, with the rows from slot *start* on."""


@attrs.frozen(kw_only=True)
class IndexParameters:
    """How an approximate index is built.

    Attributes:
        kind: `"hnsw"` or `"ivf_flat"`.
        m: HNSW: links of a node on each layer but the lowest, which has twice as many.
        ef_construction: HNSW: candidates that are kept while a node is linked.
        nlist: IVF: how many lists; 0 chooses by the number of vectors.
    """

    kind: str = attrs.field(default="hnsw", validator=attrs.validators.in_(("hnsw", "ivf_flat")))
    m: int = attrs.field(default=16, validator=[attrs.validators.ge(2), attrs.validators.le(256)])
    ef_construction: int = attrs.field(
        default=128, validator=[attrs.validators.ge(1), attrs.validators.le(4096)]
    )
    nlist: int = attrs.field(default=0, validator=[attrs.validators.ge(0), attrs.validators.le(1 << 20)])


class SlotSelector:
    """The slots that a search may return; immutable, made once per state of the collection.

    Slots at or beyond the mask's length are not selected.
    """

    __slots__ = ("_bits", "selector")

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        # FAISS keeps a bare pointer to the bits, so they must live as long as the selector.
        self._bits = np.packbits(mask, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(self._bits)


class AnnIndex(ABC):
    """An approximate index over the slots `[0, count)`.

    Searches may run in many threads at once. Whatever changes the index (`grow`, `reserve`) needs the
    caller's exclusive lock, and after an error of one of these the index must be dropped and built again.

    Attributes:
        kind: The index kind.
        metric: How vectors are compared.
        dimension: Of the vectors.
        parameters: What it was built with.
    """

    kind: ClassVar[str]

    def __init__(self, *, metric: DistanceMetric, dimension: int, parameters: IndexParameters) -> None:
        self.metric = metric
        self.dimension = dimension
        self.parameters = parameters
        self._last: tuple[int, SlotSelector | None, Any] | None = None

    @property
    @abstractmethod
    def count(self) -> int:
        """The number of slots that are in the index."""

    @property
    @abstractmethod
    def memory_bytes(self) -> int:
        """The bytes that it holds in memory, vectors included."""

    @property
    @abstractmethod
    def efforts(self) -> tuple[int, ...]:
        """The search efforts worth trying, ascending: ef_search or nprobe."""

    @property
    @abstractmethod
    def default_effort(self) -> int:
        """The search effort where none was tuned: enough for hard data."""

    @property
    def matrix(self) -> Float32Matrix | None:
        """Return a read-only view `[count, d]` of the raw vectors, or None if the index has none.

        It is valid only until the next `grow` or `reserve`: use it under the lock that keeps these away.
        """
        return None

    @property
    def lossy(self) -> bool:
        """Whether the index holds the vectors rounded, so that its order is only nearly right."""
        return False

    @abstractmethod
    def grow(self, vectors: Float32Matrix) -> None:
        """Add the raw *vectors* `[n, d]` of the next *n* slots.

        The time is that of *n* searches with `ef_construction`, plus a little for each slot that exists,
        so a caller who must not hold its lock for long passes short slices.
        """

    @abstractmethod
    def reserve(self, slots: int, source: VectorSource) -> None:
        """Make room for *slots* slots, reading the vectors of those that exist from *source* again.

        The old copy of the vectors is freed before the new one is made, so they are never held twice.
        """

    @abstractmethod
    def _parameters(self, effort: int, selector: SlotSelector | None) -> Any: ...

    @abstractmethod
    def _index(self) -> Any: ...

    @abstractmethod
    def _write(self, writer: SnapshotWriter) -> None: ...

    @abstractmethod
    def _options(self) -> dict[str, int]: ...

    def search(
        self, queries: Float32Matrix, k: int, *, effort: int, selector: SlotSelector | None = None
    ) -> NDArray[np.int64]:
        """Return the slots of about the *k* nearest of each query `[q, d]`, nearest first, `[q, k]`.

        Places that could not be filled hold -1: always where fewer than *k* slots are selected, and sometimes
        where more are.

        Args:
            queries: Raw, float32, C-contiguous.
            k: At least 1.
            effort: ef_search or nprobe.
            selector: Only these slots; None means all.

        Raises:
            BackendError: FAISS failed.
        """
        last = self._last
        if last is None or last[0] != effort or last[1] is not selector:
            last = (effort, selector, self._parameters(effort, selector))
            self._last = last
        try:
            return self._searched(queries, k, last[2])
        except (RuntimeError, MemoryError) as error:
            raise index_error(error) from error

    def _searched(self, queries: Float32Matrix, k: int, parameters: Any) -> NDArray[np.int64]:
        distances = np.empty((len(queries), k), np.float32)
        slots = np.empty((len(queries), k), np.int64)
        # The wrapper of FAISS would check again what is known here, at a cost that a single search feels.
        arguments = (
            len(queries),
            faiss.swig_ptr(queries),
            k,
            faiss.swig_ptr(distances),
            faiss.swig_ptr(slots),
            parameters,
        )
        search, threads = self._index().search_c, faiss.omp_get_max_threads()
        if len(queries) >= _TEAM_QUERIES or threads == 1:
            search(*arguments)
            return slots
        # The setting is of this thread, so give it back.
        faiss.omp_set_num_threads(1)
        try:
            search(*arguments)
        finally:
            faiss.omp_set_num_threads(threads)
        return slots

    def save(self, path: Path, *, generation: int) -> None:
        """Write a snapshot, without the vectors, atomically.

        Raises:
            BackendError: the file system refuses; an older snapshot stands.
        """
        info = SnapshotInfo(
            kind=self.kind,
            metric=self.metric.value,
            dimension=self.dimension,
            generation=generation,
            slots=self.count,
            options=self._options(),
        )
        save_snapshot(path, info, self._write)


def faiss_metric(metric: DistanceMetric) -> int:
    """Return FAISS's number of *metric*; cosine is the inner product of normalized vectors."""
    numbers: dict[DistanceMetric, int] = {
        DistanceMetric.COSINE: faiss.METRIC_INNER_PRODUCT,
        DistanceMetric.DOT_PRODUCT: faiss.METRIC_INNER_PRODUCT,
        DistanceMetric.EUCLIDEAN: faiss.METRIC_L2,
        DistanceMetric.MANHATTAN: faiss.METRIC_L1,
    }
    return numbers[metric]
