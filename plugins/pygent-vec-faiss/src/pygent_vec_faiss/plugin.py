"""The plugin: what this distribution offers to pygent-vec. FAISS is imported when a store is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.plugin import BackendSpec, hookimpl
from pygent_vec_faiss.capabilities import FAISS_CAPABILITIES
from pygent_vec_faiss.config import FaissConfig

if TYPE_CHECKING:
    from pygent_vec.contract import Embedder, StoreConfig, VectorStore

__all__ = ["pygent_vec_backend"]

_WRITTEN_FOR = 1
"""The version of the contract that this plugin was written for."""


@hookimpl
def pygent_vec_backend() -> BackendSpec:
    """Return the backend `faiss`."""
    return BackendSpec(
        name="faiss",
        store=_store,
        config=FaissConfig,
        capabilities=FAISS_CAPABILITIES,
        contract_version=_WRITTEN_FOR,
        summary="Embedded and durable, in one directory; indexes by FAISS.",
        install_hint="pip install pygent-vec-faiss",
    )


def _store(config: StoreConfig, *, name: str | None, embedder: Embedder | None) -> VectorStore:
    from pygent_vec_faiss.store import FaissStore

    if not isinstance(config, FaissConfig):
        raise TypeError(f"expected a FaissConfig, got {type(config).__name__}")
    return FaissStore(config, name=name, embedder=embedder)
