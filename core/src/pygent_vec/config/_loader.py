"""Settings become a backend's attrs class; an unknown key is refused with the nearest known one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from pygent_vec.config._values import converter
from pygent_vec.errors import ConfigError, hint, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.contract import StoreConfig
    from pygent_vec.plugin import BackendSpec

__all__ = ["config_from", "settings_from_url"]

_SECRETS = ("password", "passwd", "token", "secret", "key", "credential", "dsn", "url", "auth", "header")


def config_from(spec: BackendSpec, settings: Mapping[str, object]) -> StoreConfig:
    """Return the backend's configuration with *settings*; text is converted to the field's type.

    The value of a setting that may be a secret is in no message.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type.
    """
    attrs.resolve_types(spec.config)
    fields = {field.name: field for field in attrs.fields(spec.config)}
    for key in settings:
        if key not in fields:
            raise ConfigError(f"the backend {spec.name!r} has no setting {key!r}{hint(key, fields)}")
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in settings:
            raise ConfigError(f"the backend {spec.name!r} needs the setting {name!r}")
    values = {key: _value(spec, fields[key], value) for key, value in settings.items()}
    try:
        return spec.config(**values)  # type: ignore[arg-type]  # each value has its field's type
    except ConfigError:
        raise
    except (ValueError, TypeError) as error:
        if any(_is_secret(key) for key in settings):
            raise ConfigError(
                f"the backend {spec.name!r} refuses these settings: {', '.join(settings)}"
            ) from None
        raise ConfigError(f"the backend {spec.name!r}: {error}") from error


def settings_from_url(spec: BackendSpec, url: str) -> Mapping[str, object]:
    """Return the settings that a store's URL names.

    By default its path is the setting `path` and its query the rest: `faiss:///data/db?background=false`, or
    `faiss:relative/db`. A backend may read its URLs itself.

    Raises:
        ConfigError: a key is given twice, or the URL has parts that the backend does not read.
    """
    if spec.url_settings is not None:
        return spec.url_settings(url)
    form = f"write {spec.name}:///absolute/path or {spec.name}:relative/path, and ?setting=value behind it"
    try:
        parts = urlsplit(f"x:{url.partition(':')[2]}")
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise ConfigError(f"the URL of the backend {spec.name!r} cannot be read ({error}); {form}") from error
    if parts.netloc or parts.fragment:
        raise ConfigError(f"the URL of the backend {spec.name!r} names a host or a fragment; {form}")
    settings: dict[str, object] = {"path": unquote(parts.path)} if parts.path else {}
    for key, value in query:
        if key in settings:
            raise ConfigError(f"the URL of the backend {spec.name!r} gives {key!r} twice")
        settings[key] = value
    return settings


def _value(spec: BackendSpec, field: attrs.Attribute[object], value: object) -> object:
    import cattrs.errors

    try:
        return converter().structure(value, field.type)  # type: ignore[arg-type]  # resolved to a type
    except (cattrs.errors.CattrsError, ValueError, TypeError) as error:
        if _is_secret(field.name):
            raise ConfigError(
                f"the backend {spec.name!r}: the value of {field.name} is not valid (it is not shown here)"
            ) from None
        raise ConfigError(
            f"the backend {spec.name!r}: {field.name}={shown(value)} is not valid: {_reason(error)}"
        ) from error


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRETS)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
