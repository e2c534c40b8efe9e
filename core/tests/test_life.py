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


# ── cancellation ──


async def cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_an_opening_that_is_cancelled_goes_on_once_or_was_never_begun():
    async def story():
        held = HeldStore(MemoryConfig(), primitive="_open")
        opening = asyncio.ensure_future(held.initialize())
        await asyncio.to_thread(held.entered.wait, 60)
        await cancelled(opening)
        again = asyncio.ensure_future(held.initialize())
        held.release.set()
        await again
        assert held.opened == 1
        assert await held.list_collections() == []
        await held.close()
        assert held.closed == 1

    asyncio.run(story())


def test_a_closing_that_is_cancelled_can_be_asked_for_again():
    async def story():
        held = HeldStore(MemoryConfig(), primitive="_count")
        await held.initialize()
        await held.create_collection("default", 2)
        call = asyncio.ensure_future(held.count_documents())
        await asyncio.to_thread(held.entered.wait, 60)
        closing = asyncio.ensure_future(held.close())
        while True:
            try:
                await held.list_collections()
            except StoreClosedError:
                break
        await cancelled(closing)
        held.release.set()
        assert await call == 0
        await held.close()
        assert held.closed == 1

    asyncio.run(story())


class SlowlyOpening(AsyncMemoryStore):
    """Waits in its first opening, and for the calls inside it, until it is told."""

    def __init__(self, config):
        super().__init__(config)
        self.entered, self.release = asyncio.Event(), asyncio.Event()

    async def _open(self):
        self.entered.set()
        await self.release.wait()
        await super()._open()

    async def _count(self, spec, pushed):
        self.entered.set()
        await self.release.wait()
        return await super()._count(spec, pushed)


def test_an_async_store_whose_opening_was_cancelled_opens_again():
    async def story():
        store = SlowlyOpening(MemoryConfig())
        opening = asyncio.ensure_future(store.initialize())
        await store.entered.wait()
        waiting = asyncio.ensure_future(store.initialize())
        await asyncio.sleep(0)
        await cancelled(opening)
        store.release.set()
        await waiting
        assert await store.list_collections() == []
        await store.close()

    asyncio.run(story())


def test_an_async_store_whose_closing_was_cancelled_closes_again():
    async def story():
        store = SlowlyOpening(MemoryConfig())
        store.release.set()
        await store.initialize()
        await store.create_collection("default", 2)
        store.entered.clear()
        store.release.clear()
        call = asyncio.ensure_future(store.count_documents())
        await store.entered.wait()
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
        await cancelled(closing)
        store.release.set()
        assert await call == 0
        await store.close()
        with pytest.raises(StoreClosedError):
            await store.count_documents()

    asyncio.run(story())


def test_a_batch_whose_writing_is_cancelled_is_whole_or_absent():
    async def story():
        held = HeldStore(MemoryConfig(), primitive="_write")
        async with held:
            await held.create_collection("default", 2)
            documents = [VectorDocument(id=str(number), embedding=[1, 0]) for number in range(10)]
            writing = asyncio.ensure_future(held.add_documents(documents, batch_size=5))
            await asyncio.to_thread(held.entered.wait, 60)
            await cancelled(writing)
            held.release.set()
            await asyncio.to_thread(held.done.wait, 60)
            assert await held.count_documents() == 5
            assert await held.add_documents(documents) == [str(number) for number in range(10)]
            assert await held.count_documents() == 10

    asyncio.run(story())


def test_an_async_batch_whose_writing_is_cancelled_is_whole_or_absent():
    class Waiting(AsyncMemoryStore):
        held = True

        async def _write(self, spec, batch, mode, *, preserve_created):
            if self.held:
                self.entered.set()
                await asyncio.Event().wait()
            return await super()._write(spec, batch, mode, preserve_created=preserve_created)

    async def story():
        store = Waiting(MemoryConfig())
        store.entered = asyncio.Event()
        async with store:
            await store.create_collection("default", 2)
            writing = asyncio.ensure_future(store.add_documents([VectorDocument(id="a", embedding=[1, 0])]))
            await store.entered.wait()
            await cancelled(writing)
            assert await store.count_documents() == 0
            store.held = False
            assert await store.add_documents([VectorDocument(id="a", embedding=[1, 0])]) == ["a"]

    asyncio.run(story())


def test_a_call_that_times_out_leaves_the_store_usable():
    async def story():
        held = HeldStore(MemoryConfig(), primitive="_count")
        async with held:
            await held.create_collection("default", 2)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(held.count_documents(), 0.01)
            held.release.set()
            assert await held.count_documents() == 0

    asyncio.run(story())
