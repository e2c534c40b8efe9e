"""Mutants of the calls around the primitives: how batches are cut, streamed, checked and reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec import InvalidDocumentError, PygentVecError, WriteError

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from pygent_vec import VectorDocument
    from pygent_vec.contract import OnConflict
    from pygent_vec.model import VectorBatch


async def _listed(
    documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument],
) -> list[VectorDocument]:
    if hasattr(documents, "__aiter__"):
        return [one async for one in documents]
    return list(documents)


class Adding(Broken):
    """The base of stores whose add_documents does something of its own before or after."""

    async def public_add_documents(
        self,
        documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument],
        *,
        on_conflict: OnConflict = "overwrite",
        batch_size: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        preserve_timestamps: bool = False,
    ) -> list[str]:
        return await self.added(
            documents,
            Manner(
                on_conflict=on_conflict,
                batch_size=batch_size,
                on_progress=on_progress,
                preserve_timestamps=preserve_timestamps,
            ),
        )

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        """Add documents as core does."""
        return await super().add_documents(
            documents,
            on_conflict=manner.on_conflict,
            batch_size=manner.batch_size,
            on_progress=manner.on_progress,
            preserve_timestamps=manner.preserve_timestamps,
        )


@attrs.frozen(kw_only=True)
class Manner:
    """The arguments of add_documents beside the documents."""

    on_conflict: OnConflict
    batch_size: int | None
    on_progress: Callable[[int], None] | None
    preserve_timestamps: bool


class TheIterableIsMadeAList(Adding):
    """The whole stream is read before the first batch is written."""

    breaks: ClassVar = ("VS-234",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        return await super().added(iter(await _listed(documents)), manner)


class BadRowsFoundOneByOne(Adding):
    """Batch of 5 with one bad document: 3 rows committed, then an error."""

    breaks: ClassVar = ("VS-235",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        written: list[str] = []
        for one in await _listed(documents):
            written += await super().added([one], manner)
        return written


class BadRowsLeftOut(Adding):
    """`try: … except: continue` around each row."""

    breaks: ClassVar = ("VS-235", "VS-401")

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        written: list[str] = []
        for one in await _listed(documents):
            try:
                written += await super().added([one], manner)
            except InvalidDocumentError:
                continue
        return written


class TheLastOfTwinsWins(Adding):
    """The same id twice in one call: one row wins silently."""

    breaks: ClassVar = ("VS-102",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        if not isinstance(documents, list):
            return await super().added(documents, manner)
        last = {getattr(one, "id", None): one for one in documents}
        return await super().added(list(last.values()), manner)


class ProgressToldOnce(Adding):
    """on_progress is called at the end only."""

    breaks: ClassVar = ("VS-241",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        written = await super().added(documents, attrs.evolve(manner, on_progress=None))
        if manner.on_progress is not None:
            manner.on_progress(len(written))
        return written


class ProgressToldByBatches(Adding):
    """on_progress is told the size of each batch instead of the sum."""

    breaks: ClassVar = ("VS-241",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        told, listener = [0], manner.on_progress

        def progress(so_far: int) -> None:
            if listener is not None:
                listener(so_far - told[0])
            told[0] = so_far

        return await super().added(documents, attrs.evolve(manner, on_progress=progress))


class BatchSizeIgnored(Adding):
    """batch_size is an argument that nobody reads."""

    breaks: ClassVar = ("VS-242", "VS-241", "VS-234")

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        return await super().added(documents, attrs.evolve(manner, batch_size=None))


class PreserveTimestampsIgnored(Adding):
    """preserve_timestamps is an argument that nobody reads."""

    breaks: ClassVar = ("VS-113",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        return await super().added(documents, attrs.evolve(manner, preserve_timestamps=False))


class FailureForgetsWhatWasWritten(Adding):
    """A migration fails half-way, and nobody can tell what is there."""

    breaks: ClassVar = ("VS-236",)

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        try:
            return await super().added(documents, manner)
        except WriteError as error:
            raise WriteError(str(error), written=[]) from error


class FailureReturnsWhatWasWritten(Adding):
    """A migration "returns normally, total 3000, migrated 0, failed 5901"."""

    breaks: ClassVar = ("VS-236", "VS-401")

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        try:
            return await super().added(documents, manner)
        except WriteError as error:
            return list(error.written)


class ErrorsSwallowed(Adding):
    """`except Exception: return []`."""

    breaks: ClassVar = ("VS-401", "VS-120", "VS-104")

    async def added(
        self, documents: Iterable[VectorDocument] | AsyncIterable[VectorDocument], manner: Manner
    ) -> list[str]:
        try:
            return await super().added(documents, manner)
        except PygentVecError:
            return []


class ColumnsWithoutTitles(Broken):
    """The columnar path knows fewer columns than the other one."""

    breaks: ClassVar = ("VS-237",)

    async def public_add_batch(
        self, batch: VectorBatch, *, on_conflict: OnConflict = "overwrite", preserve_timestamps: bool = False
    ) -> list[str]:
        bare = attrs.evolve(batch, titles=None)
        return await super().add_batch(bare, on_conflict=on_conflict, preserve_timestamps=preserve_timestamps)


class ColumnsAlwaysOverwrite(Broken):
    """The columnar path knows no on_conflict."""

    breaks: ClassVar = ("VS-237",)

    async def public_add_batch(
        self, batch: VectorBatch, *, on_conflict: OnConflict = "overwrite", preserve_timestamps: bool = False
    ) -> list[str]:
        del on_conflict
        return await super().add_batch(batch, preserve_timestamps=preserve_timestamps)


class ColumnsIgnoreTheirTimes(Broken):
    """The columnar path knows no preserve_timestamps."""

    breaks: ClassVar = ("VS-237", "VS-113")

    async def public_add_batch(
        self, batch: VectorBatch, *, on_conflict: OnConflict = "overwrite", preserve_timestamps: bool = False
    ) -> list[str]:
        del preserve_timestamps
        return await super().add_batch(batch, on_conflict=on_conflict)
