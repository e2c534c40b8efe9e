"""Where calls go: the store that is named, or the first route that fits, or the default."""

import pytest

from pygent_vec import (
    CollectionNotFoundError,
    ConfigError,
    InvalidDocumentError,
    VectorBatch,
    VectorDocument,
    VectorQuery,
    WriteError,
)
from pygent_vec.errors import BackendError
from pygent_vec.manager import ManagerSettings, Route, StoreSettings

from .manager_support import UnreliableStore, ids, managed

ROUTED = {
    "stores": {"main": "memory", "logs": "memory", "new": "memory"},
    "default_store": "main",
    "routes": [
        {"collection": "logs-kept", "store": "main"},
        {"collection": "logs-*", "store": "logs"},
        {"collection": "moving", "read": "main", "write": ["main", "new"]},
        {"collection": "rehearsed", "read": "main", "write": "main", "shadow": ["new"]},
    ],
}


def at(x, collection=None):
    return VectorDocument(id=f"{collection}:{x}", embedding=[x, 1], collection=collection)


async def counts(manager, collection):
    found = {}
    for name in manager.list_stores():
        if collection in await manager.list_collections(store=name):
            found[name] = await manager.count_documents(collection=collection, store=name)
    return found


@pytest.mark.parametrize(
    ("collection", "read", "write", "shadow", "rule"),
    [
        ("logs-kept", "main", ("main",), (), "logs-kept"),
        ("logs-2024", "logs", ("logs",), (), "logs-*"),
        ("moving", "main", ("main", "new"), (), "moving"),
        ("rehearsed", "main", ("main",), ("new",), "rehearsed"),
        ("Logs-2024", "main", ("main",), (), None),
        (None, "main", ("main",), (), None),
    ],
)
def test_the_first_route_that_fits_counts_and_explains_itself(collection, read, write, shadow, rule):
    async def story(manager):
        found = manager.explain_route(collection)
        assert (found.read, found.write, found.shadow, found.rule) == (read, write, shadow, rule)
        assert found.collection == (collection or "default")
        assert (rule or "default store 'main'") in found.reason

    managed(ROUTED, story)


def test_every_call_goes_where_its_collection_is():
    async def story(manager):
        await manager.create_collection("logs-1", 2)
        assert await counts(manager, "logs-1") == {"logs": 0}
        await manager.add_documents([at(1, "logs-1"), at(2, "logs-1")])
        one = "logs-1:1"
        assert (await manager.get_document(one, collection="logs-1")).id == one
        assert [two.id for two in await manager.get_documents([one], collection="logs-1")] == [one]
        assert [two.id async for two in manager.iter_documents(collection="logs-1")] == [one, "logs-1:2"]
        assert await manager.count_documents(collection="logs-1") == 2
        assert (await manager.get_collection_info("logs-1")).document_count == 2
        assert (await manager.optimize("logs-1")).document_count == 2
        assert await manager.update_documents([at(1, "logs-1"), at(9, "logs-1")]) == [one]
        assert await manager.delete_documents([one], collection="logs-1") == 1
        assert await manager.delete_where({}, collection="logs-1") == 1
        batch = VectorBatch(ids=["b"], vectors=[[1, 1]], collection="logs-1")
        assert await manager.add_batch(batch) == ["b"]
        assert await counts(manager, "logs-1") == {"logs": 1}
        assert await manager.delete_collection("logs-1")
        assert await counts(manager, "logs-1") == {}

    managed(ROUTED, story)


def test_a_named_store_is_used_whatever_the_routes_say():
    async def story(manager):
        await manager.create_collection("logs-1", 2, store="new")
        await manager.add_documents([at(1, "logs-1")], store="new")
        assert await counts(manager, "logs-1") == {"new": 1}
        query = VectorQuery(query_vector=[1, 1], collection="logs-1")
        (result,) = await manager.search_similar(query, store="new")
        assert result.store == "new"
        with pytest.raises(CollectionNotFoundError, match="'logs'"):
            await manager.search_similar(query)

    managed(ROUTED, story)


def test_documents_of_one_call_are_sent_to_the_stores_of_their_collections():
    async def story(manager):
        for name in ("default", "logs-1", "moving"):
            await manager.create_collection(name, 2)
        written = await manager.add_documents([at(1), at(1, "logs-1"), at(1, "moving"), at(2)])
        assert sorted(written) == ["None:1", "None:2", "logs-1:1", "moving:1"]
        assert await counts(manager, "default") == {"main": 2}
        assert await counts(manager, "logs-1") == {"logs": 1}
        assert await counts(manager, "moving") == {"main": 1, "new": 1}

    managed(ROUTED, story)


def test_an_iterator_is_written_in_parts_to_every_store():
    async def story(manager):
        await manager.create_collection("moving", 2)
        seen = []
        documents = (at(x, "moving") for x in range(25))
        await manager.add_documents(documents, batch_size=10, on_progress=seen.append)
        assert await counts(manager, "moving") == {"main": 25, "new": 25}
        assert seen == [10, 20, 25]

        async def more():
            for x in range(25, 30):
                yield at(x, "moving")

        await manager.add_documents(more())
        assert await counts(manager, "moving") == {"main": 30, "new": 30}

    managed(ROUTED, story)


