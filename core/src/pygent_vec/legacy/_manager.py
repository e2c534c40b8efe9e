"""The manager in its old shape, over a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.errors import ConfigError, shown
from pygent_vec.legacy._deprecation import Deprecations
from pygent_vec.legacy._stores import VectorStore
from pygent_vec.manager import VectorStoreManager as ModularVectorStoreManager
from pygent_vec.plugin import backends

if TYPE_CHECKING:
    from pygent_vec.model import CollectionInfo

__all__ = ["VectorStoreManager"]


class VectorStoreManager:
    """The old manager: a store is one collection, found by the collection's name.

    Args:
        settings: The old settings object (`ASYNC_DATABASE_URL` with sqlite means FAISS, otherwise
            PostgreSQL), or anything that the new manager accepts. A new manager is shared: old and new code
            then work on the same stores, and it stays open at `shutdown()`.
        db_manager: The old database manager, for PostgreSQL's address.

    Raises:
        ConfigError: the settings are not valid.
    """

    def __init__(self, settings: object = None, db_manager: object = None) -> None:
        self.settings = settings
        self.db_manager = db_manager
        self.stores: dict[str, VectorStore] = {}
        self._deprecations = Deprecations()
        self._deprecations.warn("VectorStoreManager of the old interface", "pygent_vec.VectorStoreManager")
        self._shared = isinstance(settings, ModularVectorStoreManager)
        self._modular_manager = (
            settings
            if isinstance(settings, ModularVectorStoreManager)
            else ModularVectorStoreManager(settings, db_manager)
        )

    @property
    def modular_manager(self) -> ModularVectorStoreManager:
        """The new manager beneath, for new code over the same stores."""
        return self._modular_manager

    @property
    def default_store_type(self) -> str:
        """The backend of the default store.

        Raises:
            ConfigError: there is no store, or it was added to a shared manager as an object.
        """
        name = self._modular_manager.default_store
        found = self._configured(name)
        if found is None:
            raise ConfigError(
                f"the store {name!r} was added later; its type is "
                "(await manager.modular_manager.get_default_store()).backend"
            )
        return found

    async def initialize(self) -> None:
        """Open the manager; other calls do it where it was not done."""
        await self._modular_manager.initialize()

    async def shutdown(self) -> None:
        """Close all stores, unless the new manager was given."""
        self.stores.clear()
        if not self._shared:
            await self._modular_manager.shutdown()

    async def get_store(self, collection_name: str, store_type: str | None = None) -> VectorStore:
        """Return the collection as a store, of whatever dimension; it is made when documents come.

        Args:
            collection_name: The collection.
            store_type: A backend's name; None means where the manager's routes send the collection.

        Raises:
            ConfigError: no configured store is of this type.
        """
        self._deprecations.warn("get_store of the old interface", "VectorStoreManager.get_store(store_name)")
        return await self._store(collection_name, store_type)

    async def create_collection(self, collection_name: str, store_type: str | None = None) -> VectorStore:
        """Return the collection as a store, as `get_store`: it is made when documents come."""
        self._deprecations.warn(
            "create_collection of the old interface", "VectorStoreManager.create_collection(name, dimension)"
        )
        return await self._store(collection_name, store_type)

    async def delete_collection(self, collection_name: str, store_type: str | None = None) -> bool:
        """Delete a collection and its documents; return False if there was none."""
        self._deprecations.warn(
            "delete_collection of the old interface", "VectorStoreManager.delete_collection"
        )
        await self.initialize()
        known = self.stores.pop(_key(collection_name, store_type), None) is not None
        name = None if store_type is None else await self._named(store_type)
        return await self._modular_manager.delete_collection(collection_name, store=name) or known

    async def list_collections(self) -> list[dict[str, object]]:
        """Return the collections of the default store, those without documents yet too."""
        self._deprecations.warn(
            "list_collections of the old interface", "VectorStoreManager.list_collections"
        )
        await self.initialize()
        return await self._collections()

    async def get_metrics(self) -> dict[str, object]:
        """Return the sizes of all stores; a store that does not answer is among the `errors`."""
        self._deprecations.warn("get_metrics", "VectorStoreManager.get_global_stats")
        await self.initialize()
        stats = await self._modular_manager.get_global_stats()
        return {
            "total_collections": sum(len(one.collections) for one in stats.stores.values()),
            "total_documents": stats.document_count,
            "active_stores": len(stats.stores),
            "collections": await self._collections(),
            "errors": {name: str(error) for name, error in stats.errors.items()},
        }

    async def _store(self, collection_name: str, store_type: str | None) -> VectorStore:
        await self.initialize()
        key = _key(collection_name, store_type)
        if key not in self.stores:
            beneath = (
                self._modular_manager
                if store_type is None
                else await self._modular_manager.get_store(await self._named(store_type))
            )
            self.stores.setdefault(
                key, VectorStore(collection_name, beneath, deprecations=self._deprecations)
            )
        return self.stores[key]

    async def _collections(self) -> list[dict[str, object]]:
        store = await self._modular_manager.get_default_store()
        listed = {}
        for name in await store.list_collections():
            listed[name] = _described(await store.get_collection_info(name), store.backend)
        for one in self.stores.values():
            name = one.collection_name
            if name not in listed and await one.plain_store() is store:
                listed[name] = {"name": name, "type": store.backend, "document_count": 0}
        return [listed[name] for name in sorted(listed)]

    async def _named(self, store_type: str) -> str:
        """Return the name of the store of a type: the default one, if it fits."""
        manager = self._modular_manager
        wanted, types = backends().load(store_type).name, {}
        for name in [manager.default_store, *manager.list_stores()]:
            types[name] = self._configured(name) or (await manager.get_store(name)).backend
            if types[name] == wanted:
                return name
        configured = ", ".join(f"{name} ({found})" for name, found in types.items())
        raise ConfigError(
            f"no store of the type {shown(store_type)} is configured; configured: {configured}; "
            "add one with add_store"
        )

    def _configured(self, name: str) -> str | None:
        """Return the backend of a store that is among the settings, without opening it."""
        settings = self._modular_manager.settings.stores.get(name)
        return None if settings is None else backends().load(settings.backend.partition(":")[0]).name


def _key(collection_name: str, store_type: str | None) -> str:
    return f"{store_type or 'default'}:{collection_name}"


def _described(info: CollectionInfo, backend: str) -> dict[str, object]:
    return {
        "name": info.name,
        "type": backend,
        "document_count": info.document_count,
        "dimension": info.dimension,
        "distance_metric": info.distance_metric.value,
    }
