"""Secrets by reference: `{env = "NAME"}` and `{file = "path"}` stand for a value that is kept elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pygent_vec.errors import ConfigError, shown

__all__ = ["is_secret", "refuse_literal_secrets", "resolved", "unresolved"]

_KEYS = ("env", "file")
_SECRETS = ("password", "passwd", "token", "secret", "api_key", "credential", "auth", "header")
_ADDRESSES = ("dsn", "url")


def is_secret(key: str) -> bool:
    """Return whether a setting of this name may hold a secret, so that its value is in no message."""
    return any(word in key.lower() for word in (*_SECRETS, *_ADDRESSES, "key"))


def resolved(value: object, base: Path | None) -> object:
    """Return *value* with what its references stand for. A file is relative to *base*.

    Raises:
        ConfigError: a variable is not set, or a file cannot be read.
    """
    if isinstance(value, Mapping):
        if _is_reference(value):
            ((kind, target),) = value.items()
            return _variable(target) if kind == "env" else _content(target, base)
        return {key: resolved(one, base) for key, one in value.items()}
    return value


def unresolved(value: object, base: Path | None) -> str | None:
    """Return what is wrong with the references in *value*, or None."""
    try:
        resolved(value, base)
    except ConfigError as error:
        return str(error)
    return None


def refuse_literal_secrets(settings: Mapping[str, object], where: str) -> None:
    """Refuse a secret that stands in a file or variable itself; the message does not repeat it.

    Raises:
        ConfigError: a password, a token, a header or an address with a password is given as it is.
    """
    for key, value in settings.items():
        if _literal(key, value):
            raise ConfigError(
                f"{where}: {key} holds a secret; keep it elsewhere and refer to it: "
                f'{key} = {{env = "NAME"}} or {key} = {{file = "path"}}'
            )


def _literal(key: str, value: object) -> bool:
    if isinstance(value, Mapping):
        return not _is_reference(value) and any(_literal(key, one) for one in value.values())
    if not isinstance(value, str) or not value:
        return False
    if any(word in key.lower() for word in _SECRETS):
        return True
    return ("://" in value or "?" in value) and _has_password(value)


def _has_password(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.password) or any(
            _literal(key, value) for key, value in parse_qsl(parts.query) if key not in _ADDRESSES
        )
    except ValueError:
        return True  # what cannot be read cannot be shown either


def _is_reference(value: Mapping[str, object]) -> bool:
    return len(value) == 1 and next(iter(value)) in _KEYS


def _variable(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"env = {shown(name)}: give the name of an environment variable")
    value = os.environ.get(name)
    if value is None:
        raise ConfigError(f"the environment variable {name}, which a setting refers to, is not set")
    return value


def _content(name: object, base: Path | None) -> str:
    if not isinstance(name, (str, Path)) or not str(name):
        raise ConfigError(f"file = {shown(name)}: give the path of a file")
    path = (base or Path()) / Path(name).expanduser()
    try:
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"the file {path}, which a setting refers to, cannot be read: {reason}") from None
