"""The settings, and the URLs that give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pygent_vec import ConfigError
from pygent_vec.config import config_from
from pygent_vec.contract import CrashModel
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.plugin import pygent_vec_backend

SPEC = pygent_vec_backend()


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("chromadb:", {}),
        ("chromadb:data", {"path": "data"}),
        ("chromadb:///var/data%20base?sync_threshold=10", {"path": "/var/data base", "sync_threshold": "10"}),
        ("chromadb:http://host:8000", {"url": "http://host:8000"}),
        (
            "chromadb:https://host/chroma?database=a",
            {"url": "https://host/chroma", "database": "a"},
        ),
    ],
)
def test_a_url_names_a_directory_a_server_or_memory(url, settings):
    assert SPEC.url_settings(url) == settings


@pytest.mark.parametrize("url", ["chromadb://host/path", "chromadb:a?path=b", "chromadb:a?x"])
def test_a_url_that_could_mean_two_things_is_refused(url):
    with pytest.raises(ConfigError):
        SPEC.url_settings(url)


@pytest.mark.parametrize(
    "settings",
    [
        {"path": "a", "url": "http://host"},
        {"url": "host:8000"},
        {"url": "http://user:word@host"},
        {"url": "http://host?x=1"},
        {"timeout": 0},
        {"retries": -1},
        {"sync_threshold": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError):
        config_from(SPEC, settings)


def test_headers_are_not_shown():
    assert "word" not in repr(ChromaConfig(url="http://host", headers={"authorization": "word"}))


def test_each_mode_declares_what_it_does():
    directory = SPEC.capabilities_for(ChromaConfig(path=Path("a")))
    memory = SPEC.capabilities_for(ChromaConfig())
    server = SPEC.capabilities_for(ChromaConfig(url="http://host"))
    assert (directory.durable, memory.durable, server.durable) == (True, False, True)
    assert memory.crash_model is CrashModel.NONE
    assert (directory.multi_process, server.multi_process) == (False, True)
    assert (directory.remote, server.remote) == (False, True)


def test_indexes_on_a_server_are_written_rarely():
    assert ChromaConfig(url="http://host").hnsw["sync_threshold"] > 100 * 5_000
    assert ChromaConfig(path=Path("a")).hnsw["sync_threshold"] == 5_000
    assert ChromaConfig(path=Path("a"), sync_threshold=7).hnsw["sync_threshold"] == 7
