"""Adding, updating and deleting documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec import (
    ConfigError,
    DocumentExistsError,
    InvalidDocumentError,
    VectorDocument,
    VectorQuery,
    WriteError,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World


async def _nearest(world: World, vector: list[float], limit: int = 1) -> list[str]:
    results = await world.store.search_similar(VectorQuery(query_vector=vector, limit=limit))
    return [one.document.id for one in results]


def _rich(one: str, vector: list[float]) -> VectorDocument:
    return VectorDocument(
        id=one,
        content="old content",
        embedding=vector,
        metadata={"old": 1, "both": "old", "deep": {"a": 1}, "list": [1, 2]},
        title="old title",
        source="old source",
        document_type="old type",
        chunk_index=1,
        chunk_count=2,
    )


def _plain(one: str, vector: list[float]) -> VectorDocument:
    return VectorDocument(id=one, embedding=vector, metadata={"new": 2, "both": "new", "deep": {"b": 2}})


async def _is_plain(world: World, one: str, after: str) -> None:
    """Check that nothing of `_rich` is left in a document that `_plain` replaced."""
    found = await world.store.get_document(one)
    expect.that(found is not None, f"{one!r} is gone after {after}")
    if found is None:
        return
    expect.same_json(found.metadata, {"new": 2, "both": "new", "deep": {"b": 2}}, f"metadata after {after}")
    expect.equal(found.content, "", f"content after {after}")
    own = (found.title, found.source, found.document_type, found.chunk_index, found.chunk_count)
    expect.equal(own, (None,) * 5, f"title, source, type and chunk after {after}")
    expect.equal(await world.store.count_documents(filter={"old": 1, "@id": one}), 0, "old keys in filters")
    expect.equal(
        await world.store.count_documents(filter={"@title": "old title", "@id": one}), 0, "old titles"
    )


@check("VS-230")
async def adding_returns_the_ids_in_order(world: World) -> None:
    """add_documents returns the ids written, in the order given."""
    await world.collection()
    ids = ["m", "a", "z", "B", "10", "9"]
    expect.equal(await world.store.add_documents(world.documents(ids)), ids, "the ids written")
    expect.equal(
        await world.store.add_documents(world.documents(ids[::-1])), ids[::-1], "the ids overwritten"
    )
    expect.equal(await world.store.count_documents(), 6, "documents afterwards")


@check("VS-230")
async def adding_nothing_writes_nothing(world: World) -> None:
    """An empty call returns an empty list or 0 and changes nothing."""
    await world.collection()
    expect.equal(await world.store.add_documents([]), [], "add_documents([])")
    expect.equal(await world.store.update_documents([]), [], "update_documents([])")
    expect.equal(await world.store.delete_documents([]), 0, "delete_documents([])")
    expect.equal(await world.store.get_documents([]), [], "get_documents([])")
    expect.equal(await world.store.count_documents(), 0, "documents afterwards")


@check("VS-231")
async def overwriting_replaces_the_document_whole(world: World) -> None:
    """An overwrite leaves nothing of the old content, metadata, own fields or vector."""
    await world.collection()
    await world.store.add_documents([_rich("a", [1, 0, 0, 0]), _rich("b", [0, 1, 0, 0])])
    await world.store.add_documents([_plain("a", [0, 0, 0, 5])])
    await _is_plain(world, "a", "an overwrite")
    expect.equal(await world.store.count_documents(), 2, "documents after an overwrite")
    expect.equal(await _nearest(world, [0, 0, 0, 5]), ["a"], "the nearest to the new vector")
    results = await world.store.search_similar(VectorQuery(query_vector=[1, 0, 0, 0], limit=10))
    expect.equal(sorted(one.document.id for one in results), ["a", "b"], "every document, once")
    expect.that(results[0].document.id == "b", "the old vector of 'a' is still found")


@check("VS-231")
async def overwriting_again_and_again_keeps_one_row(world: World) -> None:
    """After many overwrites there is one document, with the last value, found once."""
    await world.collection()
    for n in range(12):
        await world.store.add_documents([VectorDocument(id="a", embedding=[n, 1, 0, 0], metadata={"n": n})])
    expect.equal(await world.store.count_documents(), 1, "documents")
    results = await world.store.search_similar(VectorQuery(query_vector=[0, 1, 0, 0], limit=50))
    expect.equal([one.document.metadata for one in results], [{"n": 11}], "what is found")
    everything = [one.id async for one in world.store.iter_documents()]
    expect.equal(everything, ["a"], "what is iterated")


@check("VS-232")
async def error_mode_writes_nothing_of_the_batch(world: World) -> None:
    """on_conflict="error" raises DocumentExistsError that names the ids, and writes nothing of the batch."""
    await world.collection()
    await world.store.add_documents([_rich("b", [1, 0, 0, 0])])
    batch = [_plain(one, [0, 0, 0, 1]) for one in ("a", "b", "c")]
    error = await expect.raises(
        DocumentExistsError, world.store.add_documents(batch, on_conflict="error"), "an id that exists"
    )
    expect.equal(list(error.ids), ["b"], "the ids of the error")
    expect.equal([one.id async for one in world.store.iter_documents()], ["b"], "documents afterwards")
    found = await world.store.get_document("b")
    expect.equal(found.content if found else None, "old content", "the document that existed")
    expect.equal(await _nearest(world, [0, 0, 0, 1], 5), ["b"], "what is found afterwards")
    written = await world.store.add_documents([batch[0], batch[2]], on_conflict="error")
    expect.equal(written, ["a", "c"], "the ids written without a conflict")


@check("VS-403")
async def a_conflict_names_every_id(world: World) -> None:
    """DocumentExistsError carries all ids that exist, and only them, and names the collection."""
    await world.collection()
    await world.store.add_documents(world.documents(["b", "d", "x"]))
    call = world.store.add_documents(world.documents(["a", "d", "c", "b"]), on_conflict="error")
    error = await expect.raises(DocumentExistsError, call, "two ids that exist")
    expect.equal(sorted(error.ids), ["b", "d"], "the ids of the error")
    for named in ("'b'", "'d'", "default"):
        expect.that(named in str(error), f"the error does not name {named}: {error}")


@check("VS-233")
async def skip_mode_leaves_what_exists(world: World) -> None:
    """on_conflict="skip" leaves existing documents as they are and returns only the others' ids."""
    await world.collection()
    await world.store.add_documents([_rich("b", [1, 0, 0, 0])])
    batch = [_plain(one, [0, 0, 0, 1]) for one in ("a", "b", "c")]
    written = await world.store.add_documents(batch, on_conflict="skip")
    expect.equal(written, ["a", "c"], "the ids written")
    found = await world.store.get_document("b")
    expect.equal(found.content if found else None, "old content", "the content of the document that existed")
    expect.equal(await _nearest(world, [1, 0, 0, 0]), ["b"], "the nearest to its old vector")
    expect.equal(await world.store.add_documents(batch, on_conflict="skip"), [], "the ids written again")
    expect.equal(await world.store.count_documents(), 3, "documents afterwards")


