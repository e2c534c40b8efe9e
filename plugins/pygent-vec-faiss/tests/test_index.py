"""Approximate indexes: what they find, how they grow, and what their snapshots survive."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import faiss
import numpy as np
import pytest

from pygent_vec.errors import BackendError
from pygent_vec.model import DistanceMetric
from pygent_vec_faiss.search.clusters import assigned, centroids_of
from pygent_vec_faiss.search.index import IndexParameters, SlotSelector, Unusable, create_index, load_index
from pygent_vec_faiss.search.scan import ScanRows, nearest

METRICS = list(DistanceMetric)
KINDS = ["hnsw", "ivf_flat"]
D = 24


class Rows:
    """A source of vectors that counts what is read."""

    def __init__(self, vectors):
        self.vectors = vectors
        self.rows_read = 0

    def read_into(self, out, start=0):
        out[:] = self.vectors[start : start + len(out)]
        self.rows_read += len(out)


def clustered(n=4000, d=D, seed=0):
    random = np.random.default_rng(seed)
    centers = random.standard_normal((50, d))
    noise = 0.4 * random.standard_normal((n, d))
    lengths = random.uniform(0.5, 2, (n, 1))
    return ((centers[random.integers(0, 50, n)] + noise) * lengths).astype(np.float32)


def built(kind, metric, vectors, *, slices=4, **options):
    parameters = IndexParameters(kind=kind, **options)
    index = create_index(
        metric=metric, dimension=vectors.shape[1], parameters=parameters, sample=vectors, slots=len(vectors)
    )
    for part in np.array_split(vectors, slices):
        index.grow(part)
    return index


def effort_of(index):
    return 256 if index.kind == "hnsw" else max(8, index.efforts[-1] // 3)


def recall(index, queries, vectors, *, mask=None, k=10):
    selector = None if mask is None else SlotSelector(mask)
    found = index.search(queries, k, effort=effort_of(index), selector=selector)
    exact = nearest(index.metric, queries, ScanRows(matrix=vectors), k, mask=mask)
    return np.mean([len(set(a) & set(b.slots[:k])) / k for a, b in zip(found.tolist(), exact, strict=True)])


def load(path, metric, vectors, *, kind="hnsw", generation=3, source=None, slots=None, capacity=0, **options):
    return load_index(
        path,
        metric=metric,
        dimension=vectors.shape[1],
        parameters=IndexParameters(kind=kind, **options),
        generation=generation,
        slots=len(vectors) if slots is None else slots,
        source=source or Rows(vectors),
        capacity=capacity,
    )


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", METRICS)
def test_an_index_that_grew_in_slices_finds_the_nearest(kind, metric):
    vectors = clustered()
    index = built(kind, metric, vectors)
    assert index.count == len(vectors)
    assert recall(index, clustered(60, seed=1), vectors) >= 0.97


@pytest.mark.parametrize("kind", KINDS)
def test_slots_outside_of_the_selector_are_never_returned(kind):
    vectors = clustered()
    index = built(kind, DistanceMetric.EUCLIDEAN, vectors)
    alive = np.random.default_rng(2).random(len(vectors)) < 0.3
    queries = clustered(40, seed=1)
    found = index.search(queries, 10, effort=effort_of(index), selector=SlotSelector(alive))
    assert alive[found[found >= 0]].all()
    assert recall(index, queries, vectors, mask=alive) >= 0.95
    one = np.zeros(len(vectors), bool)
    one[7] = True
    found = index.search(vectors[7:8], 10, effort=effort_of(index), selector=SlotSelector(one))
    assert found[0].tolist() == [7] + [-1] * 9


@pytest.mark.parametrize("kind", KINDS)
def test_slots_beyond_the_selector_s_mask_are_not_selected(kind):
    vectors = clustered(1000)
    index = built(kind, DistanceMetric.EUCLIDEAN, vectors)
    found = index.search(vectors[900:901], 5, effort=512, selector=SlotSelector(np.ones(800, bool)))
    assert found[0].tolist()
    assert (found < 800).all()


@pytest.mark.parametrize("metric", [one for one in METRICS if one is not DistanceMetric.COSINE])
def test_the_matrix_of_hnsw_is_its_one_copy_of_the_vectors(metric):
    vectors = clustered(500)
    index = built("hnsw", metric, vectors)
    np.testing.assert_array_equal(index.matrix, vectors)
    assert not index.matrix.flags.writeable
    assert not index.matrix.flags.owndata
    assert built("ivf_flat", metric, vectors).matrix is None


def test_cosine_takes_half_the_memory_and_still_finds_the_nearest():
    vectors = clustered()
    index, wide = (
        built("hnsw", metric, vectors) for metric in (DistanceMetric.COSINE, DistanceMetric.EUCLIDEAN)
    )
    assert (index.lossy, wide.lossy) == (True, False)
    assert wide.memory_bytes - index.memory_bytes == 2 * D * len(vectors)
    huge, tiny = 1e17 * vectors, 1e-15 * vectors
    for scaled in (huge, tiny):
        assert recall(built("hnsw", DistanceMetric.COSINE, scaled), clustered(60, seed=1), scaled) >= 0.97


def test_the_matrix_outlives_the_index_that_it_came_from():
    vectors = clustered(3000, d=128)
    matrix = built("hnsw", DistanceMetric.EUCLIDEAN, vectors, m=2, ef_construction=1).matrix
    gc.collect()
    others = [built("hnsw", DistanceMetric.EUCLIDEAN, -vectors, m=2, ef_construction=1) for _ in range(3)]
    np.testing.assert_array_equal(matrix, vectors)
    assert len(others) == 3


@pytest.mark.parametrize("metric", METRICS)
def test_reserving_room_changes_no_answer_and_stops_reallocation(metric):
    vectors = clustered()
    index = built("hnsw", metric, vectors[:1000])
    queries = clustered(10, seed=1)
    before = index.search(queries, 10, effort=64)
    source = Rows(vectors)
    index.reserve(4000, source)
    assert source.rows_read == 1000
    np.testing.assert_array_equal(index.search(queries, 10, effort=64), before)
    address = int(index._storage.codes.data())
    index.grow(vectors[1000:])
    assert int(index._storage.codes.data()) == address
    assert index.capacity == 4000
    index.reserve(2000, source)
    assert source.rows_read == 1000
    assert recall(index, queries, vectors) >= 0.95


RESERVER = """
import os, numpy as np
from pathlib import Path
from pygent_vec.model import DistanceMetric
from pygent_vec_faiss.search.index import IndexParameters, create_index

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

