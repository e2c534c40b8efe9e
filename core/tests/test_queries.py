"""Queries: what is refused, and what a search answers."""

import attrs
import pytest

from pygent_vec import (
    CollectionNotFoundError,
    DistanceMetric,
    InvalidFilterError,
    InvalidQueryError,
    SyncVectorStore,
    UnsupportedFeatureError,
    VectorDocument,
)
from pygent_vec.model import Projection
from pygent_vec.stores import MemoryConfig, MemoryStore

from .builders import HERE, found, query
from .doubles import RecordingStore


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": 0}, "limit must be an integer of at least 1, got 0"),
        ({"limit": -1}, "limit must be an integer of at least 1"),
        ({"limit": 1.5}, "limit must be an integer of at least 1, got 1.5"),
        ({"limit": True}, "limit must be an integer of at least 1, got True"),
        ({"limit": "10"}, "limit must be an integer of at least 1, got '10'"),
        ({"limit": 10_001}, "offset 0 + limit 10001 is more than 10000"),
        ({"offset": -1}, "offset must be an integer of at least 0, got -1"),
        ({"offset": 9_991}, "offset 9991 + limit 10 is more than 10000; to read everything use iter_documents"),
        ({"similarity_threshold": float("nan")}, "similarity_threshold must be a number or None, got nan"),
        ({"similarity_threshold": "high"}, "similarity_threshold must be a number or None"),
        ({"similarity_threshold": True}, "similarity_threshold must be a number or None"),
        ({"distance_metric": "cosinus"}, "distance_metric 'cosinus' is none of"),
        ({"query_vector": None}, "a query needs a query_vector or a query_text"),
        ({"query_text": "both"}, "only one of them"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused(store, changes, message):
    for search in (store.search_similar, lambda one: store.search_many([query(), one])):
        with pytest.raises(InvalidQueryError) as caught:
            search(query(**changes))
        assert message in str(caught.value)


@pytest.mark.parametrize("thing", [None, HERE, {"query_vector": HERE}])
def test_what_is_no_query_is_refused(store, thing):
    with pytest.raises(InvalidQueryError, match="expected a VectorQuery"):
        store.search_similar(thing)


def test_one_query_instead_of_several_is_refused(store):
    with pytest.raises(InvalidQueryError, match=r"list|search_similar"):
        store.search_many(query())


def test_a_bad_filter_in_a_query_is_refused_with_its_place(store):
    with pytest.raises(InvalidFilterError, match=r"filter.a.\$gtee.*did you mean '\$gte'"):
        store.search_similar(query(metadata_filter={"a": {"$gtee": 1}}))


def test_the_widest_window_is_10_000(line):
    assert len(line.search_similar(query(limit=10_000))) == 10
    assert line.search_similar(query(limit=1, offset=9_999)) == []


def test_results_are_sorted_by_distance_and_ranked_from_one(line):
    results = line.search_similar(query(limit=3))
    assert found(results) == ["0", "1", "2"]
    assert [result.distance for result in results] == [0.0, 1.0, 2.0]
    assert [result.similarity_score for result in results] == [1.0, 1 / 2, 1 / 3]
    assert [result.rank for result in results] == [1, 2, 3]
    assert {result.store for result in results} == {line.name}


def test_an_offset_passes_over_results_and_keeps_their_ranks(line):
    results = line.search_similar(query(limit=2, offset=3))
    assert found(results) == ["3", "4"]
    assert [result.rank for result in results] == [4, 5]


def test_ties_are_ordered_by_the_code_points_of_ids(store):
    ids = ["b", "B", "é", "\uffff", "\U0001f600", "a", "10", "9"]
    store.add_documents([VectorDocument(id=one, embedding=[1, 0]) for one in ids])
    assert found(store.search_similar(query())) == sorted(ids)
    assert found(store.search_similar(query(limit=2))) == ["10", "9"]


def test_hits_are_put_in_order_whatever_order_the_backend_gives():
    class Reversed(MemoryStore):
        def _search(self, spec, request):
            return [
                attrs.evolve(
                    hits,
                    rows=attrs.evolve(
                        hits.rows,
                        **{name: getattr(hits.rows, name)[::-1] for name in ("ids", "contents", "own")},
                    ),
                    distances=hits.distances[::-1],
                )
                for hits in super()._search(spec, attrs.evolve(request, projection=Projection()))
            ]

    with SyncVectorStore(Reversed(MemoryConfig())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        ids = ["c", "a", "d", "b"]
        store.add_documents([VectorDocument(id=one, content=one, embedding=[one == "d", 0]) for one in ids])
        results = store.search_similar(query())
        assert found(results) == ["a", "b", "c", "d"]
        assert [result.document.content for result in results] == ["a", "b", "c", "d"]


def test_a_threshold_keeps_what_is_at_least_as_similar(line):
    assert found(line.search_similar(query(similarity_threshold=1 / 3))) == ["0", "1", "2"]
    assert found(line.search_similar(query(similarity_threshold=1.1))) == []
    assert len(line.search_similar(query(similarity_threshold=-5))) == 10


def test_a_threshold_is_applied_before_limit_and_offset(line):
    results = line.search_similar(query(similarity_threshold=1 / 4, limit=2, offset=2))
    assert found(results) == ["2", "3"]
    assert found(line.search_similar(query(similarity_threshold=1 / 4, limit=5, offset=3))) == ["3"]


def test_a_result_carries_what_was_asked_for(line):
    (plain,) = line.search_similar(query(limit=1))
    assert plain.document.content == "text 0"
    assert plain.document.metadata == {"x": 0}
    assert plain.document.title == "t0"
    assert plain.document.created_at is not None
    assert plain.document.embedding is None
    (bare,) = line.search_similar(
        query(limit=1, include_content=False, include_metadata=False, include_embedding=True)
    )
    assert bare.document == VectorDocument(id="0", collection="default", embedding=[0, 0])


def test_another_metric_is_answered_by_that_metric(line):
    line.add_documents([VectorDocument(id="diagonal", embedding=[1, 1])])
    results = line.search_similar(
        query(limit=3, query_vector=[1, 1], distance_metric=DistanceMetric.MANHATTAN)
    )
    assert [(result.document.id, result.distance) for result in results] == [
        ("diagonal", 0.0),
        ("1", 1.0),
        ("0", 2.0),
    ]


def test_a_cosine_query_over_vectors_without_direction_has_an_answer(line):
    results = line.search_similar(
        query(query_vector=[1, 0], distance_metric=DistanceMetric.COSINE, similarity_threshold=0.5)
    )
    assert found(results) == [*map(str, range(1, 10))]
    last = line.search_similar(query(query_vector=[1, 0], distance_metric=DistanceMetric.COSINE))[-1]
    assert (last.document.id, last.distance) == ("0", 1.0)


@pytest.mark.parametrize(
    ("only", "changes", "message"),
    [
        ({"query_metric": False}, {"distance_metric": "cosine"}, "only by the collection's own metric, 'euclidean'"),
        ({"exact_search": False}, {"exact": True}, "no exact search"),
        ({"metrics": frozenset({DistanceMetric.EUCLIDEAN})}, {"distance_metric": "manhattan"}, "no metric 'manhattan'"),
    ],
)  # fmt: skip
def test_what_a_backend_does_not_declare_is_refused_and_not_answered(only, changes, message):
    with SyncVectorStore(RecordingStore(MemoryConfig(), only=only)) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        with pytest.raises(UnsupportedFeatureError) as caught:
            store.search_similar(query(query_vector=[1, 0], **changes))
        assert message in str(caught.value)
        assert "'memory'" in str(caught.value)
        assert store.store.searches == []
        assert store.search_similar(query(distance_metric="euclidean")) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.search_similar(query(collection="nowhere")),
        lambda store: store.search_many([query(collection="nowhere")]),
        lambda store: store.count_documents(collection="nowhere"),
        lambda store: store.get_document("a", collection="nowhere"),
        lambda store: list(store.iter_documents(collection="nowhere")),
        lambda store: store.delete_documents(["a"], collection="nowhere"),
        lambda store: store.delete_documents([], collection="nowhere"),
        lambda store: store.delete_where({}, collection="nowhere"),
        lambda store: store.add_documents([VectorDocument(id="a", embedding=HERE, collection="nowhere")]),
        lambda store: store.get_collection_info("nowhere"),
        lambda store: store.optimize("nowhere"),
    ],
)
def test_a_missing_collection_is_an_error_that_lists_what_there_is(store, call):
    with pytest.raises(CollectionNotFoundError, match=r"'nowhere'.*\['default'\]"):
        call(store)


def test_no_collection_means_the_default_one_and_nothing_is_created_by_asking():
    with SyncVectorStore(MemoryStore(MemoryConfig(default_collection="notes"))) as store:
        with pytest.raises(CollectionNotFoundError, match=r"'notes' .the default collection."):
            store.count_documents()
        assert store.list_collections() == []
        store.create_collection("notes", 2)
        store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
        assert store.count_documents(collection="notes") == store.count_documents() == 1
