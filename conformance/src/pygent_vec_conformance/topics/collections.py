"""Making, describing and deleting collections."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pygent_vec import (
    CollectionExistsError,
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigError,
    DistanceMetric,
    IndexSpec,
    UnsupportedFeatureError,
    VectorBatch,
    VectorDocument,
    VectorQuery,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.topics.lifecycle import calls

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

METRICS = tuple(metric.value for metric in DistanceMetric)
INDEX_KINDS = ("auto", "flat", "hnsw", "ivf")


@check("VS-210")
async def creating_a_collection_returns_it(world: World) -> None:
    """create_collection returns the collection's info, and get_collection_info the same."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    metadata = {"owner": "café", "n": 1, "x": 1.0, "on": True, "none": None, "deep": {"list": [1, [], {}]}}
    made = await world.store.create_collection("papers", 3, world.metric, metadata=metadata)
    found = await world.store.get_collection_info("papers")
    for info, how in ((made, "create_collection"), (found, "get_collection_info")):
        expect.equal(info.name, "papers", f"the name from {how}")
        expect.equal(info.dimension, 3, f"the dimension from {how}")
        expect.equal(info.distance_metric, world.metric, f"the metric from {how}")
        expect.equal(info.document_count, 0, f"the document count from {how}")
        expect.same_json(info.metadata, metadata, f"the metadata from {how}")
        expect.equal(info.created_at.utcoffset(), timedelta(0), f"the offset of created_at from {how}")
        late = datetime.now(UTC) + timedelta(seconds=1)
        expect.that(before <= info.created_at <= late, f"created_at from {how} is {info.created_at}")
    expect.equal(found.created_at, made.created_at, "created_at, asked again")


@check("VS-210", needs="metric", cases=METRICS)
async def a_collection_of_each_metric_can_be_made(world: World, case: str) -> None:
    """A collection of every declared metric can be made, and says its metric."""
    info = await world.store.create_collection("of-metric", 4, DistanceMetric(case))
    expect.equal(info.distance_metric, DistanceMetric(case), "the metric of the info")
    again = await world.store.get_collection_info("of-metric")
    expect.equal(again.distance_metric, DistanceMetric(case), "the metric, asked again")


@check("VS-501", needs="index", cases=INDEX_KINDS)
async def a_collection_of_each_index_kind_can_be_made(world: World, case: str) -> None:
    """A collection of every declared index kind can be made, filled, built and searched."""
    await world.store.create_collection("indexed", 4, world.metric, index=IndexSpec(case))
    info = await world.store.get_collection_info("indexed")
    expect.that(isinstance(info.index, IndexSpec), f"the index of the info is {info.index!r}")
    documents = world.documents([f"d{n:03}" for n in range(300)], collection="indexed")
    await world.store.add_documents(documents)
    await world.store.optimize("indexed")
    query = VectorQuery(query_vector=documents[7].embedding, collection="indexed", limit=3)
    results = await world.store.search_similar(query)
    expect.equal(len(results), 3, "the number of results")
    expect.equal(results[0].document.id, "d007", "the nearest to its own vector")


@check("VS-501", timeout=300)
async def every_declared_index_kind_is_kept(world: World) -> None:
    """The index kind asked for is the collection's, and what optimize builds over some thousand documents."""
    kinds = world.capabilities.index_kinds
    count = world.profile.times(2_500, 12_000, 12_000)
    for kind in sorted(kinds):
        name = f"kind-{kind}"
        made = await world.store.create_collection(name, 4, world.metric, index=kind)
        info = await world.store.get_collection_info(name)
        for seen in (made, info):
            expect.equal(seen.index.kind, kind, f"the index kind of a collection made with {kind!r}")
        ids = [f"d{n:05}" for n in range(count)]
        await world.store.add_batch(VectorBatch(ids=ids, vectors=world.vectors(count), collection=name))
        built = (await world.store.optimize(name)).index.kind
        fine = built in (kinds if kind == "auto" else {kind})
        expect.that(fine, f"optimize() built {built!r} for {count} documents of the kind {kind!r}")
        query = VectorQuery(query_vector=[1, 2, 3, 4], collection=name, limit=500)
        expect.equal(len(await world.store.search_similar(query)), 500, f"results by the index kind {kind!r}")


