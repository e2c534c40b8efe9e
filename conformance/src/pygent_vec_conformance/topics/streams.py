"""Writing in streams, in batches and in columns, and what is left when one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import (
    DocumentExistsError,
    InvalidDocumentError,
    InvalidVectorError,
    VectorBatch,
    VectorDocument,
    WriteError,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from pygent_vec_conformance.world import World

_BATCH = 10


async def _ids(world: World) -> list[str]:
    return [one.id async for one in world.store.iter_documents()]


@check("VS-234")
async def any_iterable_is_taken(world: World) -> None:
    """A list, tuple, generator, iterator and async generator of documents are written alike."""
    await world.collection()
    documents = world.documents([f"d{n:02}" for n in range(25)])

    async def slowly() -> AsyncIterator[VectorDocument]:
        for document in documents:
            yield document

    kinds: Mapping[str, Iterable[VectorDocument] | AsyncIterable[VectorDocument]] = {
        "a list": documents,
        "a tuple": tuple(documents),
        "a generator": (one for one in documents),
        "an iterator": iter(documents),
        "a dict's values": {one.id: one for one in documents}.values(),
        "an async generator": slowly(),
    }
    for kind, given in kinds.items():
        written = await world.store.add_documents(given, batch_size=_BATCH)
        expect.equal(written, [one.id for one in documents], f"the ids written from {kind}")
        expect.equal(await world.store.delete_where({}), 25, f"the documents written from {kind}")


@check("VS-234")
async def a_stream_is_read_batch_by_batch(world: World) -> None:
    """A generator is not read far ahead: when it yields its last, the first batches are written already."""
    await world.collection()
    documents, progress = world.documents([f"d{n:03}" for n in range(100)]), [0]
    ahead: list[int] = []

    def told(written: int) -> None:
        progress[0] = written

    def stream() -> Iterator[VectorDocument]:
        for place, document in enumerate(documents):
            ahead.append(place - progress[0])
            yield document

    await world.store.add_documents(stream(), batch_size=_BATCH, on_progress=told)
    expect.that(
        max(ahead) <= 2 * _BATCH, f"{max(ahead)} documents were read ahead of the writing, of batches of 10"
    )


@check("VS-241")
async def progress_is_told_after_each_batch(world: World) -> None:
    """on_progress is told the documents written so far, after each batch, up to all of them."""
    await world.collection()
    told: list[int] = []
    documents = world.documents([f"d{n:02}" for n in range(25)])
    await world.store.add_documents(documents, batch_size=_BATCH, on_progress=told.append)
    expect.equal(told, [10, 20, 25], "what on_progress was told")


@check("VS-235")
async def many_batches_are_all_written(world: World) -> None:
    """A write of many batches writes every document, whatever the batch size."""
    await world.collection()
    for size in (1, 7, 1000, None):
        ids = [f"s{size}-{n:04}" for n in range(60 if size == 1 else 2300)]
        written = await world.store.add_documents(world.documents(ids), batch_size=size)
        expect.equal(written, ids, f"the ids written with batch_size={size}")
        expect.equal(await world.store.count_documents(), len(ids), f"documents with batch_size={size}")
        expect.equal(await world.store.delete_where({}), len(ids), "documents deleted")


@check("VS-242")
async def a_write_larger_than_the_largest_batch_is_cut(world: World) -> None:
    """A call of more rows than max_batch is written whole, in batches."""
    await world.collection("wide", 2)
    count = min(world.capabilities.max_batch, 20_000) + 3
    vectors = world.vectors(count, 2)
    ids = [f"d{n:06}" for n in range(count)]
    written = await world.store.add_batch(VectorBatch(ids=ids, vectors=vectors, collection="wide"))
    expect.equal(len(written), count, "the ids written")
    expect.equal(await world.store.count_documents(collection="wide"), count, "documents")
    found = await world.store.get_documents([ids[0], ids[-1]], collection="wide")
    expect.that(all(one is not None for one in found), "the first or the last document is not there")
    expect.equal(await world.store.delete_documents(ids, collection="wide"), count, "documents deleted by id")


@check("VS-236")
async def a_failed_stream_tells_what_it_wrote(world: World) -> None:
    """A stream whose third batch is bad raises WriteError with the ids of the first two, which are there."""
    await world.collection()
    documents = world.documents([f"d{n:02}" for n in range(30)])
    documents[25] = VectorDocument(id="bad", embedding=[1, 2, 3])

    async def slowly() -> AsyncIterator[VectorDocument]:
        for document in documents:
            yield document

    for name, stream in (("a generator", (one for one in documents)), ("an async generator", slowly())):
        error = await expect.raises(WriteError, world.store.add_documents(stream, batch_size=_BATCH), name)
        wanted = [f"d{n:02}" for n in range(20)]
        expect.equal(list(error.written), wanted, f"the ids that WriteError of {name} carries")
        expect.that(isinstance(error.__cause__, InvalidVectorError), f"its cause is {error.__cause__!r}")
        expect.equal(await _ids(world), wanted, f"documents after {name} failed")
        await world.store.delete_where({})


@check("VS-236")
async def a_conflict_in_a_later_batch_tells_what_was_written(world: World) -> None:
    """With on_conflict="error" a conflict in the second batch keeps the first and names it in written."""
    await world.collection()
    documents = world.documents([f"d{n:02}" for n in range(20)])
    await world.store.add_documents([documents[15]])
    call = world.store.add_documents(documents, batch_size=_BATCH, on_conflict="error")
    error = await expect.raises(WriteError, call, "a conflict in the second batch")
    wanted = [f"d{n:02}" for n in range(10)]
    expect.equal(list(error.written), wanted, "the ids that WriteError carries")
    expect.that(isinstance(error.__cause__, DocumentExistsError), f"its cause is {error.__cause__!r}")
    expect.equal(await _ids(world), [*wanted, "d15"], "documents afterwards")


@check("VS-235")
async def a_sequence_is_checked_before_anything_is_written(world: World) -> None:
    """A list with a bad document in its last batch is refused, and nothing of it is written."""
    await world.collection()
    documents = world.documents([f"d{n:02}" for n in range(30)])
    documents[29] = VectorDocument(id="bad", embedding=[1, 2, 3])
    call = world.store.add_documents(documents, batch_size=_BATCH)
    await expect.raises(InvalidVectorError, call, "a list whose last document is bad")
    expect.equal(await _ids(world), [], "documents afterwards")


@check("VS-401")
async def an_error_of_the_stream_itself_is_raised(world: World) -> None:
    """What the caller's own iterable raises is raised as it is, or as the cause of WriteError."""
    await world.collection()
    documents = world.documents([f"d{n:02}" for n in range(15)])

    def broken() -> Iterator[VectorDocument]:
        yield from documents
        raise ZeroDivisionError("mine")

    call = world.store.add_documents(broken(), batch_size=_BATCH)
    await expect.raises((ZeroDivisionError, WriteError), call, "a stream that raises")
    expect.equal(await _ids(world), [f"d{n:02}" for n in range(10)], "documents: the whole batches before")


