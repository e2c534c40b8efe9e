"""Plugins that are absent or disabled, and embedders."""

import pytest

from pygent_vec import BackendNotFoundError
from pygent_vec.config import open_store
from pygent_vec.plugin import DISABLED_VARIABLE, EmbedderSpec, backends, embedders

from .installation import good


def test_disabled_plugins_are_neither_listed_nor_loaded(site, monkeypatch):
    site.install("shelf", source="raise SystemExit('imported')")
    monkeypatch.setenv(DISABLED_VARIABLE, " shelf , other,")
    assert "shelf" not in backends().offers()
    assert "memory" in backends().offers()
    with pytest.raises(BackendNotFoundError, match=f"'shelf' is disabled by {DISABLED_VARIABLE}"):
        backends().load("shelf")
    monkeypatch.setenv(DISABLED_VARIABLE, "")
    assert "shelf" in backends().offers()


def test_of_two_offers_under_one_name_none_is_left_when_it_is_disabled(site, monkeypatch):
    site.install("shelf", "fake_one", source=good("shelf"), distribution="one-shelf")
    site.install("shelf", "fake_two", source=good("shelf"), distribution="two-shelf")
    monkeypatch.setenv(DISABLED_VARIABLE, "shelf")
    with pytest.raises(BackendNotFoundError, match="disabled"):
        backends().load("shelf")


def test_a_backend_of_the_project_that_is_absent_comes_with_its_command(monkeypatch):
    monkeypatch.setattr("pygent_vec.plugin._registry.offers", lambda group: {})
    with pytest.raises(
        BackendNotFoundError, match="'faiss' is not installed; install it with: pip install pygent-vec-faiss"
    ):
        backends().load("faiss")
    with pytest.raises(
        BackendNotFoundError,
        match="'static' is not installed; install it with: pip install pygent-vec-embed-static",
    ):
        embedders().load("static")
    with pytest.raises(BackendNotFoundError, match="'postgresql' is not installed"):
        backends().load("postgres")
    assert backends().missing()["postgresql"] == "pip install pygent-vec-postgres"


def test_an_alias_is_a_backend_of_its_own_where_a_plugin_offers_it(site):
    site.install("chroma", source=good("chroma"))
    assert backends().load("chroma").name == "chroma"


def test_an_unknown_backend_comes_with_the_nearest_one(site):
    site.install("shelf", source=good("shelf"))
    with pytest.raises(
        BackendNotFoundError, match=r"no backend 'shelv' is installed; did you mean 'shelf'.*memory"
    ):
        backends().load("shelv")


def test_embedders_are_plugins_of_their_own_group(site):
    source = """
from pygent_vec.plugin import EmbedderSpec, hookimpl


class Embedder:
    model, dimension = "fake-1", 2

    def embed(self, texts):
        import numpy as np
        return np.ones((len(texts), 2), np.float32)

@hookimpl
def pygent_vec_embedder():
    return EmbedderSpec(
        name="fake", embedder=Embedder, model="fake-1", dimension=2, contract_version=1, summary="", install_hint=""
    )
"""
    site.install("fake", "fake_embedder", source=source, group="pygent_vec.embedders")
    assert isinstance(embedders().load("fake"), EmbedderSpec)
    assert "fake" not in backends().offers()
    assert open_store("memory", embedder="fake").embedder.model == "fake-1"
    with pytest.raises(BackendNotFoundError, match="no embedder 'fak' is installed; did you mean 'fake'"):
        open_store("memory", embedder="fak")
