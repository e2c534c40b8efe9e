"""Distances and similarity scores, against float64, for every metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import DistanceMetric, VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.oracle import answer_is_right, close, embeddings
from pygent_vec_conformance.topics.collections import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from pygent_vec_conformance.world import World

_PLANE: Sequence[list[float]] = (
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
    [3, 4],
    [-3, -4],
    [10, 0],
    [1, 1],
    [0.6, 0.8],
)


async def _right(world: World, metric: str, rows: Sequence[ArrayLike], queries: Sequence[ArrayLike]) -> None:
    """Write *rows*, ask *queries*, and compare everything with the oracle, before and after optimize()."""
    vectors = [np.asarray(row, dtype=np.float32) for row in rows]
    dimension = len(vectors[0])
    await world.store.create_collection("scores", dimension, DistanceMetric(metric))
    documents = [
        VectorDocument(id=f"v{n:03}", embedding=row, collection="scores") for n, row in enumerate(vectors)
    ]
    await world.store.add_documents(documents)
    for exact in {False, world.capabilities.exact_search}:
        for number, vector in enumerate(queries):
            query = VectorQuery(query_vector=vector, collection="scores", limit=len(rows), exact=exact)
            results = await world.store.search_similar(query)
            note = f" to query {number}"
            answer_is_right(
                results, embeddings(documents), DistanceMetric(metric), vector, len(rows), note=note
            )


@check("VS-150", needs="metric", cases=METRICS)
async def the_score_table_holds_by_hand(world: World, case: str) -> None:
    """For the query (3, 4) the distances to a few vectors are the numbers that one computes by hand."""
    metric = DistanceMetric(case)
    table: dict[str, dict[tuple[float, float], tuple[float, float]]] = {
        "cosine": {(3, 4): (0, 1), (6, 8): (0, 1), (-3, -4): (2, -1), (4, -3): (1, 0), (5, 0): (0.4, 0.6)},
        "euclidean": {
            (3, 4): (0, 1),
            (0, 0): (5, 1 / 6),
            (-3, -4): (10, 1 / 11),
            (3, 5): (1, 0.5),
            (3, 7): (3, 0.25),
        },
        "dot_product": {
            (3, 4): (-25, 25),
            (0, 0): (0, 0),
            (-3, -4): (25, -25),
            (4, -3): (0, 0),
            (0.3, 0.4): (-2.5, 2.5),
        },
        "manhattan": {
            (3, 4): (0, 1),
            (0, 0): (7, 1 / 8),
            (-3, -4): (14, 1 / 15),
            (3, 5): (1, 0.5),
            (4, 6): (3, 0.25),
        },
    }
    await world.store.create_collection("default", 2, metric)
    rows = table[case]
    ids = {f"{x:g},{y:g}": (x, y) for x, y in rows}
    await world.store.add_documents([VectorDocument(id=one, embedding=row) for one, row in ids.items()])
    results = await world.store.search_similar(VectorQuery(query_vector=[3, 4], limit=10))
    expect.equal(len(results), len(rows), "the number of results")
    for result in results:
        far, score = rows[ids[result.document.id]]
        seen = result.distance
        expect.that(
            close(seen, far),
            f"the {case} distance from (3, 4) to ({result.document.id}) is {seen}, not {far}",
        )
        seen = result.similarity_score
        expect.that(
            close(seen, score), f"the {case} similarity to ({result.document.id}) is {seen}, not {score}"
        )
    order = sorted(rows.values())
    expect.that(
        all(close(a.distance, b[0]) for a, b in zip(results, order, strict=True)), "the order is wrong"
    )


@check("VS-150", needs="metric", cases=METRICS)
async def opposite_orthogonal_and_scaled_vectors_are_scored(world: World, case: str) -> None:
    """Opposite, orthogonal, parallel and scaled vectors have the distances of the score table."""
    await _right(world, case, _PLANE, _PLANE)


@check("VS-150", needs="metric", cases=METRICS)
async def random_vectors_of_any_length_are_scored(world: World, case: str) -> None:
    """Random vectors that are not normalised are scored right, in 2 to 96 dimensions."""
    for dimension in (2, 3, 17, 96):
        rows = world.vectors(30, dimension) * np.float32(3.7)
        await _right(world, case, list(rows), list(world.vectors(4, dimension)))
        await world.store.delete_collection("scores")


@check("VS-151", needs="metric", cases=METRICS)
async def near_duplicates_far_from_the_origin_are_told_apart(world: World, case: str) -> None:
    """Vectors that differ a little and lie far from the origin have exact distances, and the right order."""
    base = np.full(8, 1000.0, dtype=np.float32)
    rows = []
    for step in range(12):
        row = base.copy()
        row[step % 8] += np.float32(0.01 * (step + 1))
        rows.append(row)
    await _right(world, case, [base, *rows], [base, rows[3]])


@check("VS-151", needs="metric", cases=METRICS)
async def the_nearest_to_itself_is_itself(world: World, case: str) -> None:
    """The distance of a vector to itself is 0, or the best there is, whatever its length."""
    rows = [
        np.array([1, 2, 3, 4], dtype=np.float32) * np.float32(scale) for scale in (1e-10, 0.01, 1, 777, 1e9)
    ]
    rows += [row * np.array([1, -1, 1, -1], dtype=np.float32) for row in rows]
    await _right(world, case, rows, rows)


@check("VS-152", needs="metric", cases=METRICS)
async def tiny_vectors_are_scored(world: World, case: str) -> None:
    """Vectors whose float32 squares are almost nothing keep their direction and their order."""
    rows = world.vectors(20) * np.float32(1e-17)
    await _right(
        world, case, list(rows), [rows[0], *(world.vectors(2) * np.float32(1e-16)), *world.vectors(2)]
    )


@check("VS-152", needs="metric", cases=METRICS)
async def huge_vectors_are_scored(world: World, case: str) -> None:
    """Vectors whose float32 squares are almost infinite keep their direction and their order."""
    rows = world.vectors(20) * np.float32(1e18)
    await _right(
        world, case, list(rows), [rows[0], *world.vectors(2), *(world.vectors(2) * np.float32(1e17))]
    )


@check("VS-152", needs="metric", cases=METRICS)
async def vectors_at_the_edge_of_float32_are_scored(world: World, case: str) -> None:
    """Vectors whose products and sums leave float32, but not float64, have their distances too."""
    scale = 1.2e-19 if case == "cosine" else 1e25
    rows = world.vectors(12)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float64) * scale
    await _right(
        world, case, list(rows.astype(np.float32)), [rows[0].astype(np.float32), world.vectors(1)[0]]
    )


@check("VS-152", needs="metric", cases=("cosine",))
async def many_small_components_have_a_direction(world: World, case: str) -> None:
    """Vectors of thousands of components, each with a subnormal square in float32, have a direction."""
    dimension = min(4096, world.capabilities.max_dimension)
    rows = world.vectors(12, dimension)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    small = rows * np.float32(2e-19)  # squares of components near 1e-41, their sum 4e-38, which is normal
    await _right(world, case, list(small), [small[0], rows[1], rows[2] * np.float32(1e15)])


@check("VS-123")
async def other_metrics_take_every_finite_vector(world: World) -> None:
    """Zero, denormal and almost infinite vectors are taken by every metric but cosine, and found."""
    rows: list[list[float]] = [
        [0.0] * 4,
        [1e-45, 0, 0, 0],
        [-0.0, 0, 0, 1e-40],
        [3e38, 0, 0, 0],
        [1e30, -1e30, 0, 1],
        [1, 2, 3, 4],
    ]
    for metric in sorted(world.capabilities.metrics - {DistanceMetric.COSINE}):
        name = f"odd-{metric.value}"
        await world.store.create_collection(name, 4, metric)
        documents = [VectorDocument(id=f"v{n}", embedding=row, collection=name) for n, row in enumerate(rows)]
        await world.store.add_documents(documents)
        for query_row in ([0.0] * 4, [1.0] * 4):
            query = VectorQuery(query_vector=query_row, collection=name, limit=10)
            results = await world.store.search_similar(query)
            note = f" by {metric.value} to {query_row}"
            answer_is_right(results, embeddings(documents), metric, query_row, 10, note=note)
        found = await world.store.get_documents([one.id for one in documents], collection=name)
        for document, row in zip(found, rows, strict=True):
            held = None if document is None else document.embedding
            wanted = np.array(row, dtype=np.float32)
            expect.same_vector(held, wanted, f"the vector {row}", exact=world.capabilities.exact_vectors)


@check("VS-150", needs="metric", cases=METRICS)
async def the_threshold_speaks_of_similarity(world: World, case: str) -> None:
    """A threshold is compared with the similarity_score of each metric, never with a distance."""
    await world.store.create_collection("default", 2, DistanceMetric(case))
    documents = [VectorDocument(id=f"v{n}", embedding=row) for n, row in enumerate(_PLANE)]
    await world.store.add_documents(documents)
    whole = await world.store.search_similar(VectorQuery(query_vector=[0.6, 0.8], limit=20))
    scores = [one.similarity_score for one in whole]
    for threshold in (-10.0, -0.5, 0.0, 0.3, 0.5, 0.99, 5.0):
        query = VectorQuery(query_vector=[0.6, 0.8], limit=20, similarity_threshold=threshold)
        results = await world.store.search_similar(query)
        wanted = sum(score >= threshold for score in scores)
        expect.equal(
            len(results), wanted, f"results at a {case} threshold of {threshold}, of scores {scores}"
        )


@check("VS-131", needs="metric", cases=("cosine", "dot_product"))
async def a_threshold_of_zero_is_a_threshold(world: World, case: str) -> None:
    """A threshold of 0.0 leaves out documents of a negative similarity."""
    await world.store.create_collection("default", 2, DistanceMetric(case))
    rows = {"for": [1, 0.5], "against": [-1, -0.5], "far against": [-3, 0.1]}
    await world.store.add_documents([VectorDocument(id=one, embedding=row) for one, row in rows.items()])
    query = VectorQuery(query_vector=[1, 0], similarity_threshold=0.0)
    found = [one.document.id for one in await world.store.search_similar(query)]
    expect.equal(found, ["for"], "the results at a threshold of 0.0")
