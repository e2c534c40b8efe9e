"""Cancellation and timeouts leave a store usable and every batch whole or absent."""

import asyncio

import pytest

from pygent_vec import StoreClosedError, VectorDocument
from pygent_vec.stores import MemoryConfig

from .doubles import AsyncMemoryStore, HeldStore


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