@check("VS-402")
async def an_unknown_conflict_mode_is_refused(world: World) -> None:
    """An unknown on_conflict or a bad batch_size raises, and writes nothing."""
    await world.collection()
    documents = world.documents(["a"])
    call = world.store.add_documents(documents, on_conflict="overwite")  # type: ignore[arg-type]  # on purpose
    error = await expect.raises(ConfigError, call, "on_conflict='overwite'")
    expect.that("overwrite" in str(error), f"the error does not name the nearest mode: {error}")
    for size in (0, -1):
        call = world.store.add_documents(documents, batch_size=size)
        await expect.raises(ConfigError, call, f"batch_size={size}")
    expect.equal(await world.store.count_documents(), 0, "documents afterwards")


@check("VS-238")
async def updating_replaces_what_exists_only(world: World) -> None:
    """update_documents replaces existing documents whole, returns their ids, and makes no others."""
    await world.collection()
    await world.store.add_documents([_rich("a", [1, 0, 0, 0]), _rich("c", [0, 1, 0, 0])])
    updated = await world.store.update_documents([_plain("b", [0, 0, 1, 0]), _plain("a", [0, 0, 0, 5])])
    expect.equal(updated, ["a"], "the ids that existed")
    await world.store.delete_documents(["c"])
    await _is_plain(world, "a", "an update")
    expect.equal([one.id async for one in world.store.iter_documents()], ["a"], "documents afterwards")
    expect.equal(await _nearest(world, [0, 0, 0, 5]), ["a"], "the nearest to the new vector")
    expect.equal(await world.store.update_documents([_plain("z", [1, 1, 1, 1])]), [], "an update of nothing")


@check("VS-239")
async def deleting_counts_what_existed(world: World) -> None:
    """delete_documents returns how many of the ids existed, each counted once."""
    await world.collection()
    await world.store.add_documents(world.documents(["a", "b", "c", "d"]))
    expect.equal(await world.store.delete_documents(["x", "y"]), 0, "unknown ids")
    expect.equal(await world.store.delete_documents(["a", "x", "a"]), 1, "one that existed, given twice")
    expect.equal(await world.store.delete_documents(["a"]), 0, "one that was deleted before")
    expect.equal(await world.store.delete_documents(["d", "b"]), 2, "two that existed")
    expect.equal([one.id async for one in world.store.iter_documents()], ["c"], "documents afterwards")
    expect.equal(await _nearest(world, [1, 0, 0, 0], 9), ["c"], "what is found afterwards")
    await world.store.add_documents(world.documents(["a"]))
    expect.equal(await world.store.count_documents(), 2, "documents after one came back")


