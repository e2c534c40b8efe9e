"""What a check is given: an open store in a fresh place, and what it may do with it."""

from __future__ import annotations

import math
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pygent_vec import DistanceMetric, VectorDocument
from pygent_vec_conformance.expect import Violation
from pygent_vec_conformance.trace import Trace, traced

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Sequence

    from pygent_vec import VectorStore
    from pygent_vec.contract import Capabilities, Embedder
    from pygent_vec_conformance.profile import Profile
    from pygent_vec_conformance.target import Place, StoreTarget

__all__ = ["World"]

T = TypeVar("T")
_SEED = 20240229


class World:
    """One check's surroundings. Nothing is shared between checks.

    Attributes:
        target: What is checked.
        profile: How much to do.
        trace: The calls so far.
        rng: Seeded, the same in every run.
        shrink: Whether a random example that fails is made small.
        deadline: When making it small ends, by `perf_counter`.
        found: The failure of a random law that took the fewest steps, and those steps.
    """

    def __init__(
        self,
        target: StoreTarget,
        profile: Profile,
        runner: asyncio.Runner,
        *,
        shrink: bool = True,
        deadline: float = math.inf,
    ) -> None:
        self.target = target
        self.profile = profile
        self.trace = Trace()
        self.rng = np.random.default_rng(_SEED)
        self.dice = random.Random(_SEED)  # noqa: S311  # reproducible on purpose
        self.shrink = shrink
        self.deadline = deadline
        self.found: tuple[Exception, tuple[str, ...]] | None = None
        self._runner = runner
        self._directory = Path(tempfile.mkdtemp(prefix="pygent-vec-conformance-"))
        self._directory.chmod(0o711)  # a server may run under an account of its own
        self._places: list[Place] = []
        self._stores: list[VectorStore] = []
        self._store: VectorStore | None = None
        self._here: Place | None = None

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Return the result of a coroutine; for checks that are plain functions."""
        return self._runner.run(work)

    def find(self, error: Exception) -> None:
        """Remember a failure of a random law, if none of fewer steps is known."""
        steps = self.trace.lines
        if self.found is None or len(steps) <= len(self.found[1]):
            self.found = (error, steps)

    @property
    def store(self) -> VectorStore:
        """The open store of this check's first place."""
        if self._store is None:
            raise Violation("the store could not be opened")
        return self._store

    @property
    def capabilities(self) -> Capabilities:
        """What the store declares."""
        return self.store.capabilities

    @property
    def metric(self) -> DistanceMetric:
        """A metric that the backend has: euclidean, if it can."""
        known = self.capabilities.metrics
        return DistanceMetric.EUCLIDEAN if DistanceMetric.EUCLIDEAN in known else min(known)

    @property
    def here(self) -> Place:
        """Where `store` lives."""
        if self._here is None:
            raise Violation("the store could not be opened")
        return self._here

    def place(self) -> Place:
        """Return another fresh place."""
        directory = self._directory / f"place{len(self._places)}"
        directory.mkdir()
        place = self.target.place(directory)
        if self.target.prepare is not None:
            self.target.prepare(place.settings)
        self._places.append(place)
        return place

    async def start(self) -> None:
        """Open `store`."""
        self._here = self.place()
        self._store = await self.opened(self._here)

    async def opened(self, place: Place, *, embedder: Embedder | None = None) -> VectorStore:
        """Return an open store of *place*; it is closed with the world."""
        store = self.unopened(place, embedder=embedder)
        await store.initialize()
        return store

    def unopened(self, place: Place | None = None, *, embedder: Embedder | None = None) -> VectorStore:
        """Return a store of *place*, or of a fresh one, that is not open."""
        made = self.target.at(place if place is not None else self.place(), embedder=embedder)
        self._stores.append(made)
        return traced(made, self.trace)

    async def reopened(self) -> VectorStore:
        """Close `store`, open its place anew, and return that store, which `store` now is."""
        await self.store.close()
        self._store = await self.opened(self.here)
        return self._store

    async def fresh(self) -> VectorStore:
        """Close `store`, open another place, and return its store; forget the steps so far."""
        await self.store.close()
        self.trace.clear()
        await self.start()
        return self.store

    async def collection(
        self, name: str = "default", dimension: int = 4, metric: DistanceMetric | None = None
    ) -> str:
        """Create a collection in `store` and return its name."""
        await self.store.create_collection(name, dimension, metric or self.metric)
        return name

    def vectors(self, count: int, dimension: int = 4) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """Return float32 `[count, dimension]`, normal, seeded."""
        return self.rng.standard_normal((count, dimension)).astype(np.float32)

    def documents(
        self, ids: Sequence[str], *, dimension: int = 4, collection: str | None = None
    ) -> list[VectorDocument]:
        """Return a document for each id, with random vectors and metadata that tells them apart."""
        vectors = self.vectors(len(ids), dimension)
        return [
            VectorDocument(
                id=one,
                content=f"content of {one}",
                embedding=vectors[row],
                metadata={"n": row, "parity": "even" if row % 2 == 0 else "odd"},
                collection=collection,
            )
            for row, one in enumerate(ids)
        ]

    async def finish(self) -> None:
        """Close what is open."""
        for store in self._stores:
            await store.close()

    def clean(self) -> None:
        """Remove what the check left on disk and on the server."""
        if self.target.dispose is not None:
            for place in self._places:
                self.target.dispose(place.settings)
        shutil.rmtree(self._directory, ignore_errors=True)
