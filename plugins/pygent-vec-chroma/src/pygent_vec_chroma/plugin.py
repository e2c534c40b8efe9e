"""The plugin: what this distribution offers to pygent-vec. Chroma is touched when a store is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from pygent_vec.errors import ConfigError
from pygent_vec.plugin import BackendSpec, hookimpl
from pygent_vec_chroma.capabilities import EMBEDDED, capabilities_of
from pygent_vec_chroma.config import ChromaConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.contract import Capabilities, Embedder, StoreConfig, VectorStore

__all__ = ["pygent_vec_backend"]

_WRITTEN_FOR = 1
"""The version of the contract that this plugin was written for."""
_FORMS = "write chromadb:///absolute/path, chromadb:relative/path, chromadb: (in memory) or chromadb:http://host:8000"


@hookimpl
def pygent_vec_backend() -> BackendSpec:
    """Return the backend `chromadb`."""
    return BackendSpec(
        name="chromadb",
        store=_store,
        config=ChromaConfig,
        capabilities=EMBEDDED,
        capabilities_for=_capabilities,
        contract_version=_WRITTEN_FOR,
        summary="Chroma: in a directory, in memory, or a server over HTTP.",
        install_hint="pip install pygent-vec-chroma",
        url_settings=_url_settings,
    )


def _store(config: StoreConfig, *, name: str | None, embedder: Embedder | None) -> VectorStore:
    from pygent_vec_chroma.store import ChromaStore

    if not isinstance(config, ChromaConfig):
        raise TypeError(f"expected a ChromaConfig, got {type(config).__name__}")
    return ChromaStore(config, name=name, embedder=embedder)


def _capabilities(config: StoreConfig) -> Capabilities:
    return capabilities_of(config) if isinstance(config, ChromaConfig) else EMBEDDED


def _url_settings(url: str) -> Mapping[str, object]:
    """Return the settings of `chromadb:PATH?key=value` or `chromadb:http://host:8000?key=value`."""
    where, _, query = url.partition(":")[2].partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise ConfigError(f"the URL of the backend 'chromadb' cannot be read ({error}); {_FORMS}") from error
    settings: dict[str, object] = {}
    if where.startswith(("http://", "https://")):
        settings["url"] = where
    elif where:
        settings["path"] = unquote(_path(where))
    for key, value in pairs:
        if key in settings:
            raise ConfigError(f"the URL of the backend 'chromadb' gives {key!r} twice")
        settings[key] = value
    return settings


def _path(where: str) -> str:
    if not where.startswith("//"):
        return where
    if not where.startswith("///"):
        raise ConfigError(f"the URL of the backend 'chromadb' names a host without http://; {_FORMS}")
    return where[2:]
