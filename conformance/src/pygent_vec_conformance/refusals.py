"""The other half of a declaration: what is not declared must be refused, in the contract's own words."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from pygent_vec import DistanceMetric, StoreLockedError, UnsupportedFeatureError, VectorQuery
from pygent_vec.contract import CrashModel
from pygent_vec_conformance import expect

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pygent_vec_conformance.world import World

__all__ = ["declared", "provoke"]


def declared(world: World, needs: str | None, case: str | None) -> bool:
    """Return whether what a check *needs* is declared."""
    capabilities = world.capabilities
    if needs is None:
        return True
    if needs == "plugin":
        return world.target.factory is None
    if needs == "files":
        return capabilities.durable and world.target.has_path and not capabilities.remote
    if needs == "strace":
        files = capabilities.durable and world.target.has_path and not capabilities.remote
        return files and capabilities.crash_model is CrashModel.POWER and _can_trace()
    if needs == "processes":
        return capabilities.multi_process and (world.target.factory is None or bool(world.target.child))
    if needs == "kill":
        return capabilities.remote and world.target.kill is not None
    if needs == "locked":
        return capabilities.durable and not capabilities.multi_process
    if needs == "metric":
        return DistanceMetric(case or "") in capabilities.metrics
    if needs == "index":
        return case in capabilities.index_kinds
    return bool(getattr(capabilities, needs))


async def provoke(world: World, needs: str | None, case: str | None) -> str:
    """Ask for what is not declared, and return the refusal.

    Raises:
        Violation: it was not refused, or not in the way that the contract says.
    """
    refusals = {
        "metric": _metric,
        "index": _index,
        "durable": _durable,
        "exact_search": _exact_search,
        "query_metric": _query_metric,
        "tuning": _tuning,
        "locked": _shared,
        "plugin": _no_plugin,
        "files": _no_files,
        "kill": _no_kill,
        "strace": _no_strace,
        "processes": _one_process,
    }
    return await refusals[needs or ""](world, case or "")


async def _metric(world: World, case: str) -> str:
    call = world.store.create_collection("refused", 4, DistanceMetric(case))
    return await _refused(world, call, f"a collection with the undeclared metric {case!r}", case)


async def _index(world: World, case: str) -> str:
    call = world.store.create_collection("refused", 4, world.metric, index=case)
    return await _refused(world, call, f"a collection with the undeclared index kind {case!r}", case)


async def _exact_search(world: World, _: str) -> str:
    call = world.store.search_similar(await _query(world, exact=True))
    return await _refused(world, call, "a search with exact=True", "exact")


async def _query_metric(world: World, _: str) -> str:
    query = await _query(world, exact=False)
    refused = ""
    for metric in sorted(set(DistanceMetric) - {world.metric}):
        other = VectorQuery(query_vector=query.query_vector, distance_metric=metric)
        call = world.store.search_similar(other)
        refused = await _refused(world, call, f"a query with the metric {metric.value!r}", metric.value)
    return refused


async def _tuning(world: World, _: str) -> str:
    await _query(world, exact=False)
    call = world.store.optimize(target_recall=0.9)
    return await _refused(world, call, "optimize() with a target recall", "optimize")


async def _durable(world: World, _: str) -> str:
    model = world.capabilities.crash_model
    expect.equal(model, CrashModel.NONE, "the crash model of a store that does not declare to be durable")
    await world.collection("gone")
    store = await world.reopened()
    expect.equal(await store.list_collections(), [], "what a store that is not durable has after reopening")
    return "not durable, and empty after reopening, as declared"


async def _shared(world: World, case: str) -> str:
    """Open a second store on the same place, which several stores may share."""
    if not world.capabilities.durable:
        return await _durable(world, case)
    await world.collection()
    second = await world.opened(world.here)
    await second.add_documents(world.documents(["a"]))
    expect.equal(await world.store.count_documents(), 1, "documents that a second store of the place wrote")
    return "several stores may share a place, as declared, and they do"


async def _no_files(world: World, case: str) -> str:
    if world.capabilities.durable:
        return "the data lives on a server: there is no directory to copy in mid-write"
    return await _durable(world, case)


def _can_trace() -> bool:
    """Return whether strace is there and may trace a child."""
    strace = shutil.which("strace")
    if strace is None:
        return False
    done = subprocess.run(  # noqa: S603  # strace itself
        [strace, "-f", "-y", "-qq", "-o", "/dev/null", sys.executable, "-c", ""],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode == 0


async def _no_strace(world: World, case: str) -> str:
    if not world.capabilities.durable:
        return await _durable(world, case)
    model = world.capabilities.crash_model
    if world.capabilities.remote or not world.target.has_path or model is not CrashModel.POWER:
        return (
            f"the crash model is {model.value!r}, of no files here: nothing is promised that strace could see"
        )
    return "NOT RUN: strace is missing, or may not trace here; a missing fsync would not be noticed"


async def _one_process(world: World, case: str) -> str:
    if world.capabilities.multi_process:
        return "NOT RUN: the target is made by a factory and gives no child, so no other process can make it"
    if not world.capabilities.durable:
        return await _durable(world, case)
    await expect.raises(
        StoreLockedError, world.unopened(world.here).initialize(), "a second store of a place"
    )
    return "a place belongs to one store at a time, as declared: a second one was locked out"


async def _no_kill(world: World, _: str) -> str:
    if not world.capabilities.remote:
        return "the data lives in no server that could be killed"
    return "the target gives no kill(): the server was not killed"


async def _no_plugin(world: World, _: str) -> str:
    return f"{world.target.label!r} is made by a factory and no plugin; there is no entry point to check"


async def _query(world: World, *, exact: bool) -> VectorQuery:
    await world.collection()
    (document,) = world.documents(["a"])
    await world.store.add_documents([document])
    return VectorQuery(query_vector=document.embedding, exact=exact)


async def _refused(world: World, call: Awaitable[object], what: str, name: str) -> str:
    error = await expect.raises(UnsupportedFeatureError, call, what)
    text = str(error)
    expect.that(name in text, f"{what} was refused by {text!r}, which does not name {name!r}")
    names = await world.store.list_collections()
    expect.that("refused" not in names, f"{what} was refused, and left a collection behind")
    return f"{what} was refused: {text}"
