"""The decisions between exact and approximate search keep their promises."""

import numpy as np
import pytest

from pygent_vec.model import DistanceMetric
from pygent_vec_faiss.search.index import IndexParameters, SlotSelector, create_index
from pygent_vec_faiss.search.policy import (
    accepted,
    auto_kind,
    indexable,
    nlist_for,
    plan_search,
    room_for,
    scan_seconds,
    training_rows,
)
from pygent_vec_faiss.search.scan import ScanRows, nearest
from pygent_vec_faiss.search.scores import norms_of

N, D, CLUSTERS, K = 40_000, 48, 80, 10
SELECTIVITIES = [0.5, 0.35, 0.27, 0.1, 0.01, 0.001, 0.0001]


class Collection:
    """Clustered vectors, an index over them, and filters that do and do not follow the clusters."""

    def __init__(self, metric):
        random = np.random.default_rng(7)
        centers = random.standard_normal((CLUSTERS, D))
        self.cluster = random.integers(0, CLUSTERS, N)
        self.vectors = (centers[self.cluster] + 0.8 * random.standard_normal((N, D))).astype(np.float32)
        home = random.integers(0, CLUSTERS, 40)
        self.queries = (centers[home] + 0.8 * random.standard_normal((40, D))).astype(np.float32)
        self.rows = ScanRows(matrix=self.vectors, norms=norms_of(self.vectors))
        self.metric = metric
        self.index = create_index(
            metric=metric, dimension=D, parameters=IndexParameters(m=12, ef_construction=80),
            sample=self.vectors[:0], slots=N,
        )  # fmt: skip
        self.index.grow(self.vectors)
        home_order = np.argsort(np.min(((centers[:, None] - centers[home]) ** 2).sum(-1), axis=1))
        self.far = np.isin(self.cluster, home_order[CLUSTERS // 2 :])
        self.across = self.vectors @ random.standard_normal(D).astype(np.float32)

    def mask(self, shape, selectivity):
        random = np.random.default_rng(int(selectivity * 1e6))
        wanted = max(1, int(N * selectivity))
        mask = np.zeros(N, bool)
        if shape == "random":
            mask[random.choice(N, wanted, replace=False)] = True
        elif shape == "clusters":
            order = np.argsort(random.permutation(CLUSTERS)[self.cluster], kind="stable")
            mask[order[:wanted]] = True
        elif shape == "half-space":
            mask[np.argsort(self.across)[:wanted]] = True
        else:
            far = np.flatnonzero(self.far)
            mask[random.choice(far, min(wanted, len(far)), replace=False)] = True
            if shape == "thin near, thick far":
                mask[random.choice(np.flatnonzero(~self.far), max(1, wanted // 20), replace=False)] = True
        return mask

    def search(self, query, mask, k):
        """Answer as a caller of the policy would; return the slots and whether the index answered."""
        plan = plan_search(
            alive=N, matching=int(mask.sum()), dimension=D, k=k, kind="hnsw", effort=self.index.default_effort
        )
        if not plan.exact:
            found = self.index.search(query[None], plan.fetch, effort=plan.effort)[0]
            slots = accepted(found, mask, k)
            if slots is not None:
                return slots[:k], True
        return nearest(self.metric, query[None], self.rows, k, mask=mask)[0].slots[:k], False


@pytest.fixture(scope="module", params=[DistanceMetric.COSINE, DistanceMetric.EUCLIDEAN])
def collection(request):
    return Collection(request.param)


@pytest.mark.parametrize("shape", ["random", "clusters", "half-space", "far", "thin near, thick far"])
def test_recall_holds_at_every_selectivity_however_the_filter_correlates(collection, shape):
    for selectivity in SELECTIVITIES:
        mask = collection.mask(shape, selectivity)
        exact = nearest(collection.metric, collection.queries, collection.rows, K, mask=mask)
        hits = []
        for query, truth in zip(collection.queries, exact, strict=True):
            slots, _ = collection.search(query, mask, K)
            assert len(slots) == min(K, mask.sum())
            assert mask[slots].all()
            hits.append(len(set(slots.tolist()) & set(truth.slots[:K].tolist())) / len(slots))
        assert np.mean(hits) >= 0.95, (selectivity, np.mean(hits))


def test_a_selector_inside_of_the_index_would_lose_correlated_rows(collection):
    """The reason for this policy: without it the test above would be idle."""
    mask = collection.mask("thin near, thick far", 0.01)
    exact = nearest(collection.metric, collection.queries, collection.rows, K, mask=mask)
    found = collection.index.search(collection.queries, K, effort=128, selector=SlotSelector(mask))
    hits = [len(set(a) & set(b.slots[:K])) / K for a, b in zip(found.tolist(), exact, strict=True)]
    assert np.mean(hits) < 0.9


def test_the_index_answers_a_wide_filter_that_does_not_correlate(collection):
    mask = collection.mask("random", 0.5)
    answered = [collection.search(query, mask, K)[1] for query in collection.queries]
    assert np.mean(answered) > 0.9


def test_matches_at_the_end_of_the_list_are_not_trusted():
    found = np.arange(100)
    early, late = np.zeros(100, bool), np.zeros(100, bool)
    early[:60:6] = True
    late[90:] = True
    assert accepted(found, early, 10).tolist() == list(range(0, 60, 6))
    assert accepted(found, late, 10) is None


def test_a_list_that_the_index_could_not_fill_is_not_trusted():
    found = np.array([3, 1, -1, -1, -1, -1])
    mask = np.ones(10, bool)
    assert accepted(found, mask, 3) is None
    assert accepted(found, mask, 1) is None, "an index that ran out may have missed nearer ones"
    assert accepted(found[:2], mask, 1).tolist() == [3, 1]


@pytest.mark.parametrize("kind", ["hnsw", "ivf_flat"])
@pytest.mark.parametrize("dimension", [2, 128, 1536])
def test_few_matching_rows_are_scanned(kind, dimension):
    plan = plan_search(alive=10**6, matching=10_000, dimension=dimension, k=10, kind=kind, effort=64)
    assert plan.exact


def test_a_flat_collection_is_always_scanned():
    assert plan_search(alive=10**6, matching=10**6, dimension=384, k=10, kind="flat", effort=0).exact


@pytest.mark.parametrize("kind", ["hnsw", "ivf_flat"])
def test_a_large_collection_without_a_filter_is_asked_for_k_slots(kind):
    plan = plan_search(alive=10**6, matching=10**6, dimension=384, k=10, kind=kind, effort=128)
    assert (plan.exact, plan.fetch, plan.effort) == (False, 10, 128)


def test_hnsw_keeps_more_candidates_than_the_slots_it_is_asked_for():
    plan = plan_search(alive=10**6, matching=10**6, dimension=384, k=1000, kind="hnsw", effort=128)
    assert plan.effort > plan.fetch == 1000


def test_many_results_of_a_small_collection_are_scanned():
    assert plan_search(alive=20_000, matching=20_000, dimension=64, k=10_000, kind="hnsw", effort=128).exact


def test_auto_is_flat_while_a_scan_is_cheap_then_hnsw_then_ivf():
    assert auto_kind(alive=9_999, dimension=16_000) == "flat"
    assert auto_kind(alive=10_000, dimension=1536) == "hnsw"
    assert auto_kind(alive=10_000, dimension=16) == "flat"
    assert auto_kind(alive=100_000, dimension=384) == "hnsw"
    assert auto_kind(alive=1_000_000, dimension=384) == "hnsw"
    assert auto_kind(alive=100_000_000, dimension=384) == "ivf_flat"
    kinds = [auto_kind(alive=1 << power, dimension=128) for power in range(31)]
    assert kinds == sorted(kinds, key=["flat", "hnsw", "ivf_flat"].index)


def test_vectors_whose_squares_leave_float32_are_not_indexed():
    assert indexable(np.array([], np.float32))
    assert indexable(np.array([0, 0.5, 1e6], np.float32))
    assert not indexable(np.array([1, 1e18], np.float32))
    assert not indexable(np.array([1e-20, 1e-30], np.float32))
    assert not indexable(np.array([1, np.inf], np.float32))


@pytest.mark.parametrize("slots", [0, 1, 38, 39, 1000, 10**6, 10**9])
def test_lists_never_outnumber_what_can_train_them(slots):
    assert 1 <= nlist_for(slots) <= max(1, slots)
    assert nlist_for(slots) == 1 or training_rows(nlist_for(slots)) <= slots


def test_room_and_cost_grow_with_the_collection():
    assert room_for(0) > 0
    assert room_for(1000) > 1000
    assert room_for(10**6) <= 1.13 * 10**6
    assert scan_seconds(2000, 64) == pytest.approx(2 * scan_seconds(1000, 64))
