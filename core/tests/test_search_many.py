"""Texts as queries, and many queries in one call."""

import numpy as np
import pytest

from pygent_vec import (
    ConfigError,
    DistanceMetric,
    F,
    InvalidVectorError,
    SyncVectorStore,
    VectorDocument,
    VectorQuery,
)
from pygent_vec.stores import MemoryConfig, MemoryStore

from .builders import found, query
from .doubles import AsyncMemoryStore, FakeEmbedder, RecordingStore


@pytest.fixture(params=[MemoryStore, AsyncMemoryStore])
def reading(request):
    with SyncVectorStore(request.param(MemoryConfig(), embedder=FakeEmbedder())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        yield store


def test_texts_are_embedded_on_the_way_in_and_in_queries(reading):
    reading.add_documents(
        [VectorDocument(id="a", content="aaa"), VectorDocument(id="b", content="xyz", embedding=[9, 9])]
    )
    assert reading.get_document("a").embedding.tolist() == [3, 3]
    assert reading.get_document("b").embedding.tolist() == [9, 9]
    assert found(reading.search_similar(VectorQuery(query_text="eee"))) == ["a", "b"]
    several = [VectorQuery(query_text="eee"), query(query_vector=[9, 9]), VectorQuery(query_text="o")]
    assert [found(results) for results in reading.search_many(several)] == [
        ["a", "b"],
        ["b", "a"],
        ["a", "b"],
    ]


def test_each_text_is_embedded_once(reading):
    texts = [chr(ord("a") + number) for number in range(7)]
    reading.add_documents([VectorDocument(id=text, content=text) for text in texts], batch_size=2)
    assert sorted(reading.store.embedder.texts) == texts


def test_a_text_without_an_embedder_is_a_configuration_error(store):
    with pytest.raises(ConfigError, match=r"query_text needs an embedder.*open it with embedder="):
        store.search_similar(VectorQuery(query_text="x"))


@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: [[1.0, 2.0]] * len(texts),
        lambda texts: np.ones((len(texts), 2), np.float64),
    ],
    ids=["lists", "float64"],
)
def test_a_backend_gets_float32_whatever_the_embedder_returns(answer):
    embedder = FakeEmbedder()
    embedder.embed = answer
    with SyncVectorStore(RecordingStore(MemoryConfig(), embedder=embedder)) as store:
        store.create_collection("default", 2)
        store.search_similar(VectorQuery(query_text="x"))
        (request,) = store.store.searches
        assert request.vectors.dtype == np.float32


@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: np.ones((len(texts) + 1, 2), np.float32),
        lambda texts: np.ones((len(texts) - 1, 2), np.float32),
        lambda texts: np.ones((len(texts), 3), np.float32),
        lambda texts: np.full((len(texts), 2), np.nan, np.float32),
    ],
    ids=["more rows", "fewer rows", "wrong dimension", "NaN"],
)
def test_an_embedder_that_answers_wrongly_is_found_out(answer):
    embedder = FakeEmbedder()
    embedder.embed = answer
    with SyncVectorStore(MemoryStore(MemoryConfig(), embedder=embedder)) as store:
        store.create_collection("default", 2)
        with pytest.raises(InvalidVectorError):
            store.search_similar(VectorQuery(query_text="x"))
        with pytest.raises(InvalidVectorError):
            store.add_documents([VectorDocument(id="a", content="x"), VectorDocument(id="b", content="y")])
        assert store.count_documents() == 0


# ── many ──


def test_many_searches_answer_as_each_alone(line):
    queries = [
        query(),
        query(query_vector=[4, 0], limit=3),
        query(query_vector=[9, 0], limit=2, offset=1),
        query(metadata_filter={"x": {"$gte": 5}}, limit=2),
        query(query_vector=[9, 0], metadata_filter=F("x") >= 5, similarity_threshold=0.3),
        query(distance_metric=DistanceMetric.MANHATTAN, limit=4),
        query(include_embedding=True, include_content=False, limit=1),
        query(exact=True, limit=1),
        query(limit=1),
    ]
    assert line.search_many(queries) == [line.search_similar(one) for one in queries]
    assert line.search_many([]) == []


def test_queries_that_differ_only_in_vector_and_window_share_one_call():
    with SyncVectorStore(RecordingStore(MemoryConfig())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        same = {"metadata_filter": {"x": 1}}
        store.search_many(
            [query(**same), query(query_vector=[1, 1], limit=3, **same), query(offset=7, **same)]
        )
        (request,) = store.store.searches
        assert request.vectors.tolist() == [[0, 0], [1, 1], [0, 0]]
        assert request.k == 17


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata_filter": {"x": 1.0}},
        {"metadata_filter": {"x": True}},
        {"exact": True},
        {"distance_metric": DistanceMetric.MANHATTAN},
        {"include_content": False},
    ],
    ids=str,
)
def test_queries_that_differ_otherwise_do_not_share_a_call(changes):
    with SyncVectorStore(RecordingStore(MemoryConfig())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        base = {"metadata_filter": {"x": 1}}
        store.search_many([query(**base), query(**{**base, **changes})])
        assert len(store.store.searches) == 2
