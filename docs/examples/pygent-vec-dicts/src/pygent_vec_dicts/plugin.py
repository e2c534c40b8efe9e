"""The plugin: one decorated function, which the entry point `dicts` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.contract import Capabilities, CrashModel, StoreConfig
from pygent_vec.plugin import BackendSpec, hookimpl

if TYPE_CHECKING:
    from pygent_vec.contract import Embedder, VectorStore

CAPABILITIES = Capabilities(
    durable=False,
    crash_model=CrashModel.NONE,
    multi_process=False,
    remote=False,
)


@hookimpl
def pygent_vec_backend() -> BackendSpec:
    """Return the backend `dicts`."""
    return BackendSpec(
        name="dicts",
        store=_store,
        config=StoreConfig,
        capabilities=CAPABILITIES,
        contract_version=1,
        summary="An example: plain dicts in this process's memory.",
        install_hint="pip install pygent-vec-dicts",
    )


def _store(config: StoreConfig, *, name: str | None, embedder: Embedder | None) -> VectorStore:
    from pygent_vec_dicts.store import DictStore  # the client library is imported here, and not before

    return DictStore(config, name=name, embedder=embedder)
