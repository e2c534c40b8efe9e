"""The door: documents and batches are checked and made columnar here, before any backend is called."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pygent_vec.contract._ids import check_ids
from pygent_vec.contract._vectors import check_vectors
from pygent_vec.errors import InvalidDocumentError, InvalidVectorError, shown
from pygent_vec.model import (
    InvalidValueError,
    VectorBatch,
    VectorDocument,
    are_texts,
    as_float32,
    check_text,
    from_micros,
    normalized_object,
    now_micros,
    plain_copy,
    to_micros,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pygent_vec.model import CollectionSpec, Float32Matrix, Float32Vector, Int64Vector

__all__ = ["batch_of", "checked_batch", "checked_content"]

T = TypeVar("T")


def batch_of(
    documents: Sequence[VectorDocument],
    embeddings: Sequence[Float32Vector | None],
    spec: CollectionSpec,
    *,
    preserve_timestamps: bool,
) -> VectorBatch:
    """Return valid columns of *documents*.

    Args:
        documents: Documents of the collection *spec*.
        embeddings: Their vectors: their own, or those of an embedder.
        spec: The collection.
        preserve_timestamps: Whether a given `updated_at` is kept.

    Raises:
        InvalidDocumentError: names the id, the field and the reason.
        InvalidVectorError: names the id and the reason.
    """
    ids = [document.id for document in documents]
    check_ids(ids)
    batch = VectorBatch(
        ids=ids,
        vectors=_stacked(ids, embeddings, spec),
        contents=[document.content for document in documents],
        metadatas=[document.metadata for document in documents],
        titles=_sparse([document.title for document in documents]),
        sources=_sparse([document.source for document in documents]),
        document_types=_sparse([document.document_type for document in documents]),
        chunk_indexes=_sparse([document.chunk_index for document in documents]),
        chunk_counts=_sparse([document.chunk_count for document in documents]),
        created_at=_instants(ids, "created_at", [document.created_at for document in documents]),
        updated_at=_instants(ids, "updated_at", [document.updated_at for document in documents]),
        collection=spec.name,
    )
    return checked_batch(batch, spec, preserve_timestamps=preserve_timestamps)


def checked_batch(batch: VectorBatch, spec: CollectionSpec, *, preserve_timestamps: bool) -> VectorBatch:
    """Return *batch* with every column valid, its own copy where values are mutable, and times set.

    Raises:
        InvalidDocumentError: names the id, the field and the reason.
        InvalidVectorError: names the id and the reason.
    """
    ids = [str.__str__(one) if isinstance(one, str) else one for one in batch.ids]
    check_ids(ids)
    vectors = as_float32(batch.vectors)
    if vectors is None or vectors.ndim != 2 or len(vectors) != len(ids):  # noqa: PLR2004  # rows x columns
        shape = None if vectors is None else vectors.shape
        raise InvalidVectorError(f"{len(ids)} ids need vectors of shape ({len(ids)}, d), got {shape}")
    vectors = np.ascontiguousarray(vectors)
    check_vectors(vectors, spec.dimension, spec.distance_metric, noun="document", names=ids)
    now = now_micros()
    created = _times(ids, "created_at", batch.created_at, now)
    updated = _times(ids, "updated_at", batch.updated_at if preserve_timestamps else None, now)
    return VectorBatch(
        ids=ids,
        vectors=vectors,
        contents=_texts(ids, "content", batch.contents) if batch.contents is not None else [""] * len(ids),
        metadatas=_metadatas(ids, batch),
        titles=_optional_texts(ids, "title", batch.titles),
        sources=_optional_texts(ids, "source", batch.sources),
        document_types=_optional_texts(ids, "document_type", batch.document_types),
        chunk_indexes=_optional_integers(ids, "chunk_index", batch.chunk_indexes),
        chunk_counts=_optional_integers(ids, "chunk_count", batch.chunk_counts),
        created_at=created,
        updated_at=updated,
        collection=spec.name,
    )


def checked_content(document: VectorDocument) -> str:
    """Return the content of a document, for an embedder.

    Raises:
        InvalidDocumentError: it is no text that a store can hold.
    """
    return _texts([document.id], "content", [document.content])[0]


def _stacked(
    ids: Sequence[str], embeddings: Sequence[Float32Vector | None], spec: CollectionSpec
) -> Float32Matrix:
    rows = np.empty((len(ids), spec.dimension), dtype=np.float32)
    for row, (one, embedding) in enumerate(zip(ids, embeddings, strict=True)):
        if embedding is None:
            raise InvalidVectorError(
                f"document {shown(one)}: embedding is missing, and the store has no embedder to make one"
            )
        shape = embedding.shape
        if shape != (spec.dimension,):
            size = shape[0] if len(shape) == 1 else f"shape {shape}"
            raise InvalidVectorError(
                f"document {shown(one)}: its embedding has dimension {size}; "
                f"the collection {spec.name!r} has {spec.dimension}"
            )
        rows[row] = embedding
    return rows


def _sparse(column: list[T | None]) -> list[T | None] | None:
    return None if all(value is None for value in column) else column


def _instants(ids: Sequence[str], field: str, column: Sequence[datetime | None]) -> Int64Vector | None:
    """Return given instants as microseconds, with the present where there is none."""
    if all(instant is None for instant in column):
        return None
    now = now_micros()
    micros = np.full(len(ids), now, dtype=np.int64)
    for row, instant in enumerate(column):
        if instant is not None:
            if not isinstance(instant, datetime):
                raise InvalidDocumentError(
                    f"document {shown(ids[row])}: {field}: an aware datetime is needed, got {shown(instant)}"
                )
            try:
                micros[row] = to_micros(instant)
            except ValueError as error:
                raise InvalidDocumentError(f"document {shown(ids[row])}: {field}: {error}") from error
    return micros


def _times(ids: Sequence[str], field: str, column: Int64Vector | None, now: int) -> Int64Vector:
    if column is None:
        return np.full(len(ids), now, dtype=np.int64)
    micros = np.asarray(column)
    if micros.shape != (len(ids),) or micros.dtype.kind not in "iu":
        raise InvalidDocumentError(
            f"{field}: needs {len(ids)} integers (microseconds since 1970), got {micros.dtype} {micros.shape}"
        )
    for row in {int(np.argmin(micros)), int(np.argmax(micros))} if len(ids) else set():
        try:
            from_micros(int(micros[row]))
        except ValueError as error:
            raise InvalidDocumentError(f"document {shown(ids[row])}: {field}: {error}") from error
    return micros.astype(np.int64)


def _metadatas(ids: Sequence[str], batch: VectorBatch) -> list[dict[str, object]]:
    if batch.metadatas is None:
        return [{} for _ in ids]
    _check_length(ids, "metadata", batch.metadatas)
    texts: list[str] = []
    result: list[dict[str, object]] = []
    for one, metadata in zip(ids, batch.metadatas, strict=True):
        copy = plain_copy(metadata, texts)
        result.append(_metadata(one, metadata) if copy is None else copy)  # type: ignore[arg-type]  # invariance
    if not are_texts(texts):
        return [_metadata(*row) for row in zip(ids, batch.metadatas, strict=True)]
    return result


def _metadata(one: str, metadata: Mapping[str, object]) -> dict[str, object]:
    """Return the metadata of the document *one* as plain JSON."""
    try:
        return dict(normalized_object(metadata))
    except InvalidValueError as error:
        place = f"metadata.{error.path}" if error.path else "metadata"
        raise InvalidDocumentError(f"document {shown(one)}: {place}: {error.reason}") from error
    except AttributeError as error:
        raise InvalidDocumentError(
            f"document {shown(one)}: metadata: a JSON object is needed, got {shown(metadata)}"
        ) from error


def _texts(ids: Sequence[str], field: str, column: Sequence[str]) -> list[str]:
    _check_length(ids, field, column)
    if are_texts(column):
        return list(column)
    for one, text in zip(ids, column, strict=True):
        _check_one(one, field, text, _checked_text)
    return list(map(str.__str__, column))


def _optional_texts(
    ids: Sequence[str], field: str, column: Sequence[str | None] | None
) -> list[str | None] | None:
    return _optional(ids, field, column, _checked_text, str.__str__)


def _optional_integers(
    ids: Sequence[str], field: str, column: Sequence[int | None] | None
) -> list[int | None] | None:
    return _optional(ids, field, column, _checked_integer, int)


def _optional(
    ids: Sequence[str],
    field: str,
    column: Sequence[T | None] | None,
    check: Callable[[object], None],
    plain: Callable[[T], T],
) -> list[T | None] | None:
    if column is None:
        return None
    _check_length(ids, field, column)
    for one, value in zip(ids, column, strict=True):
        if value is not None:
            _check_one(one, field, value, check)
    return _sparse([None if value is None else plain(value) for value in column])


def _checked_text(value: object) -> None:
    if not isinstance(value, str):
        raise InvalidValueError(f"a string is needed, got {shown(value)}")
    check_text(value)


def _checked_integer(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise InvalidValueError(f"a 64-bit integer is needed, got {shown(value)}")


def _check_one(one: str, field: str, value: object, check: Callable[[object], None]) -> None:
    try:
        check(value)
    except InvalidValueError as error:
        raise InvalidDocumentError(f"document {shown(one)}: {field}: {error}") from error


def _check_length(ids: Sequence[str], field: str, column: Sequence[object]) -> None:
    if len(column) != len(ids):
        raise InvalidDocumentError(f"{field}: {len(ids)} ids, but {len(column)} values")
