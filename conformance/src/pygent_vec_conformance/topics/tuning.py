"""The search effort that optimize chooses, and that ordinary searches then use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec import VectorBatch, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.topics.recall import distances

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_COUNT, _DIMENSION, _K = 4000, 24, 10
_TARGET = 0.95
_MARGIN = 0.03
"""For the two samples, that of optimize and ours: more than three deviations of 1,000 hits."""
_WIDE_MARGIN = 0.10
"""For queries that no document resembles: the target is promised for documents."""


class _Data:
    """Clustered vectors, and queries: some of them stored, some near to what is stored, some anywhere."""

    def __init__(self, world: World) -> None:
        rng = world.rng
        centres = rng.standard_normal((40, _DIMENSION)) * 2

        def near(count: int, spread: float) -> np.ndarray:
            noise = rng.standard_normal((count, _DIMENSION)) * spread
            return np.asarray(centres[rng.integers(0, len(centres), count)] + noise, dtype=np.float32)

        self.rows = near(_COUNT, 0.4)
        times = world.profile.times(1, 3, 3)
        self.queries = {
            "stored": self.rows[rng.permutation(_COUNT)[: 100 * times]],
            "near to the stored": near(100 * times, 0.4),
            "between the stored": near(100 * times, 1.2),
        }

    def batch(self, name: str) -> VectorBatch:
        ids = [f"d{n:05}" for n in range(_COUNT)]
        return VectorBatch(ids=ids, vectors=self.rows, collection=name)


async def _recall(world: World, data: _Data, name: str, queries: np.ndarray) -> float:
    """Return recall@10 by distance of ordinary searches: no effort and no exactness is asked for."""
    asked = [
        VectorQuery(
            query_vector=one, collection=name, limit=_K, include_content=False, include_metadata=False
        )
        for one in queries
    ]
    metric, hits = world.metric, 0
    for query, answer in zip(queries, await world.store.search_many(asked), strict=True):
        expect.equal(len(answer), _K, f"results of an ordinary search of {name}")
        bound = np.partition(distances(metric, query, data.rows), _K - 1)[_K - 1]
        hits += sum(one.distance <= bound + 1e-5 * max(1.0, abs(float(bound))) for one in answer)
    return hits / (_K * len(queries))


async def _meets(world: World, data: _Data, name: str, target: float, when: str) -> None:
    for kind, queries in data.queries.items():
        recall = await _recall(world, data, name, queries)
        least = target - (_WIDE_MARGIN if kind == "between the stored" else _MARGIN)
        expect.that(
            recall >= least,
            f"{when}, ordinary searches of {name} by {len(queries)} vectors {kind} have a recall@10 of "
            f"{recall:.3f}; optimize promised {target:.3f}",
        )


@check("VS-251", needs="tuning", timeout=300)
async def ordinary_searches_use_the_tuned_effort(world: World) -> None:
    """Ordinary searches meet the target of optimize, by vectors that are not stored too; reopened as well."""
    data = _Data(world)
    kinds = sorted(world.capabilities.index_kinds)
    promised: dict[str, tuple[float, int | None]] = {}
    for kind in kinds:
        name = f"tuned-{kind}"
        await world.store.create_collection(name, _DIMENSION, world.metric, index=kind)
        await world.store.add_batch(data.batch(name))
        report = await world.store.optimize(name, target_recall=_TARGET)
        expect.equal(report.target_recall, _TARGET, "the target of the report")
        recall = report.recall
        if recall is None or not _TARGET <= recall <= 1:
            raise expect.Violation(f"the recall of the report for {name} is {recall}; the target {_TARGET}")
        promised[name] = (_TARGET, report.effort)
        await _meets(world, data, name, _TARGET, "after optimize")
    if not world.capabilities.durable:
        return
    await world.reopened()
    for name, (target, effort) in promised.items():
        await _meets(world, data, name, target, "after reopening")
        again = await world.store.optimize(name)
        expect.equal(again.effort, effort, f"the search effort of {name} after reopening")
        await _meets(world, data, name, target, "after reopening and optimize without a target")


@check("VS-251", needs="tuning", timeout=300)
async def a_higher_target_is_no_less_effort(world: World) -> None:
    """Optimize reports the recall that its effort has, and a higher target never takes less effort."""
    data = _Data(world)
    await world.store.create_collection("tuned", _DIMENSION, world.metric)
    await world.store.add_batch(data.batch("tuned"))
    efforts: list[int] = []
    for target in (0.3, 0.9, 1.0):
        report = await world.store.optimize("tuned", target_recall=target)
        recall = report.recall
        if recall is None or not 0 <= recall <= 1:
            raise expect.Violation(f"the recall of the report is {recall}, for a target of {target}")
        efforts.append(report.effort or 0)
        seen = await _recall(world, data, "tuned", data.queries["stored"])
        expect.that(
            abs(seen - recall) <= 2 * _MARGIN or seen > recall,
            f"optimize reports a recall of {recall:.3f}; ordinary searches by stored vectors have {seen:.3f}",
        )
    expect.equal(efforts, sorted(efforts), "the efforts for targets of 0.3, 0.9 and 1.0")
