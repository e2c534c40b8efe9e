"""Reading without a query vector: by id, in order, counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pygent_vec import ConfigError, InvalidDocumentError, VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_conformance.world import World


async def _iterated(
    world: World, most: int, *, batch_size: int = 1000, condition: Mapping[str, object] | None = None
) -> list[str]:
    """Return the ids of an iteration, which must end after *most* documents."""
    seen: list[str] = []
    async for one in world.store.iter_documents(batch_size=batch_size, filter=condition):
        seen.append(one.id)
        expect.that(len(seen) <= most, f"of {most} documents more are iterated, without an end: {seen[-3:]}")
    return seen


@check("VS-245")
async def documents_come_in_the_order_asked(world: World) -> None:
    """get_documents keeps the order asked, repeats what is asked twice, and gives None where missing."""
    await world.collection()
    await world.store.add_documents(world.documents(["a", "b", "c", "d"]))
    asked = ["d", "x", "a", "d", "c", "A", "y", "b"]
    found = await world.store.get_documents(asked)
    seen = [one.id if one is not None else None for one in found]
    expect.equal(seen, ["d", None, "a", "d", "c", None, None, "b"], f"get_documents({asked})")
    for one in found:
        expect.that(one is None or one.embedding is not None, "a document came without its embedding")
    expect.equal(await world.store.get_document("x"), None, "get_document of a missing id")
    many = [f"m{n:05}" for n in range(3000)]
    await world.store.add_documents(world.documents(many))
    again = await world.store.get_documents(reversed(many))
    expect.equal([one.id if one else None for one in again], many[::-1], "3 000 documents, asked in reverse")


@check("VS-246")
async def iteration_is_in_code_point_order(world: World) -> None:
    """iter_documents yields every document once in code-point order, whatever the page size."""
    await world.collection()
    ids = [
        "b",
        "a",
        "B",
        "A",
        "_",
        "-",
        "10",
        "9",
        "é",
        "e",
        "f",
        "z",
        "😀",
        "\uffff",
        "日",
        "a b",
        "ab",
        "a-b",
        "a_b",
        "~",
        "Z",
    ]
    await world.store.add_documents(world.documents(ids))
    for size in (1, 2, 7, len(ids), 1000):
        seen = await _iterated(world, len(ids), batch_size=size)
        expect.equal(seen, sorted(ids), f"ids with batch_size={size}")
        seen = await _iterated(world, len(ids), batch_size=size, condition={"parity": "even"})
        expect.equal(seen, sorted(ids[::2]), f"ids with batch_size={size}, filtered")
    async for one in world.store.iter_documents():
        expect.that(
            one.embedding is not None and bool(one.content), f"{one.id!r} came without content or embedding"
        )
    for bad in (0, -1):
        call = anext(world.store.iter_documents(batch_size=bad))
        await expect.raises(ConfigError, call, f"batch_size={bad}")


@check("VS-246")
async def iteration_goes_over_many_pages(world: World) -> None:
    """Thousands of documents are iterated completely, also where few of them match."""
    await world.collection()
    ids = [f"d{n:05}" for n in range(3500)]
    await world.store.add_documents(world.documents(ids))
    expect.equal(await _iterated(world, len(ids)), ids, "ids")
    rare = {"n": {"$in": [0, 999, 1000, 1001, 2000, 3499]}}
    seen = [one.id async for one in world.store.iter_documents(filter=rare)]
    expect.equal(seen, [ids[n] for n in (0, 999, 1000, 1001, 2000, 3499)], "ids of few")
    expect.equal(await world.store.count_documents(filter=rare), 6, "their count")
    expect.equal(await world.store.count_documents(filter={"parity": "odd"}), 1750, "the count of half")


@check("VS-246")
async def batches_hold_what_the_documents_hold(world: World) -> None:
    """iter_batches yields the documents of iter_documents as columns, after an id and filtered if asked."""
    await world.collection()
    ids = [f"d{n:02}" for n in range(23)]
    own = [VectorDocument(id="own", embedding=[1, 2, 3, 4], title="a title", chunk_index=3, chunk_count=9)]
    await world.store.add_documents([*world.documents(ids), *own])
    size = 5
    for after, condition in [(None, None), ("d05x", None), ("d22", {"parity": "even"}), ("zz", None)]:
        wanted = [one async for one in world.store.iter_documents(filter=condition) if one.id > (after or "")]
        seen: list[VectorDocument] = []
        async for batch in world.store.iter_batches(after=after, filter=condition, batch_size=size):
            expect.that(0 < len(batch) <= size, f"a batch of {len(batch)} rows came for batch_size={size}")
            seen += batch.documents()
        told = f"the documents of iter_batches(after={after!r}, filter={condition!r})"
        expect.equal([expect.whole(one) for one in seen], [expect.whole(one) for one in wanted], told)
    await expect.raises(InvalidDocumentError, anext(world.store.iter_batches(after="")), "after=''")


@check("VS-249")
async def iteration_amid_writes_sees_each_document_once(world: World) -> None:
    """While others write and delete, iteration yields no id twice, in order, and all that nobody touched."""
    await world.collection()
    kept = [f"k{n:03}" for n in range(200)]
    await world.store.add_documents(world.documents(kept))
    store = world.store

    async def disturb() -> None:
        for round_ in range(15):
            extra = [f"{letter}{round_:03}" for letter in "ajkx" for _ in "1"]
            await store.add_documents(
                [VectorDocument(id=f"{one}-x", embedding=[1, 2, 3, 4]) for one in extra]
            )
            await store.update_documents(world.documents(kept[round_::20]))
            await store.delete_documents([f"{one}-x" for one in extra[::2]])

    task = asyncio.create_task(disturb())
    while not task.done():
        seen = []
        async for one in store.iter_documents(batch_size=9):
            seen.append(one.id)
            await asyncio.sleep(0)
        expect.equal(len(set(seen)), len(seen), "different ids among those iterated")
        expect.equal(seen, sorted(seen), "the order of iteration")
        missing = sorted(set(kept) - set(seen))
        expect.that(not missing, f"documents that nobody deleted were not seen: {missing[:5]}")
    await task


@check("VS-247")
async def counts_are_exact_after_every_write(world: World) -> None:
    """count_documents is exact after each write, with a filter and without."""
    await world.collection()
    store = world.store
    for step in range(6):
        ids = [f"d{n:02}" for n in range(step * 3, step * 3 + 5)]
        await store.add_documents(world.documents(ids))
        if step % 2:
            await store.delete_documents(ids[:2])
        everything = [one async for one in store.iter_documents()]
        expect.equal(await store.count_documents(), len(everything), f"the count after step {step}")
        odd = sum(one.metadata["parity"] == "odd" for one in everything)
        count = await store.count_documents(filter={"parity": "odd"})
        expect.equal(count, odd, f"the filtered count after step {step}")
        expect.equal(await store.count_documents(filter={}), len(everything), "the count with the filter {}")


@check("VS-247")
async def counts_do_not_end_at_a_page(world: World) -> None:
    """Counts of thousands of documents are exact, filtered and not."""
    await world.collection()
    await world.store.add_documents(world.documents([f"d{n:05}" for n in range(2500)]))
    expect.equal(await world.store.count_documents(), 2500, "the count")
    expect.equal(await world.store.count_documents(filter={"n": {"$gte": 100}}), 2400, "a filtered count")
    info = await world.store.get_collection_info("default")
    expect.equal(info.document_count, 2500, "the count of the info")


@check("VS-260")
async def no_read_is_answered_from_before_a_write(world: World) -> None:
    """The same read before and after an overwrite, an update and a delete has different answers."""
    await world.collection()
    store = world.store
    seen = []
    for n in range(4):
        document = VectorDocument(id="a", embedding=[n, 1, 2, 3], metadata={"n": n})
        await (store.update_documents([document]) if n == 2 else store.add_documents([document]))  # noqa: PLR2004  # the third
        one, many = await store.get_document("a"), await store.get_documents(["a", "b"])
        query = VectorQuery(query_vector=[1, 1, 1, 1])
        found = [result.document.metadata["n"] for result in await store.search_similar(query)]
        read = [None if held is None else held.metadata["n"] for held in (one, many[0])]
        seen.append([*read, *found])
    expect.equal(
        seen, [[n, n, n] for n in range(4)], "what is read, listed and found after each of four writes"
    )
    await store.delete_documents(["a"])
    expect.equal(await store.get_document("a"), None, "the document after its delete")
    expect.equal(await store.get_documents(["a", "b"]), [None, None], "the documents after the delete")


@check("VS-260")
async def each_write_is_seen_by_the_next_call(world: World) -> None:
    """Every acknowledged write is seen at once: got, counted, iterated, filtered and found."""
    await world.collection()
    store = world.store
    for n in range(world.profile.times(30)):
        vector = [n, 1, 2, 3]
        one = f"d{n:03}"
        await store.add_documents([VectorDocument(id=one, embedding=vector, metadata={"n": n})])
        expect.equal(await store.count_documents(), n + 1, "the count after a write")
        expect.equal(await store.count_documents(filter={"n": n}), 1, "the filtered count after a write")
        query = VectorQuery(query_vector=vector, limit=1, metadata_filter={"n": n})
        found = [result.document.id for result in await store.search_similar(query)]
        expect.equal(found, [one], "what a filtered search finds after a write")
        whole = await store.search_similar(VectorQuery(query_vector=vector, limit=n + 1))
        expect.that(
            one in {result.document.id for result in whole}, f"a search does not find {one!r} after its write"
        )


@check("VS-260")
async def each_delete_is_seen_by_the_next_call(world: World) -> None:
    """Every acknowledged delete is seen at once in every way of reading."""
    await world.collection()
    store, ids = world.store, [f"d{n:02}" for n in range(20)]
    await store.add_documents(world.documents(ids))
    for number, one in enumerate(ids):
        if number % 2:
            await store.delete_documents([one])
        else:
            await store.delete_where({"@id": one})
        left = len(ids) - number - 1
        expect.equal(await store.get_document(one), None, f"the document {one!r} after its delete")
        expect.equal(await store.count_documents(), left, "the count after a delete")
        found = await store.search_similar(VectorQuery(query_vector=[1, 2, 3, 4], limit=50))
        expect.equal(
            sorted(result.document.id for result in found), ids[number + 1 :], "what is found after a delete"
        )
