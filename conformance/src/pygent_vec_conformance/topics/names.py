"""Names and dimensions of collections, at their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import ConfigError, UnsupportedFeatureError, VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.oracle import answer_is_right

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_MAX_DIMENSION = 16_000


@check("VS-218")
async def every_name_of_the_contract_is_taken(world: World) -> None:
    """Names of 1 and of 128 characters, and every allowed character, are taken and listed as given."""
    names = [
        "a",
        "Z",
        "0",
        "x" * 128,
        "a.b-c_D9",
        "9-",
        "a..b",
        "CON",
        "select",
        "default_",
        "a" * 63,
        "xn--p",
    ]
    for name in names:
        await world.collection(name)
        await world.store.add_documents(world.documents(["only"], collection=name))
    expect.equal(await world.store.list_collections(), sorted(names), "list_collections()")
    for name in names:
        info = await world.store.get_collection_info(name)
        expect.equal((info.name, info.document_count), (name, 1), "name and count")


@check("VS-218")
async def other_names_are_refused(world: World) -> None:
    """A name outside of the contract is ConfigError, and nothing is made."""
    bad = [
        "",
        "x" * 129,
        "_a",
        ".a",
        "-a",
        "a b",
        "é",
        "a/b",
        "../a",
        "a\n",
        'a"b',
        "a;b",
        "a\0b",
        "a'b",
        "\uff41",
    ]  # a fullwidth letter on purpose
    for name in bad:
        await expect.raises(ConfigError, world.store.create_collection(name, 4), f"the name {name!r}")
    expect.equal(await world.store.list_collections(), [], "collections afterwards")


@check("VS-219")
async def similar_names_are_different_collections(world: World) -> None:
    """Names that differ in case, punctuation or beyond 63 bytes are different collections."""
    long = "l" * 63
    names = [
        "a-b",
        "a_b",
        "a.b",
        "ab",
        "AB",
        "Ab",
        f"{long}1",
        f"{long}2",
        f"{long}{'m' * 64}1",
        f"{long}{'m' * 64}2",
    ]
    for number, name in enumerate(names):
        await world.collection(name)
        document = VectorDocument(
            id="one", embedding=[1, 2, 3, number], metadata={"of": name}, collection=name
        )
        await world.store.add_documents([document])
    for name in names:
        found = await world.store.get_document("one", collection=name)
        expect.that(found is not None, f"the document of {name!r} is not there")
        expect.same_json(found.metadata if found else None, {"of": name}, f"the document of {name!r}")
    await world.store.delete_collection("ab")
    expect.equal(await world.store.list_collections(), sorted(set(names) - {"ab"}), "after deleting 'ab'")


async def _last_element_counts(world: World, name: str, document: VectorDocument) -> None:
    """Check that a vector comes back whole, and that its last element decides a search."""
    if document.embedding is None:
        return
    held = await world.store.get_document(document.id, collection=name)
    what = f"the vector of {len(document.embedding)} dimensions"
    seen = None if held is None else held.embedding
    expect.same_vector(seen, document.embedding, what, exact=world.capabilities.exact_vectors)
    other = document.embedding.copy()
    other[-1] += np.float32(3.0)
    await world.store.add_documents([VectorDocument(id="b", embedding=other, collection=name)])
    results = await world.store.search_similar(VectorQuery(query_vector=other, collection=name))
    both = {"a": document.embedding, "b": other}
    answer_is_right(results, both, world.metric, other, 10, note=f" of {len(other)} dimensions")


@check("VS-220")
async def dimensions_are_checked(world: World) -> None:
    """Dimensions from 1 to the declared maximum work; 0, 16 001, bools and texts are refused."""
    most = world.capabilities.max_dimension
    for dimension in (1, 2, most):
        name = f"d{dimension}"
        await world.collection(name, dimension)
        (document,) = world.documents(["a"], dimension=dimension, collection=name)
        await world.store.add_documents([document])
        found = await world.store.search_similar(
            VectorQuery(query_vector=document.embedding, collection=name)
        )
        expect.equal([one.document.id for one in found], ["a"], f"found at dimension {dimension}")
        await _last_element_counts(world, name, document)
    for bad in (0, -1, _MAX_DIMENSION + 1, True, "4", 4.0, None):
        call = world.store.create_collection("bad", bad, world.metric)  # type: ignore[arg-type]  # on purpose
        await expect.raises(ConfigError, call, f"the dimension {bad!r}")
    if most < _MAX_DIMENSION:
        call = world.store.create_collection("bad", most + 1, world.metric)
        await expect.raises(
            UnsupportedFeatureError, call, f"dimension {most + 1}, above the declared maximum"
        )
