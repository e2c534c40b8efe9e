"""A contestant: something that keeps the documents, and answers the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.data import Corpus

__all__ = ["Answers", "Contestant", "Effort", "Where"]

Effort: TypeAlias = float
"""What a contestant turns to be better or faster: ours a target of recall, raw faiss its efSearch."""


@attrs.frozen(kw_only=True)
class Where:
    """A filter that every contestant can say: an integer field is below a bound.

    Attributes:
        field: "row", at random, or "near", along the vectors.
        below: The bound.
    """

    field: str
    below: int

    def mask(self, data: Corpus) -> np.ndarray:
        """Return which rows of *data* match, bool `[n]`."""
        values = np.array([int(str(one[self.field])) for one in data.metadatas])
        return values < self.below


@attrs.frozen(kw_only=True, eq=False)
class Answers:
    """What a contestant answered to a block of queries, asked one after another.

    Attributes:
        seconds: What each query took.
        found: The ids that each query found.
    """

    seconds: Sequence[float]
    found: Sequence[Sequence[str]]


class Contestant(Protocol):
    """One side of a comparison. What it cannot do it refuses with `NotImplementedError`, which says why."""

    name: str
    ours: bool

    @property
    def efforts(self) -> Sequence[Effort]:
        """What `turn` takes, cheapest first; empty where nothing can be turned."""

    def fill(self, data: Corpus) -> None:
        """Keep every document, durably where it can."""

    def finish(self) -> None:
        """Build the index, where that is not done while filling."""

    def turn(self, effort: Effort) -> str:
        """Search with an effort from now on; return what it is called."""

    def search(self, queries: np.ndarray, where: Where | None = None, *, k: int = 10) -> Answers:
        """Search for each row of *queries*, one by one, with content and metadata."""

    def close(self) -> None:
        """Release everything."""
