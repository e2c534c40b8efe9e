"""Documents and results in their old shapes, and how they become new ones and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import numpy as np

from pygent_vec import model

if TYPE_CHECKING:
    from pygent_vec.model import JsonObject

__all__ = ["SimilarityResult", "VectorDocument", "aware", "modern", "naive"]


@dataclass
class VectorDocument:
    """A document in its old shape: positional, mutable, its embedding a list, its time naive.

    Attributes:
        id: As in the new one.
        content: The text.
        embedding: A list of floats; an array becomes one. None only where the store has an embedder.
        metadata: A JSON object.
        created_at: A naive time is UTC, as of `datetime.utcnow()`, and what a store returns is naive UTC.
            None lets the store set it.
    """

    id: str
    content: str
    embedding: list[float] | None = None
    metadata: JsonObject = field(default_factory=dict)
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        given: object = self.embedding
        if isinstance(given, np.ndarray):
            self.embedding = given.tolist()

    def to_modular_document(self, collection: str | None = "default") -> model.VectorDocument:
        """Return the new shape, for *collection*.

        Raises:
            InvalidVectorError: the embedding is not made of numbers.
        """
        created_at = None if self.created_at is None else aware(self.created_at)
        return model.VectorDocument(
            id=self.id,
            content=self.content,
            embedding=self.embedding,
            metadata=modern(self.metadata or {}),
            collection=collection,
            created_at=created_at,
            updated_at=created_at,
        )

    @classmethod
    def from_modular_document(cls, modular_doc: model.VectorDocument) -> Self:
        """Return a new document in the old shape. What the old one has no field for is left out."""
        created_at = modular_doc.created_at
        return cls(
            id=modular_doc.id,
            content=modular_doc.content,
            embedding=None if modular_doc.embedding is None else modular_doc.embedding.tolist(),
            metadata=dict(modular_doc.metadata),  # type: ignore[arg-type]  # a store's metadata is JSON
            created_at=None if created_at is None else naive(created_at),
        )


@dataclass
class SimilarityResult:
    """An answer of a search in its old shape.

    Attributes:
        document: The document, with its embedding.
        similarity_score: Higher is better.
        distance: Lower is better.
    """

    document: VectorDocument
    similarity_score: float
    distance: float

    @classmethod
    def from_modular_result(cls, modular_result: model.VectorSearchResult) -> Self:
        """Return a new result in the old shape."""
        return cls(
            document=VectorDocument.from_modular_document(modular_result.document),
            similarity_score=modular_result.similarity_score,
            distance=modular_result.distance,
        )


def aware(instant: datetime) -> datetime:
    """Return *instant* with a time zone: a naive one is UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


def naive(instant: datetime) -> datetime:
    """Return *instant* as the old code knows it: UTC, without a time zone."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def modern(values: Mapping[str, object]) -> dict[str, object]:
    """Return metadata, or a filter in its mapping form, with every naive time in it made aware."""
    return {key: _modern_value(value) for key, value in values.items()}


def _modern_value(value: object) -> object:
    if isinstance(value, datetime):
        return aware(value)
    if isinstance(value, Mapping):
        return modern(value)
    if isinstance(value, (list, tuple)):
        return [_modern_value(item) for item in value]
    return value
