"""What the suite compares with is right itself."""

import math

import numpy as np
import pytest

from pygent_vec import DistanceMetric, VectorDocument, VectorSearchResult
from pygent_vec_conformance import expect, meaning, truth
from pygent_vec_conformance.linear import Call, explained
from pygent_vec_conformance.oracle import answer_is_right, distance, similarity

TABLE = {**truth.OPERATORS, **truth.TYPES, **truth.LOGIC, **truth.PATHS}


@pytest.mark.parametrize("name", TABLE)
def test_the_meaning_agrees_with_the_truth_table(name):
    condition, wanted = TABLE[name]
    documents = [VectorDocument(id=one, metadata=metadata) for one, metadata in truth.DOCUMENTS.items()]
    assert "".join(one.id for one in documents if meaning.holds(condition, one)) == wanted


@pytest.mark.parametrize(
    ("metric", "far", "score"),
    [
        ("cosine", 1 - 24 / 25, 24 / 25),
        ("euclidean", math.sqrt(2), 1 / (1 + math.sqrt(2))),
        ("dot_product", -24, 24),
        ("manhattan", 2, 1 / 3),
    ],
)
def test_the_distances_are_those_of_the_score_table(metric, far, score):
    seen = distance(DistanceMetric(metric), [3, 4], [4, 3])
    assert seen == pytest.approx(far)
    assert similarity(DistanceMetric(metric), seen) == pytest.approx(score)


def _results(pairs):
    return [
        VectorSearchResult(
            document=VectorDocument(id=one),
            distance=far,
            similarity_score=1 / (1 + far),
            rank=rank,
            store="s",
        )
        for rank, (one, far) in enumerate(pairs, 1)
    ]


VECTORS = {"a": [1.0, 0.0], "b": [2.0, 0.0], "c": [2.0, 0.0], "d": [5.0, 0.0]}
RIGHT = [("a", 1.0), ("b", 2.0), ("c", 2.0)]


def test_a_right_answer_is_right():
    answer_is_right(_results(RIGHT), VECTORS, DistanceMetric.EUCLIDEAN, [0.0, 0.0], 3)


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([("a", 1.0), ("c", 2.0), ("b", 2.0)], "stands after"),
        ([("a", 1.0), ("b", 2.0)], "number of results"),
        ([("a", 1.0), ("b", 2.0), ("d", 5.0)], "left out"),
        ([("a", 1.0), ("a", 1.0), ("b", 2.0)], "different ids"),
        ([("a", 1.0), ("b", 2.0), ("x", 2.0)], "do not exist"),
        ([("a", 1.0), ("b", 4.0), ("c", 4.0)], "the distance of"),
    ],
)
def test_a_wrong_answer_is_told(pairs, why):
    with pytest.raises(expect.Violation, match=why):
        answer_is_right(_results(pairs), VECTORS, DistanceMetric.EUCLIDEAN, [0.0, 0.0], 3)


def test_a_wrong_rank_is_told():
    with pytest.raises(expect.Violation, match="rank"):
        answer_is_right(_results(RIGHT), VECTORS, DistanceMetric.EUCLIDEAN, [0.0, 0.0], 3, offset=1)


@pytest.mark.parametrize(
    ("left", "right"), [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), (None, "null"), ([1], [1.0])]
)
def test_json_is_compared_with_its_types(left, right):
    expect.same_json({"v": left}, {"v": left}, "itself")
    with pytest.raises(expect.Violation):
        expect.same_json({"v": left}, {"v": right}, "a look-alike")


def test_a_vector_is_compared_bit_for_bit_or_by_its_norm():
    vector = np.array([1, 2, 3], dtype=np.float32)
    near = np.nextafter(vector, np.float32(9))
    expect.same_vector(near, vector, "near", exact=False)
    for seen, exact in (
        (near, True),
        (vector * np.float32(1.001), False),
        (vector.astype(np.float64), True),
        (None, True),
    ):
        with pytest.raises(expect.Violation):
            expect.same_vector(seen, vector, "off", exact=exact)


def call(kind, began, ended, value=None, counted=0):
    return Call(kind=kind, began=began, ended=ended, value=value, counted=counted)


def test_overlapping_calls_with_an_order_are_explained():
    assert explained(
        [call("put", 0, 5, 1), call("get", 1, 2), call("get", 3, 4, 1), call("delete", 6, 7, counted=1)]
    )


@pytest.mark.parametrize(
    "calls",
    [
        [call("put", 0, 1, 1), call("get", 2, 3)],
        [call("put", 0, 1, 1), call("put", 2, 3, 2), call("get", 4, 5, 1)],
        [call("put", 0, 5, 1), call("get", 1, 2, 1), call("get", 3, 4)],
        [call("delete", 0, 1, counted=1)],
    ],
    ids=["a lost write", "a stale read", "a read that goes back", "a delete of nothing that counts one"],
)
def test_calls_without_an_order_are_not_explained(calls):
    assert not explained(calls)


def test_what_a_delete_counted_may_not_matter():
    deletes = [call("put", 0, 1, 1), call("delete", 2, 5, counted=1), call("delete", 3, 6, counted=1)]
    assert not explained(deletes)
    assert explained([*deletes[:2], call("delete", 3, 6, counted=None)])
    assert not explained([*deletes[:1], call("delete", 3, 6, counted=None), call("get", 7, 8, 1)])
