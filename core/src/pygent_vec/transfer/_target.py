"""A store's collection as the target of a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from anyio.to_thread import run_sync

from pygent_vec.contract import OnConflict, VectorStore, default_collection_of
from pygent_vec.errors import (
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigError,
    DocumentExistsError,
    UnsupportedFeatureError,
    hint,
    shown,
)
from pygent_vec.model import DistanceMetric, IndexSpec
from pygent_vec.transfer._compare import differences
from pygent_vec.transfer._rows import batch_from
from pygent_vec.transfer._source import existing_collection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import CollectionInfo, VectorBatch
    from pygent_vec.transfer._ends import Description

__all__ = ["StoreTarget"]


class StoreTarget:
    """A collection that documents are written to, durably batch by batch where the store is durable.

    Args:
        store: An open store.
        collection: Its collection; None is the store's default collection.
        on_conflict: What to do with ids that exist.
        create: Whether to make the collection if it is not there.
        metric: The metric of a collection that is made, where the source does not say; None means cosine.
        name: What labels call the store; None means its name.

    Raises:
        ConfigError: *on_conflict* is unknown.
    """

    def __init__(
        self,
        store: VectorStore,
        collection: str | None = None,
        *,
        on_conflict: OnConflict = "error",
        create: bool = True,
        metric: DistanceMetric | None = None,
        name: str | None = None,
    ) -> None:
        modes = ("error", "overwrite", "skip")
        if on_conflict not in modes:
            raise ConfigError(f"on_conflict={shown(on_conflict)}{hint(str(on_conflict), modes)}")
        self.store = store
        self.collection = collection or default_collection_of(store)
        self.on_conflict: OnConflict = on_conflict
        self._create = create
        self._metric = metric
        self.store_name = name or store.name
        self._resumed = self._sole = False
        self._notes: list[str] = []

    @property
    def label(self) -> str:
        """The store's name and the collection."""
        return f"{self.store_name}/{self.collection}"

    @property
    def notes(self) -> Sequence[str]:
        """What the store keeps otherwise than the source had it."""
        return tuple(self._notes)

    @property
    def resumable(self) -> bool:
        """Whether the store is durable."""
        return self.store.capabilities.durable

    def claim(self) -> None:
        """Take every document of the collection for this move's own, since it was empty when the move began.

        A run that goes on then replaces those that the source has changed meanwhile, whatever *on_conflict*.
        """
        self._sole = True

    async def existing(self) -> CollectionInfo | None:
        """Return the collection as it is now, or None."""
        return await existing_collection(self.store, self.collection)

    async def check(self, description: Description) -> CollectionInfo | None:
        """Refuse documents that the collection, or one to be made, cannot hold; return the one that is there.

        Raises:
            CollectionMismatchError: it exists with another dimension or metric.
            CollectionNotFoundError: it does not exist, and is not to be made.
            UnsupportedFeatureError: the backend has not the metric, or not so many dimensions.
        """
        capabilities, backend = self.store.capabilities, self.store.backend
        metric = self._metric_of(description)
        if metric is not None:
            capabilities.require_metric(metric, backend)
        if description.dimension > capabilities.max_dimension:
            raise UnsupportedFeatureError(
                f"the backend {backend!r} takes at most {capabilities.max_dimension} dimensions, "
                f"and the documents have {description.dimension}"
            )
        info = await self.existing()
        if info is None:
            if not self._create:
                known = await self.store.list_collections()
                raise CollectionNotFoundError(
                    f"{self.store_name} has no collection {self.collection!r}{hint(self.collection, known)}"
                )
        elif info.dimension != description.dimension or metric not in {None, info.distance_metric}:
            wanted = f"dimension {description.dimension}" + (
                "" if metric is None else f", metric {metric.value}"
            )
            raise CollectionMismatchError(
                f"{self.label} has dimension {info.dimension}, metric {info.distance_metric.value}, and the "
                f"documents have {wanted}; use another collection"
            )
        return info

    async def prepare(self, description: Description, *, resumed: bool) -> None:
        """Check that the documents can be held, and make the collection if it is not there.

        Raises:
            CollectionNotFoundError: an earlier run had written to the collection, and it is gone; or it is
                not to be made.
            PygentVecError: else as `check`.
        """
        self._resumed = resumed
        info = await self.check(description)
        if resumed and info is None:
            raise CollectionNotFoundError(
                f"{self.label}, which an interrupted move had begun to fill, is gone; "
                "remove the checkpoint to begin anew"
            )
        if not self.store.capabilities.exact_vectors:
            self._notes.append(
                f"the backend {self.store.backend!r} keeps vectors within 1e-6 of their norm, not bit for bit"
            )
        if info is None:
            await self._make(description)
        elif dict(info.metadata) != dict(description.metadata) and description.metadata:
            self._notes.append(f"{self.label} was there and keeps the metadata that it had")

    async def write(self, batch: VectorBatch) -> int:
        """Write documents with their timestamps, as *on_conflict* says, and return how many."""
        step, written = self.store.capabilities.max_batch, 0
        for start in range(0, len(batch), step):
            part = attrs.evolve(
                batch if len(batch) <= step else batch.take(slice(start, start + step)),
                collection=self.collection,
            )
            try:
                written += await self._add(part, self.on_conflict)
            except DocumentExistsError:
                if not self._resumed:
                    raise
                written += await self._add_again(part)
        return written

    async def finish(self) -> None:
        """Do nothing: what is written is there."""

    async def abandon(self) -> None:
        """Do nothing: what is written stays, for the next run."""

    async def _add(self, batch: VectorBatch, on_conflict: OnConflict) -> int:
        return len(await self.store.add_batch(batch, on_conflict=on_conflict, preserve_timestamps=True))

    async def _add_again(self, batch: VectorBatch) -> int:
        """Write what an interrupted run has not; an id is no conflict where it holds the same document.

        Raises:
            DocumentExistsError: it holds another one, which need not be this move's.
        """
        found = await self.store.get_documents(batch.ids, collection=self.collection)
        places = [place for place, one in enumerate(found) if one is not None]
        there = batch_from([one for one in found if one is not None])
        exact = self.store.capabilities.exact_vectors
        other = await run_sync(lambda: differences(batch.take(places), there, exact=exact).found)
        if other and not self._sole:
            raise DocumentExistsError([one.id for one in other], self.collection)
        changed = {one.id for one in other}
        rest = [place for place, one in enumerate(found) if one is None or batch.ids[place] in changed]
        return await self._add(batch.take(rest), "overwrite" if changed else "error") if rest else 0

    def _metric_of(self, description: Description) -> DistanceMetric | None:
        return self._metric if description.metric is None else description.metric

    async def _make(self, description: Description) -> None:
        """Make the collection with the source's index, or as much of it as the backend has."""
        metric = self._metric_of(description) or DistanceMetric.COSINE
        for index in _indexes(description.index):
            try:
                await self.store.create_collection(
                    self.collection,
                    description.dimension,
                    metric,
                    index=index,
                    metadata=description.metadata,
                    if_exists="ignore",
                )
            except (ConfigError, UnsupportedFeatureError) as error:
                if index is None:
                    raise
                self._notes.append(f"the source's index {index.kind!r} is not kept as it is: {error}")
            else:
                return


def _indexes(wanted: IndexSpec | None) -> list[IndexSpec | None]:
    """Return what to try in turn: the index as it is, its kind, the target's own choice."""
    if wanted is None:
        return [None]
    return [wanted, *([IndexSpec(wanted.kind)] if wanted.options else []), None]
