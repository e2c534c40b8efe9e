"""The project's own plugins are found and loaded as every other plugin is."""

from importlib.metadata import entry_points

import pytest

from pygent_vec import VectorStoreType
from pygent_vec.contract import CONTRACT_VERSION, Capabilities, StoreConfig
from pygent_vec.plugin import backends, embedders

OFFERED = sorted(entry_point.name for entry_point in entry_points(group="pygent_vec.backends"))
EMBEDDERS = sorted(entry_point.name for entry_point in entry_points(group="pygent_vec.embedders"))


def test_the_reference_store_the_faiss_store_and_the_static_embedder_are_offered():
    assert {"memory", "faiss"} <= set(OFFERED)
    assert "static" in EMBEDDERS


def test_nothing_that_is_offered_is_called_missing():
    assert not set(backends().missing()) & set(OFFERED)
    assert set(backends().missing()) | set(OFFERED) >= {kind.value for kind in VectorStoreType}
    assert not set(embedders().missing()) & set(EMBEDDERS)


@pytest.mark.parametrize("name", OFFERED)
def test_an_offered_backend_loads_and_describes_itself(name):
    (offer,) = backends().offers()[name]
    spec = backends().load(name)
    assert (spec.name, spec.contract_version) == (name, CONTRACT_VERSION)
    assert spec.install_hint == f"pip install {offer.distribution}"
    assert issubclass(spec.config, StoreConfig)
    assert isinstance(spec.capabilities, Capabilities)
    assert "auto" in spec.capabilities.index_kinds
    assert spec.summary.endswith(".")


@pytest.mark.parametrize("name", EMBEDDERS)
def test_an_offered_embedder_loads_and_keeps_its_word(name):
    spec = embedders().load(name)
    embedder = spec.embedder()
    assert (spec.name, spec.contract_version) == (name, CONTRACT_VERSION)
    assert (embedder.model, embedder.dimension) == (spec.model, spec.dimension)
    assert embedder.embed(["a text", "another"]).shape == (2, spec.dimension)
