"""Opening and closing: once, whoever asks and however often, and never under a call that is inside."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pygent_vec import StoreClosedError, SyncVectorStore, VectorBatch, VectorDocument, VectorQuery
from pygent_vec.errors import BackendError
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import AsyncMemoryStore, HeldStore

KINDS = pytest.mark.parametrize("kind", [MemoryStore, AsyncMemoryStore], ids=["blocking", "async"])

CALLS = {
    "create_collection": lambda store: store.create_collection("a", 2),
    "delete_collection": lambda store: store.delete_collection("a"),
    "list_collections": lambda store: store.list_collections(),
    "get_collection_info": lambda store: store.get_collection_info(),
    "add_documents": lambda store: store.add_documents([VectorDocument(id="a", embedding=[1, 0])]),
    "add_documents of nothing": lambda store: store.add_documents([]),
    "add_documents of an empty iterator": lambda store: store.add_documents(iter(())),
    "add_batch": lambda store: store.add_batch(VectorBatch(ids=["a"], vectors=np.ones((1, 2), np.float32))),
    "update_documents": lambda store: store.update_documents([VectorDocument(id="a", embedding=[1, 0])]),
    "update_documents of nothing": lambda store: store.update_documents([]),
    "delete_documents": lambda store: store.delete_documents(["a"]),
    "delete_documents of nothing": lambda store: store.delete_documents([]),
    "delete_where": lambda store: store.delete_where({}),
    "get_document": lambda store: store.get_document("a"),
    "get_documents": lambda store: store.get_documents(["a"]),
    "get_documents of nothing": lambda store: store.get_documents([]),
    "iter_documents": lambda store: list(store.iter_documents()),
    "iter_batches": lambda store: list(store.iter_batches()),
    "count_documents": lambda store: store.count_documents(),
    "search_similar": lambda store: store.search_similar(VectorQuery(query_vector=[1, 0])),
    "search_many": lambda store: store.search_many([]),
    "optimize": lambda store: store.optimize(),
    "health_check": lambda store: store.health_check(),
    "get_stats": lambda store: store.get_stats(),
}


@KINDS
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_call_needs_an_open_store(kind, call):
    store = SyncVectorStore(kind(MemoryConfig(), name="notes"))
    with pytest.raises(StoreClosedError, match="'notes' is not open yet"):
        call(store)
    with store:
        pass
    with pytest.raises(StoreClosedError, match="'notes' is closed; open a new one"):
        call(store)


def test_every_public_method_is_tried_above():
    public = {
        name
        for name, member in vars(SyncVectorStore).items()
        if not name.startswith("_") and callable(member)
    }
    assert {name.split()[0] for name in CALLS} == public - {"initialize", "close"}


@KINDS
def test_opening_and_closing_twice_is_opening_and_closing_once(kind):
    store = SyncVectorStore(kind(MemoryConfig()))
    store.initialize()
    store.create_collection("kept", 2)
    store.initialize()
    assert store.list_collections() == ["kept"]
    store.close()
    store.close()


@KINDS
def test_a_closed_store_does_not_open_again(kind):
    store = SyncVectorStore(kind(MemoryConfig()))
    store.initialize()
    store.close()
    with pytest.raises(StoreClosedError, match="open a new one"):
        store.initialize()


@KINDS
def test_a_store_that_was_closed_before_it_was_opened_stays_closed(kind):
    store = SyncVectorStore(kind(MemoryConfig()))
    store.close()
    with pytest.raises(StoreClosedError, match="open a new one"):
        store.initialize()


class Stubborn(MemoryStore):
    """Opens at the second attempt, and fails to close."""

    attempts = 0

    def _open(self):
        self.attempts += 1
        if self.attempts == 1:
            raise OSError("not now")

    def _close(self):
        raise OSError("never")


def test_a_store_that_failed_to_open_can_be_opened_again():
    store = SyncVectorStore(Stubborn(MemoryConfig()))
    with pytest.raises(BackendError, match=r"memory.initialize failed.*not now") as caught:
        store.initialize()
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(StoreClosedError, match="not open yet"):
        store.list_collections()
    store.initialize()
    assert store.list_collections() == []


def test_a_store_that_failed_to_open_leaves_no_thread_behind():
    class Unreachable(AsyncMemoryStore):
        async def _open(self):
            raise OSError("away")

    before = set(threading.enumerate())
    store = SyncVectorStore(Unreachable(MemoryConfig()))
    for _ in range(2):
        with pytest.raises(BackendError, match="away"):
            store.initialize()
        assert set(threading.enumerate()) == before
    with pytest.raises(StoreClosedError, match="not open yet"):
        store.list_collections()


def test_a_store_that_failed_to_close_is_closed_all_the_same():
    store = SyncVectorStore(Stubborn(MemoryConfig()))
    with pytest.raises(BackendError):
        store.initialize()
    store.initialize()
    with pytest.raises(BackendError, match="never"):
        store.close()
    with pytest.raises(StoreClosedError):
        store.list_collections()
    store.close()


def test_threads_that_open_together_open_once():
    held = HeldStore(MemoryConfig(), primitive="_open")
    store = SyncVectorStore(held)
    with ThreadPoolExecutor(6) as pool:
        openings = [pool.submit(store.initialize) for _ in range(6)]
        assert held.entered.wait(60)
        assert not any(opening.done() for opening in openings)
        held.release.set()
        for opening in openings:
            opening.result(60)
    assert held.opened == 1
    assert store.list_collections() == []


def test_tasks_that_open_and_close_together_open_and_close_once():
    async def story():
        held = HeldStore(MemoryConfig(), primitive=None)
        await asyncio.gather(*(held.initialize() for _ in range(5)))
        await held.create_collection("kept", 2)
        assert await held.list_collections() == ["kept"]
        await asyncio.gather(*(held.close() for _ in range(5)))
        assert (held.opened, held.closed) == (1, 1)

    asyncio.run(story())


def refused(store):
    """Wait until *store* refuses calls."""
    while True:
        try:
            store.list_collections()
        except StoreClosedError:
            return


def test_closing_waits_for_the_calls_inside_and_lets_nobody_in():
    held = HeldStore(MemoryConfig(), primitive="_count")
    store = SyncVectorStore(held)
    store.initialize()
    store.create_collection("default", 2)
    with ThreadPoolExecutor(3) as pool:
        call = pool.submit(store.count_documents)
        assert held.entered.wait(60)
        closings = [pool.submit(store.close) for _ in range(2)]
        refused(store)
        assert held.closed == 0
        assert not any(closing.done() for closing in closings)
        held.release.set()
        assert call.result(60) == 0
        for closing in closings:
            closing.result(60)
    assert held.closed == 1


def test_threads_that_open_and_close_a_portal_together_start_and_stop_it_once():
    before = threading.active_count()
    store = SyncVectorStore(AsyncMemoryStore(MemoryConfig()))
    with ThreadPoolExecutor(4) as pool:
        for opening in [pool.submit(store.initialize) for _ in range(4)]:
            opening.result(60)
        assert store.list_collections() == []
        for closing in [pool.submit(store.close) for _ in range(4)]:
            closing.result(60)
    assert threading.active_count() == before
