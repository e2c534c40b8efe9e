"""Old spellings of settings: what older configurations call a path, a pool or an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.errors import ConfigError, hint, shown
from pygent_vec.model import IndexSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.model import IndexOption

__all__ = ["BACKEND_KEYS", "OLD_KEYS", "modern"]

BACKEND_KEYS = ("backend", "default_type", "store_type")
"""What may name a store's backend; the last two are old."""

_RENAMED = {"max_connections": "pool_size", "persist_directory": "path"}
_INDEX_OPTIONS = ("nlist", "lists", "m", "ef_construction")
OLD_KEYS = (*_RENAMED, "persistent", "index_type", *_INDEX_OPTIONS)
"""The old names of settings; those that a backend itself has are its own."""

_INDEX_KINDS = {
    "auto": "auto",
    "flat": "flat",
    "flatip": "flat",
    "flatl2": "flat",
    "hnsw": "hnsw",
    "hnswflat": "hnsw",
    "ivf": "ivf_flat",
    "ivfflat": "ivf_flat",
}


def modern(settings: Mapping[str, object], fields: Mapping[str, object], backend: str) -> dict[str, object]:
    """Return *settings* under the names of a backend's *fields*, whatever their spelling.

    Raises:
        ConfigError: an old setting means nothing to this backend, is given twice, or has no equivalent.
    """
    result = {key: value for key, value in settings.items() if key in fields or key not in OLD_KEYS}
    old = {key: value for key, value in settings.items() if key not in result}
    for key, name in _RENAMED.items():
        if key in old:
            if name not in fields:
                raise ConfigError(f"the backend {backend!r} has no setting {key!r}{hint(key, fields)}")
            if name in result:
                raise ConfigError(f"the settings {key} and {name} are the same; give one of them")
            result[name] = old.pop(key)
    if "persistent" in old:
        _apply_persistent(old.pop("persistent"), result, fields, backend)
    if old:
        if "default_index" in result:
            raise ConfigError(f"the settings {', '.join(old)} and default_index are the same; give one")
        result["default_index"] = _index(old)
    return result


def _apply_persistent(
    value: object, result: dict[str, object], fields: Mapping[str, object], backend: str
) -> None:
    """Keep the path where data is to be kept, and leave it out where it is not."""
    import attrs

    words = {"true": True, "false": False}
    wanted = words.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(wanted, bool):
        raise ConfigError(f"persistent={shown(value)} is not valid: use true or false")
    path = fields.get("path")
    if wanted:
        if path is not None and "path" not in result:
            raise ConfigError("persistent=True needs persist_directory: the directory to keep the data in")
        return
    if not isinstance(path, attrs.Attribute) or path.default is attrs.NOTHING:
        raise ConfigError(
            f"persistent={shown(value)}: the backend {backend!r} always keeps its data; "
            "leave it out, or use the backend 'memory'"
        )
    result.pop("path", None)


def _index(old: Mapping[str, object]) -> IndexSpec:
    options: dict[str, IndexOption] = {}
    for key in _INDEX_OPTIONS:
        if key in old:
            options[key] = _count(key, old[key])
    if "index_type" not in old:
        raise ConfigError(f"the settings {', '.join(options)} need index_type: the index they belong to")
    value = old["index_type"]
    plain = "".join(filter(str.isalnum, str(value).lower())).removeprefix("index")
    if plain not in _INDEX_KINDS:
        raise ConfigError(
            f"index_type={shown(value)} has no equivalent"
            f"{hint(plain, ('Flat', 'HNSW', 'HNSWFlat', 'IVFFlat', 'auto'))}"
        )
    return IndexSpec(_INDEX_KINDS[plain], options=options)


def _count(key: str, value: object) -> int:
    try:
        if isinstance(value, (int, str)) and not isinstance(value, bool) and int(value) > 0:
            return int(value)
    except ValueError:
        pass  # the same message
    raise ConfigError(f"{key}={shown(value)} is not valid: use a positive integer")
