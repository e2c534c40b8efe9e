"""Opening one store, by name or by URL, without a manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.config._loader import config_from, settings_from_url
from pygent_vec.errors import ConfigError, shown

if TYPE_CHECKING:
    from pygent_vec.contract import Embedder, VectorStore

__all__ = ["open_store"]


def open_store(
    backend: str,
    *,
    name: str | None = None,
    embedder: Embedder | str | None = None,
    **settings: object,
) -> VectorStore:
    """Return a store of *backend*, to be opened with `async with` or `await store.initialize()`.

    ```python
    async with open_store("faiss", path="./library") as store: ...
    async with open_store("faiss:///var/lib/library") as store: ...
    ```

    Args:
        backend: A backend's name, or a URL whose scheme is one.
        name: What results call the store; None means the backend's name.
        embedder: An embedder, or the name of an installed one.
        settings: The backend's settings; they win over the URL's.

    Raises:
        BackendNotFoundError: no such backend or embedder is installed.
        PluginLoadError: its plugin is broken.
        ConfigError: an unknown setting, or a value that does not fit.
    """
    from pygent_vec.plugin import backends, embedders

    if not isinstance(backend, str) or not backend:
        raise ConfigError(f"backend must be a backend's name or a URL, got {shown(backend)}")
    scheme, colon, _ = backend.partition(":")
    spec = backends().load(scheme)
    given = {**settings_from_url(spec, backend), **settings} if colon else settings
    made = embedders().load(embedder).embedder() if isinstance(embedder, str) else embedder
    return spec.store(config_from(spec, given), name=name, embedder=made)
