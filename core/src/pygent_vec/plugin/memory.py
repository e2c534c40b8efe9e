"""The plugin of the in-memory store. It registers as every other backend does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.contract import CONTRACT_VERSION
from pygent_vec.plugin._hookspecs import hookimpl
from pygent_vec.plugin._spec import BackendSpec
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryConfig, MemoryStore

if TYPE_CHECKING:
    from pygent_vec.contract import Embedder, StoreConfig, VectorStore

__all__ = ["pygent_vec_backend"]


@hookimpl
def pygent_vec_backend() -> BackendSpec:
    """Return the backend `memory`."""
    return BackendSpec(
        name="memory",
        store=_store,
        config=MemoryConfig,
        capabilities=MEMORY_CAPABILITIES,
        contract_version=CONTRACT_VERSION,
        summary="Exact, in this process's memory; nothing is kept.",
        install_hint="pip install pygent-vec",
    )


def _store(config: StoreConfig, *, name: str | None, embedder: Embedder | None) -> VectorStore:
    return MemoryStore(config, name=name, embedder=embedder)
