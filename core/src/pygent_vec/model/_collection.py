"""A collection: documents of one dimension, compared by one metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pygent_vec.model._metric import DistanceMetric
    from pygent_vec.model._types import JsonObject

__all__ = ["MAX_DIMENSION", "CollectionInfo", "CollectionSpec", "IndexOption", "IndexSpec"]

MAX_DIMENSION = 16_000

IndexOption: TypeAlias = bool | int | float | str


def _copied(options: Mapping[str, IndexOption]) -> dict[str, IndexOption]:
    return dict(options)


@attrs.frozen
class IndexSpec:
    """Which index a collection uses.

    Attributes:
        kind: One of the backend's declared index kinds; `"auto"` lets the backend choose.
        options: The kind's own parameters, such as `{"m": 32}`.
    """

    kind: str = "auto"
    options: Mapping[str, IndexOption] = attrs.field(factory=dict, converter=_copied, kw_only=True)


@attrs.frozen(kw_only=True)
class CollectionSpec:
    """What a collection was created with; what every primitive of a backend receives."""

    name: str
    dimension: int
    distance_metric: DistanceMetric
    index: IndexSpec
    metadata: JsonObject
    created_at: datetime


@attrs.frozen(kw_only=True)
class CollectionInfo(CollectionSpec):
    """A collection as it is now.

    Attributes:
        document_count: Exact.
    """

    document_count: int
