"""The index of a collection's vectors: what it may be, how it is built amid others, and how it is mended."""

import asyncio

import asyncpg
import attrs
import numpy as np
import pytest

from pygent_vec.errors import ConfigError, UnsupportedFeatureError
from pygent_vec.model import IndexSpec
from pygent_vec_postgres import building, index, stats, writing
from pygent_vec_postgres.search.state import read_state

from .harness import spec, until
from .lab import Lab, batch, run

HNSW = IndexSpec("hnsw", options={"m": 16, "ef_construction": 128})


def rows(count: int, dimension: int = 4):
    vectors = np.random.default_rng(0).standard_normal((count, dimension)) + 0.01
    return batch([f"d{row:05}" for row in range(count)], vectors)


async def indexes(lab: Lab, table) -> dict[str, bool]:
    """Return whether the table's vector indexes are valid, by the ends of their names."""
    records = await lab.connection.fetch(
        "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = $1::text::regclass "
        "AND relname LIKE '%vector%'",
        table.qualified,
    )
    return {record[0].removeprefix(f"{table.name}_"): record[1] for record in records}


@pytest.mark.parametrize(
    ("kind", "options", "word"),
    [
        ("hnsw", {"ef": 5}, "ef_construction"),
        ("hnsw", {"m": 1}, "from 2 to 100"),
        ("hnsw", {"m": True}, "from 2 to 100"),
        ("hnsw", {"m": "16"}, "from 2 to 100"),
        ("hnsw", {"m": 64, "ef_construction": 100}, "twice"),
        ("ivf_flat", {"lists": 0}, "from 1"),
        ("ivf_flat", {"m": 16}, "lists"),
        ("flat", {"m": 16}, "unknown option"),
        ("auto", {"m": 16}, "unknown option"),
    ],
)
def test_an_option_that_pgvector_does_not_take_is_refused_before_anything_is_made(kind, options, word):
    with pytest.raises(ConfigError, match=word):
        index.check_index(spec(index=IndexSpec(kind, options=options)))


@pytest.mark.parametrize(
    ("kind", "dimension", "metric"),
    [
        ("ivf_flat", 8, "manhattan"),
        ("ivf_flat", 4001, "cosine"),
        ("hnsw", 4001, "euclidean"),
        ("hnsw", 16_000, "dot_product"),
    ],
)
def test_an_index_that_pgvector_does_not_have_is_refused_with_another(kind, dimension, metric):
    with pytest.raises(UnsupportedFeatureError, match="use index="):
        index.check_index(spec(dimension=dimension, metric=metric, index=IndexSpec(kind)))


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot_product", "manhattan"])
@pytest.mark.parametrize("dimension", [1, 2000, 2001, 4000, 4001, 16_000])
def test_auto_takes_every_dimension_and_metric(dimension, metric):
    wish = spec(dimension=dimension, metric=metric)
    index.check_index(wish)
    small, large = index.wanted_index(wish, 10), index.wanted_index(wish, 10**7)
    assert small == IndexSpec("flat")
    assert large == (IndexSpec("flat") if dimension > 4000 and metric != "cosine" else HNSW)


def test_a_large_m_brings_a_large_enough_construction():
    wish = spec(index=IndexSpec("hnsw", options={"m": 100}))
    index.check_index(wish)
    assert index.wanted_index(wish, 10).options == {"m": 100, "ef_construction": 200}


def test_building_twice_keeps_the_index_and_other_options_make_another(settings):
    async def work(lab):
        table = await lab.table(index="hnsw")
        await lab.write(table, rows(300))
        first = await lab.build(table)
        number = await oid(lab, table)
        second = await lab.build(table)
        kept = await oid(lab, table) == number
        wish = IndexSpec("hnsw", options={"m": 8})
        other = attrs.evolve(table, spec=attrs.evolve(table.spec, index=wish))
        third = await lab.build(other)
        made = await oid(lab, table) != number
        flat = attrs.evolve(table, spec=attrs.evolve(table.spec, index=IndexSpec("flat")))
        return first, second, kept, third, made, await lab.build(flat), await indexes(lab, table)

    first, second, kept, third, made, flat, left = run(settings, work)
    assert first == second == HNSW
    assert kept
    assert third.options == {"m": 8, "ef_construction": 128}
    assert made
    assert flat == IndexSpec("flat")
    assert left == {}


async def oid(lab, table):
    return await lab.connection.fetchval(
        "SELECT oid::bigint FROM pg_class WHERE relname = $1", f"{table.name}_vector"
    )


