"""Opening a store that is there already. No command that only reads may make one by accident."""

from __future__ import annotations

import os
from pathlib import Path

from pygent_vec.config import config_from, settings_from_url
from pygent_vec.errors import ConfigError
from pygent_vec.plugin import backends
from pygent_vec.sync import SyncVectorStore, open_store

__all__ = ["existing_store"]


def existing_store(url: str) -> SyncVectorStore:
    """Return the store that *url* names, not open yet.

    Raises:
        BackendNotFoundError: its backend is not installed.
        ConfigError: no store is there, or a setting does not fit.
    """
    scheme, colon, _ = url.partition(":")
    if not colon and (os.sep in url or Path(url).exists()):
        raise ConfigError(f"{url!r} is a path and does not say which backend to use; write faiss:{url}")
    spec = backends().load(scheme)
    config = config_from(spec, settings_from_url(spec, url) if colon else {})
    path = getattr(config, "path", None)
    if isinstance(path, (str, os.PathLike)):
        _refuse_absent(Path(path), url)
    return open_store(url)


def _refuse_absent(path: Path, url: str) -> None:
    """Refuse a path where the backend would make a new store."""
    if not path.exists():
        raise ConfigError(f"there is no store at {url!r}: no file or directory {str(path)!r}")
    if path.is_dir() and next(path.iterdir(), None) is None:
        raise ConfigError(f"there is no store at {url!r}: the directory {str(path)!r} is empty")
