"""A query: a vector or a text, how many answers, and which documents may answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.model._document import as_float32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.filters import Filter
    from pygent_vec.model._metric import DistanceMetric
    from pygent_vec.model._types import Float32Vector

__all__ = ["MAX_RESULTS", "VectorQuery"]

MAX_RESULTS = 10_000
"""The largest `offset + limit`."""


@attrs.frozen(kw_only=True)
class VectorQuery:
    """A similarity search. Validated when it is given to a store.

    Attributes:
        query_vector: float32 `[d]`; lists are converted.
        query_text: Embedded by the store's embedder, instead of a vector.
        collection: None means the store's default collection.
        limit: 1 to 10 000 results.
        offset: Results to pass over first; `offset + limit` is at most 10 000.
        similarity_threshold: Keep results with `similarity_score >= similarity_threshold`, before the limit.
        distance_metric: None means the collection's own.
        metadata_filter: A filter tree, or its mapping form.
        include_content: Whether results carry the text.
        include_metadata: Whether results carry metadata, own fields and timestamps.
        include_embedding: Whether results carry the vector.
        exact: True compares with every matching document: recall 1.0 on every backend.
    """

    query_vector: Float32Vector | None = attrs.field(
        default=None, converter=as_float32, eq=attrs.cmp_using(eq=np.array_equal)
    )
    query_text: str | None = None
    collection: str | None = None
    limit: int = 10
    offset: int = 0
    similarity_threshold: float | None = None
    distance_metric: DistanceMetric | None = None
    metadata_filter: Filter | Mapping[str, object] | None = None
    include_content: bool = True
    include_metadata: bool = True
    include_embedding: bool = False
    exact: bool = False
