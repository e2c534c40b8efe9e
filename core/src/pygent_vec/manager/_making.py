"""Settings of a store become its configuration, and that a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.config import settings_from_url, store_config
from pygent_vec.errors import ConfigError
from pygent_vec.plugin import BackendSpec, backends, embedders

if TYPE_CHECKING:
    from pathlib import Path

    from pygent_vec.contract import StoreConfig, VectorStore
    from pygent_vec.manager._settings import StoreSettings

__all__ = ["configured_store", "store_from", "written_settings"]


def written_settings(settings: StoreSettings) -> tuple[BackendSpec, dict[str, object]]:
    """Return a store's backend, and its settings as they are written, its URL's included.

    Raises:
        BackendNotFoundError, PluginLoadError: there is no such backend, or it is broken.
        ConfigError: the URL cannot be read.
    """
    scheme, colon, _ = settings.backend.partition(":")
    spec = backends().load(scheme)
    given = settings_from_url(spec, settings.backend) if colon else {}
    return spec, {**given, **settings.settings}


def configured_store(
    name: str, settings: StoreSettings, base: Path | None
) -> tuple[BackendSpec, StoreConfig]:
    """Return the backend and the configuration of the store *name*.

    Raises:
        BackendNotFoundError, PluginLoadError: there is no such backend, or it is broken.
        ConfigError: a setting does not fit, or refers to nothing.
    """
    spec, written = written_settings(settings)
    try:
        return spec, store_config(spec, written, base)
    except ConfigError as error:
        raise ConfigError(f"the store {name!r}: {error}") from error


def store_from(name: str, settings: StoreSettings, base: Path | None) -> VectorStore:
    """Return the store *name*, not open yet; errors are those of `configured_store`, and of the embedder."""
    spec, config = configured_store(name, settings, base)
    embedder = settings.embedder
    made = embedders().load(embedder).embedder() if isinstance(embedder, str) else embedder
    return spec.store(config, name=name, embedder=made)
