"""A document: a text, its embedding and its metadata, under one id."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.errors import InvalidDocumentError, InvalidVectorError, hint, shown
from pygent_vec.model._json import InvalidValueError, normalized_object
from pygent_vec.model._time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from pygent_vec.model._types import Float32Vector, JsonObject, Metadata

__all__ = ["VectorDocument", "VectorStoreType", "as_float32", "plain_metadata", "timestamp_text"]


class VectorStoreType(StrEnum):
    """The backends that the project itself ships. A backend's name is an open string."""

    POSTGRESQL = "postgresql"
    CHROMADB = "chromadb"
    FAISS = "faiss"
    MEMORY = "memory"


def as_float32(vector: ArrayLike | None) -> Float32Vector | None:
    """Return *vector* as a float32 array; shape and values are checked at the store's door.

    Raises:
        InvalidVectorError: *vector* is not made of real numbers.
    """
    if vector is None or (type(vector) is np.ndarray and vector.dtype == np.float32):
        return vector
    try:
        array = np.asarray(vector)
    except (TypeError, ValueError) as error:
        raise InvalidVectorError(f"not a vector of numbers: {shown(vector)} ({error})") from error
    if array.dtype.kind not in "fiu" and array.size:
        raise InvalidVectorError(f"not a vector of numbers: {shown(vector)} (its elements are {array.dtype})")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


@attrs.frozen(kw_only=True, weakref_slot=False)  # see _drafts
class VectorDocument:
    """What a store keeps. Validated when it is given to a store, not when it is made.

    Attributes:
        id: At most 512 UTF-8 bytes, unique in its collection.
        content: The text.
        embedding: float32 `[d]`; lists are converted. None only where the store has an embedder.
        metadata: A JSON object; datetimes and NumPy scalars are accepted and converted.
        collection: None means the store's default collection.
        title: A name for people.
        source: Where the text came from.
        document_type: What kind of text it is.
        chunk_index: Its place among the chunks of one source, from 0.
        chunk_count: How many chunks there are.
        created_at: Aware; kept from the first write on. None lets the store set it.
        updated_at: Set by the store at each write.
    """

    id: str
    content: str = ""
    embedding: Float32Vector | None = attrs.field(
        default=None, converter=as_float32, eq=attrs.cmp_using(eq=np.array_equal)
    )
    metadata: Metadata = attrs.Factory(dict)
    collection: str | None = None
    title: str | None = None
    source: str | None = None
    document_type: str | None = None
    chunk_index: int | None = None
    chunk_count: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def to_dict(self) -> JsonObject:
        """Return a JSON object with every field that is set; `from_dict` restores it."""
        data: JsonObject = {
            "id": self.id,
            "content": self.content,
            "metadata": plain_metadata(self.id, self.metadata),
        }
        if self.embedding is not None:
            data["embedding"] = self.embedding.tolist()
        for name in ("collection", "title", "source", "document_type", "chunk_index", "chunk_count"):
            value = getattr(self, name)
            if value is not None:
                data[name] = value
        for name in ("created_at", "updated_at"):
            instant = getattr(self, name)
            if instant is not None:
                data[name] = timestamp_text(self.id, name, instant)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> VectorDocument:
        """Return the document that `to_dict` described.

        Raises:
            InvalidDocumentError: an unknown or missing field, or a bad timestamp.
        """
        known = {field.name for field in attrs.fields(cls)}
        for name in data:
            if name not in known:
                raise InvalidDocumentError(
                    f"document {shown(data.get('id'))} has the unknown field {name!r}{hint(name, known)}"
                )
        if "id" not in data:
            raise InvalidDocumentError(f"a document without an id: {shown(dict(data))}")
        values = dict(data)
        for name in ("created_at", "updated_at"):
            values[name] = _instant(name, values)
        return cls(**values)  # type: ignore[arg-type]  # the store's door checks the types


def timestamp_text(one: str, name: str, instant: datetime) -> str:
    """Return a timestamp of the document *one* as RFC 3339 text.

    Raises:
        InvalidDocumentError: it is naive, or outside of the years 1 to 9999.
    """
    try:
        return rfc3339(instant)
    except ValueError as error:
        raise InvalidDocumentError(f"document {shown(one)}: {name}: {error}") from error


def _instant(name: str, values: Mapping[str, object]) -> object:
    value = values.get(name)
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise InvalidDocumentError(
            f"document {shown(values['id'])}: {name} is not an RFC 3339 timestamp: {shown(value)}"
        ) from error


def plain_metadata(one: str, metadata: Metadata) -> JsonObject:
    """Return the metadata of the document *one* as the JSON that a store would keep.

    Raises:
        InvalidDocumentError: it is no JSON object; names the id, the place and the reason.
    """
    try:
        return normalized_object(metadata)
    except InvalidValueError as error:
        raise InvalidDocumentError(f"document {shown(one)}: metadata.{error.path}: {error.reason}") from error
    except AttributeError as error:
        raise InvalidDocumentError(
            f"document {shown(one)}: metadata: a JSON object is needed, got {shown(metadata)}"
        ) from error