def _columns(documents: Sequence[VectorDocument]) -> VectorBatch:
    return VectorBatch(
        ids=[one.id for one in documents],
        vectors=np.stack([one.embedding for one in documents if one.embedding is not None]),
        contents=[one.content for one in documents],
        metadatas=[one.metadata for one in documents],
        titles=[one.title for one in documents],
        chunk_indexes=[one.chunk_index for one in documents],
    )


@check("VS-237")
async def columns_are_written_as_documents_are(world: World) -> None:
    """add_batch leaves the same documents as add_documents, field for field."""
    documents = [
        VectorDocument(
            id=f"d{n}",
            content=f"c{n}",
            embedding=world.vectors(1)[0],
            metadata={"n": n, "f": n / 3, "tags": [n]},
            title=f"t{n}" if n % 2 else None,
            chunk_index=n if n % 3 else None,
        )
        for n in range(12)
    ]
    await world.collection()
    written = await world.store.add_batch(_columns(documents))
    expect.equal(written, [one.id for one in documents], "the ids written")
    found = await world.store.get_documents([one.id for one in documents])
    for document, kept in zip(documents, found, strict=True):
        expect.that(kept is not None, f"{document.id!r} is not there")
        if kept is None or document.embedding is None:
            continue
        expect.equal((kept.content, kept.title), (document.content, document.title), "content and title")
        expect.equal(kept.chunk_index, document.chunk_index, "chunk_index")
        expect.same_json(kept.metadata, document.metadata, f"the metadata of {document.id!r}")
        exact = world.capabilities.exact_vectors
        expect.same_vector(kept.embedding, document.embedding, f"the vector of {document.id!r}", exact=exact)


