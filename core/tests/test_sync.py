"""The synchronous face is the asynchronous one, call by call."""

import asyncio
import inspect
import threading

import numpy as np
import pytest

from pygent_vec import DistanceMetric, SyncVectorStore, VectorBatch, VectorDocument, VectorQuery
from pygent_vec.contract import VectorStore
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.sync import open_store

from .doubles import AsyncMemoryStore

KINDS = pytest.mark.parametrize("kind", [MemoryStore, AsyncMemoryStore], ids=["blocking", "async"])
PUBLIC = sorted(
    name
    for name, member in inspect.getmembers(VectorStore, callable)
    if not name.startswith("_") and name != "subscribe"
)


def test_the_two_faces_have_the_same_methods():
    plain = [name for name, member in vars(SyncVectorStore).items() if callable(member)]
    assert sorted(name for name in plain if not name.startswith("_")) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_method_has_the_same_signature_on_both_faces(name):
    plain, coroutine = (inspect.signature(getattr(face, name)) for face in (SyncVectorStore, VectorStore))
    assert list(plain.parameters) == list(coroutine.parameters)
    for mine, theirs in list(zip(plain.parameters.values(), coroutine.parameters.values(), strict=True))[1:]:
        assert (mine.kind, mine.default) == (theirs.kind, theirs.default)
        assert mine.annotation == str(theirs.annotation).replace(" | AsyncIterable[VectorDocument]", "")
    assert plain.return_annotation == coroutine.return_annotation.replace("AsyncIterator", "Iterator")
    assert not inspect.iscoroutinefunction(getattr(SyncVectorStore, name))


@pytest.mark.parametrize("name", [*PUBLIC, "__init__"])
def test_every_method_is_documented(name):
    assert inspect.getdoc(getattr(SyncVectorStore, name))
    assert inspect.getdoc(getattr(VectorStore, name))


class NoLoop(asyncio.DefaultEventLoopPolicy):
    """Lets nobody make an event loop."""

    def new_event_loop(self):
        raise AssertionError("an event loop was made")


def everything(store):
    """Use every operation once, and return what they answered."""
    store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
    told = []
    answers = [
        store.add_documents(
            [
                VectorDocument(
                    id=str(x), content=f"text {x}", embedding=[x, 0], metadata={"x": x, "odd": x % 2 == 1}
                )
                for x in range(6)
            ],
            batch_size=4,
            on_progress=told.append,
        ),
        store.add_batch(VectorBatch(ids=["b"], vectors=np.array([[9, 9]]), titles=["t"])),
        store.update_documents(
            [VectorDocument(id="2", embedding=[2, 1]), VectorDocument(id="no", embedding=[0, 0])]
        ),
        store.delete_documents(["5", "no"]),
        store.delete_where({"odd": True, "x": {"$gte": 3}}),
        store.get_document("b").title,
        [one and one.id for one in store.get_documents(["4", "3", "0"])],
        [one.id for one in store.iter_documents(batch_size=2)],
        [one.id for one in store.iter_documents(filter={"x": {"$exists": True}})],
        store.count_documents(),
        [(one.document.id, one.distance) for one in store.search_similar(VectorQuery(query_vector=[0, 0]))],
        [len(results) for results in store.search_many([VectorQuery(query_vector=[0, 0], limit=2)] * 3)],
        store.optimize().document_count,
        store.health_check().status,
        store.get_stats().document_count,
        store.get_collection_info().document_count,
        store.list_collections(),
        store.delete_collection("default"),
    ]
    return [*answers, told]


WANTED = [
    ["0", "1", "2", "3", "4", "5"],
    ["b"],
    ["2"],
    1,
    1,
    "t",
    ["4", None, "0"],
    ["0", "1", "2", "4", "b"],
    ["0", "1", "4"],
    5,
    [("0", 0.0), ("1", 1.0), ("2", 5**0.5), ("4", 4.0), ("b", 162**0.5)],
    [2, 2, 2],
    5,
    "healthy",
    5,
    5,
    ["default"],
    True,
    [4, 6],
]


@KINDS
def test_every_operation_answers_through_the_synchronous_face(kind):
    with SyncVectorStore(kind(MemoryConfig())) as store:
        assert everything(store) == WANTED


