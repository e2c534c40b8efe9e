"""The primitives: all that a backend writes.

Input is valid and columnar; output is columnar. A primitive raises the errors of `pygent_vec.errors` where it
knows them, and lets its driver's errors pass: `_translate` names those, in one place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from types import CoroutineType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pygent_vec.filters import Comparison, Pushdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract._capabilities import Capabilities
    from pygent_vec.contract._requests import Found, Ping, SearchHits, SearchRequest, Tuning, WriteMode
    from pygent_vec.errors import PygentVecError
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        CollectionSpec,
        CollectionStats,
        DocumentRows,
        IndexSpec,
        Projection,
        VectorBatch,
    )

__all__ = ["MaybeAwaitable", "Primitives", "settle"]

T = TypeVar("T")
MaybeAwaitable: TypeAlias = T | Awaitable[T]


def settle(value: MaybeAwaitable[T]) -> Awaitable[T]:
    """Return the value of a primitive, which may be a coroutine or plain, as something to await."""
    if isinstance(value, (CoroutineType, Awaitable)):  # the first is nearly always it, and quickly told
        return value
    return _at_once(value)


async def _at_once(value: T) -> T:
    return value


class Primitives(ABC):
    """What a backend implements, as coroutines or, under `BlockingVectorStore`, as plain functions.

    A primitive that takes a collection raises `CollectionNotFoundError` if it is gone by now, also where one
    of another dimension or metric has taken its name.
    """

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this store can do. Constant while it is open."""

    @abstractmethod
    def _open(self) -> MaybeAwaitable[None]:
        """Connect. On failure leave nothing behind: it may be called again."""

    @abstractmethod
    def _close(self) -> MaybeAwaitable[None]:
        """Release threads, files and sockets. No other primitive runs or follows."""

    @abstractmethod
    def _ping(self) -> MaybeAwaitable[Ping]:
        """Return a sign of life; raise `BackendUnavailableError` if there is none."""

    @abstractmethod
    def _create_collection(self, spec: CollectionSpec) -> MaybeAwaitable[bool]:
        """Create a collection durably; return False if the name is taken."""

    @abstractmethod
    def _drop_collection(self, name: str) -> MaybeAwaitable[bool]:
        """Delete a collection and all that it holds; return False if there is none."""

    @abstractmethod
    def _collection_names(self) -> MaybeAwaitable[Sequence[str]]:
        """Return the names of the collections, in any order."""

    @abstractmethod
    def _collection(self, name: str) -> MaybeAwaitable[CollectionSpec | None]:
        """Return what a collection was created with. Called before every operation: make it cheap."""

    @abstractmethod
    def _collection_stats(self, spec: CollectionSpec) -> MaybeAwaitable[CollectionStats]:
        """Return the collection's size."""

    @abstractmethod
    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> MaybeAwaitable[Sequence[str]]:
        """Write a batch, all or nothing, durably; return the ids written, in the batch's order.

        The `created_at` of a document that exists is kept, unless *preserve_created*.
        Raises `DocumentExistsError` under `WriteMode.ERROR`.
        """

    @abstractmethod
    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> MaybeAwaitable[int]:
        """Delete documents by unique *ids*, all or nothing; return how many existed."""

    @abstractmethod
    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> MaybeAwaitable[int]:
        """Delete what satisfies *pushed*, which the backend answers exactly; return how many."""

    @abstractmethod
    def _fetch(
        self, spec: CollectionSpec, ids: Sequence[str], projection: Projection
    ) -> MaybeAwaitable[DocumentRows]:
        """Return those of the unique *ids* that exist, in any order."""

    @abstractmethod
    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> MaybeAwaitable[DocumentRows]:
        """Return the first *limit* documents after an id that satisfy *pushed*, in id order.

        Id order is code-point order. Fewer than *limit* means that there are no more.
        """

    @abstractmethod
    def _search(self, spec: CollectionSpec, request: SearchRequest) -> MaybeAwaitable[Sequence[SearchHits]]:
        """Return the nearest documents of each query vector, in any order.

        Exactly `min(k, matching documents)` hits each. Where the search is exact, ties at the last place go
        to the smallest ids.
        """

    def _search_documents(
        self,
        spec: CollectionSpec,  # noqa: ARG002  # for backends
        request: SearchRequest,  # noqa: ARG002
    ) -> Awaitable[list[Found]] | None:
        """Return what `_search` would for one query vector, as documents in any order; None: ask `_search`.

        Override it where the backend's library gives rows: to make columns of ten rows, and documents of
        those, takes twice as long as to make the documents.
        """
        return None

    @abstractmethod
    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> MaybeAwaitable[int]:
        """Return how many documents satisfy *pushed*, exactly."""

    @abstractmethod
    def _build_index(self, spec: CollectionSpec) -> MaybeAwaitable[IndexSpec]:
        """Build or rebuild the collection's index now, over all documents; return what it is."""

    @abstractmethod
    def _tuning(self, spec: CollectionSpec) -> MaybeAwaitable[Tuning]:
        """Return the search efforts of the collection's index."""

    @abstractmethod
    def _set_effort(self, spec: CollectionSpec, effort: int) -> MaybeAwaitable[None]:
        """Persist a search effort, one of those of `_tuning`."""

    def _grade(self, comparison: Comparison) -> Pushdown:
        """Return how well the backend answers one comparison; override where the operand matters."""
        return self.capabilities.pushdown.get(comparison.operator, Pushdown.NONE)

    def _translate(self, error: Exception) -> PygentVecError | None:  # noqa: ARG002  # for backends
        """Return the contract's error for one of the driver's, or None if it is not the driver's."""
        return None
