"""Opening a store that is there already. No command that only reads may make one by accident."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from pygent_vec.config import config_from, settings_from_url
from pygent_vec.errors import ConfigError
from pygent_vec.plugin import backends
from pygent_vec.sync import SyncVectorStore, open_store

if TYPE_CHECKING:
    from pygent_vec.contract import StoreConfig
    from pygent_vec.manager import StoreSettings

__all__ = ["any_store", "existing_store", "named_config", "refuse_absent"]


def existing_store(url: str) -> SyncVectorStore:
    """Return the store that *url* names, not open yet; a name without a colon may be a configured store's.

    Raises:
        BackendNotFoundError: its backend is not installed.
        ConfigError: no store is there, or a setting does not fit.
    """
    refuse_absent(named_config(url), url)
    return any_store(url)


def any_store(url: str, *, path: Path | None = None) -> SyncVectorStore:
    """Return the store that *url* names, which is made when it is opened if nothing is there.

    Args:
        url: A URL, or the name of a configured store.
        path: A directory in place of the one that it says.

    Raises:
        BackendNotFoundError: its backend is not installed.
        ConfigError: a setting does not fit.
    """
    found = _configured(url)
    if found is None:
        _refuse_path(url)
        return open_store(url) if path is None else open_store(url, path=str(path))
    from pygent_vec.manager import store_from

    one, base = found
    made = one if path is None else attrs.evolve(one, settings={**one.settings, "path": str(path)})
    return SyncVectorStore(store_from(url, made, base))


def named_config(url: str) -> StoreConfig:
    """Return the configuration of the store that *url* names; errors are those of `any_store`."""
    found = _configured(url)
    if found is not None:
        from pygent_vec.manager import configured_store

        return configured_store(url, *found)[1]
    _refuse_path(url)
    scheme, colon, _ = url.partition(":")
    spec = backends().load(scheme)
    return config_from(spec, settings_from_url(spec, url) if colon else {})


def refuse_absent(config: StoreConfig, url: str) -> None:
    """Refuse a configuration with a path where the backend would make a new store.

    Raises:
        ConfigError: nothing is there.
    """
    path = getattr(config, "path", None)
    if not isinstance(path, (str, os.PathLike)):
        return
    path = Path(path)
    if not path.exists():
        raise ConfigError(f"there is no store at {url!r}: no file or directory {str(path)!r}")
    if path.is_dir() and next(path.iterdir(), None) is None:
        raise ConfigError(f"there is no store at {url!r}: the directory {str(path)!r} is empty")


def _refuse_path(url: str) -> None:
    if ":" not in url and (os.sep in url or Path(url).exists()):
        raise ConfigError(f"{url!r} is a path and does not say which backend to use; write faiss:{url}")


def _configured(name: str) -> tuple[StoreSettings, Path | None] | None:
    """Return what the configuration says of the store *name*, and what its paths are relative to; or None."""
    if ":" in name:
        return None
    from pygent_vec.manager import settings_from

    settings = settings_from()
    return (settings.stores[name], settings.base) if name in settings.stores else None
