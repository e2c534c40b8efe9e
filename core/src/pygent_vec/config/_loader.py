"""Settings become a backend's attrs class; an unknown key is refused with the nearest known one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from pygent_vec.errors import ConfigError, hint, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import cattrs

    from pygent_vec.contract import StoreConfig
    from pygent_vec.plugin import BackendSpec

__all__ = ["config_from", "settings_from_url"]

_SECRETS = ("password", "token", "secret", "key")


def config_from(spec: BackendSpec, settings: Mapping[str, object]) -> StoreConfig:
    """Return the backend's configuration with *settings*; text is converted to the field's type.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type.
    """
    import cattrs

    fields = {field.name: field for field in attrs.fields(spec.config)}
    for key in settings:
        if key not in fields:
            raise ConfigError(f"the backend {spec.name!r} has no setting {key!r}{hint(key, fields)}")
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in settings:
            raise ConfigError(f"the backend {spec.name!r} needs the setting {name!r}")
    converter = _converter()
    values = {}
    attrs.resolve_types(spec.config)
    for key, value in settings.items():
        try:
            values[key] = converter.structure(value, fields[key].type)
        except (cattrs.BaseValidationError, ValueError, TypeError) as error:
            text = "…" if any(word in key for word in _SECRETS) else shown(value)
            raise ConfigError(
                f"the backend {spec.name!r}: {key}={text} is not valid: {_reason(error)}"
            ) from error
    try:
        return spec.config(**values)
    except ConfigError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the backend {spec.name!r}: {error}") from error


def settings_from_url(spec: BackendSpec, url: str) -> Mapping[str, object]:
    """Return the settings that a store's URL names.

    By default its path is the setting `path` and its query the rest: `faiss:///data/db?index_type=hnsw`, or
    `faiss:relative/db`. A backend may read its URLs itself.

    Raises:
        ConfigError: a key is given twice, or the URL has parts that the backend does not read.
    """
    if spec.url_settings is not None:
        return spec.url_settings(url)
    parts = urlsplit(url)
    if parts.netloc or parts.fragment:
        raise ConfigError(
            f"the URL {url!r} names a host or fragment; write {spec.name}:///absolute/path or "
            f"{spec.name}:relative/path"
        )
    settings: dict[str, object] = {"path": unquote(parts.path)} if parts.path else {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)):
        if key in settings:
            raise ConfigError(f"the URL {url!r} gives {key!r} twice")
        settings[key] = value
    return settings


def _converter() -> cattrs.Converter:
    """Return a converter that reads text as the declared type and refuses lossy conversions."""
    from pathlib import Path

    import cattrs

    converter = cattrs.Converter()
    converter.register_structure_hook(bool, lambda value, _: _boolean(value))
    converter.register_structure_hook(int, lambda value, _: _integer(value))
    converter.register_structure_hook(str, lambda value, _: _text(value))
    converter.register_structure_hook(Path, lambda value, _: Path(value))
    return converter


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("use true or false")


def _integer(value: object) -> int:
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        return int(value)
    raise ValueError("use an integer")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("use a string")


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
