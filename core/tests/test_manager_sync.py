"""A manager for code without an event loop: each method does what its namesake does."""

import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest

from pygent_vec import ConfigError, StoreClosedError, VectorBatch, VectorDocument, VectorStoreManager
from pygent_vec.sync import SyncVectorStoreManager

from .manager_support import QUERY, TWO, ids

NOT_HERE = {
    *("get_store", "get_default_store", "backend_of", "explain_route", "subscribe", "register"),
    *("follow", "unfollow", "set_route", "writes_paused"),
}
"""A store that lives in another event loop is not handed out; the rest needs none."""


@pytest.fixture
def manager():
    with SyncVectorStoreManager(TWO) as manager:
        yield manager


def public(kind):
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(kind, callable)
        if not name.startswith("_")
    }


def test_it_has_the_methods_of_the_manager_with_the_same_arguments():
    here, there = public(SyncVectorStoreManager), public(VectorStoreManager)
    assert set(there) - set(here) == NOT_HERE
    assert set(here) <= set(there)
    for name, signature in here.items():
        assert list(signature.parameters) == list(there[name].parameters)
        assert [one.default for one in signature.parameters.values()] == [
            one.default for one in there[name].parameters.values()
        ]


def test_every_method_does_something(manager):
    manager.add_store("c", "memory")
    assert manager.list_stores() == ["a", "b", "c"]
    assert manager.remove_store("c")
    manager.create_collection("default", 2, "euclidean")
    manager.add_documents(VectorDocument(id=str(x), embedding=[x, 0]) for x in range(3))
    manager.add_batch(VectorBatch(ids=["9"], vectors=[[9, 0]]))
    assert manager.update_documents([VectorDocument(id="9", embedding=[8, 0])]) == ["9"]
    assert manager.get_document("9").embedding.tolist() == [8, 0]
    assert [one.id for one in manager.get_documents(["2", "9"])] == ["2", "9"]
    assert [one.id for one in manager.iter_documents(batch_size=1)] == ["0", "1", "2", "9"]
    assert ids(manager.search_similar(QUERY)) == ["0", "1", "2"]
    assert list(map(ids, manager.search_many([QUERY, QUERY]))) == [["0", "1", "2"]] * 2
    assert sorted(manager.search_all_stores(QUERY)) == ["a", "b"]
    assert ids(manager.search_federated(QUERY)) == ["0", "1", "2"]
    assert manager.delete_documents(["9"]) == 1
    assert manager.delete_where({"@id": "0"}) == 1
    assert manager.count_documents() == 2
    assert manager.get_collection_info().document_count == 2
    assert manager.optimize().document_count == 2
    assert manager.list_collections() == ["default"]
    assert manager.health_check().status == "healthy"
    assert manager.get_global_stats().document_count == 2
    assert manager.delete_collection("default")
    assert manager.manager.explain_route("x").read == "a"


def test_threads_may_share_it(manager):
    manager.create_collection("default", 2)
    with ThreadPoolExecutor(8) as pool:
        documents = ([VectorDocument(id=str(x), embedding=[x, 1])] for x in range(40))
        list(pool.map(manager.add_documents, documents))
    assert manager.count_documents() == 40


def test_before_and_after_its_life_it_refuses_calls():
    manager = SyncVectorStoreManager(TWO)
    manager.shutdown()
    with pytest.raises(StoreClosedError, match="not open"):
        manager.health_check()
    manager.initialize()
    manager.initialize()
    manager.shutdown()
    manager.shutdown()
    with pytest.raises(StoreClosedError, match="not open"):
        manager.health_check()
    with pytest.raises(StoreClosedError, match="shut down"):
        manager.initialize()


def test_a_configuration_is_checked_when_it_is_made():
    with pytest.raises(ConfigError):
        SyncVectorStoreManager({"stores": {"a": "memory"}, "default_store": "b"})
