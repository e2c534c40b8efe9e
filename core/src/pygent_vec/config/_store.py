"""One store's settings, as people write them, become its backend's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import attrs

from pygent_vec.config._loader import config_from
from pygent_vec.config._references import resolved
from pygent_vec.config._spellings import modern
from pygent_vec.errors import ConfigError, UnsupportedFeatureError, hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.contract import StoreConfig
    from pygent_vec.plugin import BackendSpec

__all__ = ["check_keys", "store_config"]


def check_keys(spec: BackendSpec, settings: Mapping[str, object]) -> None:
    """Refuse a setting that the backend does not have, whatever its value.

    Raises:
        ConfigError: names it, and the nearest one.
    """
    fields = {field.name: field for field in attrs.fields(spec.config)}
    for key in modern(settings, fields, spec.name):
        if key not in fields:
            raise ConfigError(f"the backend {spec.name!r} has no setting {key!r}{hint(key, fields)}")


def store_config(spec: BackendSpec, settings: Mapping[str, object], base: Path | None) -> StoreConfig:
    """Return the configuration of a store from *settings* in new or old spellings, with references.

    Args:
        spec: The backend.
        settings: What was written.
        base: What relative paths are relative to; None means the working directory.

    Raises:
        ConfigError: an unknown or missing key, a value that does not fit, or a reference to nothing.
    """
    attrs.resolve_types(spec.config)
    fields = {field.name: field for field in attrs.fields(spec.config)}
    values = {
        key: _based(resolved(value, base), fields.get(key), base)
        for key, value in modern(settings, fields, spec.name).items()
    }
    config = config_from(spec, values)
    if config.default_index is not None:
        try:
            spec.capabilities_of(config).require_index_kind(config.default_index.kind, spec.name)
        except UnsupportedFeatureError as error:
            raise ConfigError(f"default_index: {error}") from error
    return config


def _based(value: object, field: attrs.Attribute[object] | None, base: Path | None) -> object:
    """Return a path that is relative to *base* as an absolute one; anything else as it is."""
    if base is None or field is None or not isinstance(value, (str, Path)) or not str(value):
        return value
    kind: object = field.type
    if kind is not Path and Path not in get_args(kind):
        return value
    return base / Path(value).expanduser()