@check("VS-502")
async def an_unknown_index_kind_is_refused(world: World) -> None:
    """An index kind that is not declared is refused with UnsupportedFeatureError, and nothing is made."""
    call = world.store.create_collection("x", 4, world.metric, index="no-such-index")
    error = await expect.raises(UnsupportedFeatureError, call, "an index kind that nobody has")
    expect.that("no-such-index" in str(error), f"the error does not name the kind: {error}")
    expect.equal(await world.store.list_collections(), [], "collections afterwards")


@check("VS-211")
async def creating_it_twice_is_refused_and_changes_nothing(world: World) -> None:
    """Creating a collection that exists raises CollectionExistsError and keeps its documents."""
    await world.collection("twice")
    await world.store.add_documents(world.documents(["a"], collection="twice"))
    for dimension in (4, 5):
        call = world.store.create_collection("twice", dimension, world.metric)
        error = await expect.raises(CollectionExistsError, call, "a second create_collection")
        expect.that("twice" in str(error), f"the error does not name the collection: {error}")
    info = await world.store.get_collection_info("twice")
    expect.equal((info.dimension, info.document_count), (4, 1), "dimension and count afterwards")


@check("VS-212")
async def ignore_returns_the_collection_that_exists(world: World) -> None:
    """With if_exists="ignore" an equal collection is returned as it is, and a different one is refused."""
    made = await world.store.create_collection("same", 4, world.metric, metadata={"v": 1})
    await world.store.add_documents(world.documents(["a", "b"], collection="same"))
    again = await world.store.create_collection(
        "same", 4, world.metric, metadata={"v": 2}, if_exists="ignore"
    )
    expect.equal(again.document_count, 2, "the document count of the collection that existed")
    expect.equal(again.created_at, made.created_at, "its created_at")
    expect.same_json(again.metadata, {"v": 1}, "its metadata")
    call = world.store.create_collection("same", 5, world.metric, if_exists="ignore")
    await expect.raises(CollectionMismatchError, call, "ignore, with another dimension")
    for metric in sorted(world.capabilities.metrics - {world.metric}):
        call = world.store.create_collection("same", 4, metric, if_exists="ignore")
        await expect.raises(CollectionMismatchError, call, f"ignore, with the metric {metric.value}")
    expect.equal(await world.store.count_documents(collection="same"), 2, "documents afterwards")


@check("VS-211")
async def one_of_many_that_create_it_at_once_succeeds(world: World) -> None:
    """Of tasks that create one collection at once one succeeds; the others see CollectionExistsError."""
    calls_ = [world.store.create_collection("race", 4, world.metric) for _ in range(8)]
    outcomes = await asyncio.gather(*calls_, return_exceptions=True)
    errors = [one for one in outcomes if isinstance(one, BaseException)]
    for error in errors:
        fine = isinstance(error, CollectionExistsError)
        expect.that(fine, f"a concurrent create raised {type(error).__name__}: {error}")
    expect.equal(len(errors), 7, "creates that were refused, of 8")


@check("VS-213")
async def deleting_a_collection_removes_all_that_it_held(world: World) -> None:
    """delete_collection returns True, then False; its successor begins empty, of any dimension."""
    await world.collection("gone")
    await world.store.add_documents(world.documents(["a", "b"], collection="gone"))
    expect.equal(await world.store.delete_collection("gone"), True, "the first delete_collection")  # noqa: FBT003  # a value
    expect.equal(await world.store.delete_collection("gone"), False, "the second delete_collection")  # noqa: FBT003  # a value
    expect.equal(await world.store.list_collections(), [], "collections afterwards")
    await world.store.create_collection("gone", 3, world.metric)
    expect.equal(await world.store.count_documents(collection="gone"), 0, "documents of its successor")
    query = VectorQuery(query_vector=[1.0, 2.0, 3.0], collection="gone")
    expect.equal(await world.store.search_similar(query), [], "what is found in its successor")
    await world.store.add_documents([VectorDocument(id="a", embedding=[1, 2, 3], collection="gone")])
    expect.equal(len(await world.store.search_similar(query)), 1, "what is found after a write")


@check("VS-213")
async def deleting_what_never_was_returns_false(world: World) -> None:
    """delete_collection of a name that nobody has, or that nobody could have, is False and no error."""
    for name in ("nothing", "x" * 128):
        expect.equal(await world.store.delete_collection(name), False, f"delete_collection({name[:9]!r})")  # noqa: FBT003  # a value


