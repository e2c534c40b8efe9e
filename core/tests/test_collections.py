"""Collections: their names, what they refuse, and what is told of them."""

from datetime import UTC, datetime

import pytest

from pygent_vec import (
    CollectionExistsError,
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigError,
    DistanceMetric,
    IndexSpec,
    SyncVectorStore,
    UnsupportedFeatureError,
    VectorDocument,
)
from pygent_vec.stores import MemoryConfig

from .doubles import RecordingStore


@pytest.mark.parametrize("name", ["a", "9", "A.b_c-d", "x" * 128, "a" * 63 + "b", "a" * 63 + "c"])
def test_these_names_are_allowed(store, name):
    assert store.create_collection(name, 2).name == name
    assert name in store.list_collections()


@pytest.mark.parametrize("name", ["", ".a", "_a", "-a", "a b", "é", "a/b", "x" * 129, "a\n", "a\0", 5, None])
def test_other_names_are_refused(store, name):
    with pytest.raises(ConfigError, match=r"use 1 to 128 of A-Z a-z 0-9 . _ - and begin with"):
        store.create_collection(name, 2)
    assert store.list_collections() == ["default"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dimension": 0}, "dimension 0: use an integer from 1 to 16000"),
        ({"dimension": 16_001}, "dimension 16001"),
        ({"dimension": True}, "dimension True"),
        ({"dimension": 2.0}, "dimension 2.0"),
        ({"dimension": "2"}, "dimension '2'"),
        ({"distance_metric": "cosin"}, "distance_metric 'cosin' is unknown; did you mean 'cosine'?"),
        ({"index": 5}, "index 5: give an IndexSpec"),
        ({"metadata": {"a": float("nan")}}, "metadata of collection 'a': a: nan is not a finite number"),
        ({"metadata": [1]}, "metadata of collection 'a'"),
        ({"if_exists": "replace"}, "if_exists='replace'"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_made(store, arguments, message):
    with pytest.raises(ConfigError) as caught:
        store.create_collection(**{"name": "a", "dimension": 2, **arguments})
    assert message in str(caught.value)
    assert store.list_collections() == ["default"]


@pytest.mark.parametrize(
    ("only", "arguments", "message"),
    [
        ({}, {"index": "hnsw"}, "no index kind 'hnsw'"),
        ({}, {"index": IndexSpec("ivf")}, "no index kind 'ivf'"),
        ({"max_dimension": 8}, {"dimension": 9}, "at most 8 dimensions, not 9"),
        (
            {"metrics": frozenset({DistanceMetric.COSINE})},
            {"distance_metric": DistanceMetric.MANHATTAN},
            "no metric 'manhattan'",
        ),
    ],
)
def test_what_the_backend_does_not_declare_is_refused(only, arguments, message):
    with SyncVectorStore(RecordingStore(MemoryConfig(), only=only)) as store:
        with pytest.raises(UnsupportedFeatureError) as caught:
            store.create_collection(**{"name": "a", "dimension": 2, **arguments})
        assert message in str(caught.value)
        assert "'memory'" in str(caught.value)
        assert store.list_collections() == []


def test_a_collection_is_described_as_it_is_now(store):
    before = datetime.now(UTC)
    made = store.create_collection("notes", 3, "manhattan", index="flat", metadata={"by": ["me"]})
    assert made.document_count == 0
    store.add_documents([VectorDocument(id="a", collection="notes", embedding=[1, 2, 3])])
    info = store.get_collection_info("notes")
    assert (info.name, info.dimension, info.distance_metric) == ("notes", 3, DistanceMetric.MANHATTAN)
    assert (info.index.kind, info.metadata, info.document_count) == ("flat", {"by": ["me"]}, 1)
    assert before <= info.created_at == made.created_at <= datetime.now(UTC)


def test_changing_a_description_changes_no_collection(store):
    given = {"by": ["me"]}
    options = {"m": 1}
    made = store.create_collection("notes", 3, metadata=given, index=IndexSpec("flat", options=options))
    given["by"].append("you")
    options["m"] = 2
    made.metadata["by"].append("they")
    store.get_collection_info("notes").metadata["by"].append("she")
    assert store.get_collection_info("notes").metadata == {"by": ["me"]}
    assert store.get_collection_info("notes").index.options == {"m": 1}


def test_a_name_that_is_taken_is_refused_or_used_as_asked(store):
    store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
    with pytest.raises(CollectionExistsError, match='if_exists="ignore"'):
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
    info = store.create_collection("default", 2, DistanceMetric.EUCLIDEAN, if_exists="ignore")
    assert info.document_count == 1


@pytest.mark.parametrize(("dimension", "metric"), [(3, "euclidean"), (2, "cosine")])
def test_another_dimension_or_metric_is_never_ignored(store, dimension, metric):
    with pytest.raises(CollectionMismatchError, match="'default' has dimension 2 and metric 'euclidean'"):
        store.create_collection("default", dimension, metric, if_exists="ignore")


def test_collections_are_listed_in_order_and_deleted_with_what_they_hold(store):
    for name in ("b", "B", "a"):
        store.create_collection(name, 2)
    assert store.list_collections() == ["B", "a", "b", "default"]
    store.add_documents([VectorDocument(id="x", collection="a", embedding=[1, 0])])
    assert store.delete_collection("a") is True
    assert store.delete_collection("a") is False
    assert store.delete_collection("no name at all") is False
    with pytest.raises(CollectionNotFoundError):
        store.count_documents(collection="a")
    store.create_collection("a", 2)
    assert store.count_documents(collection="a") == 0


def test_statistics_add_up(store):
    store.create_collection("notes", 4)
    store.add_documents([VectorDocument(id=str(x), embedding=[x, 0]) for x in range(3)])
    stats = store.get_stats()
    assert list(stats.collections) == ["default", "notes"]
    assert stats.document_count == 3
    assert (stats.collections["notes"].dimension, stats.collections["notes"].document_count) == (4, 0)
    assert stats.backend == store.store.backend
