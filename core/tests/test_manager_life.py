"""A manager's stores: opened when they are used, once, and each failing by itself."""

import asyncio

import pytest

from pygent_vec import (
    BackendNotFoundError,
    ConfigError,
    PluginLoadError,
    StoreClosedError,
    VectorStore,
    VectorStoreManager,
)
from pygent_vec.errors import BackendError
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import HeldStore
from .manager_support import QUICK, TWO, UnreliableStore, filled, managed, told


def test_a_store_is_opened_when_it_is_first_used():
    async def story(manager):
        events = []
        manager.subscribe(lambda event: events.append((getattr(event, "kind", None), event.store)))
        assert manager.list_stores() == ["a", "b"]
        assert events == []
        assert isinstance(await manager.get_store("b"), VectorStore)
        assert events == [("opened", "b")]

    managed(TWO, story)


def test_a_store_is_opened_once_for_all_who_ask_at_the_same_time():
    async def story(manager):
        held = HeldStore(MemoryConfig(), primitive="_open")
        await manager.add_store("held", held)
        asked = [asyncio.ensure_future(manager.get_store("held")) for _ in range(20)]
        assert await asyncio.to_thread(held.entered.wait, 60)
        held.release.set()
        assert set(await asyncio.gather(*asked)) == {held}
        assert held.opened == 1

    managed({}, story)


def test_those_who_wait_for_an_opening_share_its_failure():
    class Refusing(HeldStore):
        def _open(self):
            super()._open()
            raise BackendError("no")

    async def story(manager):
        store = Refusing(MemoryConfig(), primitive="_open")
        await manager.add_store("refusing", store)
        asked = [asyncio.ensure_future(manager.get_store("refusing")) for _ in range(10)]
        assert await asyncio.to_thread(store.entered.wait, 60)
        store.release.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(one) for one in outcomes} == {BackendError}
        assert store.opened == 1
        with pytest.raises(BackendError):
            await manager.get_store("refusing")
        assert store.opened == 2

    managed({}, story)


def test_a_store_that_cannot_be_opened_does_not_take_the_others_with_it(site):
    site.install("broken", source="raise RuntimeError('no')")
    settings = {
        "stores": {
            "good": {"backend": "memory"},
            "broken": {"backend": "broken"},
            "missing": {"backend": "nowhere"},
            "secret": {"backend": "memory", "default_collection": {"env": "NOT_SET_ANYWHERE"}},
        }
    }

    async def story(manager):
        await filled(manager, "good", [1])
        with pytest.raises(PluginLoadError, match="RuntimeError: no"):
            await manager.get_store("broken")
        with pytest.raises(BackendNotFoundError, match="'nowhere'"):
            await manager.get_store("missing")
        with pytest.raises(ConfigError, match=r"'secret'.*NOT_SET_ANYWHERE"):
            await manager.get_store("secret")
        assert await manager.count_documents(store="good") == 1

    managed(settings, story)


def test_opening_is_tried_again_with_the_next_call():
    async def story(manager):
        store = UnreliableStore(opening=1, failure=BackendError("not yet"))
        await manager.add_store("late", store)
        with pytest.raises(BackendError, match="not yet"):
            await manager.list_collections(store="late")
        assert await manager.list_collections(store="late") == []

    managed({}, story)


def test_a_transient_failure_to_open_is_tried_again_at_once():
    async def story(manager):
        store = UnreliableStore(opening=2)
        await manager.add_store("late", store)
        assert await manager.list_collections(store="late") == []
        assert store.calls["_open"] == 3

    managed({"resilience": QUICK}, story)


def test_an_unknown_store_lists_the_known_ones():
    async def story(manager):
        with pytest.raises(ConfigError, match=r"no store 'bb'; did you mean 'b'\? Known: a, b"):
            await manager.get_store("bb")

    managed(TWO, story)


def test_the_backend_of_a_store_is_told_without_opening_it():
    settings = {
        "stores": {"a": "memory:?default_collection=x", "b": {"default_type": "memory"}, "c": "nowhere:x"}
    }

    async def story(manager):
        events = []
        manager.subscribe(events.append)
        await manager.add_store("d", MemoryStore(MemoryConfig()))
        assert [manager.backend_of(name) for name in "abcd"] == ["memory", "memory", "nowhere", "memory"]
        assert events == []
        with pytest.raises(ConfigError, match="no store 'e'"):
            manager.backend_of("e")

    managed(settings, story)