def test_what_a_build_that_was_broken_off_left_is_reported_and_mended(settings):
    async def work(lab):
        table = await lab.table(index="hnsw")
        await lab.write(table, rows(2000))
        await lab.connection.execute(f"ANALYZE {table.qualified}")
        task = asyncio.ensure_future(lab.build(table))
        async with lab.pool.connection() as other:
            builds = (
                "FROM pg_stat_progress_create_index WHERE relid = $1::text::regclass AND phase ~ 'building'"
            )
            await until(
                lambda: other.fetchval(f"SELECT count(pg_cancel_backend(pid)) {builds}", table.qualified)
            )
        with pytest.raises(asyncpg.QueryCanceledError):
            await task
        broken = await indexes(lab, table)
        problems = await stats.problems(lab.connection, [table])
        await lab.build(table)
        return broken, problems, await indexes(lab, table), await stats.problems(lab.connection, [table])

    broken, problems, mended, after = run(settings, work)
    assert broken == {"vector_new": False}
    assert "is invalid" in problems[0].what
    assert "optimize('lab')" in problems[0].remedy
    assert mended == {"vector": True}
    assert after == []


@pytest.mark.parametrize("size", [1, 4])
def test_builders_at_once_make_one_index(settings, size):
    async def work(lab):
        table = await lab.table(index="hnsw")
        await lab.write(table, rows(500))
        async with asyncio.timeout(60):
            if size == 1:
                made = [await lab.build(table)]
            else:
                made = await asyncio.gather(lab.build(table), lab.build(table))
        return made, await indexes(lab, table)

    made, left = run(settings, work, size=size)
    assert set(map(repr, made)) == {repr(HNSW)}
    assert left == {"vector": True}


def test_others_read_and_write_while_an_index_is_built(settings):
    async def work(lab):
        table = await lab.table(16, index="hnsw")
        await lab.write(table, rows(3000, 16))
        task = asyncio.ensure_future(lab.build(table))
        during = 0
        while not task.done():
            await lab.write(table, batch([f"n{during:05}"], np.full((1, 16), 1.0)))
            await lab.search(table, np.ones(16), 3)
            during += 1
        await task
        await writing.delete(lab.connection, table, ["d00000"])
        (hits,) = await lab.search(table, np.ones(16), min(during, 50))
        return during, {one[0] for one in hits.rows.ids}

    during, first = run(settings, work)
    assert during > 2
    assert first == {"n"}


def test_tuning_knows_the_efforts_of_each_kind(settings):
    async def work(lab):
        found = []
        for kind in ("flat", "hnsw", "ivf_flat"):
            table = await lab.table(index=kind, name=f"lab-{kind}")
            await lab.write(table, rows(1500))
            await lab.build(table)
            found.append(await index.tuning(lab.connection, table))
            chosen = attrs.evolve(table, effort=7)
            found.append(await index.tuning(lab.connection, chosen))
        return found

    flat, _, hnsw, hnsw_chosen, ivf, ivf_chosen = run(settings, work)
    assert (flat.efforts, flat.effort) == ((), None)
    assert hnsw.effort in hnsw.efforts
    assert hnsw.efforts == tuple(sorted(hnsw.efforts))
    assert hnsw.efforts[-1] == 1000
    assert (hnsw_chosen.effort, ivf_chosen.effort) == (7, 7)
    assert ivf.efforts[-1] == 19
    assert ivf.effort == 8


def test_statistics_say_what_the_index_is(settings):
    async def work(lab):
        table = await lab.table(index="hnsw")
        empty = await stats.collection_stats(lab.connection, table)
        await lab.write(table, rows(400))
        await lab.build(table)
        return empty, await stats.collection_stats(lab.connection, table)

    empty, full = run(settings, work)
    assert (empty.document_count, empty.index, empty.dimension) == (0, "flat", 4)
    assert (full.document_count, full.index) == (400, "hnsw of vector (ef_construction=128, m=16)")
    assert full.disk_bytes > empty.disk_bytes


def test_a_large_collection_without_an_index_is_a_problem(settings):
    async def work(lab):
        table, other = await lab.table(256), await lab.table(256, index="flat", name="other")
        vectors = np.ones((12_000, 256), dtype=np.float32)
        names = [f"d{row:05}" for row in range(len(vectors))]
        for one in (table, other):
            await lab.write(one, batch(names, vectors))
            await lab.connection.execute(f"ANALYZE {one.qualified}")
        return await stats.problems(lab.connection, [table, other])

    (problem,) = run(settings, work)
    assert "'lab' has about 12000 documents and no index" in problem.what


def test_the_state_of_a_table_that_is_gone_is_that_it_is_gone(settings):
    async def work(lab):
        table = await lab.table()
        await lab.catalogue.drop(lab.connection, "lab")
        assert await stats.problems(lab.connection, [table]) == []
        with pytest.raises(asyncpg.UndefinedTableError):
            await read_state(lab.connection, table)
        with pytest.raises(asyncpg.UndefinedTableError):
            await building.build(lab.pool, table)

    run(settings, work)
