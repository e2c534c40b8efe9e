"""Searches by index and without: every width of vectors, every share of matches, and what float32 cannot tell."""

import re

import attrs
import numpy as np
import pytest

from pygent_vec.filters import parse_filter
from pygent_vec.model import DistanceMetric, IndexSpec, Projection, distances_to
from pygent_vec_postgres import writing
from pygent_vec_postgres.codec import encode_vector
from pygent_vec_postgres.search import policy, statements
from pygent_vec_postgres.search.access import Access
from pygent_vec_postgres.searching import Searcher

from .lab import WHOLE, batch, run

METRICS = list(DistanceMetric)
IDS = Projection(content=False, metadata=False)


def clustered(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((max(4, count // 50), dimension)) * 2
    member = random.integers(0, len(centres), count)
    return (centres[member] + random.standard_normal((count, dimension)) * 0.5).astype(np.float32)


def documents(vectors: np.ndarray, **more: object):
    names = [f"d{row:05}" for row in range(len(vectors))]
    return batch(names, vectors, [{"n": row, "third": row % 3} for row in range(len(vectors))], **more)


async def indexed(lab, vectors: np.ndarray):
    """Return a collection of these vectors with a graph over them."""
    table = await lab.table(vectors.shape[1], index="hnsw")
    await lab.write(table, documents(vectors))
    await lab.build(table)
    return table


def recall(hits, query, vectors, k, metric=DistanceMetric.COSINE):
    """Return recall by distance, and check that the hits are whole and truly scored."""
    truth = distances_to(metric, query, vectors)
    assert len(hits.rows) == len(set(hits.rows.ids)) == min(k, len(vectors))
    places = [int(one[1:]) for one in hits.rows.ids]
    scale = np.maximum(1, np.abs(truth[places]))
    assert (np.abs(truth[places] - hits.distances) <= 1e-5 * scale).all()
    bound = np.sort(truth)[min(k, len(vectors)) - 1]
    return np.mean(hits.distances <= bound + 1e-5 * max(1, abs(bound)))


class Recorder:
    """A connection that remembers what it was asked."""

    def __init__(self, connection):
        self._connection = connection
        self.asked: list[str] = []

    async def fetch(self, statement, *values):
        self.asked.append(statement)
        return await self._connection.fetch(statement, *values)

    async def fetchval(self, statement, *values):
        self.asked.append(statement)
        return await self._connection.fetchval(statement, *values)

    async def execute(self, statement):
        self.asked.append(statement)
        return await self._connection.execute(statement)

    def transaction(self):
        return self._connection.transaction()

    async def fetchrow(self, statement, *values):
        self.asked.append(statement)
        return await self._connection.fetchrow(statement, *values)

    def searches(self) -> list[str]:
        """Return the kinds of statements asked since the last call."""
        asked, self.asked = self.asked, []
        return [self._kind(statement) for statement in asked]

    def _kind(self, statement):
        if "pg_class" in statement:
            return "state"
        if "guessed" in statement:
            return "either" if "embedding" in statement else "count"
        if "iterative_scan" in statement:
            return "iterative"
        return "index" if "set_config" in statement else "scan"


@pytest.mark.parametrize(
    ("dimension", "metric", "access"),
    [
        *((8, metric, Access.VECTOR) for metric in METRICS),
        *((2001, metric, Access.HALFVEC) for metric in METRICS),
        (4001, DistanceMetric.COSINE, Access.BIT),
        (16_000, DistanceMetric.COSINE, Access.BIT),
    ],
)
def test_every_width_of_vectors_has_its_index(settings, dimension, metric, access):
    count, k = 3000 if dimension == 8 else 150 if dimension < 16_000 else 40, 10
    vectors = clustered(count, dimension)

    async def work(lab):
        table = await lab.table(dimension, metric, "hnsw")
        await lab.write(table, documents(vectors))
        assert (await lab.build(table)).kind == "hnsw"
        shape = statements.Shape(
            table=table, metric=metric, projection=IDS, where="TRUE", stray=table.stray, k=k, many=False
        )
        candidates = 100 if access is Access.BIT else 30
        index = statements.Index(
            kind="hnsw", access=access, effort=100, iterative=True, candidates=min(candidates, count // 2)
        )
        statement = statements.approximate(shape, index)
        found = []
        async with lab.connection.transaction():
            await lab.connection.execute("SET LOCAL enable_seqscan = off")
            plan = await lab.connection.fetch(f"EXPLAIN {statement}", encode_vector(vectors[0]))
            for query in vectors[:10] + np.float32(0.1):
                records = await lab.connection.fetch(statement, encode_vector(query))
                rows = [int(record[0][1:]) for record in records]
                truth = distances_to(metric, query, vectors)
                assert len(set(rows)) == k
                assert np.allclose(truth[rows], [record[1] for record in records], rtol=1e-4, atol=1e-4)
                found.append(np.mean(truth[rows] <= np.sort(truth)[k - 1] + 1e-4))
        return table, "\n".join(line[0] for line in plan), np.mean(found)

    table, plan, mean = run(settings, work)
    assert f"Index Scan using {table.name}_vector" in plan
    assert mean >= 0.95


def test_a_search_is_one_round_trip_once_the_collection_is_known(settings):
    vectors = clustered(4000, 8)

    async def work(lab):
        table = await indexed(lab, vectors)
        recorder, searcher = Recorder(lab.connection), Searcher()
        inner = attrs.evolve(lab, connection=recorder)
        seen = []
        for condition in (None, None, {"third": 1}, {"third": 1}, {"n": {"$lt": 3}}, {"n": {"$lt": 3}}):
            await inner.search(table, vectors[0], 10, condition, searcher=searcher)
            seen.append(recorder.searches())
        await inner.search(table, vectors[:20], 10, searcher=searcher)
        await inner.search(table, vectors[:20], 10, {"third": 1}, searcher=searcher)
        await inner.search(table, vectors[0], 10, exact=True, searcher=searcher)
        return seen, recorder.searches()

    seen, last = run(settings, work)
    assert seen == [["state", "index"], ["index"], ["either"], ["index"], ["either"], ["scan"]]
    assert last == ["index", "index", "scan"]


def test_the_planner_is_kept_from_scanning_vectors_whose_cost_it_does_not_see(settings, monkeypatch):
    monkeypatch.setattr(policy, "_VISIT_SECONDS", 0.0)
    monkeypatch.setattr(policy, "_VISIT_VALUE_SECONDS", 0.0)
    vectors = clustered(200, 2100)

    async def work(lab):
        table = await lab.table(2100, index="hnsw")
        await lab.write(table, documents(vectors))
        await lab.build(table)
        recorder, searcher = Recorder(lab.connection), Searcher()
        inner = attrs.evolve(lab, connection=recorder)
        found = []
        for _ in range(2):
            for lot in (vectors[:1], vectors[:3]):
                hits = await inner.search(table, lot, 5, searcher=searcher)
                found += [recall(one, query, vectors, 5) for query, one in zip(lot, hits, strict=True)]
        used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1"
        await lab.connection.execute("SELECT pg_stat_force_next_flush()")
        return recorder.asked, np.mean(found), await lab.connection.fetchval(used, f"{table.name}_vector")

    asked, mean, scans = run(settings, work)
    assert [one for one in asked if "pg_class" not in one][::2] == ["SET LOCAL enable_seqscan = off"] * 4
    assert mean >= 0.95
    assert scans == 8


def test_a_collection_smaller_than_the_limit_is_one_round_trip_too(settings):
    vectors = clustered(20, 8)

    async def work(lab):
        table = await lab.table(8)
        recorder, searcher = Recorder(lab.connection), Searcher()
        inner = attrs.evolve(lab, connection=recorder)
        sizes = []
        for part in (None, slice(0, 3), slice(3, 20)):
            if part is not None:
                await lab.write(table, batch([f"d{row:05}" for row in range(20)][part], vectors[part]))
            for _ in range(2):
                (hits,) = await inner.search(table, vectors[0], 10, searcher=searcher)
                sizes.append(len(hits.rows))
        stray = np.full((1, 8), 1e18)
        await lab.write(table, batch(["e"], stray))
        (hits,) = await inner.search(table, vectors[0], 21, searcher=searcher)
        return recorder.searches(), sizes, len(hits.rows)

    asked, sizes, last = run(settings, work)
    assert asked[:7] == ["state", *["scan"] * 6]
    assert sizes == [0, 0, 3, 3, 10, 10]
    assert last == 21


@pytest.mark.parametrize("kind", ["hnsw", "ivf_flat"])
@pytest.mark.parametrize("many", [False, True])
def test_every_share_of_matches_has_all_its_results(settings, kind, many):
    vectors = clustered(6000, 8, seed=3)
    near = np.argsort(np.argsort(distances_to(DistanceMetric.EUCLIDEAN, vectors[0], vectors)))
    metadatas = [{"n": row % 1000, "near": int(near[row])} for row in range(6000)]

    async def work(lab):
        table = await lab.table(8, "euclidean", kind)
        await lab.write(table, attrs.evolve(documents(vectors), metadatas=metadatas))
        await lab.build(table)
        searcher = Searcher()
        queries = vectors[[0, 50, 100, 150]] + np.float32(0.05)
        found = []
        for field, scale in (("n", 1000), ("near", 6000)):
            for share in (1.0, 0.5, 0.1, 0.02, 0.001):
                for sign in ("$lt", "$gte"):
                    bound = int(scale * (share if sign == "$lt" else 1 - share))
                    column = np.array([one[field] for one in metadatas])
                    mask = column < bound if sign == "$lt" else column >= bound
                    for k in (1, 10, 200):
                        lots = [queries] if many else list(queries)
                        hits = [
                            one
                            for lot in lots
                            for one in await lab.search(
                                table, lot, k, {field: {sign: bound}}, searcher=searcher
                            )
                        ]
                        for query, one in zip(queries, hits, strict=True):
                            truth = np.sort(distances_to(DistanceMetric.EUCLIDEAN, query, vectors[mask]))[:k]
                            assert len(one.rows) == len(truth)
                            assert mask[[int(name[1:]) for name in one.rows.ids]].all()
                            if len(truth):
                                found.append(np.mean(one.distances <= truth[-1] + 1e-4))
        return np.mean(found), np.min(found)

    mean, least = run(settings, work)
    assert mean >= 0.98
    assert least >= 0.5 or kind == "ivf_flat"


def test_rows_that_died_in_the_index_cost_no_results(settings):
    vectors = clustered(4000, 8, seed=1)
    order = np.argsort(distances_to(DistanceMetric.COSINE, vectors[0], vectors))

    async def work(lab):
        table = await indexed(lab, vectors)
        await writing.delete(lab.connection, table, [f"d{row:05}" for row in order[:3900]])
        return await lab.search(table, vectors[0], 50), await lab.search(table, vectors[:3], 200)

    (few,), many = run(settings, work)
    truth = np.sort(distances_to(DistanceMetric.COSINE, vectors[0], vectors[order[3900:]]))[:50]
    assert np.allclose(np.sort(few.distances), truth, atol=1e-5)
    assert [len(hits.rows) for hits in many] == [100, 100, 100]


def test_an_index_goes_on_only_where_the_nearest_rows_have_died(settings):
    vectors = clustered(4000, 8, seed=1)
    order = np.argsort(distances_to(DistanceMetric.COSINE, vectors[0], vectors))

    async def work(lab):
        table = await indexed(lab, vectors)
        searcher, recorder = Searcher(), Recorder(lab.connection)
        inner, asked = attrs.evolve(lab, connection=recorder), []
        for dead in ((), order[:300], ()):
            await writing.delete(lab.connection, table, [f"d{row:05}" for row in dead])
            (hits,) = await inner.search(table, vectors[0], 10, searcher=searcher)
            asked.append([kind for kind in recorder.searches() if kind != "state"])
        return asked, hits

    asked, hits = run(settings, work)
    assert asked == [["index"], ["index", "index", "iterative"], ["iterative"]]
    truth = np.sort(distances_to(DistanceMetric.COSINE, vectors[0], vectors[order[300:]]))[:10]
    assert np.mean(np.sort(hits.distances) <= truth[-1] + 1e-5) >= 0.9


@pytest.mark.parametrize("patience", [0.0, 0.3])
def test_an_impatient_search_goes_on_in_the_index(settings, monkeypatch, patience):
    monkeypatch.setattr(policy, "_PATIENCE_SECONDS", patience)
    monkeypatch.setattr(policy, "_LEAST_EXACT", 10)
    vectors = clustered(4000, 8)

    async def work(lab):
        table = await indexed(lab, vectors)
        searcher, recorder = Searcher(), Recorder(lab.connection)
        inner = attrs.evolve(lab, connection=recorder)
        condition = {"n": {"$lt": 150}}
        await inner.search(table, vectors[0], 10, condition, searcher=searcher)
        recorder.searches()
        (hits,) = await inner.search(table, vectors[0], 10, condition, searcher=searcher)
        return recorder.searches(), recall(hits, vectors[0], vectors[:150], 10)

    asked, found = run(settings, work)
    assert asked == (["iterative"] if patience == 0 else ["scan"])
    assert found >= 0.5


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_vectors_that_float32_cannot_compare_are_compared(settings, metric, kind):
    vectors = clustered(1500, 4, seed=2)
    vectors[5] *= np.float32(1e17)
    vectors[6] *= np.float32(1e30 if metric is not DistanceMetric.COSINE else 1e16)
    vectors[7] *= np.float32(1e-17)
    queries = np.stack([vectors[5], vectors[7], vectors[0], vectors[0] * np.float32(1e17)])

    async def work(lab):
        table = await lab.table(4, metric, kind)
        await lab.write(table, documents(vectors))
        await lab.build(table)
        found = []
        for condition, mask in ((None, slice(None)), ({"n": {"$lt": 10}}, slice(10))):
            for exact in (True, False):
                for k in (3, 500):
                    for lot in (*queries, queries):
                        hits = await lab.search(table, lot, k, condition, exact=exact, projection=WHOLE)
                        for query, one in zip(np.atleast_2d(lot), hits, strict=True):
                            found.append(recall(one, query, vectors[mask], k, metric))
                            places = [int(name[1:]) for name in one.rows.ids]
                            assert (one.rows.vectors == vectors[places]).all()
                            assert [m["n"] for m in one.rows.metadatas] == places
        return found

    found = run(settings, work)
    assert np.mean(found) >= 0.98


def test_a_query_by_another_metric_is_answered_for_vectors_without_direction(settings):
    vectors = clustered(50, 4)
    vectors[3] = 0

    async def work(lab):
        table = await lab.table(4, "euclidean")
        await lab.write(table, documents(vectors))
        return await lab.search(table, vectors[0], 50, metric=DistanceMetric.COSINE)

    (hits,) = run(settings, work)
    assert recall(hits, vectors[0], vectors, 50) == 1
    assert dict(zip(hits.rows.ids, hits.distances, strict=True))["d00003"] == 1


def test_ties_at_the_last_place_of_a_scan_go_to_the_smallest_ids(settings):
    async def work(lab):
        table = await lab.table(4)
        names = ["b", "a", "C", "10", "9", "é", "z", "Z", "😀", "\uffff"]
        await lab.write(table, batch(names, np.ones((len(names), 4))))
        (hits,) = await lab.search(table, np.ones(4), 4)
        return sorted(names)[:4], sorted(hits.rows.ids)

    wanted, found = run(settings, work)
    assert found == wanted


def test_what_a_filter_matched_is_forgotten_when_it_no_longer_does(settings):
    """A share that is out of date costs a detour, and no result."""
    vectors = clustered(4000, 8)

    async def work(lab):
        table = await indexed(lab, vectors)
        searcher = Searcher()
        await lab.search(table, vectors[0], 10, {"third": 1}, searcher=searcher)
        await writing.delete_where(lab.connection, table, parse_filter({"third": 1, "n": {"$gte": 30}}))
        return await lab.search(table, vectors[0], 20, {"third": 1}, searcher=searcher)

    (hits,) = run(settings, work)
    assert len(hits.rows) == 10


def test_ten_thousand_results_come_whatever_the_index(settings):
    vectors = clustered(10_500, 4)

    async def work(lab):
        table = await lab.table(4, index=IndexSpec("hnsw", options={"m": 4, "ef_construction": 16}))
        await lab.write(table, documents(vectors))
        await lab.build(table)
        return [len(hits.rows) for hits in await lab.search(table, vectors[:2], 10_000)]

    assert run(settings, work) == [10_000, 10_000]


def test_the_settings_of_a_search_do_not_leak_into_the_session(settings):
    vectors = clustered(4000, 8)

    async def work(lab):
        table = await indexed(lab, vectors)
        await lab.search(table, vectors[0], 300)
        await lab.search(table, vectors[0], 10, {"third": 1})
        return await lab.connection.fetchrow(
            "SELECT current_setting('hnsw.ef_search'), current_setting('hnsw.iterative_scan')"
        )

    assert tuple(run(settings, work)) == ("40", "off")


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_a_distributed_table_is_asked_only_what_citus_passes_on(settings, kind):
    vectors = clustered(4000, 8, seed=2)
    vectors[7] *= np.float32(1e17)

    async def work(lab):
        table = await lab.table(8, index=kind)
        await lab.write(table, documents(vectors))
        await lab.build(table)
        recorder, searcher = Recorder(lab.connection), Searcher()
        inner, found = attrs.evolve(lab, connection=recorder), []
        spread = attrs.evolve(table, distributed=True)
        for condition, mask in (
            (None, slice(None)),
            ({"n": {"$lt": 10}}, slice(10)),
            ({"n": 7}, slice(7, 8)),
        ):
            for exact in (True, False):
                for k in (5, 3900):
                    for lot in (vectors[3], vectors[:3] + np.float32(0.1)):
                        hits = await inner.search(spread, lot, k, condition, exact=exact, searcher=searcher)
                        for query, one in zip(np.atleast_2d(lot), hits, strict=True):
                            places = [int(name[1:]) for name in one.rows.ids]
                            truth = distances_to(DistanceMetric.COSINE, query, vectors)
                            wanted = np.sort(truth[mask])[:k]
                            assert np.allclose(truth[places], one.distances, atol=1e-5)
                            assert len(set(places)) == len(wanted)
                            found.append(np.mean(one.distances <= wanted[-1] + 1e-5))
        return recorder.asked, np.mean(found)

    asked, mean = run(settings, work)
    assert mean >= 0.98
    for statement in asked:
        assert "pg_class" in statement or not re.search(
            "set_config|WITH|SAMPLE|ctid|LATERAL|EXISTS", statement
        )
    assert any("SET LOCAL hnsw.ef_search" in one for one in asked) == (kind == "hnsw")
