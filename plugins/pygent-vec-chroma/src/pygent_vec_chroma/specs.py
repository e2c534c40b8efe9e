"""Specs: what a collection was created with, kept in the metadata of Chroma's own collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from pygent_vec.errors import ConfigError, CorruptStoreError, hint
from pygent_vec.model import CollectionSpec, DistanceMetric, IndexSpec, from_micros, to_micros
from pygent_vec_chroma.names import collection_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.model import IndexOption
    from pygent_vec_chroma.driver import NativeCollection, NativeMetadata

__all__ = ["CATALOGUE_KEY", "collection_spec", "is_foreign", "native_hnsw", "native_metadata"]

CATALOGUE_KEY = "pygent_vec"
"""The key of a collection's metadata under which we keep its spec."""
_VERSION = 1
_SPACES = {
    DistanceMetric.COSINE: "cosine",
    DistanceMetric.EUCLIDEAN: "l2",
    DistanceMetric.DOT_PRODUCT: "ip",
    DistanceMetric.MANHATTAN: "l2",  # Chroma has no L1: such a collection is scanned
}
_METRICS = {
    "cosine": DistanceMetric.COSINE,
    "l2": DistanceMetric.EUCLIDEAN,
    "ip": DistanceMetric.DOT_PRODUCT,
}
_OPTIONS = {"m": "max_neighbors", "ef_construction": "ef_construction", "ef_search": "ef_search"}
"""Our names of an index's options, and Chroma's."""
_RANGES = {"m": (2, 512), "ef_construction": (4, 10_000), "ef_search": (1, 10_000)}


def is_foreign(native: NativeCollection) -> bool:
    """Return whether another tool made the collection."""
    return not isinstance(native.metadata.get(CATALOGUE_KEY), str)


def native_metadata(spec: CollectionSpec) -> NativeMetadata:
    """Return the metadata of a new collection of Chroma's: the spec as canonical JSON."""
    body: dict[str, object] = {
        "version": _VERSION,
        "dimension": spec.dimension,
        "metric": spec.distance_metric.value,
        "index": {"kind": spec.index.kind, "options": dict(spec.index.options)},
        "metadata": spec.metadata,
        "created_at": to_micros(spec.created_at),
    }
    return {CATALOGUE_KEY: orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()}


def native_hnsw(spec: CollectionSpec, defaults: Mapping[str, object]) -> dict[str, object]:
    """Return the configuration of a new collection's index: *defaults*, overridden by the spec.

    Raises:
        ConfigError: an option is unknown or out of range.
    """
    index = spec.index
    checked = {name: _checked(index.kind, name, value) for name, value in index.options.items()}
    chosen = {_OPTIONS[name]: value for name, value in checked.items()}
    return {**defaults, **chosen, "space": _SPACES[spec.distance_metric]}


def _checked(kind: str, name: str, value: IndexOption) -> int:
    if name not in _OPTIONS:
        raise ConfigError(f"an index of kind {kind!r} has no option {name!r}{hint(name, _OPTIONS)}")
    low, high = _RANGES[name]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"the index option {name} must be an integer from {low} to {high}, got {value!r}")
    return value


def collection_spec(native: NativeCollection, dimension: int | None) -> CollectionSpec | None:
    """Return the spec of a collection; None for one that we cannot name, or of unknown dimension.

    Args:
        native: As Chroma has it.
        dimension: Of its vectors, for a collection of another tool.

    Raises:
        CorruptStoreError: what we keep of it is damaged, or of a later version.
    """
    name = collection_name(native)
    if name is None:
        return None
    if is_foreign(native):
        return _foreign_spec(native, name, dimension)
    try:
        body = orjson.loads(str(native.metadata[CATALOGUE_KEY]))
        return _own_spec(name, body)
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptStoreError(
            f"the collection {name!r}: its metadata {CATALOGUE_KEY!r} cannot be read ({error}); its "
            "documents are untouched: open it with the pygent-vec-chroma that wrote it, or restore that key"
        ) from error


def _own_spec(name: str, body: dict[str, Any]) -> CollectionSpec:
    if body["version"] != _VERSION:
        raise ValueError(f"its version is {body['version']}, known is {_VERSION}")
    return CollectionSpec(
        name=name,
        dimension=body["dimension"],
        distance_metric=DistanceMetric(body["metric"]),
        index=IndexSpec(body["index"]["kind"], options=body["index"]["options"]),
        metadata=body["metadata"],
        created_at=from_micros(body["created_at"]),
    )


def _foreign_spec(native: NativeCollection, name: str, dimension: int | None) -> CollectionSpec | None:
    space = native.hnsw.get("space", "l2")
    if dimension is None or space not in _METRICS:
        return None
    options = {
        ours: value for ours, theirs in _OPTIONS.items() if isinstance(value := native.hnsw.get(theirs), int)
    }
    return CollectionSpec(
        name=name,
        dimension=dimension,
        distance_metric=_METRICS[str(space)],
        index=IndexSpec("hnsw", options=options),
        metadata={key: value for key, value in native.metadata.items() if not isinstance(value, list)},
        created_at=from_micros(0),  # Chroma does not keep it
    )
