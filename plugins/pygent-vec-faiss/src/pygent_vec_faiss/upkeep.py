"""The upkeep of a collection: its index grows after the documents, and dead slots are given back."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import PygentVecError
from pygent_vec_faiss.search.index import IndexParameters, Unusable, create_index, load_index
from pygent_vec_faiss.search.policy import (
    auto_kind,
    default_links,
    indexable,
    nlist_for,
    room_for,
    scan_seconds,
    training_rows,
)
from pygent_vec_faiss.search.scan import ScanRows, nearest, norms_of
from pygent_vec_faiss.slots import Slots
from pygent_vec_faiss.storage.vectors import VectorFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pygent_vec.model import Float32Matrix, Int64Vector
    from pygent_vec_faiss.parts import Parts
    from pygent_vec_faiss.search.index import AnnIndex

__all__ = ["Upkeep"]

_LEAST_INDEXED = 1_000
"""Below this an exact scan is cheaper than any index."""
_LEAST_TAIL = 1_024
"""So many rows beside the index are scanned in less time than a search takes."""
_LEAST_COMPACTED = 1_000
_SLICE_SECONDS = 0.02
"""How long a growing index may keep searches waiting."""
_FIRST_SLICE = 64
_LARGEST_SLICE = 4_096
_COPY_ROWS = 4_096
_MOST_TRAINING_ROWS = 1 << 18
_MEASURED_SCANS = 5
_CALL_SECONDS = 100e-6


class Upkeep:
    """Builds, grows, saves and loads the index of one collection, and compacts its files.

    Args:
        parts: The collection.
        build_budget: CPU seconds that a graph may cost under the index kind `auto`.
        stopped: Asked between slices of work; the work ends early once it returns true.
    """

    def __init__(self, parts: Parts, *, build_budget: float, stopped: Callable[[], bool]) -> None:
        self._parts = parts
        self._build_budget = build_budget
        self._stopped = stopped
        self._saved = 0
        self._measured: float | None = None

    def wanted_kind(self) -> str:
        """Return which index the collection should have now: `flat`, `hnsw` or `ivf_flat`."""
        parts = self._parts
        kind, living = parts.spec.index.kind, parts.slots.living
        if kind == "auto":
            kind = auto_kind(
                alive=living,
                dimension=parts.spec.dimension,
                build_budget=self._build_budget,
                slowness=self._slowness(),
            )
        return "flat" if living < _LEAST_INDEXED else kind

    def _slowness(self) -> float:
        """Return how this machine's exact scans compare with the policy's constants, measured once."""
        if self._measured is None and self._parts.slots.living >= _LEAST_INDEXED:
            rows = self._next_rows(0, _LARGEST_SLICE)
            scan, seconds = ScanRows(matrix=rows, norms=norms_of(rows)), []
            for query in rows[:_MEASURED_SCANS]:
                started = perf_counter()
                nearest(self._parts.spec.distance_metric, query[np.newaxis], scan, 10)
                seconds.append(perf_counter() - started)
            # Noise only ever adds time, and a call costs something besides the scan.
            self._measured = max(0.1, min(seconds) / (_CALL_SECONDS + scan_seconds(*rows.shape)))
        return self._measured or 1.0

    def due(self) -> bool:
        """Return whether there is enough to do for `work`."""
        parts = self._parts
        with parts.lock.shared:  # a compaction may be closing the vector file that is measured
            if parts.fault is not None:
                return False
            if parts.slots.dead > max(_LEAST_COMPACTED, parts.slots.living):
                return True
            if parts.index is None:
                return self.wanted_kind() != "flat"
            return len(parts.slots) - parts.index.count >= _LEAST_TAIL

    def work(self) -> None:
        """Do what is due: compact, then build or grow the index, then save it."""
        parts = self._parts
        with parts.upkeep:
            if parts.fault is not None:
                return
            if parts.slots.dead > max(_LEAST_COMPACTED, parts.slots.living):
                self.compact()
            if parts.index is None and self.wanted_kind() != "flat":
                self._build(self.wanted_kind())
            elif parts.index is not None:
                self._grow(parts.index)
            self.save()

    def rebuild(self) -> None:
        """Compact if anything is dead, and build the index over all documents, whatever it is now."""
        parts = self._parts
        with parts.upkeep:
            parts.check()
            if parts.slots.dead:
                self.compact()
            kind = self.wanted_kind()
            if kind == "flat":
                with parts.lock.exclusive:
                    parts.index = None
            elif parts.index is not None and parts.index.kind == kind == "hnsw":
                self._grow(parts.index)  # a graph does not get better by being built again
            else:
                self._build(kind)
            self.save()

    def load(self) -> None:
        """Take up the saved index, if it is intact and belongs to the vector file."""
        parts = self._parts
        kinds = {"flat": (), "auto": ("hnsw", "ivf_flat")}.get(
            parts.spec.index.kind, (parts.spec.index.kind,)
        )
        for kind in kinds:
            found = load_index(
                self._path,
                metric=parts.spec.distance_metric,
                dimension=parts.spec.dimension,
                parameters=self._parameters(kind),
                generation=parts.vectors.state.generation,
                slots=len(parts.slots),
                source=parts.vectors,
                capacity=len(parts.slots),
            )
            if not isinstance(found, Unusable):
                parts.index = found
                self._saved = found.count
                return

    def save(self) -> None:
        """Save the index, if it has grown since it was saved."""
        parts = self._parts
        with parts.upkeep:
            if parts.index is not None and parts.index.count > self._saved and parts.fault is None:
                parts.index.save(self._path, generation=parts.vectors.state.generation)
                self._saved = parts.index.count

    def compact(self) -> None:
        """Write the living vectors to a new file, renumber the documents, and go over to it at once."""
        parts = self._parts
        with parts.upkeep, parts.writing:
            parts.check()
            parts.table.settle()  # a commit in doubt may name the file that is written here
            living = np.flatnonzero(parts.slots.alive).astype(np.int64)
            old = parts.vectors
            generation = old.state.generation + 1
            new = VectorFile.create(parts.folder, dimension=parts.spec.dimension, generation=generation)
            try:
                if self._copied(living, new):
                    self._adopt(living, new)
            finally:
                if parts.vectors is not new:
                    self._give_up(new)
            if parts.vectors is new:
                self._saved = 0
                old.close()
                old.path.unlink(missing_ok=True)
                self._path_of(old.state.generation).unlink(missing_ok=True)

    def _copied(self, living: Int64Vector, new: VectorFile) -> bool:
        """Copy the vectors of the *living* slots; return whether nothing stopped it."""
        for start in range(0, len(living), _COPY_ROWS):
            if self._stopped():
                return False
            new.append(self._parts.vectors.rows(living[start : start + _COPY_ROWS]), durable=False)
        new.sync()
        return True

    def _adopt(self, living: Int64Vector, new: VectorFile) -> None:
        """Commit the *new* file and the documents' new slots, and go over to them."""
        parts = self._parts
        numbers = np.arange(len(living), dtype=np.int64)
        with parts.table.transaction() as change:
            change.renumber(living, numbers)
            with parts.lock.exclusive:
                change.commit(new.state)
                parts.replace(vectors=new, slots=Slots(numbers, len(numbers)), living=living)

    def _give_up(self, new: VectorFile) -> None:
        """Remove the vector file of a compaction that failed, once its commit cannot come back."""
        parts = self._parts
        if parts.table.vectors == new.state:
            parts.fault = RuntimeError("a compaction was interrupted after its commit")
        new.close()
        with suppress(PygentVecError, OSError):
            if parts.fault is None:
                parts.table.settle()
                new.path.unlink(missing_ok=True)

    def _build(self, kind: str) -> None:
        """Build an index while searches scan, and publish it when it has caught up."""
        parts = self._parts
        if not indexable(norms_of(parts.vectors.rows(self._sample_slots(1_000)))):
            return
        parameters = self._parameters(kind)
        index = create_index(
            metric=parts.spec.distance_metric,
            dimension=parts.spec.dimension,
            parameters=parameters,
            sample=self._sample(parameters),  # not kept: it may be half as large as the vectors
            slots=len(parts.slots),
        )
        index.reserve(room_for(len(parts.slots)), parts.vectors)
        while index.count < len(parts.slots) and not self._stopped():
            index.grow(self._next_rows(index.count, _LARGEST_SLICE))
        if self._stopped():
            return
        with parts.lock.exclusive:
            parts.index = index
            self._saved = 0

    def _grow(self, index: AnnIndex) -> None:
        """Add the tail in slices so short that searches hardly wait."""
        parts, rows = self._parts, _FIRST_SLICE
        while index.count < len(parts.slots) and not self._stopped():
            vectors = self._next_rows(index.count, rows)
            with parts.lock.exclusive:
                started = perf_counter()
                if index.count + len(vectors) > getattr(index, "capacity", np.inf):
                    index.reserve(room_for(len(parts.slots)), parts.vectors)
                try:
                    index.grow(vectors)
                except BaseException:
                    parts.index = None
                    raise
                spent = perf_counter() - started
            rows = int(np.clip(rows * _SLICE_SECONDS / max(spent, 1e-6), 1, min(2 * rows, _LARGEST_SLICE)))

    def _next_rows(self, first: int, rows: int) -> Float32Matrix:
        count = min(rows, len(self._parts.slots) - first)
        vectors = np.empty((count, self._parts.spec.dimension), np.float32)
        self._parts.vectors.read_into(vectors, first)
        return vectors

    def _sample(self, parameters: IndexParameters) -> Float32Matrix:
        """Return the vectors that train an index; none for a graph."""
        rows = 0
        if parameters.kind == "ivf_flat":
            rows = training_rows(parameters.nlist or nlist_for(len(self._parts.slots)))
        return self._parts.vectors.rows(self._sample_slots(min(rows, _MOST_TRAINING_ROWS)))

    def _sample_slots(self, rows: int) -> Int64Vector:
        living = np.flatnonzero(self._parts.slots.alive)
        if len(living) > rows:
            living = np.sort(np.random.default_rng(0).choice(living, rows, replace=False))
        return living.astype(np.int64)

    def _parameters(self, kind: str) -> IndexParameters:
        spec = self._parts.spec
        options = {"m": default_links(spec.distance_metric), **spec.index.options}
        return IndexParameters(kind=kind, **options)  # type: ignore[arg-type]

    @property
    def _path(self) -> Path:
        return self._path_of(self._parts.vectors.state.generation)

    def _path_of(self, generation: int) -> Path:
        return self._parts.folder / f"index-{generation}.faiss"
