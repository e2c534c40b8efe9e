"""Collections that are deleted, or made anew, amid the calls of others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec import (
    CollectionMismatchError,
    CollectionNotFoundError,
    InvalidVectorError,
    VectorDocument,
    VectorQuery,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pygent_vec import VectorStore
    from pygent_vec.model import Float32Matrix
    from pygent_vec_conformance.world import World

_IDS = tuple(f"d{n}" for n in range(8))
_STAY = set(_IDS[:6])
"""d6 and d7 may be deleted and new may be written, by the calls themselves."""
_MAY = {*_IDS, "new"}


def _is_whole(ids: Sequence[str]) -> bool:
    return len(set(ids)) == len(ids) and set(ids) >= _STAY and set(ids) <= _MAY


async def _listed(store: VectorStore) -> list[str]:
    return [one.id async for one in store.iter_documents(collection="victim", batch_size=3)]


async def _found(store: VectorStore) -> list[str]:
    query = VectorQuery(query_vector=[1, 2, 3, 4], collection="victim", limit=20)
    return [one.document.id for one in await store.search_similar(query)]


async def _got(store: VectorStore) -> list[str | None]:
    found = await store.get_documents(["d5", "nobody", "d0"], collection="victim")
    return [None if one is None else one.id for one in found]


async def _counted(store: VectorStore) -> int:
    return (await store.get_collection_info("victim")).document_count


async def _built(store: VectorStore) -> str:
    return (await store.optimize("victim")).collection


def _calls(world: World) -> Mapping[str, tuple[Callable[[], Awaitable[object]], Callable[[object], bool]]]:
    """Return calls on the collection "victim", each with what its answer may be while it is there."""
    store, count = world.store, range(len(_STAY), len(_MAY) + 1)
    (new, changed) = (
        attrs.evolve(one, collection="victim")
        for one in (*world.documents(["new"]), *world.documents(["d1"]))
    )
    where: Mapping[str, object] = {"n": 7}
    return {
        "get_documents": (lambda: _got(store), lambda seen: seen == ["d5", None, "d0"]),
        "iter_documents": (lambda: _listed(store), _is_whole),
        "search_similar": (lambda: _found(store), _is_whole),
        "count_documents": (lambda: store.count_documents(collection="victim"), lambda seen: seen in count),
        "get_collection_info": (lambda: _counted(store), lambda seen: seen in count),
        "add_documents": (lambda: store.add_documents([new]), lambda seen: seen == ["new"]),
        "update_documents": (lambda: store.update_documents([changed]), lambda seen: seen == ["d1"]),
        "delete_documents": (
            lambda: store.delete_documents(["d6"], collection="victim"),
            lambda seen: seen == 1,
        ),
        "delete_where": (
            lambda: store.delete_where(where, collection="victim"),
            lambda seen: seen == 1,
        ),
        "optimize": (lambda: _built(store), lambda seen: seen == "victim"),
    }


@check("VS-216", timeout=180)
async def a_collection_deleted_amid_calls_is_whole_or_missing(world: World) -> None:
    """Calls that overlap a delete_collection answer as before it, or with CollectionNotFoundError."""
    missing = 0
    rounds = world.profile.times(120, 600, 6000)
    for _ in range(rounds // 3 if world.capabilities.remote else rounds):
        world.trace.clear()
        await world.collection("victim")
        await world.store.add_documents(world.documents(_IDS, collection="victim"))
        calls = list(_calls(world).items())
        world.dice.shuffle(calls)
        place = world.dice.randrange(len(calls))
        tasks = [asyncio.ensure_future(call()) for _, (call, _) in calls[:place]]
        for _ in range(world.dice.randrange(4)):
            await asyncio.sleep(0)
        deleting = asyncio.create_task(world.store.delete_collection("victim"))
        tasks += [asyncio.ensure_future(call()) for _, (call, _) in calls[place:]]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        expect.that(await deleting, "delete_collection amid calls returned False")
        for (name, (_, right)), outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, CollectionNotFoundError):
                missing += 1
                continue
            if isinstance(outcome, BaseException):
                raise expect.Violation(f"{name}() amid a delete_collection raised {outcome!r}") from outcome
            expect.that(right(outcome), f"{name}() amid a delete_collection answered {outcome!r:.200}")
    expect.that(missing > 0, "no call overlapped a delete_collection, or none told that it did")


class _Interrupting:
    """An embedder that does something else first, while a write waits for it, its collection already read."""

    model = "ones"
    dimension = 4

    def __init__(self) -> None:
        self.first: Callable[[], object] = lambda: None

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        first, self.first = self.first, lambda: None
        first()
        return np.ones((len(texts), self.dimension), dtype=np.float32)


@check("VS-222")
async def a_write_does_not_reach_the_next_collection_of_that_name(world: World) -> None:
    """A write that was checked for a collection does not reach another one that took its name meanwhile."""
    embedder = _Interrupting()
    store, loop = await world.opened(world.place(), embedder=embedder), asyncio.get_running_loop()

    async def replace() -> None:
        await store.delete_collection("default")
        await store.create_collection("default", 3, world.metric)
        await store.add_documents([VectorDocument(id="kept", embedding=[1, 2, 3])])

    for call in ("add_documents", "update_documents"):
        await store.create_collection("default", 4, world.metric, if_exists="ignore")
        embedder.first = lambda: asyncio.run_coroutine_threadsafe(replace(), loop).result(30)
        given = iter([VectorDocument(id="kept", content="text")])
        outcome = (await asyncio.gather(getattr(store, call)(given), return_exceptions=True))[0]
        refusals = (CollectionNotFoundError, CollectionMismatchError, InvalidVectorError)
        expect.that(
            isinstance(outcome, refusals),
            f"{call}() of 4 dimensions, checked before its collection was made anew with 3, gave {outcome!r}",
        )
        (kept,) = [one async for one in store.iter_documents()]
        seen = None if kept.embedding is None else kept.embedding.tolist()
        expect.equal(
            (kept.id, seen), ("kept", [1.0, 2.0, 3.0]), f"the document of the new one after {call}()"
        )
        (result,) = await store.search_similar(VectorQuery(query_vector=[1, 2, 3]))
        expect.equal(result.document.id, "kept", f"what the new collection finds after {call}()")
        await store.delete_collection("default")


@check("VS-216")
async def a_write_to_a_collection_that_is_gone_by_then_says_so(world: World) -> None:
    """A write that was checked for a collection which is deleted meanwhile raises CollectionNotFoundError."""
    embedder = _Interrupting()
    store, loop = await world.opened(world.place(), embedder=embedder), asyncio.get_running_loop()
    for call in ("add_documents", "update_documents"):
        await store.create_collection("default", 4, world.metric)
        await store.add_documents([VectorDocument(id="kept", embedding=[1, 2, 3, 4])])
        embedder.first = lambda: asyncio.run_coroutine_threadsafe(
            store.delete_collection("default"), loop
        ).result(30)
        given = iter([VectorDocument(id="kept", content="text")])
        await expect.raises(
            CollectionNotFoundError, getattr(store, call)(given), f"{call}() whose collection was deleted"
        )
        expect.equal(await store.list_collections(), [], f"the collections after {call}()")
