"""A collection remembers the model of its vectors, and refuses texts of another one."""

import pytest

from pygent_vec import CollectionMismatchError, SyncVectorStore, VectorBatch, VectorDocument, VectorQuery
from pygent_vec.contract import EMBEDDING_MODEL
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import FakeEmbedder


class OtherEmbedder(FakeEmbedder):
    model = "fake-2"


@pytest.fixture
def opened():
    """Return a function that opens a store with the same data and the given embedder."""
    data = {}

    def open_with(embedder):
        store = MemoryStore(MemoryConfig(), embedder=embedder)
        store._data = data
        return SyncVectorStore(store)

    return open_with


def store_with(opened, embedder):
    store = opened(embedder)
    store.initialize()
    return store


def test_the_model_is_stored_with_the_collection(opened):
    store = store_with(opened, FakeEmbedder())
    info = store.create_collection("default", 2, metadata={"topic": "tea"})
    assert info.metadata == {"topic": "tea", EMBEDDING_MODEL: "fake-1"}
    assert store.get_collection_info().metadata == info.metadata
    again = store.create_collection("default", 2, if_exists="ignore")
    assert again.metadata == info.metadata


def test_nothing_is_stored_where_the_embedder_cannot_fill_the_collection(opened):
    assert store_with(opened, FakeEmbedder()).create_collection("three", 3).metadata == {}
    assert store_with(opened, None).create_collection("two", 2).metadata == {}


def test_a_model_that_was_named_stays(opened):
    store = store_with(opened, FakeEmbedder())
    info = store.create_collection("default", 2, metadata={EMBEDDING_MODEL: "mine"})
    assert info.metadata == {EMBEDDING_MODEL: "mine"}


CALLS = {
    "search_similar": lambda store: store.search_similar(VectorQuery(query_text="tea")),
    "search_many": lambda store: store.search_many([VectorQuery(query_text="tea")]),
    "add_documents": lambda store: store.add_documents([VectorDocument(id="a", content="tea")]),
    "update_documents": lambda store: store.update_documents([VectorDocument(id="a", content="tea")]),
    "create_collection": lambda store: store.create_collection("default", 2, if_exists="ignore"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_texts_of_another_model_are_refused(opened, call):
    first = store_with(opened, FakeEmbedder())
    first.create_collection("default", 2)
    call(first)
    other = OtherEmbedder()
    with pytest.raises(CollectionMismatchError, match=r"'fake-1'.*'fake-2'"):
        call(store_with(opened, other))
    assert call is CALLS["search_similar"] or call is CALLS["search_many"] or other.texts == []


def test_vectors_are_taken_as_they_are_whatever_the_embedder(opened):
    store_with(opened, FakeEmbedder()).create_collection("default", 2)
    store = store_with(opened, OtherEmbedder())
    store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
    store.add_batch(VectorBatch(ids=["b"], vectors=[[0, 1]]))
    assert len(store.search_similar(VectorQuery(query_vector=[1, 0]))) == 2


def test_a_collection_that_names_no_model_takes_texts_of_any(opened):
    store_with(opened, None).create_collection("default", 2)
    store = store_with(opened, OtherEmbedder())
    assert store.add_documents([VectorDocument(id="a", content="tea")]) == ["a"]
