"""Searches that come while others are under way share a call, and nobody notices but the clock."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pygent_vec import (
    CollectionNotFoundError,
    F,
    InvalidVectorError,
    StoreClosedError,
    SyncVectorStore,
    VectorDocument,
    VectorQuery,
)
from pygent_vec.stores import MemoryConfig, MemoryStore

LANES = 2
MOST = 64
COUNT = 30
VECTORS = np.random.default_rng(1).standard_normal((200, 4), dtype=np.float32)


class Joining(MemoryStore):
    """Counts the queries of each call; every call waits until the calls are let go."""

    joins_searches = True

    def __init__(self, config):
        super().__init__(config)
        self.calls = []
        self.busy = threading.Semaphore(0)
        self.go = threading.Event()
        self.go.set()

    def _search(self, spec, request):
        self.calls.append(len(request.vectors))
        self.busy.release()
        assert self.go.wait(60)
        return super()._search(spec, request)


def query(number, **fields):
    return VectorQuery(query_vector=VECTORS[number], **{"limit": 3, **fields})


def told(results):
    return [
        (one.document.id, one.document.metadata, one.distance, one.similarity_score, one.rank)
        for one in results
    ]


async def filled(store):
    await store.initialize()
    await store.create_collection("default", 4)
    await store.add_documents(
        VectorDocument(id=str(row), embedding=vector, metadata={"row": row})
        for row, vector in enumerate(VECTORS)
    )


async def held(store):
    """Return two searches that occupy the lanes of `query`."""
    store.calls.clear()
    store.go.clear()
    first = [asyncio.ensure_future(store.search_similar(query(lane))) for lane in range(LANES)]
    for _ in first:
        await asyncio.sleep(0)
        assert await asyncio.to_thread(store.busy.acquire, timeout=60)
        if sum(store.calls) == LANES:
            break
    return first


def joined(story):
    async def whole():
        store = Joining(MemoryConfig())
        await filled(store)
        try:
            await story(store)
        finally:
            store.go.set()
            await store.close()

    asyncio.run(whole())


async def waiting(store, queries):
    """Return tasks that search and found no free lane."""
    tasks = [asyncio.ensure_future(store.search_similar(one)) for one in queries]
    await asyncio.sleep(0)
    return tasks


def test_those_who_wait_share_calls_and_get_what_each_would_get_alone():
    async def story(store):
        alone = [told(await store.search_similar(query(number))) for number in range(COUNT)]
        assert store.calls == [1] * COUNT
        first = await held(store)
        rest = await waiting(store, map(query, range(LANES, COUNT)))
        store.go.set()
        assert [told(await one) for one in [*first, *rest]] == alone
        assert sum(store.calls) == COUNT
        assert len(store.calls) < COUNT / 2

    joined(story)


def test_a_call_is_bounded():
    async def story(store):
        first = await held(store)
        rest = await waiting(store, [query(number % 200) for number in range(5 * MOST)])
        store.go.set()
        await asyncio.gather(*first, *rest)
        assert sum(store.calls) == LANES + 5 * MOST
        assert MOST // 2 < max(store.calls) <= MOST

    joined(story)


def test_whoever_is_cancelled_leaves_the_others_undisturbed():
    async def story(store):
        first = await held(store)
        rest = await waiting(store, map(query, range(20)))
        for task in [first[0], *rest[::2]]:
            task.cancel()
        await asyncio.wait([first[0], *rest[::2]], timeout=60)
        store.go.set()
        outcomes = await asyncio.gather(*first, *rest, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in outcomes] == [
            True,
            False,
            *[True, False] * 10,
        ]
        assert [one[0].document.id for one in outcomes[3::2]] == [str(number) for number in range(1, 20, 2)]
        assert sum(store.calls) == LANES + 10

    joined(story)


def test_an_error_reaches_only_whom_it_concerns():
    async def story(store):
        first = await held(store)
        wrong = VectorQuery(query_vector=[1.0, 2.0, 3.0], limit=3)
        rest = await waiting(store, [query(5), wrong, query(6), query(7)])
        store.go.set()
        outcomes = await asyncio.gather(*first, *rest, return_exceptions=True)
        assert isinstance(outcomes.pop(LANES + 1), InvalidVectorError)
        assert [one[0].document.id for one in outcomes] == ["0", "1", "5", "6", "7"]

    joined(story)


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 4},
        {"offset": 1},
        {"exact": True},
        {"include_content": False},
        {"metadata_filter": {"row": {"$gt": 3}}},
        {"metadata_filter": F("row") > 3},
    ],
)
def test_who_asks_for_something_else_has_lanes_of_its_own(fields):
    async def story(store):
        first = await held(store)
        other = asyncio.ensure_future(store.search_similar(query(9, **fields)))
        assert await asyncio.to_thread(store.busy.acquire, timeout=60)
        assert not any(one.done() for one in [*first, other])
        store.go.set()
        expected = told(await store.search_similar(query(9, **fields)))
        assert told(await other) == expected

    joined(story)


def test_closing_waits_for_those_who_wait_also_where_nobody_wants_the_answer():
    async def story(store):
        first = await held(store)
        rest = await waiting(store, map(query, range(10)))
        closing = asyncio.ensure_future(store.close())
        while True:
            try:
                await store.list_collections()
            except StoreClosedError:
                break
        for task in [*first, *rest[1:]]:
            task.cancel()
        await asyncio.gather(*first, *rest[1:], return_exceptions=True)
        assert not closing.done()
        with pytest.raises(StoreClosedError):
            await store.search_similar(query(1))
        store.go.set()
        assert (await rest[0])[0].document.id == "0"
        await closing
        assert not [one for one in threading.enumerate() if one.name.startswith("pygent-vec-search")]

    joined(story)


def test_a_collection_that_goes_while_searches_wait_is_missed_by_each_of_them():
    async def story(store):
        first = await held(store)
        rest = await waiting(store, map(query, range(6)))
        assert await store.delete_collection("default")
        store.go.set()
        outcomes = await asyncio.gather(*first, *rest, return_exceptions=True)
        assert all(isinstance(one, CollectionNotFoundError) for one in outcomes[LANES:])
        assert len({id(one) for one in outcomes[LANES:]}) == 6

    joined(story)


def test_threads_share_calls_too():
    store = Joining(MemoryConfig())
    asyncio.run(filled(store))
    plain = SyncVectorStore(store)
    with plain, ThreadPoolExecutor(COUNT) as pool:
        alone = [told(plain.search_similar(query(number))) for number in range(COUNT)]
        store.calls.clear()
        store.go.clear()
        asked = [pool.submit(plain.search_similar, query(number)) for number in range(COUNT)]
        while sum(map(len, _waiting(store))) < COUNT - LANES:
            pass
        store.go.set()
        assert [told(one.result()) for one in asked] == alone
        assert len(store.calls) < COUNT / 2


def _waiting(store):
    return [line.waiting for line in store._coalescer._lines.values()]


def test_several_event_loops_and_a_thread_may_share_a_store():
    store = Joining(MemoryConfig())
    asyncio.run(filled(store))

    async def many():
        found = await asyncio.gather(*(store.search_similar(query(number)) for number in range(COUNT)))
        return [one[0].document.id for one in found]

    expected = [str(number) for number in range(COUNT)]
    with ThreadPoolExecutor(4) as pool:
        loops = [pool.submit(asyncio.run, many()) for _ in range(3)]
        with SyncVectorStore(store) as plain:
            assert [plain.search_similar(query(n))[0].document.id for n in range(COUNT)] == expected
            assert [one.result() for one in loops] == [expected] * 3
