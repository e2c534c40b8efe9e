"""What core asks of a backend's primitives, and what they answer."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from pygent_vec.filters import Filter
    from pygent_vec.model import (
        DistanceMetric,
        DocumentRows,
        Float32Matrix,
        Float64Vector,
        Problem,
        Projection,
        VectorDocument,
    )

__all__ = ["Found", "Ping", "SearchHits", "SearchRequest", "Tuning", "WriteMode"]


class WriteMode(StrEnum):
    """What a write does with ids that exist, and with ids that do not."""

    OVERWRITE = "overwrite"
    """Replace what exists, insert the rest."""
    ERROR = "error"
    """Insert all; any existing id fails the batch with `DocumentExistsError`."""
    SKIP = "skip"
    """Insert what does not exist, leave the rest as it is."""
    UPDATE = "update"
    """Replace what exists, leave out the rest."""


@attrs.frozen(kw_only=True, eq=False)
class SearchRequest:
    """One or more queries that share everything but their vectors.

    Attributes:
        vectors: float32 `[q, d]`, finite, valid for the metric.
        k: How many hits each query wants; the backend returns `min(k, matching documents)`.
        metric: The collection's own, or another one where `query_metric` is declared.
        pushed: The filter that hits must satisfy; None for all documents.
        exact: Whether to compare with every matching document.
        projection: The columns of the hits.
        effort: A search effort to use instead of the persisted one; None for that.
    """

    vectors: Float32Matrix
    k: int
    metric: DistanceMetric
    pushed: Filter | None
    exact: bool
    projection: Projection
    effort: int | None = None


@attrs.frozen(kw_only=True, eq=False)
class SearchHits:
    """The hits of one query.

    Attributes:
        rows: The documents, with the columns asked for.
        distances: float64, one for each row; contract distances.
    """

    rows: DocumentRows
    distances: Float64Vector

    def found(self, collection: str) -> list[Found]:
        """Return the hits as documents of *collection*."""
        documents = self.rows.documents(range(len(self.rows)), collection)
        return [*zip(self.distances.tolist(), self.rows.ids, documents, strict=True)]


Found: TypeAlias = "tuple[float, str, VectorDocument]"
"""A hit as a document: its contract distance, its id, and itself, with the fields that were asked for."""


@attrs.frozen(kw_only=True)
class Ping:
    """A backend's sign of life.

    Attributes:
        version: Of its library or server.
        problems: What works less well than it should.
    """

    version: str
    problems: tuple[Problem, ...] = ()


@attrs.frozen(kw_only=True)
class Tuning:
    """The search efforts of a collection's index.

    Attributes:
        efforts: What may be chosen, cheapest first; empty for an exact index.
        effort: What is in force; None for an exact index.
    """

    efforts: tuple[int, ...] = ()
    effort: int | None = None
