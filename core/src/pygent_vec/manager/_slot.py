"""One store of a manager: configured at once, opened when it is first used, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.config import check_keys, store_config, unresolved
from pygent_vec.contract import Embedder, VectorStore, default_collection_of
from pygent_vec.errors import (
    BackendNotFoundError,
    ConfigError,
    PluginLoadError,
    StoreClosedError,
    shown,
)
from pygent_vec.manager._making import store_from, written_settings
from pygent_vec.manager._settings import StoreSettings
from pygent_vec.model import StoreEvent

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from pygent_vec.manager._calls import Calls
    from pygent_vec.manager._settings import Resilience
    from pygent_vec.plugin import Observers

__all__ = ["Slot"]


class Slot:
    """A named store and how it is opened.

    Args:
        name: What results and reports call the store.
        settings: How it is made; or `store`, which was made by somebody else and is closed here.
        resilience: How its calls run.
        base: What its relative paths are relative to.

    Raises:
        ConfigError: a setting is unknown or does not fit. A backend that is missing or broken, and a secret
            that is not there, are raised by `open`.
    """

    def __init__(
        self,
        name: str,
        settings: StoreSettings | VectorStore,
        *,
        resilience: Resilience,
        base: Path | None,
        calls: Calls,
        observers: Observers,
    ) -> None:
        self.name = name
        self.resilience = resilience
        self._base = base
        self._calls = calls
        self._observers = observers
        self._settings = settings if isinstance(settings, StoreSettings) else None
        self._made: VectorStore | None = settings if isinstance(settings, VectorStore) else None
        self._backend = (
            settings.backend.partition(":")[0] if isinstance(settings, StoreSettings) else settings.backend
        )
        self._default_collection = "default" if self._made is None else default_collection_of(self._made)
        self._store: VectorStore | None = None
        self._attached = False
        self._closed = False
        self._turn: asyncio.Lock | None = None
        self._attempts = 0
        self._failure: Exception | None = None
        if self._settings is not None:
            self._check(self._settings)

    @property
    def backend(self) -> str:
        """The backend's name; as it was configured, if there is no such backend."""
        return self._backend

    @property
    def is_open(self) -> bool:
        """Whether the store has been opened."""
        return self._store is not None

    @property
    def default_collection(self) -> str:
        """What a collection of None is called there."""
        return self._default_collection

    async def open(self) -> VectorStore:
        """Return the store, open. Callers that come while it opens share one attempt and its failure.

        Raises:
            BackendNotFoundError, PluginLoadError, ConfigError, BackendError, …: it cannot be opened.
        """
        if self._store is not None:
            return self._store
        import asyncio

        if self._turn is None:
            self._turn = asyncio.Lock()
        seen = self._attempts
        async with self._turn:
            if self._closed:
                raise StoreClosedError(f"the store {self.name!r} was removed or shut down")
            if self._attempts != seen and self._failure is not None:
                raise self._failure
            return await self._open()

    async def close(self) -> None:
        """Close the store, after the calls inside; one that is opening is waited for."""
        import asyncio

        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            self._closed = True
            store, self._store = self._store or self._made, None
            self._made = None
            if store is not None:
                await store.close()
                self._observers.emit(StoreEvent(kind="closed", store=self.name))

    def attach(self) -> None:
        """Let the observers see the calls of the store, if there are any observers."""
        if self._store is not None and not self._attached and self._observers.active:
            self._store.subscribe(self._observers.emit)
            self._attached = True

    async def _open(self) -> VectorStore:
        if self._store is not None:  # by whoever had the turn before
            return self._store

        async def work() -> VectorStore:
            """Make the store where no event loop waits, because that imports its client library."""
            import anyio.to_thread

            if self._made is None:
                self._made = await anyio.to_thread.run_sync(self._make)
            await self._made.initialize()
            return self._made

        try:
            store = await self._calls.bounded(
                self.resilience.open_timeout or None, self.name, "initialize", work
            )
        except Exception as error:
            self._attempts += 1
            self._failure = error
            self._observers.emit(StoreEvent(kind="open_failed", store=self.name, error=type(error).__name__))
            raise
        self._store, self._failure = store, None
        self.attach()
        self._observers.emit(StoreEvent(kind="opened", store=self.name))
        return store

    def _check(self, settings: StoreSettings) -> None:
        """Refuse what cannot ever work; leave to `open` what may be mended outside of the configuration."""
        try:
            _check_embedder(settings.embedder)
            spec, written = written_settings(settings)
            self._backend = spec.name
            check_keys(spec, written)
            name = written.get("default_collection")
            self._default_collection = name if isinstance(name, str) else self._default_collection
            if unresolved(written, self._base) is None:
                self._default_collection = store_config(spec, written, self._base).default_collection
        except (BackendNotFoundError, PluginLoadError):
            return  # the others are not to suffer from it
        except ConfigError as error:
            raise ConfigError(f"the store {self.name!r}: {error}") from error

    def _make(self) -> VectorStore:
        if self._settings is None:
            raise StoreClosedError(f"the store {self.name!r} was removed or shut down")
        return store_from(self.name, self._settings, self._base)


def _check_embedder(value: object) -> None:
    if value is not None and not isinstance(value, (str, Embedder)):
        raise ConfigError(f"embedder={shown(value)} is neither an embedder nor the name of one")
