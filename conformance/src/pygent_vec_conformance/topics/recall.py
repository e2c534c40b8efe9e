"""How many of the nearest are found: on clustered data, with and without filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import DistanceMetric, VectorBatch, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_conformance.world import World

_DIMENSION = 32
_CLUSTERS = 50
_QUERIES = 20
_FLOOR = 0.95
_K = 10
_SHARES = {"50 %": 0.5, "10 %": 0.1, "1 %": 0.01, "0.1 %": 0.001}


class _Clusters:
    """Clustered vectors with metadata that filters choose by, at random and by place."""

    def __init__(self, world: World, count: int) -> None:
        rng = world.rng
        centres = rng.standard_normal((_CLUSTERS, _DIMENSION)) * 2
        cluster = rng.integers(0, _CLUSTERS, count)
        noise = rng.standard_normal((count, _DIMENSION)) * 0.5
        self.vectors = (centres[cluster] + noise).astype(np.float32)
        self.random = rng.permutation(count)
        near = np.linalg.norm(self.vectors - self.vectors[0], axis=1)
        self.place = np.argsort(np.argsort(near))
        targets = centres[rng.integers(0, _CLUSTERS, _QUERIES)]
        self.queries = (targets + rng.standard_normal((_QUERIES, _DIMENSION)) * 0.5).astype(np.float32)
        self.ids = [f"d{n:06}" for n in range(count)]

    def batch(self, name: str) -> VectorBatch:
        metadatas = [
            {"random": int(one), "place": int(two)} for one, two in zip(self.random, self.place, strict=True)
        ]
        return VectorBatch(ids=self.ids, vectors=self.vectors, metadatas=metadatas, collection=name)


def distances(metric: DistanceMetric, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the float64 distance of *query* to each of *rows*."""
    q, v = query.astype(np.float64), rows.astype(np.float64)
    if metric is DistanceMetric.COSINE:
        return np.asarray(1 - v @ q / (np.linalg.norm(v, axis=1) * np.linalg.norm(q)))
    if metric is DistanceMetric.DOT_PRODUCT:
        return np.asarray(-(v @ q))
    order = 2 if metric is DistanceMetric.EUCLIDEAN else 1
    return np.asarray(np.linalg.norm(v - q, ord=order, axis=1))


async def _is_good(
    world: World,
    data: _Clusters,
    name: str,
    metric: DistanceMetric,
    condition: Mapping[str, object] | None,
    mask: np.ndarray,
) -> None:
    """Check recall@10 by distance, and the number of results, of every query."""
    rows = data.vectors[mask]
    queries = [
        VectorQuery(
            query_vector=one, collection=name, limit=_K, metadata_filter=condition, include_content=False
        )
        for one in data.queries
    ]
    answers = await world.store.search_many(queries)
    shares = []
    for query, answer in zip(data.queries, answers, strict=True):
        wanted = min(_K, len(rows))
        expect.equal(len(answer), wanted, f"results by {condition} in {name}, where {len(rows)} match")
        truth = np.sort(distances(metric, query, rows))[:wanted]
        bound = truth[-1] + 1e-5 * max(1.0, abs(float(truth[-1])))
        shares.append(sum(one.distance <= bound for one in answer) / wanted)
    recall = float(np.mean(shares))
    expect.that(
        recall >= _FLOOR, f"recall@10 by {condition} in {name} is {recall:.3f}; the floor is {_FLOOR}"
    )


async def _filled(world: World) -> tuple[_Clusters, list[tuple[str, DistanceMetric]]]:
    """Make a collection of each declared index kind, and of two metrics, over the same clusters."""
    data = _Clusters(world, world.profile.times(4000, 20_000, 100_000))
    plans: list[tuple[str, DistanceMetric, str]] = [
        (f"of-{kind}", world.metric, kind) for kind in sorted(world.capabilities.index_kinds)
    ]
    if DistanceMetric.COSINE in world.capabilities.metrics - {world.metric}:
        plans.append(("of-cosine", DistanceMetric.COSINE, "auto"))
    for name, metric, kind in plans:
        await world.store.create_collection(name, _DIMENSION, metric, index=kind)
        await world.store.add_batch(data.batch(name))
        await world.store.optimize(name)
    return data, [(name, metric) for name, metric, _ in plans]


@check("VS-280", timeout=600)
async def recall_is_high_without_a_filter(world: World) -> None:
    """recall@10 is at least 0.95 on clustered data, for every declared index kind."""
    data, plans = await _filled(world)
    for name, metric in plans:
        await _is_good(world, data, name, metric, None, np.ones(len(data.ids), dtype=bool))


@check("VS-280", timeout=600, cases=("random", "place"))
async def recall_is_high_under_filters(world: World, case: str) -> None:
    """recall@10 is at least 0.95 where 50, 10, 1 and 0.1 % match, at random and by place."""
    data, plans = await _filled(world)
    column = data.random if case == "random" else data.place
    for share in _SHARES.values():
        least = len(column) - max(1, int(len(column) * share))
        for name, metric in plans:
            await _is_good(world, data, name, metric, {case: {"$gte": least}}, column >= least)


@check("VS-281", timeout=600)
async def few_matches_are_all_found(world: World) -> None:
    """Where few of many documents match, all of them are found, for large limits and small ones."""
    data, plans = await _filled(world)
    for name, _ in plans:
        for few in (1, 3, 25):
            for column in ("random", "place"):
                for limit in (few, 200):
                    query = VectorQuery(
                        query_vector=data.queries[0],
                        collection=name,
                        limit=limit,
                        metadata_filter={column: {"$gte": len(data.ids) - few}},
                    )
                    results = await world.store.search_similar(query)
                    expect.equal(
                        len(results), few, f"results in {name} with limit {limit}, where {few} match"
                    )
        query = VectorQuery(query_vector=data.queries[0], collection=name, limit=1000)
        expect.equal(len(await world.store.search_similar(query)), 1000, f"results in {name} with limit 1000")
