"""From the command line to a target."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec import ConfigError
from pygent_vec.plugin import backends
from pygent_vec_conformance.target import StoreTarget

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pygent_vec_conformance.options import Options

__all__ = ["imported_target", "selected_target", "settings_from"]


def selected_target(options: Options) -> StoreTarget:
    """Return the target that the options name.

    Raises:
        ConfigError: neither a backend nor a target, or one that is none.
    """
    if options.target is not None:
        return imported_target(options.target)
    if options.backend is None:
        raise ConfigError("name what to check: --backend NAME, or --target module:attribute")
    target = StoreTarget(backend=options.backend, settings=settings_from(options.settings))
    name = target.spec().name
    is_alias = options.backend not in backends().offers()
    return StoreTarget(backend=name, settings=target.settings) if is_alias else target


def settings_from(texts: Iterable[str]) -> dict[str, object]:
    """Return the settings that `key=value`, JSON text or `@file` give.

    Raises:
        ConfigError: a text is none of them.
    """
    settings: dict[str, object] = {}
    for text in texts:
        source = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        if source.lstrip().startswith("{"):
            settings.update(json.loads(source))
        else:
            key, equals, value = source.partition("=")
            if not equals:
                raise ConfigError(f"--backend-config {text!r}: write key=value, a JSON object, or @file")
            settings[key.strip()] = value
    return settings


def imported_target(text: str) -> StoreTarget:
    """Return the target that `module:attribute` is, or returns.

    Raises:
        ConfigError: it is none.
    """
    module, colon, attribute = text.partition(":")
    if not colon:
        raise ConfigError(f"--target {text!r}: write module:attribute")
    found = getattr(import_module(module), attribute, None)
    if callable(found):
        found = found()
    if not isinstance(found, StoreTarget):
        raise ConfigError(f"--target {text!r} is no StoreTarget: {found!r:.200}")
    return found