@check("VS-237")
async def columns_obey_the_conflict_modes(world: World) -> None:
    """add_batch overwrites, refuses or skips as add_documents does."""
    await world.collection()
    first, second = world.documents(["a", "b"]), world.documents(["b", "c"])
    await world.store.add_batch(_columns(first))
    call = world.store.add_batch(_columns(second), on_conflict="error")
    await expect.raises(DocumentExistsError, call, "a conflict in add_batch")
    expect.equal(await _ids(world), ["a", "b"], "documents afterwards")
    written = await world.store.add_batch(_columns(second), on_conflict="skip")
    expect.equal(written, ["c"], "the ids written under skip")
    kept = await world.store.get_document("b")
    expect.same_json(kept.metadata if kept else None, {"n": 1, "parity": "odd"}, "what was skipped")
    expect.equal(await world.store.add_batch(_columns(second)), ["b", "c"], "the ids overwritten")
    kept = await world.store.get_document("b")
    expect.same_json(kept.metadata if kept else None, {"n": 0, "parity": "even"}, "what was overwritten")


@check("VS-237")
async def bad_columns_are_refused_whole(world: World) -> None:
    """Columns of unequal length, of a wrong shape or with a bad row are refused, and nothing is written."""
    await world.collection()
    vectors = world.vectors(2)
    ids = ["a", "b"]
    nan = vectors.copy()
    nan[1, 2] = np.nan
    bad = {
        "3 ids for 2 vectors": VectorBatch(ids=[*ids, "c"], vectors=vectors),
        "1 content for 2 ids": VectorBatch(ids=ids, vectors=vectors, contents=["x"]),
        "1 metadata for 2 ids": VectorBatch(ids=ids, vectors=vectors, metadatas=[{}]),
        "a flat array": VectorBatch(ids=ids, vectors=vectors.reshape(-1)),
        "a wrong dimension": VectorBatch(ids=ids, vectors=vectors[:, :3]),
        "NaN in the second row": VectorBatch(ids=ids, vectors=nan),
        "an id twice": VectorBatch(ids=["a", "a"], vectors=vectors),
        "a bad value": VectorBatch(ids=ids, vectors=vectors, metadatas=[{}, {"x": float("inf")}]),
    }
    for what, batch in bad.items():
        call = world.store.add_batch(batch)
        await expect.raises((InvalidDocumentError, InvalidVectorError), call, what)
        expect.equal(await _ids(world), [], f"documents after {what}")


@check("VS-260")
async def each_batch_is_seen_while_the_stream_goes_on(world: World) -> None:
    """While a stream is being written, its acknowledged batches are counted and found."""
    await world.collection()
    documents, counts = world.documents([f"d{n:02}" for n in range(30)]), []

    async def stream() -> AsyncIterator[VectorDocument]:
        for place, document in enumerate(documents):
            if place in {10, 20}:
                yield document
                continue
            if place in {15, 25}:
                counts.append(await world.store.count_documents())
            yield document

    await world.store.add_documents(stream(), batch_size=_BATCH)
    expect.equal(counts, [10, 20], "documents counted in the midst of the second and third batch")
