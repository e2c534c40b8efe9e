"""Looking after a store: optimize, health and statistics; and texts instead of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import (
    ConfigError,
    HealthStatus,
    IndexSpec,
    InvalidVectorError,
    VectorDocument,
    VectorQuery,
)
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.oracle import answer_is_right, embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import Float32Matrix
    from pygent_vec_conformance.world import World


@check("VS-250")
async def optimizing_reports_and_changes_no_answer(world: World) -> None:
    """Optimize reports the index, and the same queries have the same answers after it, twice over."""
    await world.collection("default", 8)
    documents = world.documents([f"d{n:03}" for n in range(400)], dimension=8)
    await world.store.add_documents(documents)
    for _ in range(2):
        report = await world.store.optimize()
        expect.equal(report.collection, "default", "the collection of the report")
        expect.equal(report.document_count, 400, "the document count of the report")
        expect.that(isinstance(report.index, IndexSpec), f"the index of the report is {report.index!r}")
        expect.that(report.seconds >= 0, f"the seconds of the report are {report.seconds}")
        expect.equal(report.target_recall, None, "the target recall of the report")
        for vector in world.vectors(5, 8):
            results = await world.store.search_similar(VectorQuery(query_vector=vector, limit=5))
            answer_is_right(results, embeddings(documents), world.metric, vector, 5, note=" after optimize()")
        expect.equal(await world.store.count_documents(), 400, "documents after optimize()")


@check("VS-250")
async def writes_after_optimizing_are_seen(world: World) -> None:
    """After optimize, writes, overwrites and deletes are in the next answer."""
    await world.collection()
    documents = world.documents([f"d{n:03}" for n in range(300)])
    await world.store.add_documents(documents)
    await world.store.optimize()
    await world.store.add_documents([VectorDocument(id="new", embedding=[50, 50, 50, 50])])
    await world.store.add_documents([VectorDocument(id="d000", embedding=[51, 50, 50, 50])])
    query = VectorQuery(query_vector=[50, 50, 50, 50], limit=3)
    seen = [one.document.id for one in await world.store.search_similar(query)]
    if world.metric == "euclidean":
        expect.equal(seen[:2], ["new", "d000"], "the nearest to what was written after optimize()")
    await world.store.delete_documents(["new"])
    seen = [one.document.id for one in await world.store.search_similar(query)]
    expect.that("new" not in seen, "a document that was deleted after optimize() is still found")


@check("VS-250")
async def an_empty_collection_can_be_optimized(world: World) -> None:
    """Optimize of an empty collection, and of one that was emptied, is no error."""
    await world.collection()
    expect.equal((await world.store.optimize()).document_count, 0, "the document count of the report")
    await world.store.add_documents(world.documents(["a", "b"]))
    await world.store.delete_where({})
    expect.equal((await world.store.optimize()).document_count, 0, "the document count, emptied")
    await world.store.add_documents(world.documents(["a"]))
    results = await world.store.search_similar(VectorQuery(query_vector=[1, 2, 3, 4]))
    expect.equal([one.document.id for one in results], ["a"], "what is found after the next write")


@check("VS-402")
async def a_target_recall_out_of_range_is_refused(world: World) -> None:
    """A target recall that is no number above 0 and up to 1 is ConfigError."""
    await world.collection()
    for bad in (0, -0.5, 1.01, True, "0.9"):
        call = world.store.optimize(target_recall=bad)  # type: ignore[arg-type]  # on purpose
        await expect.raises(ConfigError, call, f"target_recall={bad!r}")


@check("VS-252")
async def health_is_reported(world: World) -> None:
    """health_check of an open store is healthy, with names, latency and version."""
    report = await world.store.health_check()
    expect.equal(report.status, HealthStatus.HEALTHY, f"the status (problems: {report.problems})")
    expect.equal(report.store, world.store.name, "the store of the report")
    expect.equal(report.backend, world.store.backend, "the backend of the report")
    expect.that(report.latency_ms >= 0, f"the latency is {report.latency_ms}")
    expect.that(bool(report.version) and report.version != "unknown", f"the version is {report.version!r}")


@check("VS-253")
async def stats_tell_every_collection(world: World) -> None:
    """get_stats tells the exact count and dimension of every collection, and of nothing else."""
    expect.equal(dict((await world.store.get_stats()).collections), {}, "the statistics of an empty store")
    for name, dimension, count in (("a", 2, 0), ("b", 3, 5), ("c", 4, 12)):
        await world.collection(name, dimension)
        ids = [f"d{n}" for n in range(count)]
        await world.store.add_documents(world.documents(ids, dimension=dimension, collection=name))
    stats = await world.store.get_stats()
    seen = {name: (one.document_count, one.dimension) for name, one in stats.collections.items()}
    expect.equal(seen, {"a": (0, 2), "b": (5, 3), "c": (12, 4)}, "counts and dimensions")
    expect.equal(stats.document_count, 17, "the count of all")
    for name, one in stats.collections.items():
        least = one.document_count * one.dimension * 4
        enough = one.memory_bytes is None or one.memory_bytes >= least
        expect.that(
            enough or one.disk_bytes is not None,
            f"{name!r} takes {one.memory_bytes} bytes; its vectors {least}",
        )
    expect.equal((stats.store, stats.backend), (world.store.name, world.store.backend), "the names")


class _Letters:
    """An embedder: how often a text has each of the letters a to d."""

    model = "letters-1"
    dimension = 4

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        return np.array([[text.count(letter) + 1 for letter in "abcd"] for text in texts], dtype=np.float32)


@check("VS-135")
async def an_embedder_answers_texts(world: World) -> None:
    """With an embedder, documents without a vector and queries by text are embedded, together in one call."""
    store = await world.opened(world.place(), embedder=_Letters())
    await store.create_collection("default", 4, world.metric)
    texts = ["aaaa", "bbbb", "abab", "dddd"]
    await store.add_documents([VectorDocument(id=text, content=text) for text in texts])
    await store.add_documents([VectorDocument(id="own", content="aaaa", embedding=[9, 9, 9, 9])])
    found = await store.get_documents(["aaaa", "own"])
    vectors = [None if one is None or one.embedding is None else one.embedding.tolist() for one in found]
    expect.equal(vectors, [[5.0, 1.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0]], "the vectors: embedded, and given")
    queries = [VectorQuery(query_text=text, limit=1) for text in ("aaaa", "dddd")]
    answers = [one[0].document.content for one in await store.search_many(queries)]
    if world.metric == "euclidean":
        expect.equal(answers, ["aaaa", "dddd"], "the nearest to each text")


@check("VS-120")
async def a_document_without_vector_and_embedder_is_refused(world: World) -> None:
    """Without an embedder a document without a vector is InvalidVectorError."""
    await world.collection()
    call = world.store.add_documents([VectorDocument(id="doc-1", content="text")])
    error = await expect.raises(InvalidVectorError, call, "a document without an embedding")
    expect.that("doc-1" in str(error), f"the error does not name the document: {error}")
