"""The answers of a search: which, in what order, and what they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import DistanceMetric, VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.oracle import answer_is_right, distance, embeddings, similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec import VectorSearchResult
    from pygent_vec_conformance.world import World

_QUERY = [0.3, -0.2, 0.9, 0.1]


def _ids(results: Sequence[VectorSearchResult]) -> list[str]:
    return [one.document.id for one in results]


def _shape(results: Sequence[VectorSearchResult]) -> list[tuple[str, int, str]]:
    return [(one.document.id, one.rank, f"{one.distance:.5g}") for one in results]


async def _filled(world: World, count: int = 60) -> list[VectorDocument]:
    await world.collection()
    documents = world.documents([f"d{n:03}" for n in range(count)])
    await world.store.add_documents(documents)
    return documents


@check("VS-140")
async def results_are_the_nearest_in_order(world: World) -> None:
    """The nearest documents come first, scored and ranked, none nearer left out, for many queries."""
    documents = await _filled(world)
    for vector in world.vectors(world.profile.times(15)):
        for limit in (1, 7, 60):
            results = await world.store.search_similar(VectorQuery(query_vector=vector, limit=limit))
            answer_is_right(results, embeddings(documents), world.metric, vector, limit)


@check("VS-143")
async def as_many_results_as_match(world: World) -> None:
    """There are min(limit, matches) results, for limits below, at and far above the number of documents."""
    documents = await _filled(world, 45)
    for limit in (1, 44, 45, 46, 200, 10_000):
        results = await world.store.search_similar(VectorQuery(query_vector=_QUERY, limit=limit))
        answer_is_right(
            results, embeddings(documents), world.metric, _QUERY, limit, note=f" with limit={limit}"
        )
    for least, wanted in ((40, 5), (44, 1), (45, 0), (0, 45)):
        query = VectorQuery(query_vector=_QUERY, limit=50, metadata_filter={"n": {"$gte": least}})
        results = await world.store.search_similar(query)
        matching = embeddings(documents[least:])
        answer_is_right(results, matching, world.metric, _QUERY, 50, note=f" with {wanted} matches")


@check("VS-143")
async def more_than_a_thousand_results_come(world: World) -> None:
    """A limit of 10 000 over 1 200 documents gives all of them, and all that a filter lets through."""
    documents = await _filled(world, 1200)
    for condition, rows in ((None, documents), ({"n": {"$gte": 100}}, documents[100:])):
        query = VectorQuery(
            query_vector=_QUERY, limit=10_000, metadata_filter=condition, include_content=False
        )
        results = await world.store.search_similar(query)
        answer_is_right(results, embeddings(rows), world.metric, _QUERY, 10_000, note=f" by {condition}")


@check("VS-143")
async def an_empty_collection_answers_with_nothing(world: World) -> None:
    """A search of an empty collection, or with a filter that nothing satisfies, is an empty list."""
    await world.collection()
    expect.equal(
        await world.store.search_similar(VectorQuery(query_vector=_QUERY)), [], "an empty collection"
    )
    await world.store.add_documents(world.documents(["a"]))
    query = VectorQuery(query_vector=_QUERY, metadata_filter={"n": 99})
    expect.equal(await world.store.search_similar(query), [], "a filter that nothing satisfies")
    expect.equal(await world.store.search_many([]), [], "search_many([])")


async def _tied(world: World) -> list[str]:
    """Write equal vectors under ids in no order, amid others; return the ids sorted by code point."""
    await world.collection()
    ids = ["b", "a", "C", "10", "9", "é", "z", "Z", "aa", "😀", "\uffff", "_", "B", "1", "A"]
    same = [VectorDocument(id=one, embedding=[1, 0, 0, 0], metadata={"same": True}) for one in ids]
    far = [VectorDocument(id=f"far{n}", embedding=[-5, n, 1, 0]) for n in range(10)]
    await world.store.add_documents([*far[:5], *same[:8], *far[5:], *same[8:]])
    await world.store.add_documents([same[3]])
    return sorted(ids)


@check("VS-140")
async def ties_stand_in_id_order(world: World) -> None:
    """Documents at the same distance stand in code-point order of their ids, and at the last place too."""
    ids = await _tied(world)
    exact = world.capabilities.exact_search
    for limit in (1, 2, 7, 14, 15):
        query = VectorQuery(query_vector=[1, 0, 0, 0], limit=limit, exact=exact)
        results = await world.store.search_similar(query)
        expect.equal(_ids(results), ids[:limit], f"the nearest {limit} of 15 equal documents")
    query = VectorQuery(query_vector=[1, 0, 0, 0], limit=15)
    expect.equal(_ids(await world.store.search_similar(query)), ids, "15 equal documents")
    filtered = VectorQuery(query_vector=[1, 0, 0, 0], limit=4, exact=exact, metadata_filter={"same": True})
    expect.equal(_ids(await world.store.search_similar(filtered)), ids[:4], "the nearest 4 of them, filtered")


@check("VS-141")
async def ranks_go_on_after_an_offset(world: World) -> None:
    """With an offset the results are those that would have come there, and ranks go on from it."""
    documents = await _filled(world, 30)
    everything = await world.store.search_similar(VectorQuery(query_vector=_QUERY, limit=30))
    expect.equal([one.rank for one in everything], list(range(1, 31)), "ranks without an offset")
    for offset, limit in ((0, 5), (1, 1), (5, 5), (27, 5), (29, 5), (30, 5), (500, 10)):
        query = VectorQuery(query_vector=_QUERY, limit=limit, offset=offset)
        results = await world.store.search_similar(query)
        wanted = everything[offset : offset + limit]
        expect.equal(_shape(results), _shape(wanted), f"offset={offset}, limit={limit}")
        answer_is_right(results, embeddings(documents), world.metric, _QUERY, limit, offset=offset)


@check("VS-131")
async def the_threshold_keeps_what_is_as_similar(world: World) -> None:
    """A threshold keeps results at or above it, below all of it nothing, and does not cost results."""
    documents = await _filled(world)
    scores = sorted(
        similarity(world.metric, distance(world.metric, _QUERY, one.embedding))
        for one in documents
        if one.embedding is not None
    )
    between = [(scores[n] + scores[n + 1]) / 2 for n in (0, 29, 54, 58)]
    for threshold in (scores[0] - 1, *between, scores[-1] + 1):
        for limit in (3, 100):
            query = VectorQuery(query_vector=_QUERY, limit=limit, similarity_threshold=threshold)
            results = await world.store.search_similar(query)
            wanted = min(limit, sum(score >= threshold for score in scores))
            expect.equal(len(results), wanted, f"results with threshold {threshold:.6g} and limit {limit}")
            answer_is_right(results, embeddings(documents), world.metric, _QUERY, limit, threshold=threshold)


@check("VS-131")
async def the_threshold_is_inclusive(world: World) -> None:
    """A threshold equal to a score that the store returned keeps that result."""
    await _filled(world, 20)
    results = await world.store.search_similar(VectorQuery(query_vector=_QUERY, limit=20))
    for place in (0, 7, 19):
        threshold = results[place].similarity_score
        query = VectorQuery(query_vector=_QUERY, limit=20, similarity_threshold=threshold)
        kept = await world.store.search_similar(query)
        expect.equal(_ids(kept), _ids(results)[: place + 1], f"results at the score of place {place + 1}")


@check("VS-131")
async def the_threshold_works_with_filter_and_offset(world: World) -> None:
    """Threshold, filter, offset and limit apply in this order: filter, threshold, offset, limit."""
    documents = await _filled(world)
    even = {"parity": "even"}
    whole = await world.store.search_similar(VectorQuery(query_vector=_QUERY, limit=60, metadata_filter=even))
    answer_is_right(whole, embeddings(documents[::2]), world.metric, _QUERY, 60)
    threshold = (whole[19].similarity_score + whole[20].similarity_score) / 2
    for offset, limit, wanted in ((0, 60, 20), (15, 60, 5), (20, 5, 0), (3, 4, 4)):
        query = VectorQuery(
            query_vector=_QUERY,
            limit=limit,
            offset=offset,
            similarity_threshold=threshold,
            metadata_filter=even,
        )
        results = await world.store.search_similar(query)
        expect.equal(
            _shape(results), _shape(whole[offset : offset + wanted]), f"offset={offset}, limit={limit}"
        )


@check("VS-133")
async def the_flags_decide_what_results_carry(world: World) -> None:
    """include_content, include_metadata and include_embedding each add what they name and nothing else."""
    await world.collection()
    vector = np.array([1, 2, 3, 4], dtype=np.float32)
    await world.store.add_documents(
        [
            VectorDocument(
                id="a", content="text", embedding=vector, metadata={"k": 1}, title="t", chunk_index=3
            )
        ]
    )
    other = VectorDocument(id="b", content="other", embedding=vector, metadata={"k": 2}, title="u")
    for condition in (None, {"k": 1}, {"k": {"$lt": 2}, "@title": "t"}):
        if condition is not None:
            await world.store.add_documents([other])
        for number in range(8):
            content, metadata, embedding = bool(number & 1), bool(number & 2), bool(number & 4)
            query = VectorQuery(
                query_vector=vector,
                include_content=content,
                include_metadata=metadata,
                include_embedding=embedding,
                metadata_filter=condition,
            )
            results = await world.store.search_similar(query)
            note = f"with content={content}, metadata={metadata}, embedding={embedding}, filter={condition}"
            expect.equal(_ids(results), ["a"], f"the results {note}")
            found = results[0].document
            expect.equal(found.collection, "default", f"the collection {note}")
            expect.equal(found.content, "text" if content else "", f"the content {note}")
            expect.same_json(found.metadata, {"k": 1} if metadata else {}, f"the metadata {note}")
            own = (found.title, found.chunk_index, found.created_at is not None, found.updated_at is not None)
            wanted = ("t", 3, True, True) if metadata else (None, None, False, False)
            expect.equal(own, wanted, f"own fields and timestamps {note}")
            expect.equal(found.embedding is not None, embedding, f"whether there is an embedding {note}")
            if found.embedding is not None:
                exact = world.capabilities.exact_vectors
                expect.same_vector(found.embedding, vector, f"the embedding {note}", exact=exact)


@check("VS-142")
async def a_result_names_its_store(world: World) -> None:
    """Each result names the store that answered."""
    await _filled(world, 3)
    results = await world.store.search_similar(VectorQuery(query_vector=_QUERY))
    expect.equal({one.store for one in results}, {world.store.name}, "the stores that results name")


@check("VS-134", needs="exact_search")
async def exact_is_brute_force(world: World) -> None:
    """exact=True finds the true nearest, whatever the index, before and after it is built."""
    count = world.profile.times(1500, 5000)
    await world.collection("big", 16)
    vectors = world.vectors(count, 16)
    documents = [
        VectorDocument(id=f"d{n:05}", embedding=row, collection="big") for n, row in enumerate(vectors)
    ]
    await world.store.add_documents(documents)
    truth = embeddings(documents)
    for after in ("writing", "optimize"):
        for row in (0, 3, 5):
            vector = vectors[row] + np.float32(0.25)
            query = VectorQuery(query_vector=vector, collection="big", exact=True, limit=20)
            results = await world.store.search_similar(query)
            answer_is_right(results, truth, world.metric, vector, 20, note=f" after {after}")
        await world.store.optimize("big")


@check("VS-248")
async def many_queries_answer_as_single_ones(world: World) -> None:
    """search_many answers each of its queries as search_similar does, in order, however they differ."""
    await _filled(world)
    await world.collection("other", 2)
    await world.store.add_documents(world.documents(["o1", "o2"], dimension=2, collection="other"))
    rows = world.vectors(6)
    queries = [
        *(VectorQuery(query_vector=row, limit=5) for row in rows),
        VectorQuery(query_vector=rows[0], limit=1),
        VectorQuery(query_vector=rows[0], limit=3, offset=2),
        VectorQuery(query_vector=rows[1], metadata_filter={"parity": "odd"}, limit=40),
        VectorQuery(query_vector=rows[1], metadata_filter={"parity": "even"}, limit=40),
        VectorQuery(query_vector=rows[2], include_embedding=True, include_content=False),
        VectorQuery(query_vector=rows[2], similarity_threshold=0.4, limit=60),
        VectorQuery(query_vector=[1, 1], collection="other"),
        VectorQuery(query_vector=rows[0], limit=5),
    ]
    many = await world.store.search_many(queries)
    expect.equal(len(many), len(queries), "the number of answers")
    for number, (query, answer) in enumerate(zip(queries, many, strict=True)):
        single = await world.store.search_similar(query)
        expect.equal(_shape(answer), _shape(single), f"the answer to query {number}")
        whole = [(one.document.content, one.document.metadata) for one in single]
        expect.equal(
            [(one.document.content, one.document.metadata) for one in answer], whole, "what it carries"
        )


@check("VS-132", needs="query_metric")
async def a_query_by_another_metric_is_answered_exactly(world: World) -> None:
    """A query by each declared metric is answered by that metric, exactly, on every collection."""
    metrics = sorted(world.capabilities.metrics)
    for own in metrics:
        await world.collection(own, 4, own)
        documents = world.documents([f"d{n:03}" for n in range(40)], collection=own)
        await world.store.add_documents(documents)
        for metric in metrics:
            for vector in world.vectors(3):
                query = VectorQuery(query_vector=vector, collection=own, distance_metric=metric, limit=10)
                results = await world.store.search_similar(query)
                note = f" by {metric.value} in a collection of {own.value}"
                answer_is_right(results, embeddings(documents), DistanceMetric(metric), vector, 10, note=note)
