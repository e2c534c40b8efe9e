"""Opening and closing."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from typing import TYPE_CHECKING

from pygent_vec import StoreClosedError, VectorDocument, VectorQuery, WriteError
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pygent_vec import VectorStore
    from pygent_vec_conformance.world import World

_SPARE = 2


@check("VS-200")
async def a_store_opens_and_answers(world: World) -> None:
    """A store opens, takes a document and gives it back: the smoke check."""
    await world.collection()
    (document,) = world.documents(["a"])
    expect.equal(await world.store.add_documents([document]), ["a"], "the ids written")
    found = await world.store.get_document("a")
    expect.that(found is not None, "the document that was just written is not there")
    results = await world.store.search_similar(VectorQuery(query_vector=document.embedding))
    expect.equal([one.document.id for one in results], ["a"], "the ids found")


@check("VS-201")
async def initialize_and_close_are_idempotent(world: World) -> None:
    """A second initialize or close does nothing."""
    await world.collection()
    await world.store.initialize()
    expect.equal(await world.store.list_collections(), ["default"], "collections after a second initialize")
    await world.store.close()
    await world.store.close()
    never_opened = world.unopened()
    await never_opened.close()
    await never_opened.close()


@check("VS-201")
async def initialize_may_be_called_by_many_tasks_at_once(world: World) -> None:
    """Tasks that initialize one store together open it once, and all may use it."""
    store = world.unopened()
    await asyncio.gather(*(store.initialize() for _ in range(8)))
    await store.create_collection("default", 4, world.metric)
    expect.equal(await store.list_collections(), ["default"], "collections")
    await asyncio.gather(*(store.close() for _ in range(8)))


def calls(store: VectorStore) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """Return a call of every public method on the collection `default`."""
    vector = [1.0, 2.0, 3.0, 4.0]
    document = VectorDocument(id="a", embedding=vector)
    query = VectorQuery(query_vector=vector)

    async def first() -> object:
        return [one async for one in store.iter_documents()]

    async def first_batch() -> object:
        return [one async for one in store.iter_batches()]

    return {
        "create_collection": lambda: store.create_collection("other", 4),
        "delete_collection": lambda: store.delete_collection("default"),
        "list_collections": store.list_collections,
        "get_stats": store.get_stats,
        "health_check": store.health_check,
        "get_collection_info": lambda: store.get_collection_info("default"),
        "add_documents": lambda: store.add_documents([document]),
        "update_documents": lambda: store.update_documents([document]),
        "delete_documents": lambda: store.delete_documents(["a"]),
        "delete_where": lambda: store.delete_where({}),
        "get_document": lambda: store.get_document("a"),
        "get_documents": lambda: store.get_documents(["a"]),
        "iter_documents": first,
        "iter_batches": first_batch,
        "count_documents": store.count_documents,
        "search_similar": lambda: store.search_similar(query),
        "search_many": lambda: store.search_many([query]),
        "optimize": store.optimize,
    }


@check("VS-202")
async def a_store_that_is_not_open_refuses_every_call(world: World) -> None:
    """Before initialize and after close every call raises StoreClosedError."""
    store = world.unopened()
    for name, call in calls(store).items():
        await expect.raises(StoreClosedError, call(), f"{name}() before initialize()")
    await store.initialize()
    await store.close()
    for name, call in calls(store).items():
        await expect.raises(StoreClosedError, call(), f"{name}() after close()")
    await expect.raises(StoreClosedError, store.initialize(), "initialize() after close()")


@check("VS-203")
async def close_waits_for_work_in_flight(world: World) -> None:
    """A write that began before close is acknowledged or refused whole, and close waits for it."""
    store = world.store
    await world.collection()
    documents = world.documents([f"d{n:04}" for n in range(2000)])
    write = asyncio.create_task(store.add_documents(documents, batch_size=100))
    while not write.done() and await store.count_documents() == 0:  # noqa: ASYNC110  # the store tells
        await asyncio.sleep(0)
    await store.close()
    outcome = (await asyncio.gather(write, return_exceptions=True))[0]
    if isinstance(outcome, BaseException):
        cause = outcome.__cause__ if isinstance(outcome, WriteError) else outcome
        fine = isinstance(cause, StoreClosedError)
        expect.that(fine, f"a write that close() overtook raised {outcome!r}, by {cause!r}")
    else:
        expect.equal(len(outcome), 2000, "documents acknowledged")


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0  # noqa: PTH208  # names only


@check("VS-204")
async def close_releases_threads_and_files(world: World) -> None:
    """Opening, using and closing a store again and again leaves no threads and no open files."""

    async def cycle() -> None:
        store = world.unopened()
        async with store:
            await store.create_collection("default", 4, world.metric)
            await store.add_documents(world.documents(["a", "b"]))
            await store.search_similar(VectorQuery(query_vector=[1.0, 2.0, 3.0, 4.0]))

    await cycle()
    await cycle()
    gc.collect()
    threads, files = threading.active_count(), _open_files()
    for _ in range(6):
        await cycle()
    gc.collect()
    expect.that(
        threading.active_count() <= threads + _SPARE,
        f"{threading.active_count() - threads} threads more after 6 stores were closed",
    )
    expect.that(_open_files() <= files + _SPARE, f"{_open_files() - files} open files more after 6 stores")


@check("VS-205")
async def async_with_closes_the_store_when_its_body_raises(world: World) -> None:
    """`async with` opens the store, and closes it when its body raises."""
    store = world.unopened()
    seen = ""
    try:
        async with store:
            await store.create_collection("default", 4, world.metric)
            raise _BodyError  # noqa: TRY301  # the block under test raises
    except _BodyError:
        seen = "raised"
    expect.equal(seen, "raised", "what became of the body's error")
    await expect.raises(StoreClosedError, store.list_collections(), "a call after the block")


class _BodyError(Exception):
    pass
