"""How batches become durable: by COPY or by arrays, in slices, amid rivals."""

import asyncio
import json
import random

import asyncpg
import attrs
import numpy as np
import pytest

from pygent_vec.contract import WriteMode
from pygent_vec.errors import DocumentExistsError
from pygent_vec.filters import parse_filter
from pygent_vec_postgres import reading, writing
from pygent_vec_postgres.slices import slices

from .harness import until
from .lab import WHOLE, batch, run

MANY = 300
"""More than are written by arrays of parameters at once."""


def names(count: int, prefix: str = "d") -> list[str]:
    shuffled = [f"{prefix}{row:05}" for row in range(count)]
    random.Random(count).shuffle(shuffled)
    return shuffled


async def marks(lab, table) -> dict[str, int]:
    rows = await reading.scan(lab.connection, table, None, 10_000, None, WHOLE)
    assert rows.contents == tuple(f"text {one['mark']}" for one in rows.metadatas)
    assert [own[0] for own in rows.own] == [f"title {one['mark']}" for one in rows.metadatas]
    return {one: metadata["mark"] for one, metadata in zip(rows.ids, rows.metadatas, strict=True)}


@pytest.mark.parametrize("count", [3, MANY])
@pytest.mark.parametrize("mode", list(WriteMode))
def test_each_mode_settles_conflicts_alike_for_few_rows_and_for_many(settings, count, mode):
    ids = names(count)
    old, new = ids[: count // 2], ids[count // 2 :]

    async def work(lab):
        table = await lab.table()
        await lab.write(table, batch(old, mark=1))
        if mode is WriteMode.ERROR:
            with pytest.raises(DocumentExistsError) as caught:
                await lab.write(table, batch(ids, mark=2), mode)
            assert caught.value.ids == old
            return None, await marks(lab, table)
        return await lab.write(table, batch(ids, mark=2), mode), await marks(lab, table)

    written, found = run(settings, work)
    wanted = {
        WriteMode.OVERWRITE: (ids, dict.fromkeys(ids, 2)),
        WriteMode.ERROR: (None, dict.fromkeys(old, 1)),
        WriteMode.SKIP: (new, dict.fromkeys(old, 1) | dict.fromkeys(new, 2)),
        WriteMode.UPDATE: (old, dict.fromkeys(old, 2)),
    }
    assert (written, found) == wanted[mode]


@pytest.mark.parametrize("own", [True, False], ids=["own fields", "none"])
def test_copy_writes_what_arrays_write(settings, own):
    """Large floats, letters of several bytes, own fields here and there, and timestamps of their own."""
    count = MANY
    given = attrs.evolve(
        batch(names(count), mark=1),
        contents=[f"Grüße, 日本 {row}\n\t\\N" * (row % 3) for row in range(count)],
        metadatas=[{"big": 2.0**70 * row, "n": -row, "text": "\\x00é", "none": None} for row in range(count)],
        titles=[f"Título {row}" if row % 2 else None for row in range(count)] if own else None,
        sources=None,
        document_types=["", *[None] * (count - 1)] if own else None,
        chunk_indexes=[row - 2**62 if row % 5 else None for row in range(count)] if own else None,
        chunk_counts=[2**63 - 1] * count if own else None,
        created_at=np.arange(count, dtype=np.int64) - 10**15,
        updated_at=np.arange(count, dtype=np.int64) * 10**9,
    )

    async def work(lab):
        copied, inserted = await lab.table(), await lab.table(name="other")
        order = list(range(count))
        assert await writing._copied(lab.connection, copied, given, order)
        statement = writing._statement(inserted, WriteMode.OVERWRITE, preserve_created=True)
        await writing._inserted(lab.connection, given, order, statement)
        return [
            await lab.connection.fetch(f"SELECT * FROM {table.qualified} ORDER BY id")
            for table in (copied, inserted)
        ]

    by_copy, by_arrays = run(settings, work)
    assert len(by_copy) == count
    assert by_copy == by_arrays


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_batch_of_several_slices_is_written_as_a_whole(settings, mode):
    ids = names(40)
    large = batch(ids, mark=7, content="x" * 300_000)
    assert len(list(slices(large, range(40)))) > 2
    broken = attrs.evolve(
        large, created_at=np.array([*range(39), 0]), contents=[*large.contents[:39], "a\0b"]
    )

    async def work(lab):
        table = await lab.table()
        if mode in {WriteMode.OVERWRITE, WriteMode.UPDATE}:
            await lab.write(table, batch(ids, mark=1))
        with pytest.raises(asyncpg.CharacterNotInRepertoireError):
            await lab.write(table, broken, mode)
        before = await reading.count(lab.connection, table, parse_filter({"mark": 7}))
        assert await lab.write(table, large, mode) == ids
        return before, await reading.count(lab.connection, table, parse_filter({"mark": 7}))

    assert run(settings, work) == (0, 40)


def test_a_rival_who_inserts_the_same_ids_first_costs_a_copy_and_no_row(settings):
    ids = names(MANY)

    async def work(lab):
        table = await lab.table()
        async with lab.pool.connection() as rival:
            writer = lab.connection
            async with rival.transaction():
                await writing.write(
                    rival, table, batch(ids[:5], mark=1), WriteMode.OVERWRITE, preserve_created=False
                )
                # Its rows are not seen yet, so the writer tries COPY, and waits for them.
                task = asyncio.ensure_future(
                    writing.write(
                        writer, table, batch(ids, mark=2), WriteMode.OVERWRITE, preserve_created=False
                    )
                )
                pid = writer.get_server_pid()
                await until(lambda: rival.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid))
            assert await task == ids
        return await marks(lab, table)

    assert run(settings, work) == dict.fromkeys(ids, 2)


