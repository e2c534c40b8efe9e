"""Documents as columns: what goes into a backend, and what comes out of it."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import attrs
import numpy as np

from pygent_vec.model._drafts import new_document
from pygent_vec.model._time import from_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from pygent_vec.model._document import VectorDocument
    from pygent_vec.model._types import Float32Matrix, Int64Vector, JsonObject, Metadata

__all__ = ["NO_OWN_FIELDS", "OWN_FIELDS", "DocumentRows", "OwnFields", "Projection", "VectorBatch"]

T = TypeVar("T")

OWN_FIELDS = ("title", "source", "document_type", "chunk_index", "chunk_count")
"""The optional fields of a document, in the order of their columns."""


@attrs.frozen(kw_only=True)
class Projection:
    """Which columns a read asks for. The id always comes.

    Attributes:
        content: The text.
        metadata: The metadata, the document's own fields and its timestamps.
        embedding: The float32 vector.
    """

    content: bool = True
    metadata: bool = True
    embedding: bool = False


@attrs.frozen(kw_only=True, eq=False)
class VectorBatch:
    """`n` documents of one collection as columns of equal length: the write path's currency.

    A caller may leave optional columns out. A backend receives `contents`, `metadatas`, `created_at` and
    `updated_at` always set, `vectors` C-contiguous, and values that the contract allows.

    Attributes:
        ids: `n` unique ids.
        vectors: float32 `[n, d]`.
        contents: `n` texts; None means all empty.
        metadatas: `n` JSON objects; None means all empty.
        titles: `n` titles; None means none. So for the next four.
        created_at: int64 `[n]`, microseconds since 1970; None lets the store set it.
        updated_at: int64 `[n]`, microseconds since 1970; kept only by `preserve_timestamps`.
        collection: None means the store's default collection.
    """

    ids: Sequence[str]
    vectors: Float32Matrix
    contents: Sequence[str] | None = None
    metadatas: Sequence[Metadata] | None = None
    titles: Sequence[str | None] | None = None
    sources: Sequence[str | None] | None = None
    document_types: Sequence[str | None] | None = None
    chunk_indexes: Sequence[int | None] | None = None
    chunk_counts: Sequence[int | None] | None = None
    created_at: Int64Vector | None = None
    updated_at: Int64Vector | None = None
    collection: str | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def documents(self) -> list[VectorDocument]:
        """Return the rows as documents."""
        none: list[None] = [None] * len(self)
        own = zip(
            self.titles or none,
            self.sources or none,
            self.document_types or none,
            self.chunk_indexes or none,
            self.chunk_counts or none,
            strict=True,
        )
        columns = zip(self.ids, self.vectors, own, _instants(self.created_at, none), strict=True)
        updated_at = _instants(self.updated_at, none)
        return [
            new_document(
                id_,
                self.contents[row] if self.contents else "",
                vector,
                dict(self.metadatas[row]) if self.metadatas else {},
                self.collection,
                *own_fields,
                created_at,
                updated_at[row],
            )
            for row, (id_, vector, own_fields, created_at) in enumerate(columns)
        ]

    def take(self, rows: slice | Sequence[int]) -> VectorBatch:
        """Return the given *rows* as a batch of their own; of a slice the vectors are a view."""
        columns = {
            name: value if name == "collection" else _taken(value, rows)
            for name, value in _columns(self).items()
        }
        return VectorBatch(**columns)


def _instants(micros: Int64Vector | None, none: list[None]) -> Sequence[datetime | None]:
    return none if micros is None else [from_micros(one) for one in micros.tolist()]


def _taken(column: Any, rows: slice | Sequence[int]) -> Any:
    """Return some rows of a column; None of one that is left out."""
    if column is None:
        return None
    if isinstance(rows, slice):
        return column[rows]
    if isinstance(column, np.ndarray):
        return column[np.asarray(rows, dtype=np.intp)]
    return [column[row] for row in rows]


def _columns(batch: VectorBatch) -> dict[str, Any]:
    return {field.name: getattr(batch, field.name) for field in attrs.fields(VectorBatch)}


@attrs.frozen(kw_only=True, eq=False)
class DocumentRows:
    """Stored documents as columns, as a backend returns them; a column not asked for is None.

    Attributes:
        ids: `n` ids.
        contents: `n` texts.
        metadatas: `n` metadata objects, fresh for the caller.
        vectors: float32 `[n, d]`, the bits that were stored.
        own: `n` tuples in the order of `OWN_FIELDS`; None means that none of the rows has any.
        created_at: `n` integers, microseconds since 1970.
        updated_at: `n` integers, microseconds since 1970.
    """

    ids: Sequence[str]
    contents: Sequence[str] | None = None
    metadatas: Sequence[JsonObject] | None = None
    vectors: Float32Matrix | None = None
    own: Sequence[OwnFields] | None = None
    created_at: Sequence[int] | None = None
    updated_at: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: Sequence[int]) -> DocumentRows:
        """Return the rows at some *places*, in that order."""
        return DocumentRows(
            ids=_taken(self.ids, places),
            contents=_taken(self.contents, places),
            metadatas=_taken(self.metadatas, places),
            vectors=_taken(self.vectors, places),
            own=_taken(self.own, places),
            created_at=_taken(self.created_at, places),
            updated_at=_taken(self.updated_at, places),
        )

    def joined(self, other: DocumentRows) -> DocumentRows:
        """Return these rows and then those of *other*, which has the same columns."""

        def both(left: Sequence[T] | None, right: Sequence[T] | None) -> list[T] | None:
            return None if left is None or right is None else [*left, *right]

        own = None
        if self.own is not None or other.own is not None:
            own = [
                *(self.own or [NO_OWN_FIELDS] * len(self)),
                *(other.own or [NO_OWN_FIELDS] * len(other)),
            ]
        vectors = None
        if self.vectors is not None and other.vectors is not None:
            vectors = np.concatenate([self.vectors, other.vectors])
        return DocumentRows(
            ids=[*self.ids, *other.ids],
            contents=both(self.contents, other.contents),
            metadatas=both(self.metadatas, other.metadatas),
            vectors=vectors,
            own=own,
            created_at=both(self.created_at, other.created_at),
            updated_at=both(self.updated_at, other.updated_at),
        )

    def batch(self, collection: str) -> VectorBatch:
        """Return the rows, which hold every column, as a batch of *collection*."""
        if self.vectors is None or self.created_at is None or self.updated_at is None:
            raise ValueError("only rows that hold every column make a batch")
        own = (
            [None] * len(OWN_FIELDS)
            if self.own is None
            else [list(column) for column in zip(*self.own, strict=True)]
        )
        titles, sources, types, indexes, counts = own or [None] * len(OWN_FIELDS)
        return VectorBatch(
            ids=self.ids,
            vectors=self.vectors,
            contents=self.contents,
            metadatas=self.metadatas,
            titles=titles,
            sources=sources,
            document_types=types,
            chunk_indexes=indexes,
            chunk_counts=counts,
            created_at=np.asarray(self.created_at, dtype=np.int64),
            updated_at=np.asarray(self.updated_at, dtype=np.int64),
            collection=collection,
        )

    def documents(self, order: Sequence[int], collection: str) -> list[VectorDocument]:
        """Return the rows at the positions *order* as documents of *collection*."""
        contents, metadatas, vectors = self.contents, self.metadatas, self.vectors
        created_at, updated_at, none = self.created_at, self.updated_at, repeat(None)
        own: Iterable[Any] = (none, none, none, none, none)
        if self.own is not None:
            own = zip(*map(self.own.__getitem__, order), strict=True)
        return [
            *map(
                new_document,
                map(self.ids.__getitem__, order),
                repeat("") if contents is None else map(contents.__getitem__, order),
                none if vectors is None else map(vectors.__getitem__, order),
                [{} for _ in order] if metadatas is None else map(metadatas.__getitem__, order),
                repeat(collection),
                *own,
                none if created_at is None else map(from_micros, map(created_at.__getitem__, order)),
                none if updated_at is None else map(from_micros, map(updated_at.__getitem__, order)),
            )
        ]


OwnFields: TypeAlias = tuple[str | None, str | None, str | None, int | None, int | None]
NO_OWN_FIELDS: OwnFields = (None, None, None, None, None)
"""The fields of a document that has none of them."""