def test_a_name_is_given_once():
    async def story(manager):
        with pytest.raises(ConfigError, match="a store 'a' already"):
            await manager.add_store("a", "memory")
        with pytest.raises(ConfigError, match="must be a text"):
            await manager.add_store("", "memory")

    managed(TWO, story)


def test_of_two_who_give_a_name_at_the_same_time_one_is_refused():
    async def story(manager):
        both = (manager.add_store("c", "memory"), manager.add_store("c", "memory"))
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(one).__name__ for one in outcomes) == ["ConfigError", "NoneType"]

    managed(TWO, story)


def test_a_removed_store_is_closed_and_forgotten():
    async def story(manager):
        store = await manager.get_store("b")
        assert await manager.remove_store("b")
        assert not await manager.remove_store("b")
        assert manager.list_stores() == ["a"]
        with pytest.raises(StoreClosedError):
            await store.list_collections()

    managed(TWO, story)


def test_a_store_that_a_route_or_the_default_needs_is_not_removed():
    async def story(manager):
        with pytest.raises(ConfigError, match=r"the route of 'x\*' names it"):
            await manager.remove_store("b")
        with pytest.raises(ConfigError, match="default_store names it"):
            await manager.remove_store("a")

    managed({**TWO, "default_store": "a", "routes": [{"collection": "x*", "store": "b"}]}, story)


def test_the_default_is_what_is_configured_or_is_called_so_or_is_first():
    async def name(manager):
        return (await manager.get_default_store()).name

    assert managed({**TWO, "default_store": "b"}, name) == "b"
    assert managed({"stores": {"a": "memory", "default": "memory"}}, name) == "default"
    assert managed({"stores": {"z": "memory", "a": "memory"}}, name) == "z"
    assert managed({"default_type": "memory"}, name) == "default"
    with pytest.raises(ConfigError, match="no store; configure one"):
        managed({}, name)


def test_before_and_after_its_life_a_manager_refuses_calls():
    async def story():
        manager = VectorStoreManager(TWO)
        with pytest.raises(StoreClosedError, match="not open yet"):
            await manager.get_store("a")
        await manager.initialize()
        await manager.initialize()
        store = await manager.get_store("a")
        await manager.shutdown()
        await manager.shutdown()
        for call in (manager.get_store("a"), manager.health_check(), manager.search_all_stores(None)):
            with pytest.raises((StoreClosedError, ValueError)):
                await call
        with pytest.raises(StoreClosedError, match="shut down"):
            await manager.list_collections()
        with pytest.raises(StoreClosedError, match="shut down"):
            await manager.initialize()
        with pytest.raises(StoreClosedError):
            await store.list_collections()

    told(story)


def test_shutdown_closes_every_store_also_where_one_fails():
    class Stubborn(MemoryStore):
        def _close(self):
            raise BackendError("will not")

    async def story():
        manager = VectorStoreManager({"stores": {"a": "memory"}})
        await manager.initialize()
        await manager.add_store("stubborn", Stubborn(MemoryConfig()))
        await manager.add_store("z", MemoryStore(MemoryConfig()))
        stores = [await manager.get_store(name) for name in manager.list_stores()]
        with pytest.raises(BackendError, match="will not"):
            await manager.shutdown()
        for store in stores:
            with pytest.raises(StoreClosedError):
                await store.list_collections()

    told(story)


def test_a_store_can_be_given_as_it_is_as_a_url_or_as_a_mapping(tmp_path):
    async def story(manager):
        mine = MemoryStore(MemoryConfig(default_collection="notes"), name="mine")
        await manager.add_store("made", mine)
        await manager.add_store("url", "memory:?default_collection=notes")
        await manager.add_store("mapping", {"backend": "memory", "default_collection": "notes"})
        for name in manager.list_stores():
            assert (await manager.create_collection("notes", 2, store=name)).name == "notes"
            assert await manager.count_documents(store=name) == 0
        with pytest.raises(ConfigError, match="give a URL or a mapping"):
            await manager.add_store("number", 3)

    managed({}, story)