@KINDS
def test_every_operation_answers_through_the_asynchronous_face(kind):
    class Awaited:
        """Runs each coroutine of a store to its end in one event loop."""

        def __init__(self, store, runner):
            self._store, self._runner = store, runner

        def __getattr__(self, name):
            method = getattr(self._store, name)
            return lambda *arguments, **options: self._finished(method(*arguments, **options))

        def _finished(self, awaitable):
            if inspect.isasyncgen(awaitable):

                async def collected():
                    return [one async for one in awaitable]

                return self._runner.run(collected())
            return self._runner.run(awaitable)

    with asyncio.Runner() as runner:
        store = kind(MemoryConfig())
        awaited = Awaited(store, runner)
        awaited.initialize()
        assert everything(awaited) == WANTED
        awaited.close()


def test_a_blocking_store_needs_no_event_loop_and_no_thread(monkeypatch):
    monkeypatch.setattr(asyncio, "new_event_loop", NoLoop.new_event_loop)
    monkeypatch.setattr(threading.Thread, "start", NoLoop.new_event_loop)
    with SyncVectorStore(MemoryStore(MemoryConfig())) as store:
        assert everything(store) == WANTED


def test_a_blocking_store_runs_in_the_caller_s_thread():
    threads = set()

    class Here(MemoryStore):
        def _count(self, spec, pushed):
            threads.add(threading.get_ident())
            return super()._count(spec, pushed)

    with SyncVectorStore(Here(MemoryConfig())) as store:
        store.create_collection("default", 2)
        store.count_documents()
    assert threads == {threading.get_ident()}


def test_a_blocking_store_never_runs_in_the_event_loop_s_thread():
    threads = set()

    class Elsewhere(MemoryStore):
        def _open(self):
            threads.add(threading.get_ident())

        def _count(self, spec, pushed):
            threads.add(threading.get_ident())
            return super()._count(spec, pushed)

        def _close(self):
            threads.add(threading.get_ident())

    async def story():
        async with Elsewhere(MemoryConfig()) as store:
            await store.create_collection("default", 2)
            await asyncio.gather(*(store.count_documents() for _ in range(4)))

    asyncio.run(story())
    assert threads
    assert threading.get_ident() not in threads


def test_the_synchronous_face_works_within_a_running_event_loop():
    async def story():
        with SyncVectorStore(MemoryStore(MemoryConfig())) as store:
            return everything(store)

    assert asyncio.run(story()) == WANTED


@KINDS
def test_a_reading_that_is_given_up_half_way_leaves_the_store_usable(kind):
    with SyncVectorStore(kind(MemoryConfig())) as store:
        store.create_collection("default", 2)
        store.add_batch(VectorBatch(ids=["a", "b", "c"], vectors=np.ones((3, 2))))
        reading = store.iter_documents(batch_size=1)
        assert next(reading).id == "a"
        reading.close()
        assert store.count_documents() == 3


@KINDS
def test_a_document_written_behind_the_reader_is_not_seen_twice(kind):
    with SyncVectorStore(kind(MemoryConfig())) as store:
        store.create_collection("default", 2)
        store.add_batch(VectorBatch(ids=["b", "d", "f"], vectors=np.ones((3, 2))))
        seen = []
        for document in store.iter_documents(batch_size=1):
            seen.append(document.id)
            if document.id == "b":
                store.add_batch(VectorBatch(ids=["a", "b"], vectors=np.ones((2, 2))))
                store.delete_documents(["d"])
    assert seen == ["b", "f"]


@KINDS
def test_concurrent_writers_of_the_same_ids_lose_nothing(kind):
    async def story():
        async with kind(MemoryConfig()) as store:
            await store.create_collection("default", 2)

            async def write(writer):
                ids = [str((number * (1 if writer % 2 else -1)) % 50) for number in range(50)]
                vectors = np.full((50, 2), writer + 1, np.float32)
                await store.add_batch(VectorBatch(ids=ids, vectors=vectors, contents=[str(writer)] * 50))

            await asyncio.gather(*map(write, range(8)))
            assert await store.count_documents() == 50
            async for document in store.iter_documents():
                assert document.embedding[0] == int(document.content) + 1

    asyncio.run(story())


def test_the_portal_s_thread_ends_with_the_store():
    before = set(threading.enumerate())
    with SyncVectorStore(AsyncMemoryStore(MemoryConfig())) as store:
        assert store.list_collections() == []
        assert set(threading.enumerate()) - before
    assert not set(threading.enumerate()) - before


def test_the_beneath_store_and_its_name_can_be_seen():
    beneath = MemoryStore(MemoryConfig(), name="notes")
    face = SyncVectorStore(beneath)
    assert face.store is beneath
    assert face.name == "notes"


def test_a_store_is_opened_by_name_or_url():
    for backend in ("memory", "memory:"):
        with open_store(backend, name="notes") as store:
            assert store.name == "notes"
            assert store.list_collections() == []
