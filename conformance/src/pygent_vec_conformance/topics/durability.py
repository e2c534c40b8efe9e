"""What was acknowledged is there again: after reopening, after a crash, after a kill."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import attrs

from pygent_vec import StoreLockedError, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.copies import opened_copy
from pygent_vec_conformance.crash import agrees, order, perform, script, states
from pygent_vec_conformance.oracle import answer_is_right, embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pygent_vec_conformance.crash import State
    from pygent_vec_conformance.target import Place
    from pygent_vec_conformance.world import World

_LENGTH = 60
_CUTS = (0.02, 0.3, 0.7, 0.98)


@check("VS-270", needs="durable")
async def everything_is_there_after_reopening(world: World) -> None:
    """After close and reopen, collections, documents, timestamps and answers are as they were, twice over."""
    await world.collection()
    await world.store.create_collection("empty", 3, world.metric, metadata={"k": [1, 1.0]})
    documents = world.documents([f"d{n:03}" for n in range(120)])
    documents[7] = attrs.evolve(
        documents[7],
        metadata={"parity": "odd", "deep": {"l": [None, [], {}, -0.0, 2**53 + 1, True]}, "k": "é'"},
        title="t",
        source="s",
        document_type="d",
        chunk_index=3,
        chunk_count=7,
    )
    await world.store.add_documents(documents)
    await world.store.delete_documents(["d000", "d119"])
    before = [one async for one in world.store.iter_documents()]
    info = await world.store.get_collection_info("empty")
    left = embeddings(documents[1:-1])
    for round_ in ("reopening", "optimizing and reopening"):
        await world.reopened()
        expect.equal(
            await world.store.list_collections(), ["default", "empty"], f"collections after {round_}"
        )
        expect.equal(
            await world.store.get_collection_info("empty"), info, f"the info of a collection after {round_}"
        )
        after = [one async for one in world.store.iter_documents()]
        expect.equal(
            [expect.whole(one) for one in after],
            [expect.whole(one) for one in before],
            f"documents after {round_}",
        )
        for vector in world.vectors(3):
            results = await world.store.search_similar(VectorQuery(query_vector=vector, limit=9))
            answer_is_right(results, left, world.metric, vector, 9, note=f" after {round_}")
        count = await world.store.count_documents(filter={"parity": "odd"})
        expect.equal(count, 59, f"a filtered count after {round_}")
        await world.store.optimize()


@check("VS-270", needs="durable")
async def every_step_is_there_after_reopening(world: World) -> None:
    """A random script of writes, deletes and creates, reopened after each step, holds what it should."""
    steps = script(1, world.profile.times(30, 120))
    for step, state in zip(steps, states(steps)[1:], strict=True):
        await perform(world.store, step, world.metric)
        store = await world.reopened()
        await agrees(store, [state], f"after reopening behind {step.kind}")


async def _holds(world: World, place: Place, allowed: Sequence[State], when: str) -> None:
    store = world.unopened(place)
    async with store:
        await agrees(store, allowed, when)


@check("VS-271", needs="files", timeout=300)
async def a_crash_after_any_call_loses_nothing(world: World) -> None:
    """The directory as it is after each acknowledged call, opened as a copy, holds all of it."""
    steps = script(2, world.profile.times(40, 200))
    for number, (step, state) in enumerate(zip(steps, states(steps)[1:], strict=True)):
        await perform(world.store, step, world.metric)
        place = await opened_copy(world, world.here.directory)
        await _holds(world, place, [state], f"after a crash behind {step.kind}, call {number}")
        shutil.rmtree(place.directory)


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def _grown(before: dict[str, bytes], after: dict[str, bytes]) -> str | None:
    """Return the one file that a call appended to, if it did nothing else."""
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    if (
        len(changed) != 1
        or changed[0] not in before
        or not after.get(changed[0], b"").startswith(before[changed[0]])
    ):
        return None
    return changed[0]


@check("VS-272", needs="files", timeout=300)
async def a_torn_tail_is_cut_off(world: World) -> None:
    """Where a call only appends to a file, its bytes cut anywhere leave the state before or after it."""
    steps = script(3, world.profile.times(30, 120))
    after = states(steps)
    directory = world.here.directory
    before = _files(directory)
    for number, step in enumerate(steps):
        await perform(world.store, step, world.metric)
        now = _files(directory)
        name = _grown(before, now)
        for cut in _CUTS if name is not None else ():
            place = await opened_copy(world, directory)
            torn = place.directory / str(name)
            length = len(before[str(name)])
            torn.write_bytes(now[str(name)][: length + max(1, int((len(now[str(name)]) - length) * cut))])
            allowed = [after[number], after[number + 1]]
            await _holds(world, place, allowed, f"after {step.kind}, call {number}, cut at {cut:.0%}")
            shutil.rmtree(place.directory)
        before = now


async def _killed(world: World, seed: int) -> tuple[Place, int]:
    """Run the script in a child, kill it at a random instant; return its place and how many calls it told."""
    place = world.place()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pygent_vec_conformance.crash",
        json.dumps(order(world, place, seed, _LENGTH)),
        stdout=asyncio.subprocess.PIPE,
    )
    out = child.stdout
    if out is None:
        raise TypeError("the child has no output")
    last, acknowledged = world.dice.randrange(_LENGTH - 1), 0
    while line := await out.readline():
        acknowledged += line.startswith(b"ack")
        if acknowledged > last:
            await asyncio.sleep(world.dice.random() * 0.01)
            child.kill()
            break
    rest = await out.read()
    await child.wait()
    expect.that(
        child.returncode == -signal.SIGKILL or bool(acknowledged),
        f"the child ended by itself, with {child.returncode}",
    )  # SIGKILL
    return place, acknowledged + rest.count(b"ack")


@check("VS-271", needs="durable", timeout=600)
async def a_kill_at_any_instant_loses_nothing(world: World) -> None:
    """A child killed by SIGKILL at random leaves all that it acknowledged, and no half of a batch."""
    for round_ in range(world.profile.times(4, 40)):
        seed = 100 + round_
        place, acknowledged = await _killed(world, seed)
        after = states(script(seed, _LENGTH))
        allowed = after[acknowledged : acknowledged + 2]
        await _holds(world, place, allowed, f"after a kill behind {acknowledged} calls of script {seed}")


@check("VS-273", needs="durable", timeout=600)
async def a_store_works_on_after_a_kill(world: World) -> None:
    """After a kill the store opens, takes the rest of the script, and holds it after one more reopening."""
    for round_ in range(world.profile.times(2, 20)):
        seed = 500 + round_
        place, acknowledged = await _killed(world, seed)
        steps = script(seed, _LENGTH)
        after = states(steps)
        async with world.unopened(place) as store:
            await agrees(store, after[acknowledged : acknowledged + 2], "after a kill")
            names = await store.list_collections()
            for name in names:
                await store.delete_collection(name)
            for step in steps:
                await perform(store, step, world.metric)
        await _holds(world, place, [after[-1]], "after a kill, the whole script again, and a reopening")


@check("VS-271", needs="kill", timeout=900)
async def a_killed_server_loses_nothing(world: World) -> None:
    """A server killed amid writes has, started again, all that was acknowledged and no half of a batch."""
    kill = world.target.kill
    if kill is None:
        return
    for round_ in range(world.profile.times(2, 10)):
        steps, store, acknowledged = script(900 + round_, _LENGTH), await world.fresh(), 0
        last = world.dice.randrange(5, _LENGTH - 1)
        for number, step in enumerate(steps):
            if number == last:
                task = asyncio.create_task(perform(store, step, world.metric))
                await asyncio.sleep(0)
                await asyncio.to_thread(kill)
                outcome = (await asyncio.gather(task, return_exceptions=True))[0]
                acknowledged += outcome is None
                break
            await perform(store, step, world.metric)
            acknowledged += 1
        allowed = states(steps)[acknowledged : acknowledged + 2]
        await _holds(world, world.here, allowed, "after a kill of the server")


@check("VS-274", needs="locked")
async def a_second_store_of_a_place_is_locked_out(world: World) -> None:
    """A second store on a single-writer place is StoreLockedError that says who holds it; then it opens."""
    await world.collection()
    await world.store.add_documents(world.documents(["a"]))
    second = world.unopened(world.here)
    error = await expect.raises(StoreLockedError, second.initialize(), "a second store of an open place")
    expect.that(str(os.getpid()) in str(error), f"the error does not say which process holds it: {error}")
    expect.equal(await world.store.count_documents(), 1, "documents, seen by the first store")
    await world.store.close()
    async with world.unopened(world.here) as third:
        expect.equal(await third.count_documents(), 1, "documents, seen by the next store")
