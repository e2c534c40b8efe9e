"""Threads that write, search, filter and optimize at once, while upkeep works in the background."""

import gc
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pygent_vec import (
    CollectionNotFoundError,
    F,
    InvalidVectorError,
    PygentVecError,
    StoreClosedError,
    SyncVectorStore,
    VectorBatch,
    VectorQuery,
)
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.search.hnsw import HnswIndex
from pygent_vec_faiss.store import FaissStore

D = 64
LASTING = 1_500
WRITERS = 3
STEPS = 20
PATIENCE = 120
"""Seconds until a thread that does not end counts as a deadlock."""


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Upkeep does not wait for a quiet moment."""
    monkeypatch.setattr("pygent_vec_faiss.background._QUIET_SECONDS", 0.0)


def opened(path, *, background=True):
    return SyncVectorStore(FaissStore(FaissConfig(path=path, background=background)))


def clustered(random, count):
    centers = np.random.default_rng(0).standard_normal((30, D))
    return (centers[random.integers(0, 30, count)] + 0.3 * random.standard_normal((count, D))).astype(
        np.float32
    )


def batch(prefix, numbers, random, **values):
    return VectorBatch(
        ids=[f"{prefix}-{number:05}" for number in numbers],
        vectors=clustered(random, len(numbers)),
        contents=[f"{prefix} {random.integers(1 << 30)}" for _ in numbers],
        metadatas=[{"part": prefix, "third": number % 3, **values} for number in numbers],
    )


class Threads:
    """Threads whose errors are the test's errors, and which must end."""

    def __init__(self):
        self.failures = []
        self._threads = []

    def start(self, work, *arguments):
        def guarded():
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001  # raised again by `join`
                self.failures.append(error)

        self._threads.append(threading.Thread(target=guarded, daemon=True))
        self._threads[-1].start()

    def join(self):
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a deadlock"
        if self.failures:
            raise self.failures[0]
        self._threads.clear()


def write(store, number, seed, model):
    """Write, overwrite and delete in a range of ids that no other thread touches; keep *model* in step."""
    random, prefix = np.random.default_rng((seed, number)), f"writer{number}"
    for _ in range(STEPS):
        choice = random.random()
        if choice < 0.7:
            chosen = np.sort(random.choice(500, int(random.integers(1, 150)), replace=False)).tolist()
            documents = batch(prefix, chosen, random)
            assert store.add_batch(documents) == documents.ids
            model |= {
                key: (vector.tobytes(), text)
                for key, vector, text in zip(
                    documents.ids, documents.vectors, documents.contents, strict=True
                )
            }
        elif choice < 0.9:
            chosen = [f"{prefix}-{one:05}" for one in random.choice(500, 40, replace=False)]
            assert store.delete_documents(chosen) == sum(model.pop(key, None) is not None for key in chosen)
        else:
            third = int(random.integers(3))
            gone = [key for key in model if int(key[-5:]) % 3 == third]
            assert store.delete_where((F("part") == prefix) & (F("third") == third)) == len(gone)
            for key in gone:
                del model[key]
        some = list(model)[:5]
        found = store.get_documents(some)
        assert [(one.embedding.tobytes(), one.content) for one in found] == [model[key] for key in some]


def look(store, lasting, seed, missed, done):
    """Search for documents that nobody changes until *done*."""
    random = np.random.default_rng(seed)
    lasts = F("part") == "lasting"
    while not done.is_set():
        places = random.choice(LASTING, 8, replace=False)
        wanted = [lasting.ids[place] for place in places]
        for exact in (True, False):
            for condition in (None, lasts):
                found = store.search_many(
                    [
                        VectorQuery(
                            query_vector=lasting.vectors[place],
                            limit=5,
                            exact=exact,
                            metadata_filter=condition,
                        )
                        for place in places
                    ]
                )
                assert [len(results) for results in found] == [5] * 8
                nearest = [results[0].document.id for results in found]
                missed.extend(key for key, got in zip(wanted, nearest, strict=True) if key != got)
                assert nearest == wanted or not exact
        assert store.count_documents(filter=lasts) == LASTING
        assert len(store.search_similar(VectorQuery(query_vector=lasting.vectors[0], limit=700))) == 700


def tend(store, done):
    while not done.is_set():
        store.optimize()
        assert store.health_check().status == "healthy"
        assert store.get_stats().collections


