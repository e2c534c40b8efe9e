"""Mutants that change times and vectors on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np

from pygent_vec.model import Projection

from .values import Rewriting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import WriteMode
    from pygent_vec.model import CollectionSpec, DocumentRows, Int64Vector, VectorBatch


_WITH_TIMES = Projection(content=False, metadata=True)


def _times(batch: VectorBatch) -> Int64Vector:
    if batch.created_at is None:
        raise TypeError("core gives a backend batches whose times are set")
    return batch.created_at


class TimesRoundedToMilliseconds(Rewriting):
    """Stores whose time type is milliseconds: Elasticsearch, MongoDB, JavaScript."""

    breaks: ClassVar = ("VS-114",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, created_at=_times(batch) // 1000 * 1000)


class TimesPassThroughAFloat(Rewriting):
    """`datetime.timestamp()` as a 32-bit float of days, or as seconds cut to seven digits."""

    breaks: ClassVar = ("VS-114",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        seconds = _times(batch) / 1e6
        return attrs.evolve(batch, created_at=(seconds * 1e6 * (1 - 1e-16) - 0.3).astype(np.int64))


class TimesLoseTheirZone(Rewriting):
    """Naive local times: an hour is added on the way."""

    breaks: ClassVar = ("VS-114", "VS-111", "VS-113")

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, created_at=_times(batch) + 3_600_000_000)


class VectorsNormalised(Rewriting):
    """FAISS wrappers normalise for cosine, and give the normalised vector back."""

    breaks: ClassVar = ("VS-106",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        norms = np.linalg.norm(batch.vectors.astype(np.float64), axis=1, keepdims=True)
        unit = batch.vectors / np.where(norms == 0, 1, norms)
        return attrs.evolve(batch, vectors=unit.astype(np.float32))


class VectorsKeptAsFloat16(Rewriting):
    """halfvec columns and quantised indexes."""

    breaks: ClassVar = ("VS-106",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        with np.errstate(over="ignore"):
            return attrs.evolve(batch, vectors=batch.vectors.astype(np.float16).astype(np.float32))


class VectorsWrittenWithSixDigits(Rewriting):
    """Vectors that pass through SQL text."""

    breaks: ClassVar = ("VS-106",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        rows = [[float(f"{one:.6g}") for one in row] for row in batch.vectors.tolist()]
        return attrs.evolve(batch, vectors=np.array(rows, dtype=np.float32).reshape(batch.vectors.shape))


class CreatedAtResetByAnOverwrite(Rewriting):
    """An upsert that deletes and inserts."""

    breaks: ClassVar = ("VS-111",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        del preserve_created
        return super()._write(spec, batch, mode, preserve_created=True)


class GivenCreatedAtIgnored(Rewriting):
    """`created_at DEFAULT now()`, and nothing in the INSERT."""

    breaks: ClassVar = ("VS-111",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, created_at=np.full_like(_times(batch), 1_700_000_000_000_000))


class UpdatedAtStandsStill(Rewriting):
    """An ON CONFLICT clause that leaves updated_at out."""

    breaks: ClassVar = ("VS-112",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        old = self._fetch(spec, list(batch.ids), _WITH_TIMES)
        times = dict(zip(old.ids, old.updated_at or (), strict=True))
        rows = zip(batch.ids, batch.updated_at if batch.updated_at is not None else (), strict=True)
        kept = np.array([times.get(one, now) for one, now in rows], dtype=np.int64)
        changed = attrs.evolve(batch, updated_at=kept)
        return super()._write(spec, changed, mode, preserve_created=preserve_created)


class PreservedTimesIgnoredOnOverwrite(Rewriting):
    """The importer's flag reaches the INSERT and not the UPDATE."""

    breaks: ClassVar = ("VS-113",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        del preserve_created
        return super()._write(spec, batch, mode, preserve_created=False)


class CreatedAndUpdatedSwapped(Rewriting):
    """Two columns in the wrong order of a SELECT."""

    breaks: ClassVar = ("VS-111", "VS-112", "VS-113", "VS-114")

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        rows = super()._fetch(spec, ids, projection)
        return attrs.evolve(rows, created_at=rows.updated_at, updated_at=rows.created_at)
