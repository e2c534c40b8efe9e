"""How collections are made, described and measured."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from pygent_vec.contract._embedding import EMBEDDING_MODEL, check_model, with_model
from pygent_vec.contract._planning import collection_spec
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.errors import (
    CollectionExistsError,
    CollectionMismatchError,
    ConfigError,
    UnsupportedFeatureError,
    hint,
    shown,
)
from pygent_vec.model import (
    MAX_DIMENSION,
    CollectionInfo,
    CollectionSpec,
    DistanceMetric,
    IndexSpec,
    InvalidValueError,
    StoreStats,
    normalized_object,
)

if TYPE_CHECKING:
    from pygent_vec.contract._capabilities import Capabilities
    from pygent_vec.contract._context import StoreContext
    from pygent_vec.model import Metadata

__all__ = ["checked_spec", "create", "describe", "stats"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


def checked_spec(
    capabilities: Capabilities,
    backend: str,
    name: str,
    dimension: int,
    distance_metric: DistanceMetric,
    index: IndexSpec | str | None,
    metadata: Metadata | None,
) -> CollectionSpec:
    """Return the spec of a collection to be made.

    Raises:
        ConfigError: a bad name, dimension, metric, index or metadata.
        UnsupportedFeatureError: what the backend does not declare.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"collection name {shown(name)}: use 1 to 128 of A-Z a-z 0-9 . _ - "
            "and begin with a letter or digit"
        )
    if not isinstance(dimension, int) or isinstance(dimension, bool) or not 1 <= dimension <= MAX_DIMENSION:
        raise ConfigError(f"dimension {shown(dimension)}: use an integer from 1 to {MAX_DIMENSION}")
    if dimension > capabilities.max_dimension:
        raise UnsupportedFeatureError(
            f"the backend {backend!r} takes at most {capabilities.max_dimension} dimensions, not {dimension}"
        )
    try:
        metric = DistanceMetric(distance_metric)
    except ValueError as error:
        known = [one.value for one in DistanceMetric]
        raise ConfigError(
            f"distance_metric {shown(distance_metric)} is unknown{hint(str(distance_metric), known)}"
        ) from error
    capabilities.require_metric(metric, backend)
    wanted = IndexSpec(index) if isinstance(index, str) else index or IndexSpec()
    if not isinstance(wanted, IndexSpec):
        raise ConfigError(f"index {shown(index)}: give an IndexSpec, the name of a kind, or None")
    capabilities.require_index_kind(wanted.kind, backend)
    try:
        kept = normalized_object({} if metadata is None else metadata)
    except (InvalidValueError, AttributeError) as error:
        raise ConfigError(f"metadata of collection {name!r}: {error}") from error
    return CollectionSpec(
        name=name,
        dimension=dimension,
        distance_metric=metric,
        index=wanted,
        metadata=kept,
        created_at=datetime.now(UTC),
    )


async def create(
    primitives: Primitives, context: StoreContext, spec: CollectionSpec, *, if_exists: str
) -> CollectionInfo:
    """Create a collection, or return the one that exists where *if_exists* is "ignore".

    Raises:
        CollectionExistsError: the name is taken.
        CollectionMismatchError: it is taken by another dimension or metric.
    """
    if if_exists not in {"error", "ignore"}:
        raise ConfigError(f"if_exists={shown(if_exists)}{hint(str(if_exists), ('error', 'ignore'))}")
    spec = with_model(spec, context.embedder)
    if await settle(primitives._create_collection(spec)):  # core drives the primitives
        return _info(spec, 0)
    if if_exists == "error":
        raise CollectionExistsError(
            f"the store {context.name!r} has a collection {spec.name!r} already; "
            'pass if_exists="ignore" to use it, or delete it first'
        )
    existing = await describe(primitives, context, spec.name)
    wanted, found = (
        f"dimension {one.dimension} and metric {one.distance_metric.value!r}" for one in (spec, existing)
    )
    if wanted != found:
        raise CollectionMismatchError(
            f"the collection {spec.name!r} has {found}, and {wanted} was asked for; use another name"
        )
    check_model(existing, spec.metadata.get(EMBEDDING_MODEL))
    return existing


async def describe(primitives: Primitives, context: StoreContext, name: str | None) -> CollectionInfo:
    """Return a collection as it is now.

    Raises:
        CollectionNotFoundError: it does not exist.
    """
    spec = await collection_spec(primitives, context, name)
    return _info(spec, await settle(primitives._count(spec, None)))


async def stats(primitives: Primitives, context: StoreContext) -> StoreStats:
    """Return the size of every collection."""
    sizes = {}
    for name in sorted(await settle(primitives._collection_names())):
        spec = await settle(primitives._collection(name))
        if spec is not None:
            sizes[name] = await settle(primitives._collection_stats(spec))
    return StoreStats(store=context.name, backend=context.backend, collections=sizes)


def _info(spec: CollectionSpec, document_count: int) -> CollectionInfo:
    values = {field.name: getattr(spec, field.name) for field in attrs.fields(CollectionSpec)}
    values["metadata"] = normalized_object(spec.metadata)  # the caller's own
    values["index"] = attrs.evolve(spec.index)  # with options of its own
    return CollectionInfo(**values, document_count=document_count)
