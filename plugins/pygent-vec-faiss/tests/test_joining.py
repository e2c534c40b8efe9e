"""Concurrent searches share calls of FAISS, and each gets what it would get alone."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pygent_vec import F, IndexSpec, InvalidVectorError, SyncVectorStore, VectorBatch, VectorQuery
from pygent_vec_faiss import searching
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.search.library import faiss
from pygent_vec_faiss.store import FaissStore

D = 24
ROWS = 2_000
TASKS = 24


def vectors(seed, count):
    return np.random.default_rng(seed).standard_normal((count, D), dtype=np.float32)


def batch(rows, made):
    return VectorBatch(ids=[f"{row:05}" for row in rows], vectors=made, metadatas=[{"row": r} for r in rows])


@pytest.fixture(params=["cosine", "euclidean"])
def place(request, tmp_path, monkeypatch):
    """A collection with an index, a tail that it lacks, deletions and twins, searched as if it were large."""
    for cost in ("_VISIT_SECONDS", "_VISIT_VALUE_SECONDS", "_EXACT_ROWS"):
        monkeypatch.setattr(f"pygent_vec_faiss.search.policy.{cost}", 0)
    with SyncVectorStore(FaissStore(FaissConfig(path=tmp_path, background=False))) as store:
        index = IndexSpec("hnsw", options={"m": 8, "ef_construction": 40})
        store.create_collection("default", D, request.param, index=index)
        made = vectors(1, ROWS)
        made[100:130] = made[7]
        store.add_batch(batch(range(ROWS), made))
        store.optimize(target_recall=0.9)
        store.delete_documents([f"{row:05}" for row in range(0, ROWS, 17)])
        store.add_batch(batch(range(ROWS, ROWS + 200), vectors(2, 200)))
    return tmp_path


def opened(path):
    return FaissStore(FaissConfig(path=path, background=False))


def queries():
    """Return 240 queries, twins among them: most agree in all but the vector, some ask for something else."""
    made = np.concatenate([vectors(3, 200), np.repeat(vectors(1, 8)[7:], 40, axis=0)])
    kinds = [{}, {}, {}, {}, {"limit": 3}, {"metadata_filter": F("row") < 700}, {"exact": True}]
    return [VectorQuery(query_vector=one, **kinds[turn % len(kinds)]) for turn, one in enumerate(made)]


def told(results):
    return [(one.document.id, one.document.metadata, one.distance, one.rank) for one in results]


@pytest.fixture
def sizes(monkeypatch):
    """The numbers of queries of the calls, of which some are asked of the index."""
    found = []
    search = searching.search

    def counted(parts, request):
        found.append(len(request.vectors))
        return search(parts, request)

    monkeypatch.setattr(searching, "search", counted)
    return found


def test_tasks_get_what_each_would_get_alone_to_the_bit(place, sizes):
    asked = queries()

    async def story():
        async with opened(place) as store:
            alone = [told(await store.search_similar(one)) for one in asked]
            assert max(sizes) == 1
            answers = [None] * len(asked)
            todo = iter(range(len(asked)))

            async def task():
                for turn in todo:
                    answers[turn] = told(await store.search_similar(asked[turn]))

            await asyncio.gather(*(task() for _ in range(TASKS)))
            assert answers == alone

    asyncio.run(story())
    assert 1 < max(sizes) <= TASKS


def test_threads_get_what_each_would_get_alone_to_the_bit(place, sizes):
    asked = queries()
    with SyncVectorStore(opened(place)) as store, ThreadPoolExecutor(TASKS) as pool:
        alone = [told(store.search_similar(one)) for one in asked]
        assert [told(one) for one in pool.map(store.search_similar, asked)] == alone


def test_some_are_cancelled_and_some_are_wrong_and_the_others_do_not_notice(place):
    asked = queries()
    wrong = VectorQuery(query_vector=np.ones(D + 1, np.float32))

    async def story():
        before = set(threading.enumerate())
        async with opened(place) as store:
            alone = [told(await store.search_similar(one)) for one in asked]
            random = np.random.default_rng(5)
            tasks = [
                asyncio.ensure_future(store.search_similar(wrong if turn % 5 == 4 else one))
                for turn, one in enumerate(asked)
            ]
            while not all(one.done() for one in tasks):
                tasks[int(random.integers(len(tasks)) // 3 * 3)].cancel()
                await asyncio.sleep(0.0005)
            for turn, (task, expected) in enumerate(zip(tasks, alone, strict=True)):
                if task.cancelled():
                    assert not turn % 3
                elif turn % 5 == 4:
                    assert isinstance(task.exception(), InvalidVectorError)
                else:
                    assert told(task.result()) == expected
            assert told(await store.search_similar(asked[0])) == alone[0]
        assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("pygent-vec")]

    asyncio.run(story())


def test_a_small_batch_is_searched_without_a_team_of_threads(place, monkeypatch):
    """Its members would spin for each other, on processors that other searches want."""
    threads = []
    with SyncVectorStore(opened(place)) as store:
        index = store.store._opened("default").parts.index
        graph = index._index()

        class Watched:
            def search_c(self, *arguments):
                threads.append(faiss.omp_get_max_threads())
                graph.search_c(*arguments)

        monkeypatch.setattr(index, "_index", Watched)
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(2)
        try:
            for count in (1, 64, 200):
                store.search_many([VectorQuery(query_vector=one) for one in vectors(3, count)])
            assert threads == [1, 1, 2]
            assert faiss.omp_get_max_threads() == 2
        finally:
            faiss.omp_set_num_threads(before)
