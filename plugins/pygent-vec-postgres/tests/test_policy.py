"""Which way a search goes, decided from sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygent_vec_postgres.search.policy import (
    MOST_EFFORT,
    IndexFacts,
    exact_matches,
    filtered_plan,
    unfiltered_plan,
)


def facts(rows: float, kind: str = "hnsw", dimension: int = 384, effort: int = 100) -> IndexFacts:
    return IndexFacts(
        kind=kind, rows=rows, dimension=dimension, effort=effort, lists=max(1, int(rows / 1000))
    )


def test_a_small_collection_is_scanned_and_a_large_one_is_not():
    assert unfiltered_plan(facts(100), 10).exact
    assert not unfiltered_plan(facts(100_000), 10).exact


def test_without_an_index_everything_is_scanned():
    assert unfiltered_plan(facts(10**9, "flat"), 10).exact
    assert filtered_plan(facts(10**9, "flat"), 10, 0.5).exact


@pytest.mark.parametrize("k", [1, 10, 100, 500])
def test_an_effort_is_never_below_the_results_wanted(k):
    plan = unfiltered_plan(facts(10**7), k)
    assert plan.exact or plan.effort >= k


def test_a_limit_of_ten_thousand_is_scanned_for_rather_than_walked_for():
    assert unfiltered_plan(facts(100_000), 10_000).exact


@pytest.mark.parametrize(("share", "exact"), [(0.5, False), (0.1, False), (0.01, True), (0.001, True)])
def test_the_rarer_the_matches_the_sooner_they_are_compared_one_by_one(share, exact):
    assert filtered_plan(facts(100_000), 10, share).exact == exact


def test_few_matches_of_very_many_rows_are_compared_one_by_one():
    assert filtered_plan(facts(10**8), 10, 1e-5).exact


def test_where_an_exact_answer_would_take_long_the_index_goes_on():
    plan = filtered_plan(facts(10**8), 10, 0.005)
    assert not plan.exact
    assert plan.iterative


@given(
    st.floats(1, 1e10),
    st.sampled_from(["hnsw", "ivf_flat"]),
    st.integers(1, 4000),
    st.integers(1, 10_000),
    st.floats(1e-9, 1),
)
def test_every_plan_is_one_that_pgvector_takes(rows, kind, dimension, k, share):
    index = facts(rows, kind, dimension)
    for plan in (unfiltered_plan(index, k), filtered_plan(index, k, share)):
        assert plan.exact or 1 <= plan.effort <= (MOST_EFFORT if kind == "hnsw" else index.lists)
    assert exact_matches(index, k) >= 1000
