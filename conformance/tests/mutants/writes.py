"""Mutants that write something else, or to another effect, than they were asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec import DocumentExistsError
from pygent_vec.contract import WriteMode
from pygent_vec.model import Projection

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec, VectorBatch

_WHOLE = Projection(embedding=True)


class MetadataMerged(Broken):
    """Chroma: overwriting merges old metadata keys instead of replacing them."""

    breaks: ClassVar = ("VS-231", "VS-238")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        old = self._fetch(spec, list(batch.ids), _WHOLE)
        known = dict(zip(old.ids, old.metadatas or (), strict=True))
        merged = [
            {**known.get(one, {}), **new} for one, new in zip(batch.ids, batch.metadatas or (), strict=True)
        ]
        changed = attrs.evolve(batch, metadatas=merged)
        return super()._write(spec, changed, mode, preserve_created=preserve_created)


class EmptyContentKeepsTheOldOne(Broken):
    """COALESCE(new, old) in an upsert."""

    breaks: ClassVar = ("VS-231", "VS-238")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        old = self._fetch(spec, list(batch.ids), _WHOLE)
        known = dict(zip(old.ids, old.contents or (), strict=True))
        contents = [
            new or known.get(one, "") for one, new in zip(batch.ids, batch.contents or (), strict=True)
        ]
        changed = attrs.evolve(batch, contents=contents)
        return super()._write(spec, changed, mode, preserve_created=preserve_created)


class OldTitleStays(Broken):
    """An ON CONFLICT clause that leaves a column out."""

    breaks: ClassVar = ("VS-231", "VS-238")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        old = self._fetch(spec, list(batch.ids), _WHOLE)
        known = {one: own[0] for one, own in zip(old.ids, old.own or (), strict=True)}
        titles = batch.titles or [None] * len(batch)
        changed = attrs.evolve(
            batch, titles=[known.get(one, new) for one, new in zip(batch.ids, titles, strict=True)]
        )
        return super()._write(spec, changed, mode, preserve_created=preserve_created)


class OldVectorStaysInTheIndex(Broken):
    """An index that can only append: after an overwrite the old vector is still found."""

    breaks: ClassVar = ("VS-231",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        old = self._fetch(spec, list(batch.ids), _WHOLE)
        rows = {one: row for row, one in enumerate(old.ids)}
        vectors = batch.vectors.copy()
        for row, one in enumerate(batch.ids):
            if one in rows and old.vectors is not None:
                vectors[row] = old.vectors[rows[one]]
        changed = attrs.evolve(batch, vectors=vectors)
        return super()._write(spec, changed, mode, preserve_created=preserve_created)


class OverwriteKeepsTheOldDocument(Broken):
    """The same id twice: one store keeps the old value silently."""

    breaks: ClassVar = ("VS-231",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if mode is WriteMode.OVERWRITE:
            super()._write(spec, batch, WriteMode.SKIP, preserve_created=preserve_created)
            return list(batch.ids)
        return super()._write(spec, batch, mode, preserve_created=preserve_created)


class OverwriteAddsASecondRow(Broken):
    """The same id twice: one store keeps both, and finds it twice."""

    breaks: ClassVar = ("VS-231",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        self._twice = getattr(self, "_twice", set()) | set(self._fetch(spec, batch.ids, _WHOLE).ids)
        return super()._write(spec, batch, mode, preserve_created=preserve_created)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        ids = super()._scan(spec, None, 1_000_000, pushed, _WHOLE).ids
        return len(ids) + len(set(ids) & getattr(self, "_twice", set()))


class ConflictsFoundRowByRow(Broken):
    """on_conflict="error" as INSERTs one by one: the rows before the conflict stay."""

    breaks: ClassVar = ("VS-232",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if mode is not WriteMode.ERROR:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)
        for row in range(len(batch)):
            super()._write(spec, batch.take(slice(row, row + 1)), mode, preserve_created=preserve_created)
        return list(batch.ids)


class ConflictsRaiseAfterTheWrite(Broken):
    """The duplicate is noticed when everything is written."""

    breaks: ClassVar = ("VS-232",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        if mode is not WriteMode.ERROR:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)
        known = list(self._fetch(spec, list(batch.ids), _WHOLE).ids)
        super()._write(spec, batch, WriteMode.SKIP, preserve_created=preserve_created)
        if known:
            raise DocumentExistsError(known, spec.name)
        return list(batch.ids)


class ConflictsNameNoIds(Broken):
    """A unique-violation of the driver, passed on without the ids."""

    breaks: ClassVar = ("VS-403", "VS-232")

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        try:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)
        except DocumentExistsError as error:
            raise DocumentExistsError([], spec.name) from error


class ErrorModeOverwrites(Broken):
    """on_conflict is an argument that nobody reads."""

    breaks: ClassVar = ("VS-232",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        mode = WriteMode.OVERWRITE if mode is WriteMode.ERROR else mode
        return super()._write(spec, batch, mode, preserve_created=preserve_created)


class SkipOverwrites(Broken):
    """on_conflict="skip" is taken for an upsert."""

    breaks: ClassVar = ("VS-233",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        mode = WriteMode.OVERWRITE if mode is WriteMode.SKIP else mode
        return super()._write(spec, batch, mode, preserve_created=preserve_created)


class _Reporting(Broken):
    """The base of stores that write rightly and report wrongly."""

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        written = super()._write(spec, batch, mode, preserve_created=preserve_created)
        return self.reported(list(batch.ids), list(written), mode)

    def reported(self, asked: list[str], written: list[str], mode: WriteMode) -> list[str]:
        """Return the ids that are reported as written."""
        raise NotImplementedError


class SkipReportsAll(_Reporting):
    """3 texts, 1 row stored, 3 ids returned."""

    breaks: ClassVar = ("VS-233",)

    def reported(self, asked: list[str], written: list[str], mode: WriteMode) -> list[str]:
        return asked if mode is WriteMode.SKIP else written


class UpdateReportsAll(_Reporting):
    """An UPDATE's affected rows are not looked at."""

    breaks: ClassVar = ("VS-238",)

    def reported(self, asked: list[str], written: list[str], mode: WriteMode) -> list[str]:
        return asked if mode is WriteMode.UPDATE else written


class WrittenIdsSorted(_Reporting):
    """RETURNING id in the order of the index."""

    breaks: ClassVar = ("VS-230",)

    def reported(self, asked: list[str], written: list[str], mode: WriteMode) -> list[str]:
        return sorted(written)


class UpdateCreates(Broken):
    """update is an upsert."""

    breaks: ClassVar = ("VS-238",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        mode = WriteMode.OVERWRITE if mode is WriteMode.UPDATE else mode
        return super()._write(spec, batch, mode, preserve_created=preserve_created)