def test_searches_of_several_stores_come_back_in_the_order_asked():
    async def story(manager):
        for name in ("default", "logs-1"):
            await manager.create_collection(name, 2)
        await manager.add_documents([at(1), at(2, "logs-1")])
        asked = [VectorQuery(query_vector=[1, 1], collection=name) for name in ("logs-1", None, "logs-1")]
        answers = await manager.search_many(asked)
        assert [ids(answer) for answer in answers] == [["logs-1:2"], ["None:1"], ["logs-1:2"]]

    managed(ROUTED, story)


def test_a_collection_of_none_is_routed_by_the_name_that_it_has_in_the_default_store():
    settings = {
        "stores": {"main": {"backend": "memory", "default_collection": "notes"}, "other": "memory"},
        "routes": [{"collection": "notes", "store": "other"}],
    }

    async def story(manager):
        await manager.create_collection("notes", 2)
        await manager.add_documents([at(1)])
        assert await counts(manager, "notes") == {"other": 1}
        assert ids(await manager.search_similar(VectorQuery(query_vector=[1, 1]))) == ["None:1"]
        assert await manager.count_documents() == 1

    managed(settings, story)


def test_a_write_that_a_further_store_fails_says_so():
    async def story(manager):
        await manager.remove_store("spare")
        await manager.create_collection("moving", 2, store="main")
        with pytest.raises(WriteError, match="'main' has it, and 'new' failed") as caught:
            await manager.add_documents([at(1, "moving")])
        assert caught.value.written == ["moving:1"]
        assert isinstance(caught.value.__cause__, CollectionNotFoundError)

    managed({**ROUTED, "stores": {**ROUTED["stores"], "spare": "memory"}}, story)


def test_a_write_that_a_shadow_store_fails_succeeds_and_is_reported():
    async def story(manager):
        events = []
        manager.subscribe(events.append)
        await manager.create_collection("rehearsed", 2)
        await manager.delete_collection("rehearsed", store="new")
        assert await manager.add_documents([at(1, "rehearsed")]) == ["rehearsed:1"]
        (missed,) = [event for event in events if getattr(event, "kind", "") == "shadow_failed"]
        assert (missed.store, missed.operation, missed.error) == (
            "new",
            "add_documents",
            "CollectionNotFoundError",
        )
        health = await manager.health_check()
        assert health.status == "degraded"
        assert "'new' has missed 1 writes" in health.problems[0].what

    managed(ROUTED, story)


def test_what_was_written_before_a_later_part_failed_is_told():
    async def story(manager):
        await manager.create_collection("default", 2)
        with pytest.raises(WriteError) as caught:
            await manager.add_documents([at(1), at(1, "logs-1")])
        assert caught.value.written == ["None:1"]

    managed(ROUTED, story)


def test_nothing_but_documents_is_written():
    async def story(manager):
        await manager.create_collection("default", 2)
        for wrong in ("text", at(1), [1], 3):
            with pytest.raises(InvalidDocumentError):
                await manager.add_documents(wrong)

    managed(ROUTED, story)


def test_a_failure_of_a_read_is_the_store_s_own_error():
    async def story(manager):
        await manager.add_store("bad", UnreliableStore(searching=9, failure=BackendError("down")))
        await manager.create_collection("default", 2, store="bad")
        with pytest.raises(BackendError, match="down"):
            await manager.search_similar(VectorQuery(query_vector=[1, 1]), store="bad")

    managed(ROUTED, story)


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ({"collection": "x", "store": "mian"}, "store 'mian', which is not configured; did you mean 'main'"),
        ({"collection": "x", "read": "main", "write": ["nwe"]}, "did you mean 'new'"),
        ({"collection": "x", "store": "main", "shadow": "elsewhere"}, "'elsewhere', which is not configured"),
        ({"collection": "x"}, "read is missing; give collection, and store, or read and write"),
        ({"store": "main"}, "collection is missing"),
        ({"collection": "x", "store": "main", "read": "new"}, "store stands for read and write"),
        ({"collection": "x", "sotre": "main"}, "no setting 'sotre'; did you mean 'store'"),
        ({"collection": "x", "read": ["main", "new"], "write": "new"}, "read is one name"),
        ({"collection": "x", "store": 3}, "must be a name or a list of names"),
        ({"collection": "x", "read": "main", "write": ["new", "new"]}, "writes a store twice"),
        ("x", "route number 1 must be a table"),
    ],
)
def test_a_route_that_cannot_work_is_refused_at_configuration_time(route, message):
    with pytest.raises(ConfigError, match=message):
        managed({**ROUTED, "routes": [route]}, None)


def test_settings_may_be_values_instead_of_mappings():
    settings = ManagerSettings(
        stores={"a": StoreSettings(backend="memory"), "b": StoreSettings(backend="memory")},
        routes=(Route(collection="x", read="b", write=("b",)),),
    )

    async def story(manager):
        assert manager.settings is settings
        assert manager.explain_route("x").read == "b"
        assert manager.default_store == "a"

    managed(settings, story)
