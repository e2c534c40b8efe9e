"""The life of a manager and of its stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from pygent_vec.contract import VectorStore
from pygent_vec.errors import ConfigError, StoreClosedError, hint, shown
from pygent_vec.manager._calls import Calls
from pygent_vec.manager._following import Following, WriteGate
from pygent_vec.manager._reading import settings_from, store_settings_from
from pygent_vec.manager._routing import RouteExplanation, Router
from pygent_vec.manager._slot import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from types import TracebackType

    from pygent_vec.manager._settings import ManagerSettings, StoreSettings
    from pygent_vec.plugin import Observer

__all__ = ["StoreKeeper"]

T = TypeVar("T")


class StoreKeeper:
    """The stores of a manager: how they come, go, and are called.

    Args:
        settings: As of `VectorStoreManager`.
        db_manager: As of `VectorStoreManager`.
    """

    def __init__(self, settings: object = None, db_manager: object = None) -> None:
        from pygent_vec.plugin import Observers

        self._settings = settings_from(settings, db_manager)
        self._observers = Observers()
        self._calls = Calls(self._observers)
        self._router = Router(self._settings.routes)
        self._slots = {name: self._new_slot(name, one) for name, one in self._settings.stores.items()}
        self._state = "new"
        self._following = Following()
        self._writes = WriteGate()

    @property
    def settings(self) -> ManagerSettings:
        """What the manager was configured with."""
        return self._settings

    @property
    def default_store(self) -> str:
        """The name of the store in which collections are that no route names.

        Raises:
            ConfigError: there is no store.
        """
        if self._settings.default_store is not None:
            return self._settings.default_store
        if "default" in self._slots:
            return "default"
        if not self._slots:
            raise ConfigError("the manager has no store; configure one, or add one with add_store()")
        return next(iter(self._slots))

    async def initialize(self) -> None:
        """Load the observers that are installed. No store is opened before it is used.

        A second call does nothing.

        Raises:
            StoreClosedError: after `shutdown`.
        """
        if self._state == "closed":
            raise StoreClosedError("the manager is shut down; make a new one")
        if self._state == "new":
            import asyncio

            self._state = "open"
            await asyncio.to_thread(self._observers.load)

    async def shutdown(self) -> None:
        """Close every store, after the calls inside; a second call does nothing.

        Raises:
            PygentVecError: a store could not be closed; all the others are.
        """
        import asyncio

        self._state = "closed"
        slots = list(self._slots.values())
        self._slots.clear()
        outcomes = await asyncio.gather(*(slot.close() for slot in slots), return_exceptions=True)
        await self._calls.drain()
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for error in errors[1:]:
            errors[0].add_note(f"and another store: {type(error).__name__}: {error}")
        if errors:
            raise errors[0]

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown()

    async def add_store(
        self, name: str, config: StoreSettings | Mapping[str, object] | str | VectorStore
    ) -> None:
        """Add a store, which is opened when it is first used.

        Args:
            name: What calls, routes and results call it.
            config: Settings, a mapping of them, a URL, or a store, which the manager then closes.

        Raises:
            ConfigError: the name is taken, or a setting does not fit.
        """
        self._check_open()
        if not isinstance(name, str) or not name:
            raise ConfigError(f"the name of a store must be a text, got {shown(name)}")
        import asyncio

        made = config if isinstance(config, VectorStore) else store_settings_from(name, config)
        slot = await asyncio.to_thread(self._new_slot, name, made)  # it imports the plugin
        self._check_open()
        if self._slots.setdefault(name, slot) is not slot:
            raise ConfigError(f"there is a store {name!r} already; remove it first, or use another name")

    async def remove_store(self, name: str) -> bool:
        """Close a store and forget it; return False if there was none. Its data stays.

        Raises:
            ConfigError: a route names it, it is the configured default, or a collection of it is mirrored.
        """
        self._check_open()
        routes = self._router.naming(name)
        if name in self._slots and (routes or name == self._settings.default_store):
            needed = f"the route of {routes[0]!r}" if routes else "default_store"
            raise ConfigError(f"the store {name!r} cannot be removed: {needed} names it")
        if followed := self._following.naming(name):
            raise ConfigError(f"the store {name!r} cannot be removed: {followed[0]!r} is being mirrored")
        slot = self._slots.pop(name, None)
        if slot is None:
            return False
        await slot.close()
        return True

    async def get_store(self, name: str) -> VectorStore:
        """Return a store, opened if it was not. Use it as any other; the manager closes it.

        Raises:
            ConfigError: there is none of this name; the message lists those that there are.
            BackendNotFoundError, PluginLoadError, BackendError, …: it cannot be opened.
        """
        return await self._opened(self._slot(name))

    async def get_default_store(self) -> VectorStore:
        """Return the store in which collections are that no route names; else as `get_store`."""
        self._check_open()
        return await self.get_store(self.default_store)

    def backend_of(self, name: str) -> str:
        """Return the name of a store's backend, without opening it.

        Raises:
            ConfigError: there is no store of this name.
        """
        return self._slot(name).backend

    def list_stores(self) -> list[str]:
        """Return the names of the stores, sorted."""
        self._check_open()
        return sorted(self._slots)

    def explain_route(self, collection: str | None = None) -> RouteExplanation:
        """Return where a collection is, and why. None is the default store's default collection."""
        self._check_open()
        default = self.default_store
        name = self._slot(default).default_collection if collection is None else collection
        return self._router.explain(name, default)

    def subscribe(self, observer: Observer) -> None:
        """Call *observer* with every `OperationEvent` and `StoreEvent` of every store, of later ones too.

        It is called in the thread where the event happens, and must not block.
        """
        self._observers.subscribe(observer)
        self._attach()

    def register(self, plugin: object) -> None:
        """Call the hook `pygent_vec_event` of a plugin with every event; else as `subscribe`.

        Raises:
            PluginLoadError: it has no such hook.
        """
        self._observers.register(plugin)
        self._attach()

    def _attach(self) -> None:
        for slot in self._slots.values():
            slot.attach()

    def _new_slot(self, name: str, settings: StoreSettings | VectorStore) -> Slot:
        own = None if isinstance(settings, VectorStore) else settings.resilience
        return Slot(
            name,
            settings,
            resilience=own or self._settings.resilience,
            base=self._settings.base,
            calls=self._calls,
            observers=self._observers,
        )

    def _check_open(self) -> None:
        if self._state == "new":
            raise StoreClosedError(
                "the manager is not open yet; use `async with manager:` or `await manager.initialize()`"
            )
        if self._state == "closed":
            raise StoreClosedError("the manager is shut down; make a new one")

    def _slot(self, name: str) -> Slot:
        self._check_open()
        slot = self._slots.get(name) if isinstance(name, str) else None
        if slot is None:
            raise ConfigError(f"there is no store {shown(name)}{hint(str(name), self._slots)}")
        return slot

    def _chosen(self, names: Iterable[str] | None) -> list[Slot]:
        self._check_open()
        if isinstance(names, str):
            raise ConfigError(f"stores={names!r}: give a list of names")
        return [self._slot(name) for name in (sorted(self._slots) if names is None else dict.fromkeys(names))]

    async def _opened(self, slot: Slot) -> VectorStore:
        if slot.is_open:
            return await slot.open()
        return await self._calls.repeated(
            slot.resilience, slot.name, "initialize", slot.open, idempotent=True
        )

    async def _call(
        self,
        name: str,
        operation: str,
        work: Callable[[VectorStore], Coroutine[object, object, T]],
        *,
        idempotent: bool = True,
    ) -> T:
        """Return what *work* returns, in bounded time, tried again where that is safe."""
        slot = self._slot(name)
        store = await self._opened(slot)
        return await self._calls.repeated(
            slot.resilience, name, operation, lambda: work(store), idempotent=idempotent
        )
