"""Writing until one is killed: the script of a crash test, and the child process that runs it.

The child writes a line to its standard output before each call, and another after it was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import attrs
import numpy as np

from pygent_vec import DistanceMetric, VectorDocument, VectorQuery
from pygent_vec_conformance import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pygent_vec import VectorStore
    from pygent_vec_conformance.target import Place
    from pygent_vec_conformance.world import World

__all__ = ["DIMENSION", "State", "Step", "agrees", "order", "perform", "script", "states"]

DIMENSION = 16
_BATCH = 25
_FINISHING_SECONDS, _PAUSE_SECONDS = 5.0, 0.2
_NAMES = ("first", "second")
State: TypeAlias = dict[str, dict[str, int]]
"""The version of each document, by collection and id."""


@attrs.frozen(kw_only=True)
class Step:
    """One call.

    Attributes:
        kind: create, drop, add, update, delete or optimize.
        name: The collection.
        ids: The documents.
        version: What every part of the documents written tells.
    """

    kind: str
    name: str
    ids: tuple[str, ...] = ()
    version: int = 0


def script(seed: int, length: int) -> list[Step]:
    """Return the calls of a crash test: the same for the same *seed*."""
    dice = random.Random(seed)  # noqa: S311  # reproducible on purpose
    steps = [Step(kind="create", name=_NAMES[0])]
    there = {_NAMES[0]}
    for version in range(1, length):
        name = dice.choice(_NAMES)
        if name not in there:
            steps.append(Step(kind="create", name=name))
            there.add(name)
            continue
        kind = dice.choices(("add", "update", "delete", "optimize", "drop"), (10, 2, 4, 2, 1))[0]
        if kind == "drop":
            there.discard(name)
        ids = tuple(f"d{dice.randrange(120):03}" for _ in range(_BATCH))
        steps.append(Step(kind=kind, name=name, ids=tuple(dict.fromkeys(ids)), version=version))
    return steps


def states(steps: Sequence[Step]) -> list[State]:
    """Return what a store holds before the first step, and after each."""
    now: State = {}
    after: list[State] = [{}]
    for step in steps:
        now = {name: dict(held) for name, held in now.items()}
        held = now.get(step.name, {})
        if step.kind == "create":
            now[step.name] = {}
        elif step.kind == "drop":
            del now[step.name]
        elif step.kind == "add":
            held.update(dict.fromkeys(step.ids, step.version))
        elif step.kind == "update":
            held.update({one: step.version for one in step.ids if one in held})
        elif step.kind == "delete":
            for one in step.ids:
                held.pop(one, None)
        after.append(now)
    return after


def order(world: World, place: Place, seed: int, length: int) -> dict[str, object]:
    """Return what a child process is told, to run a script on the store of a place.

    Raises:
        TypeError: no child process can make that store.
    """
    target = world.target
    if target.factory is not None and target.child is None:
        raise TypeError(
            "a target made by a factory needs child='module:attribute', to be made in a child too"
        )
    return {
        "backend": target.backend,
        "child": target.child,
        "directory": str(place.directory),
        "settings": dict(place.settings),
        "metric": world.metric.value,
        "seed": seed,
        "length": length,
    }


def _vector(one: str, version: int) -> NDArray[np.float32]:
    seed = int(one[1:]) * 10_007 + version
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


def _document(step: Step, one: str) -> VectorDocument:
    return VectorDocument(
        id=one,
        content=f"version {step.version}",
        embedding=_vector(one, step.version),
        metadata={"version": step.version},
        collection=step.name,
    )


async def perform(store: VectorStore, step: Step, metric: DistanceMetric) -> None:
    """Make the call of one step."""
    documents = [_document(step, one) for one in step.ids]
    if step.kind == "create":
        await store.create_collection(step.name, DIMENSION, metric)
    elif step.kind == "drop":
        await store.delete_collection(step.name)
    elif step.kind == "add":
        await store.add_documents(documents)
    elif step.kind == "update":
        await store.update_documents(documents)
    elif step.kind == "delete":
        await store.delete_documents(step.ids, collection=step.name)
    else:
        await store.optimize(step.name)


async def _held(store: VectorStore) -> State:
    """Return what a store holds; every document must be whole."""
    held: State = {}
    for name in await store.list_collections():
        versions = held[name] = {}
        async for one in store.iter_documents(collection=name):
            version = int(str(one.metadata.get("version")))
            expect.equal(one.content, f"version {version}", f"the content of {one.id!r} in {name!r}")
            vector = _vector(one.id, version)
            expect.same_vector(
                one.embedding, vector, f"the vector of {one.id!r}", exact=store.capabilities.exact_vectors
            )
            versions[one.id] = version
    return held


async def agrees(store: VectorStore, allowed: Sequence[State], when: str) -> None:
    """Check that a store holds one of the *allowed* states, and that search and counts agree with it.

    A server may still be at the call of a client that was killed, and finish it between two of our reads: its
    answers must agree soon, those of a store with its own files at once.

    Raises:
        Violation: something acknowledged is missing, a batch is half there, or search does not agree.
    """
    until = time.monotonic() + (_FINISHING_SECONDS if store.capabilities.remote else 0)
    while True:
        try:
            return await _agrees(store, allowed, when)
        except expect.Violation:
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


async def _agrees(store: VectorStore, allowed: Sequence[State], when: str) -> None:
    held = await _held(store)
    if held not in allowed:
        raise expect.Violation(
            f"{when} the store holds neither what was acknowledged nor that and the call in flight: "
            f"{_difference(held, allowed[0])}"
        )
    for name, versions in held.items():
        expect.equal(
            await store.count_documents(collection=name), len(versions), f"{when}: the count of {name!r}"
        )
        query = VectorQuery(
            query_vector=[1.0] * DIMENSION, collection=name, limit=1000, include_content=False
        )
        found = {
            one.document.id: one.document.metadata.get("version") for one in await store.search_similar(query)
        }
        expect.equal(found, versions, f"{when}: what a search of {name!r} finds")
        for one, version in sorted(versions.items())[:5]:
            nearest = VectorQuery(query_vector=_vector(one, version), collection=name, limit=1)
            seen = [result.document.id for result in await store.search_similar(nearest)]
            if (await store.get_collection_info(name)).distance_metric is not DistanceMetric.DOT_PRODUCT:
                expect.equal(seen, [one], f"{when}: the nearest to the vector of {one!r} in {name!r}")


def _difference(held: State, wanted: State) -> str:
    if set(held) != set(wanted):
        return f"collections {sorted(held)}, acknowledged {sorted(wanted)}"
    parts = []
    for name, versions in wanted.items():
        lost = sorted(one for one in versions if one not in held[name])
        ghosts = sorted(one for one in held[name] if one not in versions)
        stale = sorted(one for one, version in versions.items() if held[name].get(one, version) != version)
        parts.append(
            f"{name!r}: lost {lost[:5]} ({len(lost)}), not deleted {ghosts[:5]} ({len(ghosts)}), "
            f"other version {stale[:5]} ({len(stale)})"
        )
    return "; ".join(parts)


async def _child(told: dict[str, object]) -> None:
    """Run a script on the store of a place, telling of each step."""
    from pygent_vec_conformance.selection import imported_target
    from pygent_vec_conformance.target import Place, StoreTarget

    settings: dict[str, object] = told["settings"]  # type: ignore[assignment]  # as the parent wrote it
    target = (
        imported_target(str(told["child"])) if told["child"] else StoreTarget(backend=str(told["backend"]))
    )
    store = target.at(Place(directory=Path(str(told["directory"])), settings=settings))
    await store.initialize()
    metric = DistanceMetric(str(told["metric"]))
    for number, step in enumerate(script(int(str(told["seed"])), int(str(told["length"])))):
        sys.stdout.write(f"begin {number}\n")
        sys.stdout.flush()
        await perform(store, step, metric)
        sys.stdout.write(f"ack {number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_child(json.loads(sys.argv[1])))
