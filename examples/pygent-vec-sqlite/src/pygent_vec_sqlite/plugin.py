"""The plugin: one decorated function, which the entry point `sqlite` names."""

from pathlib import Path

import attrs

from pygent_vec.contract import EXACT_PUSHDOWN, Capabilities, CrashModel, Embedder, StoreConfig, VectorStore
from pygent_vec.plugin import BackendSpec, hookimpl

CAPABILITIES = Capabilities(
    durable=True,
    crash_model=CrashModel.POWER,
    multi_process=True,
    remote=False,
    pushdown=EXACT_PUSHDOWN,
)


@attrs.frozen(kw_only=True)
class SqliteConfig(StoreConfig):
    """The settings of a store: its file, and how many seconds a write waits for other processes."""

    path: Path = attrs.field(converter=Path)
    timeout: float = 30.0


@hookimpl
def pygent_vec_backend() -> BackendSpec:
    """Return the backend `sqlite`."""
    return BackendSpec(
        name="sqlite",
        store=_store,
        config=SqliteConfig,
        capabilities=CAPABILITIES,
        contract_version=1,
        summary="One SQLite file, compared by NumPy.",
        install_hint="pip install pygent-vec-sqlite",
    )


def _store(config: StoreConfig, *, name: str | None, embedder: Embedder | None) -> VectorStore:
    from pygent_vec_sqlite.store import SqliteStore  # the client library is imported here, and not before

    if not isinstance(config, SqliteConfig):
        raise TypeError(f"expected a SqliteConfig, got {type(config).__name__}")
    return SqliteStore(config, name=name, embedder=embedder)
