"""Searching all stores: their answers side by side, and one ranked list of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygent_vec import (
    CollectionNotFoundError,
    ConfigError,
    DistanceMetric,
    InvalidQueryError,
    InvalidVectorError,
    VectorDocument,
    VectorQuery,
    VectorSearchResult,
)
from pygent_vec.errors import BackendError, BackendTimeoutError
from pygent_vec.manager._fusion import RRF_K, by_rank, by_score
from pygent_vec.stores import MemoryConfig, MemoryStore

from .manager_support import QUERY, TWO, StuckStore, UnreliableStore, filled, ids, managed


def results(store, *found):
    """Return results of *store* from pairs of id and distance."""
    return [
        VectorSearchResult(
            document=VectorDocument(id=one),
            similarity_score=1 / (1 + distance),
            distance=distance,
            rank=rank,
            store=store,
        )
        for rank, (one, distance) in enumerate(found, start=1)
    ]


def named(found):
    return [(result.document.id, result.store) for result in found]


def test_by_score_the_nearest_come_first_whatever_their_store():
    answers = {"a": results("a", ("x", 1), ("y", 3)), "b": results("b", ("z", 2), ("x", 4))}
    fused = by_score(answers, deduplicate=False)
    assert named(fused) == [("x", "a"), ("z", "b"), ("y", "a"), ("x", "b")]
    assert [result.rank for result in fused] == [1, 2, 3, 4]
    assert [result.store_rank for result in fused] == [1, 1, 2, 2]
    assert [result.fused_score for result in fused] == [result.similarity_score for result in fused]
    assert named(by_score(answers, deduplicate=True)) == [("x", "a"), ("z", "b"), ("y", "a")]


def test_equal_distances_are_ordered_by_id_and_store():
    answers = {"b": results("b", ("x", 1)), "a": results("a", ("y", 1), ("x", 1))}
    assert named(by_score(answers, deduplicate=False)) == [("x", "a"), ("x", "b"), ("y", "a")]


def test_by_rank_distances_do_not_count():
    answers = {"a": results("a", ("x", 0.1), ("y", 0.2)), "b": results("b", ("z", 900), ("y", 901))}
    fused = by_rank(answers, deduplicate=False)
    assert named(fused) == [("x", "a"), ("z", "b"), ("y", "a"), ("y", "b")]
    assert fused[0].fused_score == fused[1].fused_score == 1 / (RRF_K + 1)


def test_by_rank_an_id_of_several_stores_gets_the_sum_of_its_places():
    answers = {"a": results("a", ("x", 0.1), ("y", 0.2)), "b": results("b", ("z", 900), ("y", 901))}
    fused = by_rank(answers, deduplicate=True)
    assert named(fused) == [("y", "a"), ("x", "a"), ("z", "b")]
    assert fused[0].fused_score == pytest.approx(2 / (RRF_K + 2))


ANSWERS = st.dictionaries(
    st.sampled_from("abc"),
    st.lists(st.tuples(st.sampled_from("uvwxyz"), st.floats(0, 9)), unique_by=lambda pair: pair[0]),
).map(
    lambda stores: {
        name: results(name, *sorted(found, key=lambda pair: (pair[1], pair[0])))
        for name, found in stores.items()
    }
)


@given(ANSWERS, st.booleans(), st.sampled_from([by_score, by_rank]))
def test_fusion_loses_and_invents_nothing_and_is_sorted(answers, deduplicate, fuse):
    fused = fuse(answers, deduplicate=deduplicate)
    given_ones = [pair for found in answers.values() for pair in named(found)]
    assert set(named(fused)) <= set(given_ones)
    assert {one for one, _ in named(fused)} == {one for one, _ in given_ones}
    assert len(fused) == (len({one for one, _ in given_ones}) if deduplicate else len(given_ones))
    scores = [result.fused_score for result in fused]
    assert scores == sorted(scores, reverse=True)
    assert [result.rank for result in fused] == list(range(1, len(fused) + 1))


@given(ANSWERS)
def test_the_order_in_which_stores_answer_does_not_matter(answers):
    turned = dict(reversed(answers.items()))
    for fuse in (by_score, by_rank):
        for deduplicate in (False, True):
            assert fuse(answers, deduplicate=deduplicate) == fuse(turned, deduplicate=deduplicate)


def test_a_failure_is_an_error_beside_the_answers_and_never_an_empty_list():
    async def story(manager):
        await filled(manager, "a", [1, 2])
        await filled(manager, "b", [])
        await manager.add_store("bad", UnreliableStore(opening=9, failure=BackendError("down")))
        await manager.add_store("empty", "memory")
        answers = await manager.search_all_stores(QUERY)
        assert sorted(answers) == ["a", "b", "bad", "empty"]
        assert ids(answers["a"].results) == ["1", "2"]
        assert answers["a"].error is None
        assert (answers["b"].results, answers["b"].error) == ([], None)
        assert answers["bad"].results is None
        assert isinstance(answers["bad"].error, BackendError)
        assert isinstance(answers["empty"].error, CollectionNotFoundError)
        assert sorted(await manager.search_all_stores(QUERY, stores=["b", "a"])) == ["a", "b"]

    managed(TWO, story)


def test_a_store_that_does_not_answer_in_time_holds_up_nobody():
    async def story(manager):
        stuck = StuckStore()
        await manager.add_store("stuck", stuck)
        for name in ("a", "stuck"):
            await filled(manager, name, [1])
        try:
            answers = await manager.search_all_stores(QUERY, stores=["a", "stuck"], deadline=2)
        finally:
            stuck.release.set()
        assert ids(answers["a"].results) == ["1"]
        assert isinstance(answers["stuck"].error, BackendTimeoutError)

    managed(TWO, story)


def test_one_list_from_all_stores_names_the_store_of_each_result():
    async def story(manager):
        await filled(manager, "a", [1, 4])
        await filled(manager, "b", [2, 3, 4])
        answer = await manager.search_federated(VectorQuery(query_vector=[0, 0], limit=9))
        assert answer.fusion == "score"
        assert "agree" in answer.reason
        assert named(answer) == [("1", "a"), ("2", "b"), ("3", "b"), ("4", "a"), ("4", "b")]
        assert answer.errors == {}
        once = await manager.search_federated(VectorQuery(query_vector=[0, 0], limit=9), deduplicate=True)
        assert ids(once) == ["1", "2", "3", "4"]
        assert len(once) == 4

    managed(TWO, story)


def test_offset_and_limit_count_in_the_fused_list():
    async def story(manager):
        await filled(manager, "a", [1, 3, 5])
        await filled(manager, "b", [2, 4, 6])
        for fusion in ("score", "rrf"):
            query = VectorQuery(query_vector=[0, 0], offset=2, limit=2)
            answer = await manager.search_federated(query, fusion=fusion)
            assert ids(answer) == ["3", "4"]
            assert [result.rank for result in answer] == [3, 4]

    managed(TWO, story)


def test_where_metrics_differ_ranks_are_fused_and_scores_are_refused():
    async def story(manager):
        await filled(manager, "a", [1, 2])
        await filled(manager, "b", [1, 2], metric=DistanceMetric.MANHATTAN)
        answer = await manager.search_federated(QUERY)
        assert answer.fusion == "rrf"
        assert "a: euclidean" in answer.reason
        assert "b: manhattan" in answer.reason
        with pytest.raises(InvalidQueryError, match="scores cannot be compared"):
            await manager.search_federated(QUERY, fusion="score")
        one = VectorQuery(query_vector=[0, 0], distance_metric=DistanceMetric.EUCLIDEAN)
        assert (await manager.search_federated(one)).fusion == "score"

    managed(TWO, story)


def test_where_embedding_models_differ_ranks_are_fused():
    async def story(manager):
        for name in ("a", "b"):
            await manager.create_collection(
                "default", 2, "euclidean", metadata={"embedding_model": f"model of {name}"}, store=name
            )
        answer = await manager.search_federated(QUERY)
        assert answer.fusion == "rrf"
        assert "a: euclidean, model of a" in answer.reason

    managed(TWO, story)


def test_a_store_of_another_dimension_is_named():
    async def story(manager):
        await filled(manager, "a", [1])
        await manager.create_collection("default", 3, store="b")
        answer = await manager.search_federated(QUERY)
        assert named(answer) == [("1", "a")]
        assert isinstance(answer.errors["b"], InvalidVectorError)
        assert "the store 'b'" in str(answer.errors["b"])

    managed(TWO, story)


def test_if_no_store_answers_the_error_is_raised():
    async def story(manager):
        with pytest.raises(CollectionNotFoundError) as caught:
            await manager.search_federated(QUERY)
        assert any("the store 'b'" in note for note in caught.value.__notes__)
        with pytest.raises(InvalidQueryError, match="no store to search"):
            await manager.search_federated(QUERY, stores=[])

    managed(TWO, story)


def test_a_store_that_was_made_elsewhere_answers_under_the_name_that_it_has_here():
    async def story(manager):
        await manager.add_store("c", MemoryStore(MemoryConfig(), name="mine"))
        for name in ("a", "c"):
            await filled(manager, name, [1])
        answer = await manager.search_federated(QUERY, stores=["a", "c"])
        assert named(answer) == [("1", "a"), ("1", "c")]

    managed(TWO, story)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.search_federated(QUERY, fusion="rff"), InvalidQueryError, "did you mean 'rrf'"),
        (lambda m: m.search_federated("text"), InvalidQueryError, "expected a VectorQuery"),
        (lambda m: m.search_all_stores(QUERY, stores=["c"]), ConfigError, "no store 'c'.*Known: a, b"),
        (lambda m: m.search_all_stores(QUERY, stores="a"), ConfigError, "give a list of names"),
    ],
)
def test_a_federated_search_that_makes_no_sense_is_refused(call, error, message):
    async def story(manager):
        with pytest.raises(error, match=message):
            await call(manager)

    managed(TWO, story)


def test_pages_by_rank_fit_together_where_an_id_is_in_several_stores():
    async def story(manager):
        await filled(manager, "a", range(1, 30))
        await filled(manager, "b", range(20, 50), metric=DistanceMetric.MANHATTAN)
        whole = await manager.search_federated(VectorQuery(query_vector=[0, 0], limit=60), deduplicate=True)
        page = await manager.search_federated(
            VectorQuery(query_vector=[0, 0], offset=5, limit=5), deduplicate=True
        )
        assert whole.fusion == page.fusion == "rrf"
        assert ids(page) == ids(whole)[5:10]

    managed(TWO, story)
