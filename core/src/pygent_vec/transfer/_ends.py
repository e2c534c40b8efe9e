"""The two ends of a move: where documents come from, and where they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from pygent_vec.model import DistanceMetric, IndexSpec, Metadata, VectorBatch

__all__ = ["Chunk", "Description", "Position", "Source", "Target"]

Position: TypeAlias = str | int | None
"""Where a reading goes on: behind an id in a store, behind a row of a file; None is the beginning."""


@attrs.frozen(kw_only=True)
class Description:
    """What a source knows of the documents that it gives.

    Attributes:
        collection: Their collection's name.
        dimension: The length of their vectors.
        metric: How they are compared; None where the source does not say.
        index: The index of their collection; None where the source does not say.
        metadata: The collection's metadata.
        count: How many there are; None where only reading can tell.
    """

    collection: str
    dimension: int
    metric: DistanceMetric | None = None
    index: IndexSpec | None = None
    metadata: Metadata = attrs.field(factory=dict)
    count: int | None = None


@attrs.frozen(kw_only=True, eq=False)
class Chunk:
    """Documents that move together, and where to go on after them."""

    batch: VectorBatch
    position: Position


class Source(Protocol):
    """Documents of one collection, in batches, in an order that is the same at every reading."""

    @property
    def label(self) -> str:
        """What messages call it, such as `faiss:library/default`; the same in every process."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of the reading; complete when the move has ended."""
        ...

    async def describe(self) -> Description:
        """Return what is known before the documents are read.

        Raises:
            PygentVecError: it cannot be read.
        """
        ...

    async def fingerprint(self) -> str | None:
        """Return a text that changes with the content, such as a file's size and time; None if none does."""
        ...

    def chunks(self, after: Position = None) -> AsyncGenerator[Chunk, None]:
        """Yield the documents behind a position."""
        ...


class Target(Protocol):
    """Where documents are written, batch by batch."""

    @property
    def label(self) -> str:
        """What messages call it; the same in every process."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of the writing; complete when the move has ended."""
        ...

    @property
    def resumable(self) -> bool:
        """Whether what was written survives a kill; if not, an interrupted move begins anew."""
        ...

    async def prepare(self, description: Description, *, resumed: bool) -> None:
        """Make ready for the documents of a source, or refuse what cannot be held losslessly.

        Args:
            description: Of the documents to come.
            resumed: Whether an earlier run of this move has begun. Then some of the documents to come may
                be there already, as that run wrote them. Never true where the target is not resumable.
        """
        ...

    async def write(self, batch: VectorBatch) -> int:
        """Write documents and return how many; those of a resumable target are durable when this returns."""
        ...

    async def finish(self) -> None:
        """Make the whole visible; what is not resumable is durable when this returns."""
        ...

    async def abandon(self) -> None:
        """Let go after a failure; what is not resumable leaves nothing behind."""
        ...
