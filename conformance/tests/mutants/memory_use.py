"""Mutants that hold in memory what should only pass through it, or hold what belongs to the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec.contract import WriteMode

from .calls import Adding
from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
    from typing import Literal

    from pygent_vec import VectorBatch, VectorDocument
    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec, DocumentRows, Projection

    from .calls import Manner


class PagesAreCutFromEverything(Broken):
    """fetchall(), and then a slice of it."""

    breaks: ClassVar = ("VS-244",)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        self._everything = super()._scan(spec, after_id, 1_000_000, pushed, projection)
        return super()._scan(spec, after_id, limit, pushed, projection)


class StreamsAreKept(Adding):
    """A list of all documents, for the event that is told at the end."""

    breaks: ClassVar = ("VS-243",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        if not hasattr(documents, "__next__"):
            return await super().added(documents, manner)
        told: list[VectorDocument] = []

        def stream() -> Iterator[VectorDocument]:
            for one in documents:  # type: ignore[union-attr]  # an iterator
                told.append(one)
                yield one

        return await super().added(stream(), manner)


class SkippedRowsAreKept(Broken):
    """A buffer of rows that waits to be large enough, and never is."""

    breaks: ClassVar = ("VS-243",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if mode is WriteMode.SKIP:
            self._buffer = [*getattr(self, "_buffer", []), batch.vectors.copy()]
        return super()._write(spec, batch, mode, preserve_created=preserve_created)


class ColumnsAreKeptByReference(Broken):
    """The caller's array is the store's: a loader that fills it again changes what was written."""

    breaks: ClassVar = ("VS-237", "VS-106")

    async def public_add_batch(
        self, batch: VectorBatch, *, on_conflict: Literal["overwrite", "error", "skip"] = "overwrite"
    ) -> list[str]:
        written = await super().add_batch(batch, on_conflict=on_conflict)
        records = self._data[batch.collection or "default"].records
        for row, one in enumerate(batch.ids):
            records[one] = attrs.evolve(records[one], vector=batch.vectors[row])
        return written
