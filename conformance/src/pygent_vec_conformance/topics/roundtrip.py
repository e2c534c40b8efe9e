"""What goes in comes out: metadata, text and vectors, exactly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import VectorBatch, VectorDocument, VectorQuery
from pygent_vec_conformance import expect, values
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.oracle import answer_is_right, embeddings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec_conformance.world import World


async def _everywhere(world: World, metadatas: Sequence[Mapping[str, object]]) -> None:
    """Write metadata, and compare what every way of reading gives back."""
    await world.collection()
    ids = [f"m{n:03}" for n in range(len(metadatas))]
    vectors = world.vectors(len(ids))
    documents = [
        VectorDocument(id=one, embedding=vectors[row], metadata=metadatas[row]) for row, one in enumerate(ids)
    ]
    await world.store.add_documents(documents)
    by_id = await world.store.get_documents(ids)
    iterated = [one async for one in world.store.iter_documents()]
    results = await world.store.search_similar(VectorQuery(query_vector=vectors[0], limit=len(ids)))
    found = {one.document.id: one.document for one in results}
    expect.equal(len(found), len(ids), "documents found by search")
    for row, one in enumerate(ids):
        ways = {"get_documents": by_id[row], "iter_documents": iterated[row], "search_similar": found[one]}
        for way, document in ways.items():
            expect.that(document is not None, f"{way} has no {one!r}")
            if document is not None:
                expect.same_json(document.metadata, metadatas[row], f"metadata from {way}")


@check("VS-107")
async def numbers_keep_their_type_and_value(world: World) -> None:
    """1 stays int, 1.0 float and True bool; integers to 64 bits keep every digit."""
    kinds: list[Mapping[str, object]] = [{"v": one} for one in values.INTEGERS]
    kinds += [{"v": float(one)} for one in (0, 1, -1, 2**53, 2**60, 10**15, 10**16, 10**22)]
    kinds += [
        {"v": True},
        {"v": False},
        {"a": 1, "b": 1.0, "c": True, "d": "1"},
        {"l": [1, 1.0, True, "1", None]},
    ]
    await _everywhere(world, kinds)


@check("VS-108")
async def floats_keep_every_bit(world: World) -> None:
    """Floats come back bit for bit: -0.0, denormals, the largest, and thousands of random ones."""
    random = np.frombuffer(world.rng.bytes(8 * 2000), dtype=np.float64)
    many = [float(one) for one in random if np.isfinite(one)]
    await _everywhere(world, [*({"v": one} for one in values.FLOATS), {"many": many}])


@check("VS-109")
async def nesting_empties_and_nulls_are_kept(world: World) -> None:
    """null, [], {}, "", deep nesting and odd keys come back as they went in."""
    deep: object = "bottom"
    for level in range(31):
        deep = {"k": deep} if level % 2 else [deep]
    await _everywhere(
        world,
        [
            {},
            {"v": None},
            {"v": []},
            {"v": {}},
            {"v": ""},
            {"v": [[]], "w": [{}], "x": [None], "y": {"z": None}, "zz": {"e": {}}},
            {"v": [1, "a", None, True, 1.5, [2, [3, []]], {"k": [{"l": {}}]}]},
            {"deep": deep},
            {"a.b": 1, "a": {"b": 2}},
            dict.fromkeys(values.KEYS, 1),
            {f"k{n}": n for n in range(300)},
        ],
    )


@check("VS-110")
async def metadata_strings_are_kept(world: World) -> None:
    """Strings of every script, with quotes, controls, blanks and look-alikes of other types, are kept."""
    await _everywhere(world, [{"v": text, "list": [text]} for text in values.TEXTS])


@check("VS-110")
async def text_and_own_fields_are_kept(world: World) -> None:
    """content, title, source, document_type, chunk_index and chunk_count come back exactly; unset is None."""
    await world.collection()
    documents = [
        VectorDocument(
            id=f"t{n:03}", content=text, embedding=[1, 2, 3, n], title=text, source=text, document_type=text
        )
        for n, text in enumerate(values.TEXTS)
    ]
    numbers = (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
    documents += [
        VectorDocument(id=f"u{n}", embedding=[1, 2, 3, n], chunk_index=one, chunk_count=one)
        for n, one in enumerate(numbers)
    ]
    documents.append(VectorDocument(id="v", embedding=[1, 2, 3, 4]))
    await world.store.add_documents(documents)
    names = ("content", "title", "source", "document_type", "chunk_index", "chunk_count")
    found = await world.store.get_documents([one.id for one in documents])
    for document, kept in zip(documents, found, strict=True):
        for name in names:
            expect.equal(getattr(kept, name, None), getattr(document, name), f"{name} of {document.id!r}")


@check("VS-110")
async def own_fields_are_kept_apart(world: World) -> None:
    """content, title, source, type, chunk_index and chunk_count come back each in its place."""
    await world.collection()
    document = VectorDocument(
        id="a",
        content="c",
        embedding=[1, 2, 3, 4],
        title="t",
        source="s",
        document_type="d",
        chunk_index=3,
        chunk_count=7,
    )
    await world.store.add_documents([document])
    found = await world.store.get_document("a")
    for name in ("content", "title", "source", "document_type", "chunk_index", "chunk_count"):
        expect.equal(getattr(found, name, None), getattr(document, name), name)


@check("VS-101")
async def every_valid_id_is_kept_apart(world: World) -> None:
    """Ids that differ in case, blanks, normalisation or length are different documents, found as given."""
    await world.collection()
    ids = list(values.IDS)
    documents = [
        VectorDocument(id=one, embedding=[1, 2, 3, n], metadata={"id": one}) for n, one in enumerate(ids)
    ]
    expect.equal(await world.store.add_documents(documents), ids, "the ids written")
    expect.equal(await world.store.count_documents(), len(ids), "documents")
    expect.equal(
        [one.id async for one in world.store.iter_documents()], sorted(ids), "the ids iterated, in order"
    )
    for one, found in zip(ids, await world.store.get_documents(ids), strict=True):
        expect.that(found is not None, f"the id {one!r} is not there")
        expect.same_json(found.metadata if found else None, {"id": one}, f"the document {one!r}")
        expect.equal(await world.store.count_documents(filter={"@id": one}), 1, f"documents with @id {one!r}")
    results = await world.store.search_similar(VectorQuery(query_vector=[1, 2, 3, 0], limit=len(ids)))
    expect.equal(sorted(one.document.id for one in results), sorted(ids), "the ids found")
    expect.equal(await world.store.delete_documents([ids[0]]), 1, "documents deleted by the first id")
    expect.equal(await world.store.count_documents(), len(ids) - 1, "documents afterwards")


@check("VS-106")
async def vectors_come_back_bit_for_bit(world: World) -> None:
    """Vectors come back as float32, bit for bit (or within 1e-6 of the norm where that is declared)."""
    rows = [*values.VECTORS, *world.vectors(20).tolist(), *(world.vectors(20) * 1e6).tolist()]
    await world.collection()
    vectors = np.array(rows, dtype=np.float32)
    ids = [f"v{n:03}" for n in range(len(rows))]
    await world.store.add_documents(
        [VectorDocument(id=one, embedding=vectors[row]) for row, one in enumerate(ids)]
    )
    exact = world.capabilities.exact_vectors
    by_id = await world.store.get_documents(ids)
    iterated = [one async for one in world.store.iter_documents()]
    query = VectorQuery(query_vector=vectors[-1], limit=len(ids), include_embedding=True)
    found = {one.document.id: one.document for one in await world.store.search_similar(query)}
    for row, one in enumerate(ids):
        for way, document in (("get", by_id[row]), ("iteration", iterated[row]), ("search", found.get(one))):
            held = None if document is None else document.embedding
            expect.same_vector(held, vectors[row], f"the vector {rows[row]} from {way}", exact=exact)


@check("VS-106")
async def long_vectors_come_back_too(world: World) -> None:
    """A vector of 1 536 dimensions comes back exactly, before and after the index is built."""
    dimension = min(1536, world.capabilities.max_dimension)
    await world.collection("long", dimension)
    vectors = world.vectors(40, dimension)
    documents = [
        VectorDocument(id=f"v{n:02}", embedding=row, collection="long") for n, row in enumerate(vectors)
    ]
    await world.store.add_documents(documents)
    for _ in range(2):
        found = await world.store.get_documents([one.id for one in documents], collection="long")
        for row, document in enumerate(found):
            held = None if document is None else document.embedding
            expect.same_vector(held, vectors[row], f"vector {row}", exact=world.capabilities.exact_vectors)
        await world.store.optimize("long")


@check("VS-106")
async def what_a_caller_does_afterwards_changes_nothing(world: World) -> None:
    """Changing arrays and metadata that were given, or that were read, changes nothing in the store."""
    await world.collection()
    vector, metadata = np.array([1, 2, 3, 4], dtype=np.float32), {"list": [1], "deep": {"k": 1}}
    await world.store.add_documents([VectorDocument(id="a", embedding=vector, metadata=metadata)])
    vector[:] = 9
    metadata["list"].append(2)  # type: ignore[attr-defined]  # it is a list
    for _ in range(2):
        found = await world.store.get_document("a")
        if found is None or found.embedding is None:
            raise expect.Violation("the document or its embedding is missing")
        wanted = np.array([1, 2, 3, 4], dtype=np.float32)
        expect.same_vector(found.embedding, wanted, "the vector", exact=world.capabilities.exact_vectors)
        expect.same_json(found.metadata, {"list": [1], "deep": {"k": 1}}, "the metadata")
        if found.embedding.flags.writeable:
            found.embedding[:] = 7
        found.metadata["deep"]["k"] = 7  # type: ignore[index]  # it is a dict


@check("VS-237")
async def columns_stay_the_callers(world: World) -> None:
    """A caller that fills its arrays and lists again after add_batch, as loaders do, changes nothing."""
    await world.collection()
    ids, contents = [f"d{n:02}" for n in range(20)], [f"text {n}" for n in range(20)]
    vectors = world.vectors(20)
    given = vectors.copy()
    metadatas: list[dict[str, object]] = [{"n": n, "deep": {"list": [n]}} for n in range(20)]
    await world.store.add_batch(VectorBatch(ids=ids, vectors=given, contents=contents, metadatas=metadatas))
    given[:] = 7
    ids[:], contents[:] = ["other"] * 20, ["other"] * 20
    for metadata in metadatas:
        metadata["n"] = -1
        metadata["deep"]["list"].append(7)  # type: ignore[index]  # a list
    for when in ("at once", "after optimize()"):
        found = [one async for one in world.store.iter_documents()]
        expect.equal([one.id for one in found], [f"d{n:02}" for n in range(20)], f"the ids, {when}")
        for n, one in enumerate(found):
            expect.equal(one.content, f"text {n}", f"the content of {one.id!r}, {when}")
            expect.same_json(one.metadata, {"n": n, "deep": {"list": [n]}}, f"the metadata, {when}")
            exact = world.capabilities.exact_vectors
            expect.same_vector(one.embedding, vectors[n], f"the vector of {one.id!r}, {when}", exact=exact)
        query = VectorQuery(query_vector=vectors[3], limit=20)
        results = await world.store.search_similar(query)
        answer_is_right(results, embeddings(found), world.metric, vectors[3], 20, note=f" {when}")
        await world.store.optimize()


@check("VS-105")
async def datetimes_and_numpy_scalars_are_converted(world: World) -> None:
    """Datetimes become RFC 3339 text in UTC with microseconds and Z; NumPy scalars become Python's."""
    await world.collection()
    metadata = {
        "utc": datetime(2024, 2, 29, 12, 30, tzinfo=UTC),
        "zone": datetime(2024, 2, 29, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
        "ints": [np.int64(2**53 + 1), np.int8(-1), np.uint8(255)],
        "floats": [np.float64(0.1), np.float32(0.5)],
        "bool": np.bool_(True),  # noqa: FBT003  # a value
        "text": np.str_("x"),
    }
    await world.store.add_documents([VectorDocument(id="a", embedding=[1, 2, 3, 4], metadata=metadata)])
    found = await world.store.get_document("a")
    wanted = {
        "utc": "2024-02-29T12:30:00.000000Z",
        "zone": "2024-02-28T23:00:00.000005Z",
        "ints": [2**53 + 1, -1, 255],
        "floats": [0.1, 0.5],
        "bool": True,
        "text": "x",
    }
    expect.same_json(found.metadata if found else None, wanted, "the metadata")
    late = {"utc": {"$gt": datetime(2024, 2, 29, 14, 29, tzinfo=timezone(timedelta(hours=2)))}}
    expect.equal(await world.store.count_documents(filter=late), 1, "documents later than an instant")


@check("VS-116")
async def a_document_survives_json(world: World) -> None:
    """A stored document survives to_dict, JSON and from_dict, and can be written again from there."""
    await world.collection()
    metadata = {"i": 1, "f": 0.1, "z": -0.0, "b": True, "n": None, "l": [1, [2]], "o": {"k": "é"}}
    await world.store.add_documents(
        [VectorDocument(id="a", content="ü", embedding=[0.1, -0.0, 3, 1e-30], metadata=metadata, title="t")]
    )
    found = await world.store.get_document("a")
    if found is None or found.embedding is None:
        raise expect.Violation("the document or its embedding is missing")
    again = VectorDocument.from_dict(json.loads(json.dumps(found.to_dict())))
    await world.store.delete_documents(["a"])
    await world.store.add_documents([again], preserve_timestamps=True)
    kept = await world.store.get_document("a")
    if kept is None:
        raise expect.Violation("the document is missing after it was written again")
    expect.same_json(kept.metadata, found.metadata, "the metadata")
    expect.same_vector(kept.embedding, found.embedding, "the vector", exact=world.capabilities.exact_vectors)
    expect.equal((kept.created_at, kept.updated_at), (found.created_at, found.updated_at), "the timestamps")
