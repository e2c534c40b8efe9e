"""How the static embedder is found and loaded."""

import pytest

from pygent_vec import plugin
from pygent_vec_embed_static import StaticEmbedder


@pytest.fixture
def spec():
    return plugin.embedders().load("static")


def test_it_is_found_by_its_entry_point():
    (offer,) = plugin.embedders().offers()["static"]
    assert (offer.distribution, offer.target) == ("pygent-vec-embed-static", "pygent_vec_embed_static.plugin")


def test_what_it_says_of_itself_is_what_its_embedder_does(spec):
    embedder = spec.embedder()
    assert isinstance(embedder, StaticEmbedder)
    assert (spec.model, spec.dimension) == (embedder.model, embedder.dimension)
    assert embedder.embed(["compress a file"]).shape == (1, spec.dimension)
