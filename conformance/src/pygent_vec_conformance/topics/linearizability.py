"""Concurrent calls on the same ids have an order that explains every answer."""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from time import monotonic_ns
from typing import TYPE_CHECKING, cast

from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.linear import Call
from pygent_vec_conformance.rivals import Awaited, Note, Rival, judged, order

if TYPE_CHECKING:
    from pygent_vec import VectorStore
    from pygent_vec_conformance.world import World

_IDS = ("a", "b")
_WORKERS = 4
_CALLS = 12
_PATIENCE = 60


@check("VS-261")
async def concurrent_calls_have_an_order(world: World) -> None:
    """Writes, deletes, reads and searches of a few ids by several tasks are linearizable."""
    await world.collection()
    clock = count().__next__
    for round_ in range(world.profile.times(20)):
        await world.store.delete_where({})
        world.trace.clear()
        rivals = [Rival(number, round_, clock) for number in range(_WORKERS)]
        done = await asyncio.gather(*(one.work(world.store, _IDS, _CALLS) for one in rivals))
        judged([note for part in done for note in part], f"{_WORKERS} tasks")


@check("VS-261")
def calls_of_threads_have_an_order(world: World) -> None:
    """Writes, deletes, reads and searches of a few ids by threads, on one store, are linearizable."""
    clock, start = count().__next__, Barrier(_WORKERS)
    with world.target.sync_at(world.place()) as store, ThreadPoolExecutor(_WORKERS) as pool:
        store.create_collection("default", 4, world.metric)
        awaited = cast("VectorStore", Awaited(store))

        def work(number: int, round_: int) -> list[Note]:
            start.wait(_PATIENCE)
            return asyncio.run(Rival(number, round_, clock).work(awaited, _IDS, _CALLS))

        for round_ in range(world.profile.times(15)):
            store.delete_where({})
            done = list(pool.map(work, range(_WORKERS), [round_] * _WORKERS))
            judged([note for part in done for note in part], f"{_WORKERS} threads")


@check("VS-275", needs="processes", timeout=180)
async def calls_of_processes_have_an_order(world: World) -> None:
    """Writes, deletes, reads and searches of a few ids by processes that share the data are linearizable."""
    await world.collection()
    rounds = [[f"{one}{round_:03}" for one in _IDS] for round_ in range(world.profile.times(12))]
    children = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pygent_vec_conformance.rivals"),
            order(world, world.here, number, rounds, _CALLS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for number in range(1, _WORKERS)
    ]
    for child in children:
        if child.stdin is None or child.stdout is None:
            raise TypeError("the child has no pipes")
        if await child.stdout.readline() != b"ready\n":
            raise expect.Violation(await _told(child))
        child.stdin.write(b"go\n")
    notes: list[Note] = []
    for child in children:
        out, err = await child.communicate()
        expect.that(child.returncode == 0, f"a process that shares the data ended: {err.decode()[-800:]}")
        notes += [_note(json.loads(line)) for line in out.splitlines()]
    mine = Rival(0, 0, monotonic_ns)
    for ids in rounds:
        for place, one in enumerate(ids):
            call = await mine.read(world.store, one, by_search=bool(place))
            notes.append(Note(id=one, call=call))
    judged(notes, f"{len(children)} processes, and this one afterwards,")


async def _told(child: asyncio.subprocess.Process) -> str:
    """Return why a child is not ready."""
    _, err = await child.communicate()
    return (
        f"a second process could not open the data, though multi_process is declared: {err.decode()[-800:]}"
    )


def _note(told: dict[str, dict[str, object]]) -> Note:
    return Note(id=str(told["id"]), call=Call(**told["call"]))  # type: ignore[arg-type]  # as it was written