class Rows:
    def __init__(self):
        self.peak = 0

    def read_into(self, out, start=0):
        out[:] = vectors[start : start + len(out)]
        self.peak = max(self.peak, resident())

vectors = np.random.default_rng(0).standard_normal((60_000, 256), dtype=np.float32)
parameters = IndexParameters(m=2, ef_construction=1)
index = create_index(
    metric=DistanceMetric.EUCLIDEAN, dimension=256, parameters=parameters, sample=vectors[:0], slots=0
)
index.reserve(50_000, Rows())
index.grow(vectors[:50_000])
rows, before = Rows(), resident()
index.reserve(60_000, rows)
print(rows.peak - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures by /proc")
def test_reserving_room_never_holds_the_vectors_twice():
    # In a process of its own: what an allocator gives back depends on what was freed there before.
    command = [sys.executable, "-c", RESERVER]
    grown = int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert 0 < grown < 30_000 * 1024


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", METRICS)
def test_a_snapshot_gives_the_same_index_without_the_vectors_on_disk(kind, metric, tmp_path):
    vectors = clustered(3000, d=64)
    index = built(kind, metric, vectors)
    path = tmp_path / "index-3.faiss"
    index.save(path, generation=3)
    assert path.stat().st_size < vectors.nbytes
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    source = Rows(vectors)
    loaded = load(path, metric, vectors, kind=kind, source=source)
    assert not isinstance(loaded, Unusable), loaded.reason
    assert source.rows_read == 3000
    queries = clustered(30, d=64, seed=1)
    for effort in index.efforts:
        np.testing.assert_array_equal(
            loaded.search(queries, 10, effort=effort), index.search(queries, 10, effort=effort)
        )
    loaded.grow(clustered(500, d=64, seed=4))
    assert loaded.count == 3500


def test_a_snapshot_of_a_prefix_is_loaded_and_can_grow(tmp_path):
    vectors = clustered()
    path = tmp_path / "index"
    built("hnsw", DistanceMetric.COSINE, vectors[:3000]).save(path, generation=3)
    index = load(path, DistanceMetric.COSINE, vectors, capacity=5000)
    assert (index.count, index.capacity) == (3000, 5000)
    index.grow(vectors[3000:])
    assert recall(index, clustered(30, seed=1), vectors) >= 0.97


@pytest.mark.parametrize("kind", KINDS)
def test_every_damaged_byte_and_every_cut_makes_a_snapshot_unusable(kind, tmp_path):
    vectors = clustered(200, d=4)
    path = tmp_path / "index"
    built(kind, DistanceMetric.EUCLIDEAN, vectors).save(path, generation=3)
    intact = path.read_bytes()
    for at in {*range(0, 1300, 7), *range(0, len(intact), 97), len(intact) - 1}:
        broken = bytearray(intact)
        broken[at] ^= 0x10
        path.write_bytes(broken)
        assert isinstance(load(path, DistanceMetric.EUCLIDEAN, vectors, kind=kind), Unusable), at
    for length in (0, 3, 500, 1024, 1500, len(intact) - 1):
        path.write_bytes(intact[:length])
        assert isinstance(load(path, DistanceMetric.EUCLIDEAN, vectors, kind=kind), Unusable), length
    path.write_bytes(intact + b"\0")
    assert isinstance(load(path, DistanceMetric.EUCLIDEAN, vectors, kind=kind), Unusable)


def test_a_snapshot_that_does_not_fit_says_why(tmp_path):
    vectors = clustered(500)
    path = tmp_path / "index"
    assert "no snapshot" in load(path, DistanceMetric.COSINE, vectors).reason
    built("hnsw", DistanceMetric.COSINE, vectors).save(path, generation=3)
    assert "generation 3" in load(path, DistanceMetric.COSINE, vectors, generation=4).reason
    assert "covers 500" in load(path, DistanceMetric.COSINE, vectors, slots=499).reason
    assert "hnsw, cosine" in load(path, DistanceMetric.EUCLIDEAN, vectors).reason
    assert "hnsw, cosine" in load(path, DistanceMetric.COSINE, vectors, kind="ivf_flat").reason
    assert "'m': 16" in load(path, DistanceMetric.COSINE, vectors, m=32).reason
    path.unlink()
    path.mkdir()
    assert isinstance(load(path, DistanceMetric.COSINE, vectors), Unusable)


def test_a_failed_save_keeps_the_old_snapshot(tmp_path, monkeypatch):
    vectors = clustered(500)
    path = tmp_path / "index"
    index = built("hnsw", DistanceMetric.COSINE, vectors)
    index.save(path, generation=3)
    old = path.read_bytes()
    written = []

    def full(self, piece):
        written.append(len(piece))
        if len(written) > 5:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("pygent_vec_faiss.search.snapshot.SnapshotWriter.write", full)
    with pytest.raises(BackendError, match="index"):
        index.save(path, generation=4)
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["index"]


def test_searches_of_many_threads_agree():
    vectors = clustered()
    index = built("hnsw", DistanceMetric.COSINE, vectors)
    alive = np.random.default_rng(3).random(len(vectors)) < 0.5
    selectors = [None, SlotSelector(alive), SlotSelector(~alive)]
    queries = clustered(30, seed=1)
    expected = [index.search(queries, 10, effort=64, selector=selector) for selector in selectors]
    wrong = []

    def run(offset):
        for turn in range(60):
            which, row = (turn + offset) % 3, turn % 30
            found = index.search(queries[row : row + 1], 10, effort=64, selector=selectors[which])
            if found[0].tolist() != expected[which][row].tolist():
                wrong.append((which, row))

    threads = [threading.Thread(target=run, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_search_leaves_the_thread_s_openmp_setting_as_it_was():
    vectors = clustered(500)
    index = built("hnsw", DistanceMetric.COSINE, vectors)
    before = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(3)
        index.search(vectors[:1], 5, effort=16)
        index.search(vectors[:5], 5, effort=16)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_making_and_loading_indexes_fifty_times_leaks_no_memory(kind, tmp_path):
    vectors = clustered(1000, d=512)
    path = tmp_path / "index"
    options = {"m": 2, "ef_construction": 1} if kind == "hnsw" else {}

    def turn():
        index = built(kind, DistanceMetric.COSINE, vectors, slices=1, **options)
        index.search(vectors[:2], 3, effort=4, selector=SlotSelector(np.ones(len(vectors), bool)))
        index.save(path, generation=3)
        load(path, DistanceMetric.COSINE, vectors, kind=kind, **options).grow(vectors[:10])

    for _ in range(5):
        turn()
    gc.collect()
    before = resident_bytes()
    for _ in range(50):
        turn()
    gc.collect()
    assert resident_bytes() - before < 10 * vectors.nbytes


@pytest.mark.parametrize("directions", [False, True])
def test_centroids_are_the_same_for_the_same_sample_and_split_what_is_apart(directions):
    random = np.random.default_rng(0)
    sample = np.concatenate([np.eye(4)[at] * 10 + 0.1 * random.standard_normal((300, 4)) for at in range(4)])
    sample = sample.astype(np.float32)
    centroids = centroids_of(sample, 16, directions=directions)
    np.testing.assert_array_equal(centroids, centroids_of(sample, 16, directions=directions))
    lists = assigned(sample, centroids, directions=directions)
    corners = np.repeat(np.arange(4), 300)
    assert all(len(set(corners[lists == number])) == 1 for number in set(lists.tolist()))


def test_more_lists_than_distinct_vectors_are_trained():
    sample = np.repeat(clustered(3), 20, axis=0)
    assert np.isfinite(centroids_of(sample, 10, directions=False)).all()


def test_the_efforts_ascend_and_hold_more_than_one():
    vectors = clustered(1000)
    for kind in KINDS:
        index = built(kind, DistanceMetric.COSINE, vectors)
        assert len(index.efforts) > 3
        assert list(index.efforts) == sorted(set(index.efforts))
        assert index.default_effort <= index.efforts[-1]
        assert index.memory_bytes >= vectors.nbytes


def test_an_error_of_faiss_is_a_backend_error():
    vectors = clustered(100)
    index = built("hnsw", DistanceMetric.COSINE, vectors)
    index._graph.storage = None
    with pytest.raises(BackendError, match="nothing that was stored is lost"):
        index.grow(vectors)


@pytest.mark.parametrize(
    "options", [{"kind": "pq"}, {"m": 1}, {"m": 1000}, {"ef_construction": 0}, {"nlist": -1}]
)
def test_impossible_parameters_are_refused(options):
    with pytest.raises(ValueError):
        IndexParameters(**options)
