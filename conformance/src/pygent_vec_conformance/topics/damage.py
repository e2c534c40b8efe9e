"""Files that were damaged on disk, and writes that never reached it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from typing import TYPE_CHECKING

import attrs

from pygent_vec import CorruptStoreError, PygentVecError, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.copies import opened_copy
from pygent_vec_conformance.crash import order, script, states

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pygent_vec import VectorStore
    from pygent_vec_conformance.world import World

_PLACES = (0.03, 0.2, 0.4, 0.6, 0.8)
_DIMENSION = 8
_QUERIES = 3
_SCRIPT, _SYNCED_LENGTH = 7, 25


async def _filled(world: World) -> None:
    """Make a store with two collections, an index, deleted documents and some that no index has."""
    for name in ("first", "second"):
        await world.collection(name, _DIMENSION)
        ids = [f"d{n:04}" for n in range(1300)]
        documents = world.documents(ids, dimension=_DIMENSION, collection=name)
        await world.store.add_documents(documents[:1200])
        await world.store.optimize(name)
        await world.store.delete_documents(ids[:1200:7], collection=name)
        await world.store.add_documents(documents[1200:])
    await world.store.close()


async def _everything(world: World, store: VectorStore) -> list[object]:
    """Return what a store says: its collections, every document, and some answers."""
    said: list[object] = []
    queries = world.documents([f"q{n}" for n in range(_QUERIES)], dimension=_DIMENSION)
    for name in await store.list_collections():
        info = await store.get_collection_info(name)
        said.append((name, info.dimension, info.distance_metric, info.document_count))
        said.extend([(one.id, expect.whole(one)) async for one in store.iter_documents(collection=name)])
        said.append(await store.count_documents(collection=name, filter={"parity": "odd"}))
        for query in queries:
            asked = VectorQuery(query_vector=query.embedding, collection=name, limit=20)
            results = await store.search_similar(asked)
            said.extend(
                (one.document.id, f"{one.distance:.6g}", expect.whole(one.document)) for one in results
            )
    return said


def _damaged(path: Path, place: float) -> str:
    """Flip every bit of one byte of a file; return what was done."""
    data = bytearray(path.read_bytes())
    offset = int(len(data) * place)
    data[offset] ^= 0xFF
    path.write_bytes(data)
    return f"byte {offset} of the {len(data)} of {path.name} flipped"


def _victims(directory: Path) -> Iterable[str]:
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and path.stat().st_size
    )


@check("VS-405", needs="files", timeout=600)
async def a_damaged_file_is_repaired_or_refused(world: World) -> None:
    """A byte flipped in a file is repaired with nothing lost, or CorruptStoreError; never a wrong answer."""
    await _filled(world)
    source = world.here.directory
    seed = world.rng.bit_generator.state
    async with world.unopened(await opened_copy(world, source)) as store:
        whole = await _everything(world, store)
    places = _PLACES[:: world.profile.times(2, 1, 1)]
    for name in _victims(source):
        for place in places:
            copy = await opened_copy(world, source)
            done = _damaged(copy.directory / name, place)
            world.rng.bit_generator.state = seed
            world.trace.clear()
            await _is_same_or_refused(world, world.unopened(copy), whole, done)
            shutil.rmtree(copy.directory)


async def _is_same_or_refused(world: World, store: VectorStore, whole: list[object], done: str) -> None:
    try:
        async with store:
            said = await _everything(world, store)
    except CorruptStoreError:
        return
    except PygentVecError as error:
        raise expect.Violation(
            f"{done}: raised {type(error).__name__}: {error}; wanted CorruptStoreError, or a repair"
        ) from error
    if said != whole:
        other = [one for one in said if one not in whole][:1] or [one for one in whole if one not in said][:1]
        raise expect.Violation(
            f"{done}: the store opens and says something else than before, {len(said)} answers instead of "
            f"{len(whole)}; the first that differs is {str(other)[:300]}"
        )


_CALL = re.compile(r"^\d+ +(\w+)\((\d+)<([^>]*)>")
_WRITES = {"write", "pwrite64", "writev", "pwritev", "ftruncate"}
_SYNCS = {"fsync", "fdatasync"}


@attrs.define
class _Syncs:
    """Which calls of a script wrote to the place, and which of those synced nothing after it.

    What is written behind the last sync may be a cache, which a store may lose; so one sync is enough.
    """

    directory: str
    wrote: set[int] = attrs.Factory(set)
    synced: set[int] = attrs.Factory(set)
    call: int = -1

    def read(self, line: str) -> None:
        """Take a line of strace."""
        found = _CALL.match(line)
        if found is None:
            return
        call, _, path = found.groups()
        if path.startswith(self.directory):
            if call in _WRITES:
                self.wrote.add(self.call)
            elif self.call in self.wrote:
                self.synced.add(self.call)
        elif told := re.search(r'"(begin|ack) (\d+)', line):
            self.call = int(told[2]) if told[1] == "begin" else -1


@check("VS-276", needs="strace", timeout=180)
async def a_write_is_synced_before_it_is_acknowledged(world: World) -> None:
    """No call that changed something and wrote to a file returns without a sync (seen by strace)."""
    place = world.place()
    log = place.directory.parent / "strace"
    calls = ",".join(sorted(_WRITES | _SYNCS))
    child = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-y", "-qq", "-s", "40", "-e", f"trace={calls}", "-o", str(log)),
        *(sys.executable, "-m", "pygent_vec_conformance.crash"),
        json.dumps(order(world, place, _SCRIPT, _SYNCED_LENGTH)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await child.communicate()
    expect.that(child.returncode == 0, f"the script ended with {child.returncode}: {told.decode()[-500:]}")
    seen = _Syncs(str(place.directory.resolve()))
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        seen.read(line)
    steps = script(_SCRIPT, _SYNCED_LENGTH)
    held = states(steps)
    changed = {number for number in seen.wrote if number >= 0 and held[number] != held[number + 1]}
    expect.that(bool(changed), "no call that changed something wrote to a file that strace could see")
    lacking = [steps[number].kind for number in sorted(changed - seen.synced)]
    expect.that(
        not lacking,
        f"{len(lacking)} of {len(changed)} calls wrote to a file and synced nothing: {lacking[:8]}; "
        f"the crash model is {world.capabilities.crash_model.value!r}",
    )
