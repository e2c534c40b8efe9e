"""The synchronous store does what the asynchronous one does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import attrs
import numpy as np

from pygent_vec import (
    CollectionNotFoundError,
    DocumentExistsError,
    InvalidDocumentError,
    StoreClosedError,
    SyncVectorStore,
    VectorBatch,
    VectorDocument,
    VectorQuery,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pygent_vec import VectorStore
    from pygent_vec_conformance.world import World

_VOLATILE = {"created_at", "updated_at", "seconds", "latency_ms", "embedding", "memory_bytes", "disk_bytes"}


def _script() -> list[tuple[str, tuple[object, ...], dict[str, object]]]:
    """Return calls of every method: name, arguments, keywords."""
    documents = [
        VectorDocument(
            id=f"d{n}", content=f"c{n}", embedding=[n, 1, 2, 3], metadata={"n": n, "odd": n % 2 == 1}
        )
        for n in range(9)
    ]
    vectors = [one.embedding for one in documents if one.embedding is not None]
    batch = VectorBatch(ids=["b0", "b1"], vectors=np.stack(vectors[:2]), metadatas=[{"n": 50}, {"n": 51}])
    query = VectorQuery(query_vector=[3, 1, 2, 3], limit=4)
    return [
        ("list_collections", (), {}),
        ("get_collection_info", (), {}),
        ("add_documents", (documents,), {"batch_size": 2}),
        ("add_documents", (documents[:2],), {"on_conflict": "error"}),
        ("add_documents", (documents[:2],), {"on_conflict": "skip"}),
        ("add_documents", ([documents[0], documents[0]],), {}),
        ("add_batch", (batch,), {}),
        ("update_documents", ([documents[3], VectorDocument(id="new", embedding=[1, 1, 1, 1])],), {}),
        ("get_document", ("d3",), {}),
        ("get_document", ("none",), {}),
        ("get_documents", (["d5", "none", "d1"],), {}),
        ("count_documents", (), {"filter": {"odd": True}}),
        ("count_documents", (), {"collection": "elsewhere"}),
        ("search_similar", (query,), {}),
        ("search_similar", (VectorQuery(query_vector=[1, 2]),), {}),
        ("search_similar", (attrs.evolve(query, metadata_filter={"n": {"$lt": 3}}),), {}),
        ("search_many", ([query, attrs.evolve(query, limit=1)],), {}),
        ("delete_documents", (["d0", "none"],), {}),
        ("delete_where", ({"n": {"$gte": 50}},), {}),
        ("delete_where", ({"n": {"$what": 50}},), {}),
        ("optimize", (), {}),
        ("health_check", (), {}),
        ("get_stats", (), {}),
        ("create_collection", ("default", 4), {}),
        ("delete_collection", ("elsewhere",), {}),
    ]


def _plain(value: object) -> object:
    """Return an answer without what differs between two runs."""
    if attrs.has(type(value)):
        fields = {field.name: getattr(value, field.name) for field in attrs.fields(cast("Any", type(value)))}
        return {name: _plain(held) for name, held in fields.items() if name not in _VOLATILE}
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


def _outcome(call: Callable[[], object]) -> object:
    try:
        return _plain(call())
    except Exception as error:  # noqa: BLE001  # it is what is compared
        return type(error).__name__


@check("VS-265")
def both_faces_give_the_same_answers(world: World) -> None:
    """Every method of the synchronous store answers, or raises, as its asynchronous namesake."""
    store = world.store
    world.run(store.create_collection("default", 4, world.metric))
    with world.target.sync_at(world.place()) as sync:
        sync.create_collection("default", 4, world.metric)
        for name, args, kwargs in _script():
            asked = partial(getattr(store, name), *args, **kwargs)
            left = _outcome(partial(_awaited, world, asked))
            right = _outcome(partial(getattr(sync, name), *args, **kwargs))
            expect.equal(repr(right), repr(left), f"the synchronous {name}{args!r:.120}")
        seen = [_plain(one) for one in sync.iter_documents(batch_size=2)]
        expect.equal(repr(seen), repr(world.run(_everything(store))), "the synchronous iter_documents()")
        seen = [_plain(one) for batch in sync.iter_batches(batch_size=2) for one in batch.documents()]
        expect.equal(repr(seen), repr(world.run(_everything(store))), "the synchronous iter_batches()")


def _awaited(world: World, asked: Callable[[], Coroutine[object, object, object]]) -> object:
    return world.run(asked())


async def _everything(store: VectorStore) -> list[object]:
    return [_plain(one) async for one in store.iter_documents()]


@check("VS-265")
def the_synchronous_store_opens_and_closes(world: World) -> None:
    """The synchronous store works in a with-block, refuses calls outside of it, and closes twice."""
    place = world.place()
    sync = world.target.sync_at(place)
    expect.that(isinstance(sync, SyncVectorStore), f"the store is a {type(sync).__name__}")
    expect.equal(_outcome(sync.list_collections), StoreClosedError.__name__, "a call before the block")
    with sync:
        sync.create_collection("default", 4, world.metric)
        documents = world.documents(["a", "b"])
        expect.equal(sync.add_documents(iter(documents)), ["a", "b"], "the ids written")
        expect.equal(
            _outcome(lambda: sync.add_documents(documents, on_conflict="error")),
            DocumentExistsError.__name__,
            "a conflict",
        )
        expect.equal(
            _outcome(lambda: sync.count_documents(collection="x")),
            CollectionNotFoundError.__name__,
            "a missing one",
        )
        bad = [VectorDocument(id="", embedding=[1, 2, 3, 4])]
        expect.equal(
            _outcome(lambda: sync.add_documents(bad)), InvalidDocumentError.__name__, "a bad document"
        )
        found = sync.get_document("a")
        expect.that(found is not None and found.embedding is not None, "the document is not there")
    sync.close()
    expect.equal(_outcome(sync.list_collections), StoreClosedError.__name__, "a call after the block")
