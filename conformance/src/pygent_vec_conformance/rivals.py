"""Rivals: several at once write, delete, read and search the same few ids, and note when each call was.

They are tasks or threads of this process, or processes of their own, which run this module.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

import attrs

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.linear import Call, explained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pygent_vec import VectorStore
    from pygent_vec.sync import SyncVectorStore
    from pygent_vec_conformance.target import Place
    from pygent_vec_conformance.world import World

__all__ = ["Awaited", "Note", "Rival", "judged", "order"]

_WRITES, _DELETES, _GETS = 0.45, 0.6, 0.8
"""Of a die from 0 to 1: below the first it writes, then deletes, then gets, and else searches."""
_MOST_VERSIONS = 1_000_000


@attrs.frozen(kw_only=True)
class Note:
    """A finished call on one id."""

    id: str
    call: Call


class Rival:
    """One of several.

    Args:
        number: Which one, so that no other writes the same version.
        seed: Decides what it does.
        clock: Ticks that are the same for all of them.
        counts: Whether the answers of its deletes matter.
    """

    def __init__(self, number: int, seed: int, clock: Callable[[], int], *, counts: bool = True) -> None:
        self._dice = random.Random(seed * 1000 + number)  # noqa: S311  # reproducible on purpose
        self._version = number * _MOST_VERSIONS
        self._clock = clock
        self._counts = counts

    async def work(self, store: VectorStore, ids: Sequence[str], calls: int) -> list[Note]:
        """Make so many calls on *ids*, and return them."""
        notes = []
        for _ in range(calls):
            one, what = self._dice.choice(ids), self._dice.random()
            began = self._clock()
            if what < _WRITES:
                call = await self._write(store, one, began)
            elif what < _DELETES:
                counted = await store.delete_documents([one])
                answer = counted if self._counts else None
                call = Call(kind="delete", began=began, ended=self._clock(), counted=answer)
            else:
                call = await self.read(store, one, by_search=what >= _GETS)
            notes.append(Note(id=one, call=call))
        return notes

    async def _write(self, store: VectorStore, one: str, began: int) -> Call:
        self._version += 1
        version = self._version
        document = VectorDocument(id=one, embedding=[version, 1, 1, 1], metadata={"v": version})
        await store.add_documents([document])
        return Call(kind="put", began=began, ended=self._clock(), value=version)

    async def read(self, store: VectorStore, one: str, *, by_search: bool) -> Call:
        """Read one document, by id or by a search."""
        began = self._clock()
        if by_search:
            query = VectorQuery(query_vector=[1, 1, 1, 1], metadata_filter={"@id": one})
            found = [result.document for result in await store.search_similar(query)]
            expect.that(len(found) <= 1, f"a search by @id {one!r} found {len(found)} documents")
            document = found[0] if found else None
        else:
            document = await store.get_document(one)
        value = None if document is None else int(str(document.metadata["v"]))
        return Call(kind="get", began=began, ended=self._clock(), value=value)


def judged(notes: Sequence[Note], who: str) -> None:
    """Check that the calls on each id have an order that explains every answer.

    Raises:
        Violation: there is none.
    """
    for one in sorted({note.id for note in notes}):
        calls = sorted((note.call for note in notes if note.id == one), key=lambda call: call.began)
        told = "\n".join(str(call) for call in calls)
        expect.that(explained(calls), f"no order explains what {who} saw of the document {one!r}:\n{told}")


class Awaited:
    """A synchronous store whose methods may be awaited; each ends before it returns."""

    def __init__(self, store: SyncVectorStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:  # a proxy takes what its subject takes
            return method(*args, **kwargs)

        return call


def order(world: World, place: Place, number: int, rounds: Sequence[Sequence[str]], calls: int) -> str:
    """Return what a process of its own is told, to be one of several on the store of a place."""
    told = {
        "backend": world.target.backend,
        "child": world.target.child,
        "directory": str(place.directory),
        "settings": dict(place.settings),
        "number": number,
        "rounds": [list(ids) for ids in rounds],
        "calls": calls,
        "counts": world.store.capabilities.conditional_writes,
    }
    return json.dumps(told)


async def _child(told: dict[str, Any]) -> None:
    """Open the store, say so, wait for a line, work, and print the calls."""
    from pygent_vec_conformance.selection import imported_target
    from pygent_vec_conformance.target import Place, StoreTarget

    target = imported_target(told["child"]) if told["child"] else StoreTarget(backend=told["backend"])
    place = Place(directory=Path(told["directory"]), settings=told["settings"])
    async with target.at(place) as store:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        rival = Rival(told["number"], 7, monotonic_ns, counts=told["counts"])
        for ids in told["rounds"]:
            for note in await rival.work(store, ids, told["calls"]):
                sys.stdout.write(f"{json.dumps(attrs.asdict(note))}\n")


if __name__ == "__main__":
    asyncio.run(_child(json.loads(sys.argv[1])))
