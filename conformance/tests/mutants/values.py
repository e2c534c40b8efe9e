"""Mutants that change metadata and texts on their way."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import WriteMode
    from pygent_vec.model import CollectionSpec, VectorBatch

_SMALLEST_NORMAL = float(np.finfo(np.float64).tiny)


class Rewriting(Broken):
    """The base of stores that keep something else than what they were given."""

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        return super()._write(spec, self.kept(batch), mode, preserve_created=preserve_created)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        """Return what is kept of a batch."""
        metadatas: list[Any] = [self.value(one) for one in batch.metadatas or ()]
        return attrs.evolve(batch, metadatas=metadatas)

    def value(self, value: object) -> object:
        """Return what is kept of a metadata value."""
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self.scalar(value)

    def scalar(self, value: object) -> object:
        """Return what is kept of a scalar."""
        return value


class IntegersPassThroughADouble(Rewriting):
    """Chroma and every store whose metadata is read by a JavaScript-like JSON reader."""

    breaks: ClassVar = ("VS-107",)

    def scalar(self, value: object) -> object:
        big = type(value) is int and abs(value) < 2**62
        return int(float(value)) if big else value  # type: ignore[arg-type]  # an int


class WholeFloatsBecomeIntegers(Rewriting):
    """Stores that print numbers: 1.0 comes back as 1."""

    breaks: ClassVar = ("VS-107",)

    def scalar(self, value: object) -> object:
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        return int(value) if whole else value  # type: ignore[call-overload]  # a float


class TrueBecomesOne(Rewriting):
    """SQLite columns have no booleans."""

    breaks: ClassVar = ("VS-107",)

    def scalar(self, value: object) -> object:
        return int(value) if isinstance(value, bool) else value


class NumbersBecomeText(Rewriting):
    """Key-value columns of text: 1 comes back as "1"."""

    breaks: ClassVar = ("VS-107",)

    def scalar(self, value: object) -> object:
        return str(value) if isinstance(value, (int, float)) else value


class FloatsLoseTheirLastBit(Rewriting):
    """Floats written with 15 digits."""

    breaks: ClassVar = ("VS-108",)

    def scalar(self, value: object) -> object:
        fits = isinstance(value, float) and abs(value) < 1e308
        return float(f"{value:.15g}") if fits else value


class FloatsKeptAsFloat32(Rewriting):
    """One column type for vectors and numbers."""

    breaks: ClassVar = ("VS-108",)

    def scalar(self, value: object) -> object:
        fits = isinstance(value, float) and abs(value) < 1e38
        return float(np.float32(value)) if fits else value  # type: ignore[arg-type]  # a float


class NegativeZeroLosesItsSign(Rewriting):
    """Decimal columns: -0.0 comes back as 0.0."""

    breaks: ClassVar = ("VS-108",)

    def scalar(self, value: object) -> object:
        return 0.0 if isinstance(value, float) and value == 0 else value


class DenormalsFlushedToZero(Rewriting):
    """Libraries built with -ffast-math."""

    breaks: ClassVar = ("VS-108",)

    def scalar(self, value: object) -> object:
        return 0.0 if isinstance(value, float) and 0 < abs(value) < _SMALLEST_NORMAL else value


class NullsDropped(Rewriting):
    """Chroma refused nulls for long, and wrappers filter them out."""

    breaks: ClassVar = ("VS-109",)

    def value(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items() if item is not None}
        return value


class EmptyListsDropped(Rewriting):
    """Chroma refuses empty lists, and wrappers filter them out."""

    breaks: ClassVar = ("VS-109",)

    def value(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items() if item != []}
        return value


class EmptyObjectsBecomeNull(Rewriting):
    """`value or None` on the way."""

    breaks: ClassVar = ("VS-109",)

    def value(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: None if item == {} else self.value(item) for key, item in value.items()}
        return value


class ObjectsFlattened(Rewriting):
    """Stores of flat metadata: {"a": {"b": 1}} comes back as {"a.b": 1}."""

    breaks: ClassVar = ("VS-109",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, metadatas=[_flat(one) for one in batch.metadatas or ()])


def _flat(metadata: object, prefix: str = "") -> dict[str, object]:
    result: dict[str, object] = {}
    for key, item in dict(metadata).items():  # type: ignore[call-overload]  # a JSON object
        name = f"{prefix}{key}"
        result.update(_flat(item, f"{name}.") if isinstance(item, dict) and item else {name: item})
    return result


class ListsOfMixedTypesBecomeText(Rewriting):
    """Chroma takes lists of one type only, and wrappers turn the rest into strings."""

    breaks: ClassVar = ("VS-107", "VS-109")

    def value(self, value: object) -> object:
        if isinstance(value, list) and len({type(one) for one in value}) > 1:
            return [str(one) for one in value]
        return super().value(value)


class ContentTrimmed(Rewriting):
    """`content.strip()` before it is written."""

    breaks: ClassVar = ("VS-110",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, contents=[one.strip() for one in batch.contents or ()])


class TextNormalised(Rewriting):
    """Text passes through Unicode normalisation: é of two code points comes back as one."""

    breaks: ClassVar = ("VS-110",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        contents = [unicodedata.normalize("NFC", one) for one in batch.contents or ()]
        return attrs.evolve(batch, contents=contents)


class MetadataTextNormalised(Rewriting):
    """Metadata passes through Unicode normalisation: é of two code points comes back as one."""

    breaks: ClassVar = ("VS-107", "VS-109", "VS-110", "VS-328")

    def scalar(self, value: object) -> object:
        return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


class EmptyTitleBecomesNone(Rewriting):
    """`title or None` on the way: an empty text and no text are mixed up."""

    breaks: ClassVar = ("VS-110",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, titles=batch.titles and [one or None for one in batch.titles])


class ChunkZeroBecomesNone(Rewriting):
    """`chunk_index or None` on the way: the first chunk loses its number."""

    breaks: ClassVar = ("VS-110",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(
            batch, chunk_indexes=batch.chunk_indexes and [one or None for one in batch.chunk_indexes]
        )


class SourceLost(Rewriting):
    """A column that the INSERT forgot."""

    breaks: ClassVar = ("VS-110",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, sources=None)


class DocumentTypeTakesTheSource(Rewriting):
    """Two columns in the wrong order of an INSERT."""

    breaks: ClassVar = ("VS-110",)

    def kept(self, batch: VectorBatch) -> VectorBatch:
        return attrs.evolve(batch, sources=batch.document_types, document_types=batch.sources)
