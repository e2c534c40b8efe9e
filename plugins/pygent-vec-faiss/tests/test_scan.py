"""The exact search gives the reference's answer, whatever the vectors look like."""

import itertools
import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pygent_vec.model import DistanceMetric, distances_to
from pygent_vec_faiss.search.scan import ScanRows, merged, nearest, norms_of

METRICS = list(DistanceMetric)


def reference(metric, query, matrix, k, mask=None):
    with np.errstate(all="ignore"):
        distances = distances_to(metric, query, np.asarray(matrix))
    slots = np.arange(len(matrix)) if mask is None else np.flatnonzero(mask)
    chosen = distances[slots]
    if len(chosen) > k:
        near = chosen <= np.sort(chosen)[k - 1]
        slots, chosen = slots[near], chosen[near]
    order = np.lexsort((slots, chosen))
    return slots[order], chosen[order]


def assert_exact(metric, queries, matrix, k, *, rows=None, mask=None, positions=None):
    found = nearest(metric, queries, rows or ScanRows(matrix=matrix), k, mask=mask, positions=positions)
    assert len(found) == len(queries)
    if positions is not None:
        mask = np.zeros(len(matrix), bool)
        mask[positions] = True
    for query, neighbors in zip(queries, found, strict=True):
        slots, distances = reference(metric, query, matrix, k, mask)
        np.testing.assert_array_equal(neighbors.distances, distances)
        np.testing.assert_array_equal(neighbors.slots, slots)


