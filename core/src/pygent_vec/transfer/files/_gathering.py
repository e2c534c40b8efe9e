"""Rows that are read one by one become batches; those that cannot are rejected with their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import shown
from pygent_vec.model import VectorBatch, now_micros
from pygent_vec.transfer.files._lines import FIELDS, RowError, check_fields, instant, vector
from pygent_vec.transfer.files._reader import Rows
from pygent_vec.transfer.files._seen import SeenIds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.model import Float32Vector
    from pygent_vec.transfer.files._faults import Rejections

__all__ = ["Gathering"]

_OWN_COLUMNS = {
    "title": "titles",
    "source": "sources",
    "document_type": "document_types",
    "chunk_index": "chunk_indexes",
    "chunk_count": "chunk_counts",
}


class Gathering:
    """Documents on their way from a file into batches.

    Args:
        name: The file.
        collection: The collection that it holds; None if it does not say.
        dimension: The length of its vectors.
        rejections: What takes note of rows that are not taken.
        noun: What a row is called.
    """

    def __init__(
        self, name: str, *, collection: str | None, dimension: int, rejections: Rejections, noun: str
    ) -> None:
        self._name = name
        self._collection = collection
        self._dimension = dimension
        self._rejections = rejections
        self._noun = noun
        self._seen = SeenIds()
        self._documents: list[dict[str, object]] = []
        self._vectors: list[Float32Vector] = []
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return len(self._documents)

    def reject(self, number: int, reason: str, data: Mapping[str, object] | None = None) -> None:
        """Take note of a row that is not taken."""
        one = None if data is None else data.get("id")
        self._rejections.add(
            self._name, f"{self._noun} {number:,}", reason, id=one if isinstance(one, str) else None
        )

    def add(self, number: int, data: dict[str, object], embedding: Float32Vector | None = None) -> None:
        """Take a row, or reject it.

        Args:
            number: The row.
            data: What `VectorDocument.to_dict` returns.
            embedding: Its vector; None means the one in *data*.
        """
        try:
            found = self._checked(data, embedding)
        except RowError as error:
            self.reject(number, str(error), data)
            return
        self._documents.append(data)
        self._vectors.append(found)
        self._numbers.append(number)

    def skip(self, data: Mapping[str, object]) -> None:
        """Remember the id of a row that an earlier run has taken."""
        one = data.get("id")
        if isinstance(one, str):
            self._seen.add([one])

    def taken(self, last: int) -> Rows | None:
        """Return the rows so far, of which *last* was the last, and begin anew; None if there are none."""
        again = self._seen.add([str(data["id"]) for data in self._documents])
        for place in again:
            data = self._documents[place]
            self.reject(self._numbers[place], "the id was given before in this file", data)
        for place in reversed(again):
            del self._documents[place], self._vectors[place], self._numbers[place]
        documents, numbers, vectors = self._documents, self._numbers, self._vectors
        self._documents, self._numbers, self._vectors = [], [], []
        if not documents:
            return None
        return Rows(batch=_batch(documents, np.stack(vectors)), numbers=numbers, last=last)

    def _checked(self, data: dict[str, object], embedding: Float32Vector | None) -> Float32Vector:
        check_fields(data, FIELDS)
        if not isinstance(data.get("id"), str):
            raise RowError(
                f"the id is no text: {shown(data['id'])}" if "id" in data else "the field id is missing"
            )
        collection = data.get("collection", self._collection)
        if collection != self._collection and self._collection is not None:
            raise RowError(
                f"it belongs to the collection {shown(collection)}, the file to {self._collection!r}"
            )
        for name in ("created_at", "updated_at"):
            data[name] = instant(name, data.get(name))
        if embedding is not None and data.get("embedding") is not None:
            raise RowError("it has an embedding, and the matrix has one for it, too")
        found = vector(data.get("embedding")) if embedding is None else embedding
        if len(found) != self._dimension:
            raise RowError(f"its embedding has dimension {len(found)}, the file's is {self._dimension}")
        data["embedding"] = None
        return found


def _batch(documents: Sequence[Mapping[str, object]], vectors: np.ndarray) -> VectorBatch:
    own = {
        column: [data.get(name) for data in documents]
        if any(data.get(name) is not None for data in documents)
        else None
        for name, column in _OWN_COLUMNS.items()
    }
    return VectorBatch(
        ids=[data["id"] for data in documents],  # type: ignore[misc]  # checked to be texts
        vectors=vectors,
        contents=[data.get("content", "") for data in documents],  # type: ignore[misc]  # the store's door checks
        metadatas=[data.get("metadata", {}) for data in documents],  # type: ignore[misc]
        created_at=_times([data["created_at"] for data in documents]),
        updated_at=_times([data["updated_at"] for data in documents]),
        **own,  # type: ignore[arg-type]
    )


def _times(column: Sequence[object]) -> np.ndarray | None:
    """Return times as an array, with the present where there is none; None if there is no time at all."""
    if all(value is None for value in column):
        return None
    now = now_micros()
    return np.array([now if value is None else value for value in column], dtype=np.int64)