def check_quiet(store, lasting, models):
    """Everything agrees with the model, by id, by scan, by filter and by search."""
    expected = {key: value for model in models for key, value in model.items()}
    expected |= {
        key: (vector.tobytes(), text)
        for key, vector, text in zip(lasting.ids, lasting.vectors, lasting.contents, strict=True)
    }
    assert {one.id: (one.embedding.tobytes(), one.content) for one in store.iter_documents()} == expected
    assert store.count_documents() == len(expected)
    ids = list(expected)
    queries = [VectorQuery(query_vector=np.frombuffer(expected[key][0], np.float32), limit=1) for key in ids]
    found = [results[0].document.id for results in store.search_many(queries)]
    assert sum(mine != its for mine, its in zip(ids, found, strict=True)) <= len(ids) // 50
    for number, model in enumerate(models):
        assert store.count_documents(filter=F("part") == f"writer{number}") == len(model)


@pytest.mark.parametrize("kind", ["hnsw", "ivf_flat"])
def test_threads_that_do_everything_at_once_agree_with_a_model_at_each_quiet_point(tmp_path, kind):
    lasting = batch("lasting", range(LASTING), np.random.default_rng(5))
    models = [{} for _ in range(WRITERS)]
    threads, missed = Threads(), []
    with opened(tmp_path) as store:
        store.create_collection("default", D, index=kind)
        store.add_batch(lasting)
        store.optimize()
        # So small an effort is cheaper than a scan of so few documents: the index answers.
        store.store._set_effort(store.store._collection("default"), 24 if kind == "hnsw" else 8)
        for seed in range(2):
            done = threading.Event()
            writers = Threads()
            for number in range(WRITERS):
                writers.start(write, store, number, seed, models[number])
            threads.start(look, store, lasting, seed, missed, done)
            threads.start(tend, store, done)
            try:
                writers.join()
            finally:
                done.set()
            threads.join()
            check_quiet(store, lasting, models)
    with opened(tmp_path, background=False) as store:
        check_quiet(store, lasting, models)
    assert len(missed) < 100


def test_a_document_that_came_after_a_deletion_is_found_once_the_index_holds_it(tmp_path):
    random = np.random.default_rng(0)
    with opened(tmp_path, background=False) as store:
        store.create_collection("default", D, index="hnsw")
        store.add_batch(batch("old", range(3_000), random))
        store.optimize()
        store.store._set_effort(store.store._collection("default"), 24)
        assert store.delete_documents(["old-00000"]) == 1
        store.search_similar(VectorQuery(query_vector=np.ones(D)))
        new = batch("new", range(3_000), random)
        store.add_batch(new)
        collection = store.store._collections["default"]
        collection.upkeep.work()
        assert collection.parts.index.count == len(collection.parts.slots)
        found = store.search_many([VectorQuery(query_vector=vector, limit=1) for vector in new.vectors[::30]])
        assert [results[0].document.id for results in found] == list(new.ids[::30])


def test_a_write_that_raced_a_new_collection_of_the_same_name_does_not_reach_it(tmp_path):
    """Core checks vectors against the collection that it looked up; by the time of the write another may stand there."""
    with opened(tmp_path) as store:
        store.create_collection("default", 8)
        backend = store.store
        old = backend._collection("default")
        store.delete_collection("default")
        store.create_collection("default", 16)
        assert store.count_documents() == 0
        vectors = np.ones((2, 8), np.float32)
        with pytest.raises(CollectionNotFoundError, match="deleted meanwhile"):
            backend._write(
                old, VectorBatch(ids=["a", "b"], vectors=vectors), "overwrite", preserve_created=False
            )
        assert store.count_documents() == 0


def test_collections_that_are_made_and_dropped_under_writers_stay_whole(tmp_path):
    allowed = (CollectionNotFoundError, InvalidVectorError)
    done = threading.Event()

    def add(store, dimension):
        number = 0
        while not done.is_set():
            number += 1
            documents = VectorBatch(
                ids=[f"{dimension}-{number}-{row}" for row in range(20)],
                vectors=np.full((20, dimension), number, np.float32),
            )
            with suppress(*allowed):
                store.add_batch(documents)
                store.search_similar(VectorQuery(query_vector=documents.vectors[0]))

    threads = Threads()
    with opened(tmp_path) as store:
        store.create_collection("default", 8)
        for dimension in (8, 16, 8):
            threads.start(add, store, dimension)
        try:
            for number in range(25):
                assert store.delete_collection("default")
                store.create_collection("default", 16 if number % 2 else 8)
        finally:
            done.set()
        threads.join()
    with opened(tmp_path) as store:
        dimension = store.get_collection_info("default").dimension
        for one in store.iter_documents():
            assert one.id.startswith(f"{dimension}-")
            assert (one.embedding == float(one.id.split("-")[1])).all()


