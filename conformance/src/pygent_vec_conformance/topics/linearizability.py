"""Concurrent calls on the same ids have an order that explains every answer."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.linear import Call, explained

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_IDS = ("a", "b")
_WORKERS = 4
_CALLS = 12


class _History:
    """What several workers did to a few ids, with the order of beginnings and ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = count()
        self._versions = count(1)
        self.calls: dict[str, list[Call]] = {one: [] for one in _IDS}

    async def work(self) -> None:
        store, dice = self._world.store, self._world.dice
        for _ in range(_CALLS):
            one, what = dice.choice(_IDS), dice.random()
            began = next(self._clock)
            if what < 0.45:  # noqa: PLR2004  # a die
                version = next(self._versions)
                await store.add_documents(
                    [VectorDocument(id=one, embedding=[version, 1, 1, 1], metadata={"v": version})]
                )
                call = Call(kind="put", began=began, ended=next(self._clock), value=version)
            elif what < 0.6:  # noqa: PLR2004  # a die
                counted = await store.delete_documents([one])
                call = Call(kind="delete", began=began, ended=next(self._clock), counted=counted)
            else:
                value = await self._read(one, by_search=what > 0.8)  # noqa: PLR2004  # a die
                call = Call(kind="get", began=began, ended=next(self._clock), value=value)
            self.calls[one].append(call)

    async def _read(self, one: str, *, by_search: bool) -> int | None:
        store = self._world.store
        if by_search:
            query = VectorQuery(query_vector=[1, 1, 1, 1], metadata_filter={"@id": one})
            found = [result.document for result in await store.search_similar(query)]
            expect.that(len(found) <= 1, f"a search by @id {one!r} found {len(found)} documents")
            document = found[0] if found else None
        else:
            document = await store.get_document(one)
        return None if document is None else int(str(document.metadata["v"]))


@check("VS-261")
async def concurrent_calls_have_an_order(world: World) -> None:
    """Writes, deletes, reads and searches of a few ids by several tasks are linearizable."""
    await world.collection()
    for _ in range(world.profile.times(20)):
        await world.store.delete_where({})
        world.trace.clear()
        history = _History(world)
        await asyncio.gather(*(history.work() for _ in range(_WORKERS)))
        for one, calls in history.calls.items():
            told = "\n".join(str(call) for call in sorted(calls, key=lambda call: call.began))
            expect.that(
                explained(calls), f"no order of these calls on {one!r} explains their answers:\n{told}"
            )