def gaussian(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def shaped(kind, n, d, rng):
    """Return `n` vectors of a kind that is hard for float32."""
    base = rng.standard_normal((n, d), dtype=np.float32)
    if kind == "duplicates":
        return base[rng.integers(0, max(1, n // 20), n)]
    if kind == "near duplicates far from the origin":
        return (1000 + 1e-4 * base).astype(np.float32)
    if kind == "tiny":
        return base * np.float32(1e-30)
    if kind == "huge":
        return base * np.float32(1e30)
    if kind == "all scales":
        return (base * 10.0 ** rng.uniform(-30, 30, (n, 1))).astype(np.float32)
    if kind == "opposite":
        return base[:1] * rng.choice(np.array([-1, 1, 2, -0.5], np.float32), (n, 1))
    if kind == "parallel":
        return (base[:1] * rng.uniform(0.1, 10, (n, 1)) + 1e-7 * base).astype(np.float32)
    return base


KINDS = [
    "plain", "duplicates", "near duplicates far from the origin", "tiny", "huge", "all scales", "opposite", "parallel",
]  # fmt: skip


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 7])
def test_the_answer_is_the_reference_s_for_hard_vectors(metric, kind, batch):
    rng = np.random.default_rng(5)
    matrix = shaped(kind, 5000, 24, rng)
    queries = np.concatenate([matrix[: batch // 2], shaped(kind, batch - batch // 2, 24, rng)])
    for k in (1, 10, 300):
        assert_exact(metric, queries, matrix, k)
        assert_exact(metric, queries, matrix, k, rows=ScanRows(matrix=matrix, norms=norms_of(matrix)))


@settings(max_examples=150, deadline=None)
@given(
    metric=st.sampled_from(METRICS),
    kind=st.sampled_from(KINDS),
    query_kind=st.sampled_from(KINDS),
    n=st.integers(1, 3000),
    d=st.integers(1, 70),
    batch=st.integers(1, 5),
    k=st.integers(1, 50),
    share=st.sampled_from([None, 0.0, 0.01, 0.2, 0.6, 1.0]),
    as_positions=st.booleans(),
    with_norms=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_answer_is_the_reference_s(
    metric, kind, query_kind, n, d, batch, k, share, as_positions, with_norms, seed
):
    rng = np.random.default_rng(seed)
    matrix = shaped(kind, n, d, rng)
    queries = shaped(query_kind, batch, d, rng)
    mask = None if share is None else rng.random(n) < share
    positions = None
    if as_positions and mask is not None:
        positions, mask = np.flatnonzero(mask), None
    rows = ScanRows(matrix=matrix, norms=norms_of(matrix) if with_norms else None)
    assert_exact(metric, queries, matrix, k, rows=rows, mask=mask, positions=positions)


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric is not DistanceMetric.COSINE])
def test_a_zero_query_and_zero_rows_are_scored_by_all_metrics_that_allow_them(metric):
    matrix = gaussian(3000, 20)
    matrix[::7] = 0
    assert_exact(metric, np.zeros((1, 20), np.float32), matrix, 5)
    assert_exact(metric, np.concatenate([np.zeros((1, 20), np.float32), matrix[:3]]), matrix, 5)


@pytest.mark.parametrize("batch", [1, 300])
def test_many_blocks_of_rows_and_groups_of_queries_are_joined(batch, monkeypatch):
    monkeypatch.setattr("pygent_vec_faiss.search.scan._BLOCK_SCORES", 4096)
    monkeypatch.setattr("pygent_vec_faiss.search.scan._PRUNE_HITS", 500)
    monkeypatch.setattr("pygent_vec_faiss.search.scan._BLOCK_VALUES", 1024)
    matrix = gaussian(6000, 8)
    queries = gaussian(batch, 8, seed=1)
    for metric in METRICS:
        assert_exact(metric, queries, matrix, 10)
        assert_exact(metric, queries, matrix, 10, mask=matrix[:, 0] > 0)
        assert_exact(metric, queries, matrix, 10, positions=np.flatnonzero(matrix[:, 0] > 1))


def test_rows_that_come_nearer_and_nearer_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("pygent_vec_faiss.search.scan._BLOCK_SCORES", 4096)
    monkeypatch.setattr("pygent_vec_faiss.search.scan._PRUNE_HITS", 500)
    matrix = np.linspace(9, 1, 60_000, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    assert_exact(DistanceMetric.EUCLIDEAN, np.zeros((2, 4), np.float32), matrix, 10)


@pytest.mark.parametrize("metric", METRICS)
def test_all_ties_at_the_last_place_are_returned(metric):
    matrix = np.repeat(gaussian(5, 16), 800, axis=0)
    (found,) = nearest(metric, matrix[:1], ScanRows(matrix=matrix), 3)
    assert len(found.slots) == 800
    assert len(set(found.distances.tolist())) == 1


@pytest.mark.parametrize("excluded", [0.0, 0.1, 0.9])
def test_every_range_that_was_read_is_released(excluded):
    matrix, released = gaussian(9000, 512), []
    mask = np.random.default_rng(2).random(9000) >= excluded if excluded else None
    rows = ScanRows(matrix=matrix, first_slot=70, release=lambda start, stop: released.append((start, stop)))
    nearest(DistanceMetric.COSINE, matrix[:1], rows, 3, mask=mask)
    assert len(released) > 1
    assert released[0][0] in range(70, 130)
    assert released[-1][1] in range(9000, 9071)
    assert all(start - stop < 100 for (_, stop), (start, _) in itertools.pairwise(released))


def test_rows_that_lie_far_apart_are_fetched():
    matrix, fetched = gaussian(30_000, 128), []

    def fetch(slots):
        fetched.extend(slots.tolist())
        return matrix[slots - 70]

    rows = ScanRows(matrix=matrix, first_slot=70, fetch=fetch)
    mask = np.zeros(30_000, bool)
    mask[50::100] = True
    queries = gaussian(2, 128, seed=3)
    for ours, plain in zip(
        nearest(DistanceMetric.COSINE, queries, rows, 5, mask=mask),
        nearest(DistanceMetric.COSINE, queries, ScanRows(matrix=matrix), 5, mask=mask),
        strict=True,
    ):
        np.testing.assert_array_equal(ours.slots, plain.slots + 70)
        np.testing.assert_array_equal(ours.distances, plain.distances)
    assert fetched == (np.flatnonzero(mask) + 70).tolist()


def test_the_slots_of_a_tail_start_at_its_first_slot_and_merge_with_the_head():
    matrix = gaussian(3000, 16)
    matrix[2500] = matrix[3]
    query = matrix[3:4]
    head = nearest(DistanceMetric.EUCLIDEAN, query, ScanRows(matrix=matrix[:2000]), 1)[0]
    tail = nearest(DistanceMetric.EUCLIDEAN, query, ScanRows(matrix=matrix[2000:], first_slot=2000), 1)[0]
    assert merged([head, tail], 1).slots.tolist() == [3, 2500]
    whole = nearest(DistanceMetric.EUCLIDEAN, query, ScanRows(matrix=matrix), 1)[0]
    assert merged([head, tail], 1).distances.tolist() == whole.distances.tolist()


def test_no_rows_give_no_neighbors():
    rows = ScanRows(matrix=gaussian(100, 4))
    (found,) = nearest(DistanceMetric.COSINE, gaussian(1, 4), rows, 3, mask=np.zeros(100, bool))
    assert found.slots.tolist() == []
    (found,) = nearest(DistanceMetric.COSINE, gaussian(1, 4), ScanRows(matrix=gaussian(0, 4)), 3)
    assert found.distances.tolist() == []


def test_a_mapped_file_is_scanned_in_place(tmp_path):
    matrix = gaussian(5000, 16)
    path = tmp_path / "vectors.f32"
    path.write_bytes(matrix.tobytes())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = np.frombuffer(mapped, np.float32).reshape(-1, 16)
        assert not view.flags.writeable
        assert_exact(DistanceMetric.COSINE, matrix[:4], view, 10, mask=matrix[:, 0] > 1)
        del view


def test_few_rows_of_plain_data_need_float64(monkeypatch):
    """Without this, a bound that excludes nothing would pass every other test here."""
    from pygent_vec_faiss.search import scan

    rescored = []
    original = scan.distances_to

    def counting(metric, query, vectors):
        rescored.append(len(vectors))
        return original(metric, query, vectors)

    monkeypatch.setattr(scan, "distances_to", counting)
    matrix = gaussian(20_000, 64)
    far = (300 + gaussian(20_000, 64)).astype(np.float32)
    for metric in METRICS:
        for batch in (1, 6):
            nearest(metric, gaussian(batch, 64, seed=2), ScanRows(matrix=matrix), 10)
            assert max(rescored) < 40, metric
            rescored.clear()
    nearest(DistanceMetric.EUCLIDEAN, far[:6], ScanRows(matrix=far), 10)
    assert max(rescored) < 40
