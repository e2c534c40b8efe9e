"""What a plugin declares of its backend, and what it costs to load it."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from pygent_vec import (
    CONTRACT_VERSION,
    BackendNotFoundError,
    ConfigError,
    DistanceMetric,
    InvalidDocumentError,
    PygentVecError,
    UnsupportedFeatureError,
    VectorQuery,
    VectorStore,
    open_store,
)
from pygent_vec.config import config_from
from pygent_vec.contract import Capabilities, CrashModel
from pygent_vec.filters import Operator, Pushdown
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_LOADING = """
import sys
from pygent_vec.plugin import backends
backends().load("memory")
import cattrs, importlib_metadata
before = {name.partition(".")[0] for name in sys.modules}
spec = backends().load(sys.argv[1])
after = {name.partition(".")[0] for name in sys.modules}
import json
target = backends().offers()[sys.argv[1]][0].target
own = [spec.config.__module__.partition(".")[0], target.partition(":")[0].partition(".")[0]]
print(json.dumps(sorted(after - before - set(sys.stdlib_module_names) - set(own))))
"""


@check("VS-503")
async def capabilities_are_sound(world: World) -> None:
    """The capabilities have the right types, and fit together."""
    held = world.capabilities
    expect.that(isinstance(held, Capabilities), f"the capabilities are {held!r}")
    expect.that(bool(held.metrics) and held.metrics <= set(DistanceMetric), f"the metrics are {held.metrics}")
    expect.that("auto" in held.index_kinds, f"the index kinds are {held.index_kinds}, without 'auto'")
    expect.that(1 <= held.max_dimension <= 16_000, f"max_dimension is {held.max_dimension}")  # noqa: PLR2004  # the contract's
    expect.that(held.max_batch >= 1, f"max_batch is {held.max_batch}")
    for operator, how in held.pushdown.items():
        fine = operator in set(Operator) and how in set(Pushdown)
        expect.that(fine, f"the pushdown of {operator!r} is {how!r}")
    expect.equal(
        held.durable, held.crash_model is not CrashModel.NONE, "whether durable and crash_model agree"
    )
    for name in (
        "atomic_batches",
        "durable",
        "multi_process",
        "conditional_writes",
        "remote",
        "exact_search",
        "query_metric",
        "tuning",
    ):
        expect.that(isinstance(getattr(held, name), bool), f"{name} is {getattr(held, name)!r}, no bool")
    sets = isinstance(held.metrics, frozenset) and isinstance(held.index_kinds, frozenset)
    expect.that(sets, "metrics and index_kinds are not frozensets")
    named = (
        world.store.backend,
        (await world.store.health_check()).backend,
        (await world.store.get_stats()).backend,
    )
    expect.equal(set(named), {world.target.backend}, "the backend's names")
    await world.collection()
    expect.equal(world.store.capabilities, held, "the capabilities after a call")
    if world.target.factory is None:
        spec = world.target.spec()
        told = spec.capabilities_of(config_from(spec, world.here.settings))
        expect.equal(held, told, "the store's capabilities, and what its plugin says of these settings")


@check("VS-601", needs="plugin")
async def the_plugin_says_who_it_is(world: World) -> None:
    """The plugin's BackendSpec has the entry point's name, this contract's version and words for people."""
    spec = world.target.spec()
    expect.equal(spec.name, world.target.backend, "the name")
    expect.equal(spec.contract_version, CONTRACT_VERSION, "the contract version")
    expect.that(bool(spec.summary.strip()), "the summary is empty")
    expect.that("pip install" in spec.install_hint, f"the install hint is {spec.install_hint!r}")
    expect.equal(world.store.backend, spec.name, "the backend that a store names")
    store = spec.store(config_from(spec, world.place().settings), name="mine", embedder=None)
    expect.that(isinstance(store, VectorStore), f"the store is a {type(store).__name__}")
    expect.equal(store.name, "mine", "the name of a store that was given one")


@check("VS-602", needs="plugin")
async def loading_the_plugin_imports_no_client_library(world: World) -> None:
    """Loading the plugin imports nothing beyond its own package, core and what core needs."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _LOADING,
        world.target.backend,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    expect.that(child.returncode == 0, f"loading the plugin in a new process failed: {err.decode()[-500:]}")
    foreign = json.loads(out)
    expect.that(not foreign, f"loading the plugin imported {foreign}; import them where a store is opened")


@check("VS-402", needs="plugin")
async def an_unknown_setting_is_refused(world: World) -> None:
    """An unknown setting is ConfigError that names it and the nearest one; a bad type names the key."""
    settings = dict(world.here.settings)

    async def opened(key: str, value: object) -> object:
        return config_from(world.target.spec(), {**settings, key: value})

    error = await expect.raises(ConfigError, opened("default_colection", "x"), "an unknown setting")
    for named in ("default_colection", "default_collection"):
        expect.that(named in str(error), f"the error does not name {named!r}: {error}")
    error = await expect.raises(ConfigError, opened("default_collection", 5), "a setting of a wrong type")
    expect.that("default_collection" in str(error), f"the error does not name the setting: {error}")


@check("VS-136", needs="plugin")
async def the_default_collection_can_be_configured(world: World) -> None:
    """With default_collection="mine", collection=None means "mine"."""
    place = world.place()
    spec = world.target.spec()
    config = config_from(spec, {**place.settings, "default_collection": "mine"})
    store = spec.store(config, name=None, embedder=None)
    async with store:
        await store.create_collection("default", 4, world.metric)
        await store.create_collection("mine", 4, world.metric)
        await store.add_documents(world.documents(["a"]))
        expect.equal(await store.count_documents(collection="mine"), 1, "documents of 'mine'")
        expect.equal(await store.count_documents(collection="default"), 0, "documents of 'default'")
        results = await store.search_similar(VectorQuery(query_vector=[1, 2, 3, 4]))
        expect.equal(
            [one.document.collection for one in results], ["mine"], "the collection of what is found"
        )


@check("VS-401", needs="plugin")
async def an_unknown_backend_is_named(world: World) -> None:
    """A backend that is not installed is BackendNotFoundError that lists what is."""

    async def opened() -> object:
        return open_store(f"{world.target.backend}x")

    error = await expect.raises(BackendNotFoundError, opened(), "a backend that nobody offers")
    expect.that(
        world.target.backend in str(error), f"the error does not list {world.target.backend!r}: {error}"
    )


@check("VS-401")
async def errors_have_the_bases_that_the_contract_names(world: World) -> None:
    """Refusals are PygentVecErrors, and the ValueErrors and LookupErrors that they should be."""
    await expect.raises(
        LookupError, world.store.count_documents(collection="nothing"), "a missing collection"
    )
    await world.collection()
    refused = await expect.raises(ValueError, world.store.search_similar(VectorQuery()), "an empty query")
    expect.that(isinstance(refused, PygentVecError), f"{type(refused).__name__} is no PygentVecError")
    call = world.store.add_documents(["a"])  # type: ignore[list-item]  # on purpose
    await expect.raises(InvalidDocumentError, call, "a document that is a string")
    index = world.store.create_collection("x", 4, world.metric, index="none-such")
    await expect.raises(NotImplementedError, index, "an index kind that nobody has")
    kinds = (UnsupportedFeatureError, BackendNotFoundError)
    expect.that(all(issubclass(one, PygentVecError) for one in kinds), "errors outside of the tree")