@check("VS-239")
async def deleting_one_string_is_refused(world: World) -> None:
    """A single string where a list of ids is needed is refused, not taken letter by letter."""
    await world.collection()
    await world.store.add_documents(world.documents(["a", "b"]))
    await expect.raises(InvalidDocumentError, world.store.delete_documents("ab"), "delete_documents('ab')")
    await expect.raises(InvalidDocumentError, world.store.get_documents("ab"), "get_documents('ab')")
    expect.equal(await world.store.count_documents(), 2, "documents afterwards")


@check("VS-240")
async def delete_where_deletes_exactly_what_matches(world: World) -> None:
    """delete_where deletes what satisfies the filter, all of it and nothing else, and counts it."""
    await world.collection()
    ids = [f"d{n:04}" for n in range(50)]
    await world.store.add_documents(world.documents(ids))
    expect.equal(await world.store.delete_where({"n": {"$gte": 1000}}), 0, "a filter that nothing satisfies")
    expect.equal(await world.store.delete_where({"parity": "odd", "n": {"$lt": 10}}), 5, "the count")
    left = [one.id async for one in world.store.iter_documents()]
    wanted = [one for n, one in enumerate(ids) if not (n % 2 == 1 and n in range(10))]
    expect.equal(left, wanted, "documents afterwards")
    expect.equal(
        await world.store.delete_where({"missing": {"$exists": False}}), 45, "a filter that all satisfy"
    )
    expect.equal(await world.store.count_documents(), 0, "documents afterwards")
    await world.store.add_documents(world.documents(ids[:7]))
    expect.equal(await world.store.delete_where({}), 7, "the filter that matches everything")
    expect.equal(await _nearest(world, [1, 2, 3, 4], 10), [], "what is found afterwards")


@check("VS-240")
async def delete_where_works_beyond_a_page(world: World) -> None:
    """delete_where counts and deletes exactly in a collection of several pages."""
    await world.collection()
    await world.store.add_documents(world.documents([f"d{n:05}" for n in range(2500)]))
    wanted = sum(1 for n in range(2500) if n % 2 == 0 and n not in range(11))
    deleted = await world.store.delete_where({"parity": "even", "n": {"$gt": 10}})
    expect.equal(deleted, wanted, "the count")
    expect.equal(await world.store.count_documents(), 2500 - wanted, "documents afterwards")
    left = await world.store.count_documents(filter={"parity": "even"})
    expect.equal(left, 6, "documents left of those that half satisfy the filter")


@check("VS-235")
async def a_bad_document_keeps_its_batch_out(world: World) -> None:
    """One bad document anywhere in a batch, and nothing of the batch is written."""
    await world.collection()
    await world.store.add_documents([_rich("a", [1, 0, 0, 0])])
    good = [_plain(one, [0, 0, 0, 1]) for one in ("a", "b", "c", "d")]
    for place in range(5):
        bad = VectorDocument(id="bad", embedding=[1, 2, 3, 4], metadata={"x": object()})
        batch = [*good[:place], bad, *good[place:]]
        await expect.raises(InvalidDocumentError, world.store.add_documents(batch), f"bad at place {place}")
        await expect.raises(
            InvalidDocumentError, world.store.update_documents(batch), f"update, bad at {place}"
        )
        expect.equal([one.id async for one in world.store.iter_documents()], ["a"], "documents afterwards")
    found = await world.store.get_document("a")
    expect.equal(found.content if found else None, "old content", "the document that existed")


@check("VS-102")
async def the_same_id_twice_in_one_call_is_refused(world: World) -> None:
    """An id twice in one call is InvalidDocumentError that names it, and nothing is written."""
    await world.collection()
    twins = [VectorDocument(id="twin", embedding=[n, 1, 1, 1]) for n in (1, 2)]
    others = world.documents([f"d{n:04}" for n in range(1500)])
    for documents in (twins, [twins[0], *others, twins[1]]):
        error = await expect.raises(
            (InvalidDocumentError, WriteError), world.store.add_documents(documents), "an id twice"
        )
        expect.that("twin" in str(error), f"the error does not name the id: {error}")
        expect.equal(await world.store.count_documents(), 0, "documents afterwards")
    await expect.raises(InvalidDocumentError, world.store.update_documents(twins), "an id twice in an update")
