"""Collections that do not know of one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_NAMES = ("left", "right")


async def _both(world: World) -> None:
    """Fill two collections with the same ids and opposite everything."""
    for side, name in enumerate(_NAMES):
        await world.collection(name)
        documents = [
            VectorDocument(
                id=f"d{n}",
                content=f"{name} {n}",
                embedding=[n, side, 1, 0],
                metadata={"of": name, "n": n},
                collection=name,
            )
            for n in range(6)
        ]
        await world.store.add_documents(documents)


async def _untouched(world: World, name: str, after: str) -> None:
    expect.equal(
        await world.store.count_documents(collection=name), 6, f"documents of {name!r} after {after}"
    )
    found = [one async for one in world.store.iter_documents(collection=name)]
    for document in found:
        expect.equal(
            document.metadata["of"], name, f"the metadata of {document.id!r} in {name!r} after {after}"
        )
        expect.equal(document.collection, name, f"the collection of {document.id!r}")
        expect.that(
            document.content.startswith(name), f"{document.id!r} in {name!r} reads {document.content!r}"
        )


@check("VS-221")
async def the_same_ids_live_in_two_collections(world: World) -> None:
    """The same id stands in two collections with its own content, vector and metadata in each."""
    await _both(world)
    for name in _NAMES:
        await _untouched(world, name, "writing both")


@check("VS-221")
async def search_and_count_stay_in_their_collection(world: World) -> None:
    """A search, a count and an iteration see the documents of their own collection only."""
    await _both(world)
    for side, name in enumerate(_NAMES):
        query = VectorQuery(query_vector=[3, side, 1, 0], collection=name, limit=100)
        results = await world.store.search_similar(query)
        expect.equal(len(results), 6, f"results from {name!r}")
        for result in results:
            expect.equal(result.document.metadata["of"], name, f"a result of {name!r}")
            expect.equal(result.document.collection, name, "the result's collection")
        other = _NAMES[1 - side]
        count = await world.store.count_documents(collection=name, filter={"of": other})
        expect.equal(count, 0, f"documents of {other!r} counted in {name!r}")


@check("VS-221", timeout=600)
async def searches_of_many_collections_in_turn_miss_nothing(world: World) -> None:
    """Searches of more collections than a cache may hold indexes of find each document, each time."""
    names = [f"many-{number}" for number in range(world.profile.times(24, 300))]

    async def add(name: str, one: str) -> None:
        document = VectorDocument(id=one, embedding=[1, 0, 0, 0], collection=name)
        await world.store.add_documents([document])

    async def found(name: str, wanted: set[str], turn: str) -> None:
        query = VectorQuery(query_vector=[1, 1, 0, 0], collection=name, limit=5)
        ids = {result.document.id for result in await world.store.search_similar(query)}
        expect.equal(ids, wanted, f"what the {turn} search of {name!r} finds")

    for name in names:
        await world.collection(name)
        await add(name, "a")
    for turn in ("first", "second"):
        for name in names:
            await add(name, turn)
            await found(name, {"a", "first", turn}, turn)
    for name in names:
        await found(name, {"a", "first", "second"}, "last")


@check("VS-221")
async def writes_and_deletes_stay_in_their_collection(world: World) -> None:
    """Overwriting, updating, deleting and optimizing one collection leave the other one alone."""
    await _both(world)
    store = world.store
    await store.add_documents([VectorDocument(id="d0", embedding=[9, 9, 9, 9], collection="left")])
    await _untouched(world, "right", "an overwrite in the other")
    await store.update_documents([VectorDocument(id="d1", embedding=[9, 9, 9, 9], collection="left")])
    await _untouched(world, "right", "an update in the other")
    expect.equal(await store.delete_documents(["d2"], collection="left"), 1, "deleted in 'left'")
    await _untouched(world, "right", "a delete in the other")
    expect.equal(
        await store.delete_where({"n": {"$gte": 0}}, collection="left"), 3, "deleted by filter in 'left'"
    )
    await _untouched(world, "right", "a delete_where in the other")
    await store.optimize("left")
    await _untouched(world, "right", "an optimize of the other")
    await store.delete_collection("left")
    await _untouched(world, "right", "deleting the other")


@check("VS-221")
async def one_call_may_write_to_several_collections(world: World) -> None:
    """Documents of one call go each to its own collection, also under the same id."""
    for name in _NAMES:
        await world.collection(name)
    documents = [
        VectorDocument(id=one, embedding=[1, 2, 3, 4], metadata={"of": name}, collection=name)
        for one in ("a", "b")
        for name in _NAMES
    ]
    written = await world.store.add_documents(documents)
    expect.equal(sorted(written), ["a", "a", "b", "b"], "the ids written")
    for name in _NAMES:
        expect.equal(
            await world.store.count_documents(collection=name, filter={"of": name}), 2, f"in {name!r}"
        )


@check("VS-136")
async def no_collection_means_the_default_one(world: World) -> None:
    """collection=None is the configured default collection in every method, and no other."""
    await world.collection("default")
    await world.collection("other")
    store = world.store
    (document,) = world.documents(["a"])
    await store.add_documents([document])
    expect.equal(await store.count_documents(collection="default"), 1, "documents of 'default'")
    expect.equal(await store.count_documents(collection="other"), 0, "documents of 'other'")
    expect.equal((await store.get_collection_info()).name, "default", "get_collection_info() without a name")
    found = await store.get_document("a")
    expect.equal(
        found.collection if found else None, "default", "the collection of the document that was read"
    )
    (result,) = await store.search_similar(VectorQuery(query_vector=document.embedding))
    expect.equal(result.document.collection, "default", "the collection of the document that was found")
    expect.equal(await store.get_document("a", collection="other"), None, "the document, asked of 'other'")
