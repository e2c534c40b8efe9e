"""The plugin: what this distribution offers to pygent-vec. asyncpg is imported when a store is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.plugin import BackendSpec, hookimpl
from pygent_vec_postgres.capabilities import POSTGRES_CAPABILITIES
from pygent_vec_postgres.config import PostgresConfig, url_settings

if TYPE_CHECKING:
    from pygent_vec.contract import Embedder, StoreConfig, VectorStore

__all__ = ["pygent_vec_backend"]

_WRITTEN_FOR = 1
"""The version of the contract that this plugin was written for."""


@hookimpl
def pygent_vec_backend() -> BackendSpec:
    """Return the backend `postgresql`."""
    return BackendSpec(
        name="postgresql",
        store=_store,
        config=PostgresConfig,
        capabilities=POSTGRES_CAPABILITIES,
        contract_version=_WRITTEN_FOR,
        summary="On a PostgreSQL server with pgvector, shared by many processes; or on a private one.",
        install_hint="pip install pygent-vec-postgres",
        url_settings=url_settings,
    )


def _store(config: StoreConfig, *, name: str | None, embedder: Embedder | None) -> VectorStore:
    from pygent_vec_postgres.store import PostgresStore

    if not isinstance(config, PostgresConfig):
        raise TypeError(f"expected a PostgresConfig, got {type(config).__name__}")
    return PostgresStore(config, name=name, embedder=embedder)
