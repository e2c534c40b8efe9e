"""Indexes amid change: deletes, what is not taken up yet, building while others work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import CollectionNotFoundError, VectorBatch, VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.oracle import answer_is_right, embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec_conformance.world import World

_DIMENSION = 8


def _documents(world: World, ids: Sequence[str], collection: str | None = None) -> list[VectorDocument]:
    return world.documents(ids, dimension=_DIMENSION, collection=collection)


async def _finds(world: World, documents: Sequence[VectorDocument], when: str) -> None:
    """Check that each document is the nearest to its own vector."""
    queries = [
        VectorQuery(query_vector=one.embedding, limit=1, collection=one.collection, include_content=False)
        for one in documents
    ]
    answers = await world.store.search_many(queries)
    found = [results[0].document.id if results else "nothing" for results in answers]
    missed = [one.id for one, seen in zip(documents, found, strict=True) if seen != one.id]
    by_distance = world.metric in {"euclidean", "manhattan"}
    expect.that(
        not missed or not by_distance,
        f"{when}, {len(missed)} of {len(documents)} documents are not the nearest to their own vector: "
        f"{missed[:5]}",
    )


@check("VS-140", needs="exact_search", timeout=120)
async def copies_are_cut_by_id_under_every_index_kind(world: World) -> None:
    """Of 25 copies of one vector an exact search for 10 gives the smallest ids, under every index kind."""
    ids = [f"copy-{n:02}" for n in world.rng.permutation(25)]
    same = world.vectors(1, _DIMENSION)[0]
    for kind in sorted(world.capabilities.index_kinds):
        name = f"copies-{kind}"
        await world.store.create_collection(name, _DIMENSION, world.metric, index=kind)
        others = _documents(world, [f"other-{n:04}" for n in range(400)], name)
        copies = [VectorDocument(id=one, embedding=same, collection=name) for one in ids]
        await world.store.add_documents([*others[:200], *copies[:12], *others[200:]])
        await world.store.optimize(name)
        await world.store.add_documents(copies[12:])
        query = VectorQuery(query_vector=same, collection=name, limit=10, exact=True)
        for when in ("half of them not in the index yet", "all of them in the index"):
            found = [one.document.id for one in await world.store.search_similar(query)]
            if world.metric == "euclidean":
                what = f"the nearest 10 of 25 copies in {name}, {when}"
                expect.equal(found, sorted(ids)[:10], what)
            await world.store.optimize(name)


@check("VS-260", timeout=180)
async def an_index_takes_up_what_comes_after_deletes(world: World) -> None:
    """1,000 of 3,000 documents are deleted, 1,500 others written: those are found, and none that is gone."""
    await world.collection("default", _DIMENSION)
    first = _documents(world, [f"first-{n:04}" for n in range(3000)])
    await world.store.add_documents(first)
    await world.store.optimize()
    gone, kept = first[::3], [one for n, one in enumerate(first) if n % 3]
    deleted = await world.store.delete_documents([one.id for one in gone])
    expect.equal(deleted, len(gone), "documents deleted")
    await _finds(world, kept[::50], "after deleting others")
    later = _documents(world, [f"later-{n:04}" for n in range(1500)])
    await world.store.add_documents(later)
    there = {one.id for one in (*kept, *later)}
    for when in ("after writing more than was deleted", "after building the index again"):
        await _finds(world, later[::25], when)
        await _finds(world, kept[::50], when)
        query = VectorQuery(query_vector=gone[7].embedding, limit=100, include_content=False)
        seen = [one.document.id for one in await world.store.search_similar(query)]
        expect.equal(len(seen), 100, f"results {when}")
        expect.equal(sorted(set(seen) - there), [], f"results that were deleted, {when}")
        await world.store.optimize()


@check("VS-143", timeout=180)
async def limits_hold_amid_deleted_and_new_documents(world: World) -> None:
    """With deleted documents and others that no index has taken up yet, min(limit, matches) results come."""
    for kind in sorted(world.capabilities.index_kinds):
        name = f"mixed-{kind}"
        await world.store.create_collection(name, _DIMENSION, world.metric, index=kind)
        documents = _documents(world, [f"d{n:04}" for n in range(1200)], name)
        await world.store.add_documents(documents[:1000])
        await world.store.optimize(name)
        vector = documents[3].embedding
        near = VectorQuery(query_vector=vector, collection=name, limit=150)
        gone = [one.document.id for one in await world.store.search_similar(near)]
        await world.store.delete_documents(gone, collection=name)
        await world.store.add_documents(documents[1000:])
        left = embeddings([one for one in documents if one.id not in set(gone)])
        for limit in (1, 100, 1049, 1050, 5000):
            query = VectorQuery(query_vector=vector, collection=name, limit=limit, include_content=False)
            results = await world.store.search_similar(query)
            found = [one.document.id for one in results]
            note = f"with limit={limit} in {name}, of {len(left)} documents, 150 others deleted"
            expect.equal(len(found), min(limit, len(left)), f"results {note}")
            expect.equal(len(set(found)), len(found), f"different results {note}")
            expect.equal(sorted(set(found) - set(left)), [], f"results that were deleted {note}")
        whole = await world.store.search_similar(
            VectorQuery(query_vector=vector, collection=name, limit=5000)
        )
        answer_is_right(whole, left, world.metric, np.asarray(vector), 5000, note=f" in {name}")


@check("VS-253", timeout=120)
async def stats_are_exact_amid_writes_and_builds(world: World) -> None:
    """While one task writes batches and another builds the index, statistics count whole batches."""
    await world.collection("busy", _DIMENSION)
    await world.collection("quiet", 2)
    await world.store.add_documents(
        world.documents([f"q{n}" for n in range(30)], dimension=2, collection="quiet")
    )
    begun, done = 0, 0

    async def write() -> None:
        nonlocal begun, done
        for batch in range(world.profile.times(12)):
            begun += 50
            ids = [f"b{batch:03}-{n:02}" for n in range(50)]
            await world.store.add_batch(
                VectorBatch(ids=ids, vectors=world.vectors(50, _DIMENSION), collection="busy")
            )
            done += 50

    async def build(until: asyncio.Task[None]) -> None:
        while not until.done():
            await world.store.optimize("busy")

    writing = asyncio.create_task(write())
    building = asyncio.create_task(build(writing))
    while not writing.done():
        least = done
        stats = (await world.store.get_stats()).collections
        counts = {name: one.document_count for name, one in stats.items()}
        expect.equal(counts.get("quiet"), 30, "documents of a collection that nobody writes to")
        busy = counts.get("busy", -1)
        expect.that(least <= busy <= begun, f"{busy} documents counted; {least} acknowledged, {begun} begun")
        expect.equal(busy % 50, 0, f"documents beyond whole batches of 50, of {busy}")
    await asyncio.gather(writing, building)
    info = (await world.store.get_stats()).collections["busy"]
    expect.equal(info.document_count, done, "documents afterwards")


@check("VS-213", timeout=180)
async def a_collection_deleted_amid_its_build_is_gone(world: World) -> None:
    """A collection that is deleted while its index is built is gone, and its name is free for another."""
    for round_ in range(world.profile.times(3)):
        await world.collection("victim", _DIMENSION)
        ids = [f"d{n:05}" for n in range(3000)]
        await world.store.add_batch(
            VectorBatch(ids=ids, vectors=world.vectors(3000, _DIMENSION), collection="victim")
        )
        building = asyncio.create_task(world.store.optimize("victim"))
        await asyncio.sleep(0.002 * round_)
        expect.that(
            await world.store.delete_collection("victim"), "delete_collection amid a build returned False"
        )
        outcome = (await asyncio.gather(building, return_exceptions=True))[0]
        fine = not isinstance(outcome, BaseException) or isinstance(outcome, CollectionNotFoundError)
        expect.that(fine, f"optimize() of a collection that was deleted meanwhile raised {outcome!r}")
        expect.equal(await world.store.list_collections(), [], "collections afterwards")
        await world.collection("victim", 2)
        expect.equal(await world.store.count_documents(collection="victim"), 0, "documents of the next one")
        (one,) = world.documents(["a"], dimension=2, collection="victim")
        await world.store.add_documents([one])
        query = VectorQuery(query_vector=one.embedding, collection="victim")
        seen = [found.document.id for found in await world.store.search_similar(query)]
        expect.equal(seen, ["a"], "what the next collection of that name finds")
        await world.store.delete_collection("victim")