@pytest.fixture
def building(tmp_path, monkeypatch):
    """A store whose background thread is in the midst of building a graph, and how many rows it has added."""
    grown, under_way = [], threading.Event()
    grow = HnswIndex.grow

    def recorded(self, vectors):
        grow(self, vectors)
        grown.append(len(vectors))
        under_way.set()

    monkeypatch.setattr(HnswIndex, "grow", recorded)
    monkeypatch.setattr("pygent_vec_faiss.upkeep._LARGEST_SLICE", 200)
    store = opened(tmp_path)
    store.initialize()
    store.create_collection("default", D, index="hnsw")
    store.add_batch(batch("some", range(30_000), np.random.default_rng(0)))
    assert under_way.wait(PATIENCE)
    yield store, grown
    store.close()


def test_a_store_that_is_closed_while_an_index_is_built_closes_and_loses_nothing(building, tmp_path):
    store, grown = building
    store.close()
    assert sum(grown) < 30_000
    assert not [one for one in threading.enumerate() if one.name.startswith("pygent-vec-faiss")]
    with pytest.raises(StoreClosedError):
        store.count_documents()
    with opened(tmp_path, background=False) as again:
        assert again.count_documents() == 30_000


def test_a_collection_that_is_dropped_while_its_index_is_built_is_gone_at_once(building, tmp_path):
    store, grown = building
    assert store.delete_collection("default")
    assert sum(grown) < 30_000
    assert store.list_collections() == []
    store.create_collection("default", D)
    assert store.count_documents() == 0
    assert store.health_check().status == "healthy"


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_closed_store_leaves_no_descriptor_and_no_thread(tmp_path):
    def life(number):
        random = np.random.default_rng(number)
        with opened(tmp_path) as store:
            store.create_collection("default", D, index="hnsw", if_exists="ignore")
            store.create_collection("other", D)
            readers = Threads()
            store.add_batch(batch("some", range(1_200), random))
            store.add_batch(batch("some", range(1_200), random))
            for _ in range(4):
                readers.start(store.search_similar, VectorQuery(query_vector=np.ones(D), exact=True))
            readers.join()
            store.optimize()
            with suppress(PygentVecError):
                store.get_collection_info("missing")
            next(store.iter_documents())
            assert store.delete_collection("other")

    life(0)
    gc.collect()
    before = descriptors(), threading.active_count()
    for number in range(1, 5):
        life(number)
    gc.collect()
    assert (descriptors(), threading.active_count()) == before


def test_upkeep_that_failed_is_reported_until_it_succeeds(tmp_path, monkeypatch):
    with opened(tmp_path) as store:
        store.create_collection("default", D, index="hnsw")
        failed, worked = threading.Event(), threading.Event()
        grow = HnswIndex.grow

        def refuse(_self, _vectors):
            failed.set()
            raise MemoryError("no room")

        def recorded(self, vectors):
            grow(self, vectors)
            worked.set()

        monkeypatch.setattr(HnswIndex, "grow", refuse)
        store.add_batch(batch("some", range(1_500), np.random.default_rng(0)))
        assert failed.wait(PATIENCE)
        with store.store._collections["default"].parts.upkeep:  # the background has let go
            pass
        wait_for(lambda: store.health_check().status == "degraded")
        assert "no room" in store.health_check().problems[0].what
        assert store.search_similar(VectorQuery(query_vector=np.ones(D), limit=7))
        monkeypatch.setattr(HnswIndex, "grow", recorded)
        store.add_batch(batch("more", range(10), np.random.default_rng(1)))
        assert worked.wait(PATIENCE)
        wait_for(lambda: store.health_check().status == "healthy")


def wait_for(condition):
    """Wait until the background thread has noted what became of its work."""
    pause = threading.Event()
    for _ in range(PATIENCE * 100):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come about")