def test_writers_and_deleters_of_the_same_ids_never_deadlock(settings):
    ids = names(100)

    async def work(lab):
        table = await lab.table()

        async def rival(number):
            draw = random.Random(number)
            for turn in range(12):
                some = draw.sample(ids, 80)
                async with lab.pool.connection() as connection:
                    if turn % 4 == 3:
                        await writing.delete(connection, table, some)
                    elif turn % 4 == 2:
                        pushed = parse_filter({"mark": {"$gte": 0}, "@id": {"$in": some}})
                        await writing.delete_where(connection, table, pushed)
                    else:
                        mode = draw.choice([WriteMode.OVERWRITE, WriteMode.UPDATE, WriteMode.SKIP])
                        await writing.write(
                            connection, table, batch(some, mark=number), mode, preserve_created=False
                        )

        await asyncio.gather(*map(rival, range(4)))
        return await lab.connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )

    before = run(
        settings,
        lambda lab: lab.connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ),
    )
    assert run(settings, work) == before


def test_an_update_creates_nothing_that_was_deleted_meanwhile(settings):
    async def work(lab):
        table = await lab.table()
        await lab.write(table, batch(["a", "b"], mark=1))
        async with lab.pool.connection() as rival:
            async with rival.transaction():
                assert await writing.delete(rival, table, ["a"]) == 1
                task = asyncio.ensure_future(lab.write(table, batch(["a", "b"], mark=2), WriteMode.UPDATE))
                pid = lab.connection.get_server_pid()
                await until(lambda: rival.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid))
            assert await task == ["b"]
        return await marks(lab, table)

    assert run(settings, work) == {"b": 2}


def test_a_written_row_is_what_sql_reads(settings):
    async def work(lab):
        table = await lab.table()
        one = batch(["a"], np.array([[1, 2, 3, 4]]), [{"f": 2.0**62, "i": 2**62, "s": "é"}], mark=5)
        await lab.write(table, one)
        return await lab.connection.fetchrow(
            f"SELECT embedding::text, metadata::text, convert_from(document, 'UTF8'), created_at, title, source "
            f"FROM {table.qualified}"
        )

    embedding, metadata, document, created, title, source = run(settings, work)
    assert embedding == "[1,2,3,4]"
    assert metadata == '{"f": 4611686018427387904, "i": 4611686018427387904, "s": "é"}'
    assert repr(json.loads(document)) == repr({"f": 2.0**62, "i": 2**62, "s": "é"})
    assert (created, title, source) == (5, "title 5", None)
