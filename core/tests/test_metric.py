"""The score table, against exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pygent_vec import DistanceMetric
from pygent_vec.model import distances_to, similarity_from_distance, top_k

float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def vectors_and_query(draw):
    dimension = draw(st.integers(1, 6))
    row = st.lists(float32s, min_size=dimension, max_size=dimension)
    rows = draw(st.lists(row, min_size=1, max_size=4))
    return np.array(draw(row), dtype=np.float32), np.array(rows, dtype=np.float32)


def fractions(vector):
    return [Fraction(float(value)) for value in vector]


def reference(metric, query, row):
    """Return the distance by the contract's table in exact arithmetic, and the scale of its rounding."""
    q, v = fractions(query), fractions(row)
    if metric is DistanceMetric.EUCLIDEAN:
        exact = math.sqrt(sum((a - b) ** 2 for a, b in zip(q, v, strict=True)))
        return exact, exact
    if metric is DistanceMetric.MANHATTAN:
        exact = float(sum(abs(a - b) for a, b in zip(q, v, strict=True)))
        return exact, exact
    dot = sum(a * b for a, b in zip(q, v, strict=True))
    if metric is DistanceMetric.DOT_PRODUCT:
        return -float(dot), float(sum(abs(a * b) for a, b in zip(q, v, strict=True)))
    norms = math.sqrt(sum(a * a for a in q)) * math.sqrt(sum(b * b for b in v))
    return float(1 - dot / Fraction(norms)), 1.0


@pytest.mark.parametrize("metric", DistanceMetric)
@given(pair=vectors_and_query())
def test_distances_agree_with_exact_arithmetic(metric, pair):
    query, rows = pair
    if metric is DistanceMetric.COSINE:
        smallest = float(np.finfo(np.float32).tiny)
        for vector in (query, *rows):
            assume(smallest <= sum(value * value for value in fractions(vector)))
    for got, row in zip(distances_to(metric, query, rows), rows, strict=True):
        wanted, scale = reference(metric, query, row)
        assert abs(got - wanted) <= 1e-13 * scale + 1e-300


@pytest.mark.parametrize(
    ("metric", "distance"),
    [
        (DistanceMetric.COSINE, 1 - 24 / 25),
        (DistanceMetric.EUCLIDEAN, math.sqrt(2)),
        (DistanceMetric.DOT_PRODUCT, -24.0),
        (DistanceMetric.MANHATTAN, 2.0),
    ],
)
def test_a_worked_example_of_each_metric(metric, distance):
    query, rows = np.array([3, 4], np.float32), np.array([[4, 3]], np.float32)
    assert distances_to(metric, query, rows)[0] == pytest.approx(distance, abs=1e-15)


@pytest.mark.parametrize(
    ("metric", "distance", "similarity"),
    [
        (DistanceMetric.COSINE, 0.0, 1.0),
        (DistanceMetric.COSINE, 0.25, 0.75),
        (DistanceMetric.COSINE, 2.0, -1.0),
        (DistanceMetric.EUCLIDEAN, 0.0, 1.0),
        (DistanceMetric.EUCLIDEAN, 3.0, 0.25),
        (DistanceMetric.DOT_PRODUCT, -7.5, 7.5),
        (DistanceMetric.DOT_PRODUCT, 7.5, -7.5),
        (DistanceMetric.MANHATTAN, 1.0, 0.5),
    ],
)
def test_similarity_is_the_table_s_function_of_distance(metric, distance, similarity):
    assert similarity_from_distance(metric, distance) == similarity
    assert similarity_from_distance(metric, np.array([distance])).tolist() == [similarity]


@pytest.mark.parametrize("metric", DistanceMetric)
@given(first=st.floats(0, 2), second=st.floats(0, 2))
def test_a_nearer_document_is_never_less_similar(metric, first, second):
    nearer, farther = sorted((first, second))
    assert similarity_from_distance(metric, nearer) >= similarity_from_distance(metric, farther)


@given(vector=st.lists(st.floats(-(2.0**59), 2.0**59, width=32), min_size=1, max_size=6))
def test_cosine_distances_stay_within_zero_and_two(vector):
    row = np.array([vector], dtype=np.float32)
    assume(float((row.astype(np.float64) ** 2).sum()) >= np.finfo(np.float32).tiny)
    assert 0.0 <= distances_to(DistanceMetric.COSINE, row[0], row)[0] <= 1e-12
    assert 2.0 - 1e-12 <= distances_to(DistanceMetric.COSINE, row[0], -row)[0] <= 2.0


@pytest.mark.parametrize("metric", DistanceMetric)
def test_equal_rows_get_equal_bits_wherever_they_stand(metric):
    draw = np.random.default_rng(1)
    row = draw.standard_normal(384, dtype=np.float32)
    rows = draw.standard_normal((1500, 384), dtype=np.float32)
    places = [0, 1, 681, 682, 683, 1364, 1499]
    rows[places] = row
    query = draw.standard_normal(384, dtype=np.float32)
    assert len(set(distances_to(metric, query, rows)[places])) == 1


@pytest.mark.parametrize("metric", DistanceMetric)
def test_computing_distances_leaves_the_vectors_alone(metric):
    query, rows = np.array([1, 2], np.float32), np.array([[3, 4], [5, 6]], np.float32)
    distances_to(metric, query, rows)
    assert query.tolist() == [1, 2]
    assert rows.tolist() == [[3, 4], [5, 6]]


def test_a_vector_without_direction_is_at_right_angles_to_every_other_by_cosine():
    rows = np.array([[0, 0], [1, 0]], np.float32)
    assert distances_to(DistanceMetric.COSINE, np.array([1, 0], np.float32), rows).tolist() == [1.0, 0.0]


@given(
    distances=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=1, max_size=20),
    k=st.integers(1, 25),
    order=st.randoms(use_true_random=False),
)
def test_top_k_is_a_full_sort_by_distance_and_id_cut_at_k(distances, k, order):
    ids = [chr(0x40 + place) for place in range(len(distances))]
    order.shuffle(ids)
    wanted = sorted(range(len(ids)), key=lambda row: (distances[row], ids[row]))[:k]
    assert top_k(np.array(distances), ids, k) == wanted


def test_top_k_of_nothing_is_nothing():
    assert top_k(np.empty(0), [], 3) == []


@pytest.mark.parametrize("metric", list(DistanceMetric))
@pytest.mark.parametrize("d", [3, 9000])
def test_many_queries_get_the_same_bits_as_one_by_one(metric, d):
    random = np.random.default_rng(8)
    queries = random.standard_normal((4, d), dtype=np.float32)
    rows = random.standard_normal((4, 50, d), dtype=np.float32)
    together = distances_to(metric, queries, rows)
    for one, query, its_rows in zip(together, queries, rows, strict=True):
        np.testing.assert_array_equal(one, distances_to(metric, query, its_rows))
