"""The driver: Chroma's own operations on its own collections, the same in a helper process and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.model import Float32Matrix, Float64Vector

__all__ = [
    "Driver",
    "Include",
    "Limits",
    "NativeCollection",
    "NativeMetadata",
    "NativeRows",
    "NativeValue",
    "Where",
    "included",
    "joined",
    "no_rows",
    "split_queries",
]

NativeValue: TypeAlias = str | int | float | bool | list[str] | list[int] | list[float] | list[bool] | None
NativeMetadata: TypeAlias = "Mapping[str, NativeValue]"
"""Flat metadata as Chroma keeps it; None deletes a key in an upsert."""
Where: TypeAlias = "Mapping[str, object]"
"""A filter in Chroma's own language."""


@attrs.frozen(kw_only=True)
class Limits:
    """What one call may carry.

    Attributes:
        rows: The most rows of one write or delete.
    """

    rows: int = 5_461


@attrs.frozen(kw_only=True)
class NativeCollection:
    """A collection as Chroma has it.

    Attributes:
        id: Its UUID.
        name: Chroma's name for it.
        dimension: Of its vectors; None before the first one.
        metadata: Flat; empty if there is none.
        hnsw: The configuration of its index: space, ef_construction, ef_search, max_neighbors, …
    """

    id: str
    name: str
    dimension: int | None
    metadata: NativeMetadata
    hnsw: Mapping[str, object]


@attrs.frozen(kw_only=True)
class Include:
    """Which columns of rows are asked for. The id always comes; so do the distances of a query."""

    documents: bool = False
    metadatas: bool = False
    vectors: bool = False


@attrs.frozen(kw_only=True, eq=False)
class NativeRows:
    """Rows as Chroma has them; a column that was not asked for is None.

    Attributes:
        ids: `n` ids.
        documents: `n` texts, None where a row has none.
        metadatas: `n` objects, None where a row has none.
        vectors: float32 `[n, d]`; a cosine collection gives them back normalised and rescaled.
        distances: float64 `[n]`, Chroma's own; only of a query.
    """

    ids: list[str]
    documents: list[str | None] | None = None
    metadatas: list[dict[str, NativeValue] | None] | None = None
    vectors: Float32Matrix | None = None
    distances: Float64Vector | None = None


class Driver(Protocol):
    """A connection to one Chroma database. Its methods may be called from several threads at once.

    Every method raises `CollectionNotFoundError` where the collection it is given is gone, and a
    `BackendError` where Chroma fails. A write that returned is durable, if the database is.
    """

    @property
    def limits(self) -> Limits:
        """What one call may carry."""

    def open(self) -> None:
        """Connect; leave nothing behind on failure."""

    def close(self) -> None:
        """Release processes, threads and sockets."""

    def ping(self) -> str:
        """Return the version of Chroma; raise `BackendUnavailableError` if it does not answer."""

    def collections(self) -> list[NativeCollection]:
        """Return all collections, in any order."""

    def collection(self, name: str) -> NativeCollection | None:
        """Return the collection that Chroma calls *name*."""

    def create(
        self, name: str, *, hnsw: Mapping[str, object], metadata: NativeMetadata
    ) -> NativeCollection | None:
        """Create a collection and return it; return None if the name is taken."""

    def modify(
        self,
        collection: NativeCollection,
        *,
        name: str | None = None,
        metadata: NativeMetadata | None = None,
        hnsw: Mapping[str, object] | None = None,
    ) -> None:
        """Change a collection's name, replace its metadata, or change settings of its index."""

    def drop(self, collection: NativeCollection) -> bool:
        """Delete a collection with all that it holds; return False if it is gone already."""

    def add(
        self,
        collection: NativeCollection,
        *,
        ids: Sequence[str],
        vectors: Float32Matrix,
        documents: Sequence[str | None] | None = None,
        metadatas: Sequence[NativeMetadata | None] | None = None,
    ) -> None:
        """Insert rows; ids that exist are left as they are."""

    def upsert(
        self,
        collection: NativeCollection,
        *,
        ids: Sequence[str],
        vectors: Float32Matrix,
        documents: Sequence[str | None] | None = None,
        metadatas: Sequence[NativeMetadata | None] | None = None,
    ) -> None:
        """Insert or change rows; keys of metadata that are not given stay, those given as None go."""

    def delete(self, collection: NativeCollection, ids: Sequence[str]) -> None:
        """Delete rows; ids without a row are passed over."""

    def get(
        self,
        collection: NativeCollection,
        *,
        ids: Sequence[str] | None = None,
        where: Where | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: Include = ...,
    ) -> NativeRows:
        """Return the rows with these ids, or that satisfy a filter, or all, in Chroma's order."""

    def query(
        self,
        collection: NativeCollection,
        vectors: Float32Matrix,
        k: int,
        *,
        where: Where | None = None,
        ids: Sequence[str] | None = None,
        include: Include = ...,
    ) -> list[NativeRows]:
        """Return the `k` nearest rows of each vector, nearest first, with Chroma's distances."""

    def count(self, collection: NativeCollection) -> int:
        """Return how many rows there are."""

    def ids_after(self, collection: NativeCollection, after: str | None, limit: int) -> list[str]:
        """Return the first *limit* ids behind *after* in code-point order."""

    def analyze(self) -> None:
        """Give Chroma's database what it needs to plan filters well, where it is within reach."""


def included(include: Include) -> list[str]:
    """Return the columns by Chroma's names."""
    wanted = {
        "documents": include.documents,
        "metadatas": include.metadatas,
        "embeddings": include.vectors,
    }
    return [name for name, asked in wanted.items() if asked]


def no_rows(collection: NativeCollection, include: Include) -> NativeRows:
    """Return the answer of a get that asks for no ids, which Chroma refuses."""
    return NativeRows(
        ids=[],
        documents=[] if include.documents else None,
        metadatas=[] if include.metadatas else None,
        vectors=np.empty((0, collection.dimension or 0), np.float32) if include.vectors else None,
    )


def joined(parts: Sequence[NativeRows]) -> NativeRows:
    """Return the rows of several answers as one; all have the same columns, none has distances."""
    first = parts[0]
    return NativeRows(
        ids=[one for part in parts for one in part.ids],
        documents=None
        if first.documents is None
        else [one for part in parts for one in part.documents or ()],
        metadatas=None
        if first.metadatas is None
        else [one for part in parts for one in part.metadatas or ()],
        vectors=_stacked([part.vectors for part in parts if part.vectors is not None and len(part.vectors)])
        if first.vectors is not None
        else None,
    )


def _stacked(matrices: Sequence[Float32Matrix]) -> Float32Matrix:
    return np.concatenate(matrices) if matrices else np.empty((0, 0), np.float32)


def split_queries(
    answer: Mapping[str, Any], include: Include, vectors: Float32Matrix | None
) -> list[NativeRows]:
    """Return the rows of each query of Chroma's answer to several; *vectors* are those of all, in order."""
    found, start = [], 0
    for number, ids in enumerate(answer["ids"]):
        found.append(
            NativeRows(
                ids=ids,
                documents=answer["documents"][number] if include.documents else None,
                metadatas=answer["metadatas"][number] if include.metadatas else None,
                vectors=None if vectors is None else vectors[start : start + len(ids)],
                distances=np.array(answer["distances"][number], np.float64),
            )
        )
        start += len(ids)
    return found