@check("VS-214")
async def collections_are_listed_sorted(world: World) -> None:
    """list_collections is sorted by code point, whatever order they were made in."""
    names = ["b", "a", "B", "A", "a-b", "a.b", "a_b", "aa", "0", "10", "9"]
    for name in names:
        await world.collection(name)
    expect.equal(await world.store.list_collections(), sorted(names), "list_collections()")
    await world.store.delete_collection("a")
    expect.equal(await world.store.list_collections(), sorted(set(names) - {"a"}), "after a delete")


@check("VS-215")
async def the_count_of_the_info_is_exact(world: World) -> None:
    """get_collection_info counts exactly after each kind of write."""
    await world.collection()
    store, documents = world.store, world.documents(["a", "b", "c", "d"])

    async def counted(wanted: int, after: str) -> None:
        info = await store.get_collection_info("default")
        expect.equal(info.document_count, wanted, f"document_count after {after}")
        stats = await store.get_stats()
        expect.equal(stats.document_count, wanted, f"the count of get_stats after {after}")

    await counted(0, "creating it")
    await store.add_documents(documents)
    await counted(4, "adding 4")
    await store.add_documents(documents[:2])
    await counted(4, "overwriting 2")
    await store.delete_documents(["a", "nothing"])
    await counted(3, "deleting 1")
    await store.delete_where({"n": {"$gte": 3}})
    await counted(2, "delete_where of 1")
    await store.update_documents(documents)
    await counted(2, "updating")


@check("VS-216")
async def a_missing_collection_is_an_error_everywhere(world: World) -> None:
    """Every method but delete_collection raises CollectionNotFoundError that names the collection."""
    for name, call in calls(world.store).items():
        if name in {
            "create_collection",
            "delete_collection",
            "list_collections",
            "get_stats",
            "health_check",
        }:
            continue
        error = await expect.raises(CollectionNotFoundError, call(), f"{name}() without the collection")
        expect.that("default" in str(error), f"{name}(): the error does not name the collection: {error}")
    expect.equal(await world.store.list_collections(), [], "collections afterwards: nothing is implicit")


@check("VS-404")
async def a_missing_collection_is_told_with_those_that_exist(world: World) -> None:
    """CollectionNotFoundError names the collection that was asked for, and those that there are."""
    await world.collection("papers")
    call = world.store.count_documents(collection="paper")
    error = await expect.raises(CollectionNotFoundError, call, "a misspelt collection")
    for named in ("'paper'", "'papers'"):
        expect.that(named in str(error), f"the error does not name {named}: {error}")


@check("VS-217")
async def a_document_for_a_missing_collection_makes_none(world: World) -> None:
    """Writing to a collection that does not exist makes none, and writes to no other."""
    await world.collection()
    call = world.store.add_documents(world.documents(["a"], collection="elsewhere"))
    await expect.raises(CollectionNotFoundError, call, "a write to a missing collection")
    expect.equal(await world.store.list_collections(), ["default"], "collections afterwards")
    expect.equal(await world.store.count_documents(), 0, "documents of the default collection")


@check("VS-216")
async def an_empty_call_on_a_missing_collection_is_an_error_too(world: World) -> None:
    """Reading nothing, or deleting nothing, from a missing collection is CollectionNotFoundError."""
    store = world.store
    await expect.raises(CollectionNotFoundError, store.get_documents([]), "get_documents([])")
    await expect.raises(CollectionNotFoundError, store.delete_documents([]), "delete_documents([])")


@check("VS-402")
async def unknown_arguments_of_create_are_refused(world: World) -> None:
    """An unknown metric or if_exists, and metadata that is no JSON object, are ConfigError."""
    create = world.store.create_collection
    unknown = create("x", 4, "cosin")  # type: ignore[arg-type]  # on purpose
    error = await expect.raises(ConfigError, unknown, "an unknown metric")
    expect.that("cosine" in str(error), f"the error does not name the nearest metric: {error}")
    await expect.raises(ConfigError, create("x", 4, if_exists="replace"), "if_exists")  # type: ignore[arg-type]  # on purpose
    await expect.raises(ConfigError, create("x", 4, metadata={"x": object()}), "metadata with an object")
    expect.equal(await world.store.list_collections(), [], "collections afterwards")
