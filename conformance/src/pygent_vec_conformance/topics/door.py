"""Bad input is refused at the door, before anything is written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import (
    ConfigError,
    DistanceMetric,
    InvalidDocumentError,
    InvalidQueryError,
    InvalidVectorError,
    PygentVecError,
    VectorDocument,
    VectorQuery,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.oracle import close

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_conformance.world import World

_GOOD = [1.0, 2.0, 3.0, 4.0]
_BAD_TEXTS = {
    "NUL": "a\0b",
    "a lone surrogate": "a\ud800b",
    "a lone low surrogate": "\udc00",
    "a swapped pair": "\udc00\ud800",
}


def _deep(levels: int) -> dict[str, object]:
    inner: dict[str, object] = {"bottom": 1}
    for _ in range(levels - 1):
        inner = {"k": inner}
    return inner


async def _refused(
    world: World, error: type[PygentVecError], bad: Mapping[str, VectorDocument], *, named: str = ""
) -> None:
    """Check that each document is refused, alone and behind a good one, and that nothing is written."""
    for what, document in bad.items():
        good = VectorDocument(id="good", embedding=_GOOD)
        for documents in ([document], [good, document], [document, good]):
            seen = await expect.raises(error, world.store.add_documents(documents), what)
            expect.that(named in str(seen), f"{what}: the error does not name {named!r}: {seen}")
        await expect.raises(error, world.store.update_documents([document]), f"{what}, in an update")
    expect.equal(await world.store.count_documents(), 0, "documents afterwards")


@check("VS-101")
async def bad_ids_are_refused(world: World) -> None:
    """An empty, too long or unstorable id, or one that is no string, is refused."""
    await world.collection()
    ids: dict[str, object] = {
        "an empty id": "",
        "513 bytes": "x" * 513,
        "514 bytes": "é" * 257,
        "an int": 1,
        "None": None,
        "bytes": b"a",
    }
    ids |= {f"an id with {what}": text for what, text in _BAD_TEXTS.items()}
    bad = {what: VectorDocument(id=one, embedding=_GOOD) for what, one in ids.items()}  # type: ignore[arg-type]  # on purpose
    await _refused(world, InvalidDocumentError, bad)


@check("VS-101")
async def ids_that_no_document_can_have_are_not_there(world: World) -> None:
    """Asking for, or deleting, an id that no document can have finds nothing, and no error of the driver."""
    await world.collection()
    await world.store.add_documents([VectorDocument(id="a", embedding=_GOOD)])
    odd = ["", "a\0", "\ud800", "x" * 600]
    expect.equal(await world.store.get_documents(odd), [None] * 4, "get_documents of impossible ids")
    expect.equal(
        await world.store.delete_documents([*odd, "a"]), 1, "delete_documents of them and of one that is"
    )


@check("VS-103")
async def unstorable_text_is_refused(world: World) -> None:
    """NUL and lone surrogates in content, title, source, type, metadata keys and values are refused."""
    await world.collection()
    for what, text in _BAD_TEXTS.items():
        bad = {
            f"content with {what}": VectorDocument(id="doc-1", content=text, embedding=_GOOD),
            f"title with {what}": VectorDocument(id="doc-1", title=text, embedding=_GOOD),
            f"source with {what}": VectorDocument(id="doc-1", source=text, embedding=_GOOD),
            f"document_type with {what}": VectorDocument(id="doc-1", document_type=text, embedding=_GOOD),
            f"a value with {what}": VectorDocument(id="doc-1", metadata={"k": text}, embedding=_GOOD),
            f"a nested value with {what}": VectorDocument(
                id="doc-1", metadata={"k": [{"l": [text]}]}, embedding=_GOOD
            ),
            f"a key with {what}": VectorDocument(id="doc-1", metadata={text: 1}, embedding=_GOOD),
            f"a nested key with {what}": VectorDocument(
                id="doc-1", metadata={"k": {text: 1}}, embedding=_GOOD
            ),
        }
        await _refused(world, InvalidDocumentError, bad, named="doc-1")


@check("VS-104")
async def metadata_that_is_no_json_is_refused(world: World) -> None:
    """What JSON cannot hold, integers beyond 64 bits, NaN, infinity and too deep nesting are refused."""
    await world.collection()
    values: dict[str, object] = {
        "NaN": math.nan,
        "infinity": math.inf,
        "minus infinity": -math.inf,
        "2**63": 2**63,
        "-2**63 - 1": -(2**63) - 1,
        "2**200": 2**200,
        "bytes": b"x",
        "a set": {1},
        "a complex number": 1j,
        "an object": object(),
        "an array": np.zeros(2),
        "NaN of NumPy": np.float32("nan"),
    }
    metadatas: dict[str, object] = {f"the value {what}": {"field": value} for what, value in values.items()}
    metadatas |= {f"{what} in a list": {"field": [1, [value]]} for what, value in values.items()}
    metadatas |= {f"{what} in an object": {"field": {"k": value}} for what, value in values.items()}
    metadatas |= {
        "an empty key": {"": 1},
        "a nested empty key": {"k": {"": 1}},
        "an int key": {1: 1},
        "a None key": {None: 1},
    }
    metadatas |= {"33 levels": _deep(33), "a list": [1], "a string": "x"}
    bad = {what: VectorDocument(id="doc-1", embedding=_GOOD, metadata=one) for what, one in metadatas.items()}  # type: ignore[arg-type]  # on purpose
    await _refused(world, InvalidDocumentError, bad, named="doc-1")
    await world.store.add_documents([VectorDocument(id="ok", embedding=_GOOD, metadata=_deep(32))])
    found = await world.store.get_document("ok")
    expect.same_json(found.metadata if found else None, _deep(32), "metadata of 32 levels")


@check("VS-104")
async def own_fields_of_a_wrong_type_are_refused(world: World) -> None:
    """A title that is no string, or a chunk_index that is no 64-bit integer, is refused."""
    await world.collection()
    bad = {
        "content 1": VectorDocument(id="doc-1", content=1, embedding=_GOOD),  # type: ignore[arg-type]  # on purpose
        "content None": VectorDocument(id="doc-1", content=None, embedding=_GOOD),  # type: ignore[arg-type]  # on purpose
        "title 1": VectorDocument(id="doc-1", title=1, embedding=_GOOD),  # type: ignore[arg-type]  # on purpose
        "source b''": VectorDocument(id="doc-1", source=b"", embedding=_GOOD),  # type: ignore[arg-type]  # on purpose
        "chunk_index 1.5": VectorDocument(id="doc-1", chunk_index=1.5, embedding=_GOOD),  # type: ignore[arg-type]  # on purpose
        "chunk_index True": VectorDocument(id="doc-1", chunk_index=True, embedding=_GOOD),
        "chunk_count 2**63": VectorDocument(id="doc-1", chunk_count=2**63, embedding=_GOOD),
        "chunk_count '1'": VectorDocument(id="doc-1", chunk_count="1", embedding=_GOOD),  # type: ignore[arg-type]  # on purpose
    }
    await _refused(world, InvalidDocumentError, bad, named="doc-1")


@check("VS-115")
async def a_refusal_names_id_field_and_reason(world: World) -> None:
    """InvalidDocumentError names the id, the path of the field and the value."""
    await world.collection()
    metadata = {"author": {"tags": ["ok", math.inf]}}
    call = world.store.add_documents([VectorDocument(id="doc-17", embedding=_GOOD, metadata=metadata)])
    error = str(await expect.raises(InvalidDocumentError, call, "an infinite value deep inside"))
    for part in ("doc-17", "author", "tags", "inf"):
        expect.that(part in error, f"the error does not name {part!r}: {error}")


@check("VS-120")
async def bad_vectors_are_refused(world: World) -> None:
    """A missing, short, long, nested, NaN or infinite vector is refused; a wrong dimension names both."""
    await world.collection()
    nan, inf = math.nan, math.inf
    vectors: dict[str, object] = {
        "no vector": None,
        "NaN": [1, nan, 3, 4],
        "infinity": [1, 2, inf, 4],
        "minus infinity": [1, 2, -inf, 4],
        "1e39, which is infinite as float32": [1, 2, 3, 1e39],
        "a matrix": [[1, 2, 3, 4]],
        "a scalar": 4.0,
    }
    bad = {what: VectorDocument(id="doc-1", embedding=one) for what, one in vectors.items()}  # type: ignore[arg-type]  # on purpose
    await _refused(world, InvalidVectorError, bad, named="doc-1")
    for size in (0, 3, 5):
        document = VectorDocument(id="doc-1", embedding=[1.0] * size)
        error = await expect.raises(
            InvalidVectorError, world.store.add_documents([document]), f"{size} elements"
        )
        named = str(size) in str(error) and "4" in str(error)
        expect.that(named, f"the error does not name both dimensions, {size} and 4: {error}")
    expect.equal(await world.store.count_documents(), 0, "documents afterwards")


@check("VS-121")
async def bad_query_vectors_are_refused(world: World) -> None:
    """The rules for vectors hold for query vectors, in search_similar and search_many."""
    await world.collection()
    await world.store.add_documents([VectorDocument(id="a", embedding=_GOOD)])
    bad: list[list[float]] = [
        [1, math.nan, 3, 4],
        [1, 2, math.inf, 4],
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        [],
        [1, 2, 3, 1e39],
    ]
    for vector in bad:
        query = VectorQuery(query_vector=vector)
        await expect.raises(
            InvalidVectorError, world.store.search_similar(query), f"the query vector {vector}"
        )
        many = [VectorQuery(query_vector=_GOOD), query]
        await expect.raises(InvalidVectorError, world.store.search_many(many), f"{vector} in search_many")


@check("VS-122", needs="metric", cases=("cosine",))
async def vectors_without_direction_are_refused_by_cosine(world: World, case: str) -> None:
    """A zero vector, one whose squared norm underflows or overflows, is refused, of documents and queries."""
    await world.store.create_collection("default", 4, DistanceMetric(case))
    good = [1e-18, 0.0, 0.0, 0.0]
    await world.store.add_documents([VectorDocument(id="tiny", embedding=good)])
    bad: list[list[float]] = [
        [0.0] * 4,
        [-0.0] * 4,
        [1e-20, 0, 0, 0],
        [1e-30, 1e-30, 0, 0],
        [1e-45, 0, 0, 0],
        [3e38, 3e38, 0, 0],
        [2e19, 0, 0, 0],
    ]
    for vector in bad:
        document = VectorDocument(id="bad", embedding=vector)
        await expect.raises(InvalidVectorError, world.store.add_documents([document]), f"the vector {vector}")
        query = VectorQuery(query_vector=vector)
        await expect.raises(
            InvalidVectorError, world.store.search_similar(query), f"the query vector {vector}"
        )
    (result,) = await world.store.search_similar(VectorQuery(query_vector=[5.0, 0, 0, 0]))
    expect.that(
        close(result.distance, 0.0),
        f"the distance of a tiny vector of the same direction: {result.distance}",
    )  # the contract's tolerance


@check("VS-130")
async def bad_limits_are_refused(world: World) -> None:
    """Limits, offsets and thresholds outside of the contract are InvalidQueryError, whatever is stored."""
    await world.collection()
    bad: dict[str, VectorQuery] = {}
    for limit in (0, -1, 10_001, True, 1.5, "10", None):
        bad[f"limit={limit!r}"] = VectorQuery(query_vector=_GOOD, limit=limit)  # type: ignore[arg-type]  # on purpose
    for offset in (-1, 10_000, True, 0.5, None):
        bad[f"offset={offset!r}"] = VectorQuery(query_vector=_GOOD, offset=offset)  # type: ignore[arg-type]  # on purpose
    for threshold in (math.nan, "0.5", True):
        bad[f"threshold={threshold!r}"] = VectorQuery(query_vector=_GOOD, similarity_threshold=threshold)  # type: ignore[arg-type]  # on purpose
    bad["limit 5 000 + offset 5 001"] = VectorQuery(query_vector=_GOOD, limit=5000, offset=5001)
    bad["an unknown metric"] = VectorQuery(query_vector=_GOOD, distance_metric="cosinus")  # type: ignore[arg-type]  # on purpose
    for what, query in bad.items():
        await expect.raises(InvalidQueryError, world.store.search_similar(query), what)
        await expect.raises(InvalidQueryError, world.store.search_many([query]), f"{what} in search_many")
    fine = [
        VectorQuery(query_vector=_GOOD, limit=10_000),
        VectorQuery(query_vector=_GOOD, limit=1, offset=9_999),
    ]
    for query in fine:
        expect.equal(await world.store.search_similar(query), [], "the answer at the limits")


@check("VS-135")
async def a_query_needs_one_vector_or_one_text(world: World) -> None:
    """A query with neither or both is InvalidQueryError; a text without an embedder is ConfigError."""
    await world.collection()
    await expect.raises(
        InvalidQueryError, world.store.search_similar(VectorQuery()), "neither vector nor text"
    )
    both = VectorQuery(query_vector=_GOOD, query_text="x")
    await expect.raises(InvalidQueryError, world.store.search_similar(both), "vector and text")
    error = await expect.raises(
        ConfigError, world.store.search_similar(VectorQuery(query_text="x")), "a text"
    )
    expect.that("embedder" in str(error), f"the error does not say that an embedder is needed: {error}")
