"""Many tasks and threads at one store, and cancellation."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pygent_vec import (
    DocumentExistsError,
    StoreClosedError,
    VectorBatch,
    VectorDocument,
    VectorQuery,
    VectorStore,
    WriteError,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_SOME = 50
_MOST_RESULTS = 10_000
"""Of one search."""


def _version(one: str, writer: int) -> VectorDocument:
    """Return a document whose every part names its writer."""
    return VectorDocument(
        id=one,
        content=f"w{writer}",
        embedding=[writer, writer, writer, 1],
        metadata={"w": writer},
        chunk_index=writer,
    )


def _is_whole(document: VectorDocument) -> bool:
    writer = document.metadata.get("w")
    vector = None if document.embedding is None else document.embedding.tolist()
    own = document.chunk_index == writer and document.content == f"w{writer}"
    return own and vector == [writer, writer, writer, 1]


@check("VS-261")
async def tasks_that_write_different_ids_lose_nothing(world: World) -> None:
    """Many tasks add different documents at once; every acknowledged one is there and found."""
    await world.collection()
    store = world.store

    async def write(worker: int) -> list[str]:
        written: list[str] = []
        for step in range(5):
            ids = [f"w{worker:02}-{step}-{n}" for n in range(4)]
            written += await store.add_documents([_version(one, worker) for one in ids])
        return written

    written = sorted(one for part in await asyncio.gather(*(write(n) for n in range(16))) for one in part)
    expect.equal(len(written), 320, "documents acknowledged")
    expect.equal([one.id async for one in store.iter_documents()], written, "documents iterated")
    results = await store.search_similar(VectorQuery(query_vector=[1, 1, 1, 1], limit=400))
    expect.equal(sorted(one.document.id for one in results), written, "documents found")


@check("VS-261", timeout=60)
async def writers_in_opposite_order_do_not_deadlock(world: World) -> None:
    """Tasks that overwrite the same ids in opposite orders all end, and no document is torn."""
    await world.collection()
    ids, store = [f"d{n:02}" for n in range(40)], world.store

    async def write(writer: int) -> None:
        for _ in range(4):
            order = ids if writer % 2 else ids[::-1]
            await store.add_documents([_version(one, writer) for one in order])

    await asyncio.gather(*(write(writer) for writer in range(8)))
    documents = [one async for one in store.iter_documents()]
    expect.equal([one.id for one in documents], ids, "documents afterwards")
    torn = [one for one in documents if not _is_whole(one)]
    expect.that(not torn, f"documents that mix two writers: {torn[:1]}")
    results = await store.search_similar(VectorQuery(query_vector=[1, 1, 1, 1], limit=100))
    expect.equal(sorted(one.document.id for one in results), ids, "documents found, each once")


@check("VS-261")
async def readers_never_see_a_document_amid_its_overwrite(world: World) -> None:
    """While documents are overwritten, readers see each of them, whole: got, counted, iterated and found."""
    await world.collection()
    ids, store = [f"d{n:02}" for n in range(12)], world.store
    await store.add_documents([_version(one, 0) for one in ids])

    async def write() -> None:
        for writer in range(1, world.profile.times(40)):
            await store.add_documents([_version(one, writer) for one in ids])

    async def read(task: asyncio.Task[None]) -> None:
        query = VectorQuery(query_vector=[1, 1, 1, 1], limit=50, include_embedding=True)
        while not task.done():
            expect.equal(await store.count_documents(), len(ids), "the count amid overwrites")
            got = await store.get_documents(ids)
            expect.that(all(one is not None for one in got), "a document is missing amid its overwrite")
            found = [one.document for one in await store.search_similar(query)]
            expect.equal(sorted(one.id for one in found), ids, "what is found amid overwrites")
            for one in (*got, *found):
                expect.that(one is None or _is_whole(one), f"a document that mixes two writes: {one}")

    task = asyncio.create_task(write())
    await asyncio.gather(read(task), read(task))
    await task


@check("VS-235")
async def readers_never_see_half_a_batch(world: World) -> None:
    """While batches of 50 new documents are written, every count and every answer holds whole batches."""
    await world.collection()
    store = world.store

    async def write() -> None:
        for batch in range(world.profile.times(20)):
            await store.add_documents([_version(f"b{batch:03}-{n:02}", batch + 1) for n in range(50)])

    task = asyncio.create_task(write())
    query = VectorQuery(query_vector=[1, 1, 1, 1], limit=10_000)
    while not task.done():
        for seen in (await store.count_documents(), len(await store.search_similar(query))):
            expect.equal(seen % 50, 0, f"documents beyond whole batches of 50, of {seen}")
    await task


@check("VS-261")
async def one_of_many_that_insert_an_id_succeeds(world: World) -> None:
    """Of tasks that insert one id under on_conflict="error" one succeeds; under "skip" one reports it."""
    await world.collection()
    store = world.store
    calls = [store.add_documents([_version("one", n)], on_conflict="error") for n in range(8)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    errors = [one for one in outcomes if isinstance(one, BaseException)]
    expect.equal(len(errors), 7, "inserts that were refused, of 8")
    for error in errors:
        expect.that(isinstance(error, DocumentExistsError), f"a refused insert raised {error!r}")
    skips = await asyncio.gather(
        *(store.add_documents([_version("two", n)], on_conflict="skip") for n in range(8))
    )
    expect.equal(sorted(map(len, skips)), [0] * 7 + [1], "how often the inserts under skip reported the id")
    winner = skips.index(["two"])
    found = await store.get_document("two")
    expect.equal(found.content if found else None, f"w{winner}", "the document under skip")


@check("VS-261")
async def concurrent_deletes_count_each_document_once(world: World) -> None:
    """Tasks that delete the same ids report together exactly as many as there were."""
    await world.collection()
    ids, store = [f"d{n:03}" for n in range(100)], world.store
    await store.add_documents([_version(one, n) for n, one in enumerate(ids)])
    by_id = [store.delete_documents(ids[::step]) for step in (1, -1, 1, -1)]
    counts = await asyncio.gather(*by_id, store.delete_where({"w": {"$gte": 50}}), store.delete_where({}))
    expect.equal(sum(counts), 100, f"documents reported as deleted ({counts})")
    expect.equal(await store.count_documents(), 0, "documents afterwards")


@check("VS-261")
def threads_share_a_synchronous_store(world: World) -> None:
    """Threads write, overwrite, search and delete through one synchronous store, and lose nothing."""
    start = threading.Barrier(6)
    with world.target.sync_at(world.place()) as store:
        store.create_collection("default", 4, world.metric)

        def work(worker: int) -> int:
            start.wait(timeout=30)
            for step in range(12):
                store.add_documents([_version(f"w{worker}-{step}", worker), _version("shared", worker)])
                found = store.search_similar(VectorQuery(query_vector=[1, 1, 1, 1], limit=200))
                ids = [one.document.id for one in found]
                expect.equal(len(set(ids)), len(ids), "different ids among the results")
                expect.that(f"w{worker}-{step}" in ids, "a thread does not find what it wrote")
            return store.delete_documents([f"w{worker}-{step}" for step in range(0, 12, 2)])

        with ThreadPoolExecutor(6) as pool:
            deleted = list(pool.map(work, range(6)))
        expect.equal(deleted, [6] * 6, "documents deleted by each thread")
        expect.equal(store.count_documents(), 6 * 6 + 1, "documents afterwards")
        shared = store.get_document("shared")
        expect.that(shared is not None and _is_whole(shared), f"the document that all wrote is {shared}")


@check("VS-262")
async def cancelled_writes_leave_whole_batches(world: World) -> None:
    """A write that is cancelled at any moment leaves each batch whole or absent, and the store usable."""
    await world.collection()
    store = world.store
    for moment in range(world.profile.times(25)):
        batches = [[f"m{moment:03}-{batch}-{n:02}" for n in range(20)] for batch in range(5)]
        ids = [one for batch in batches for one in batch]
        task = asyncio.create_task(store.add_documents([_version(one, moment) for one in ids], batch_size=20))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.add_documents([_version("after", moment)])
        there = {one.id async for one in store.iter_documents(filter={"w": moment})} - {"after"}
        for batch in batches:
            part = len(there & set(batch))
            expect.that(
                part in {0, len(batch)}, f"{part} of {len(batch)} of a batch are there after a cancellation"
            )
    count = await store.count_documents()
    found = await store.search_similar(VectorQuery(query_vector=[1, 1, 1, 1], limit=_MOST_RESULTS))
    expect.equal(len(found), min(count, _MOST_RESULTS), f"documents found afterwards, of {count} counted")


@check("VS-262")
async def cancelled_reads_leave_the_store_usable(world: World) -> None:
    """Searches and iterations that are cancelled leave the store as it was."""
    await world.collection()
    await world.store.add_documents(world.documents([f"d{n:03}" for n in range(500)]))
    query = VectorQuery(query_vector=[1, 2, 3, 4], limit=400, metadata_filter={"parity": "odd"})
    for moment in range(world.profile.times(20)):
        tasks = [
            asyncio.create_task(world.store.search_similar(query)),
            asyncio.create_task(world.store.count_documents(filter={"parity": "odd"})),
        ]
        for _ in range(moment % 7):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    expect.equal(await world.store.count_documents(filter={"parity": "odd"}), 250, "the count afterwards")
    expect.equal(len(await world.store.search_similar(query)), 250, "the results afterwards")


@check("VS-203")
async def close_amid_work_of_many_tasks_ends(world: World) -> None:
    """close() amid writes and searches of many tasks ends; each call with an answer or StoreClosedError."""
    for _ in range(world.profile.times(4)):
        store = await world.fresh()
        await world.collection()
        tasks = [asyncio.create_task(_busy(store, worker, world)) for worker in range(6)]
        await asyncio.sleep(0)
        while not any(task.done() for task in tasks) and await store.count_documents() < _SOME:  # noqa: ASYNC110  # the store tells
            await asyncio.sleep(0)
        await store.close()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            cause = outcome.__cause__ if isinstance(outcome, WriteError) else outcome
            fine = cause is None or isinstance(cause, StoreClosedError)
            expect.that(fine, f"a call that close() overtook raised {outcome!r}")


async def _busy(store: VectorStore, worker: int, world: World) -> None:
    vectors = world.vectors(10)
    for step in range(50):
        ids = [f"w{worker}-{step}-{n}" for n in range(10)]
        await store.add_batch(VectorBatch(ids=ids, vectors=vectors))
        await store.search_similar(VectorQuery(query_vector=[1, 2, 3, 4]))
