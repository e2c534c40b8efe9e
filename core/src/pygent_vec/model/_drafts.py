"""Frozen values in a third of the time.

A frozen class sets each of its fields through `object.__setattr__`, which was half of the time that a search
spent in core. A draft has the slots of a frozen class and no guard: its fields are set, and then it becomes
an object of the frozen class. CPython allows that where the slots are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pygent_vec.model._document import VectorDocument
from pygent_vec.model._result import VectorSearchResult

if TYPE_CHECKING:
    from datetime import datetime

    from pygent_vec.model._types import Float32Vector, Metadata

__all__ = ["new_document", "new_result"]


class _DocumentDraft:
    __slots__: ClassVar[tuple[str, ...]] = VectorDocument.__slots__  # type: ignore[attr-defined]  # by attrs

    id: str
    content: str
    embedding: Float32Vector | None
    metadata: Metadata
    collection: str | None
    title: str | None
    source: str | None
    document_type: str | None
    chunk_index: int | None
    chunk_count: int | None
    created_at: datetime | None
    updated_at: datetime | None


class _ResultDraft:
    __slots__: ClassVar[tuple[str, ...]] = VectorSearchResult.__slots__  # type: ignore[attr-defined]  # by attrs

    document: VectorDocument
    similarity_score: float
    distance: float
    rank: int
    store: str


def new_document(
    id: str,
    content: str,
    embedding: Float32Vector | None,
    metadata: Metadata,
    collection: str | None,
    title: str | None,
    source: str | None,
    document_type: str | None,
    chunk_index: int | None,
    chunk_count: int | None,
    created_at: datetime | None,
    updated_at: datetime | None,
) -> VectorDocument:
    """Return the document with these fields, none of which needs to be converted."""
    draft = _DocumentDraft()
    draft.id = id
    draft.content = content
    draft.embedding = embedding
    draft.metadata = metadata
    draft.collection = collection
    draft.title = title
    draft.source = source
    draft.document_type = document_type
    draft.chunk_index = chunk_index
    draft.chunk_count = chunk_count
    draft.created_at = created_at
    draft.updated_at = updated_at
    draft.__class__ = VectorDocument  # type: ignore[assignment]  # see above
    return draft  # type: ignore[return-value]  # it is one now


def new_result(
    document: VectorDocument, similarity_score: float, distance: float, rank: int, store: str
) -> VectorSearchResult:
    """Return the search result with these fields."""
    draft = _ResultDraft()
    draft.document = document
    draft.similarity_score = similarity_score
    draft.distance = distance
    draft.rank = rank
    draft.store = store
    draft.__class__ = VectorSearchResult  # type: ignore[assignment]  # see above
    return draft  # type: ignore[return-value]  # it is one now
