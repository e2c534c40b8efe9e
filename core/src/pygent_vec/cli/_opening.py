"""Opening a store that is there already. No command that only reads may make one by accident."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec.config import config_from, settings_from_url
from pygent_vec.errors import ConfigError
from pygent_vec.plugin import backends
from pygent_vec.sync import SyncVectorStore, open_store

if TYPE_CHECKING:
    from pygent_vec.contract import StoreConfig

__all__ = ["existing_store", "refuse_absent"]


def existing_store(url: str) -> SyncVectorStore:
    """Return the store that *url* names, not open yet; a name without a colon may be a configured store's.

    Raises:
        BackendNotFoundError: its backend is not installed.
        ConfigError: no store is there, or a setting does not fit.
    """
    scheme, colon, _ = url.partition(":")
    if not colon and (store := _configured(url)) is not None:
        return store
    if not colon and (os.sep in url or Path(url).exists()):
        raise ConfigError(f"{url!r} is a path and does not say which backend to use; write faiss:{url}")
    spec = backends().load(scheme)
    refuse_absent(config_from(spec, settings_from_url(spec, url) if colon else {}), url)
    return open_store(url)


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


def _configured(name: str) -> SyncVectorStore | None:
    """Return the store that the configuration calls *name*, or None."""
    from pygent_vec.manager import configured_store, settings_from, store_from

    settings = settings_from()
    if name not in settings.stores:
        return None
    _, config = configured_store(name, settings.stores[name], settings.base)
    refuse_absent(config, name)
    return SyncVectorStore(store_from(name, settings.stores[name], settings.base))
