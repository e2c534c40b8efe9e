"""Settings: one server, named once, and no secret in a message."""

from pathlib import Path

import pytest

from pygent_vec.config import config_from, settings_from_url
from pygent_vec.errors import ConfigError
from pygent_vec_postgres.config import PostgresConfig, url_settings
from pygent_vec_postgres.plugin import pygent_vec_backend


def config(**settings: object) -> PostgresConfig:
    made = config_from(pygent_vec_backend(), settings)
    assert isinstance(made, PostgresConfig)
    return made


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (
            "postgresql://me:secret@host:5433/db?sslmode=require&schema=mine&pool_size=3",
            {
                "dsn": "postgresql://me:secret@host:5433/db?sslmode=require",
                "schema": "mine",
                "pool_size": "3",
            },
        ),
        ("postgresql:///db?host=/run/pg", {"dsn": "postgresql:///db?host=%2Frun%2Fpg"}),
        ("postgresql://a:1,b:2/db", {"dsn": "postgresql://a:1,b:2/db"}),
        ("postgresql:?embedded=true&path=/var/db", {"embedded": "true", "path": "/var/db"}),
        ("postgresql:", {"dsn": "postgresql:"}),
        ("postgresql:a%20library?schema=x", {"path": "a library", "schema": "x"}),
        ("postgresql:/var/db", {"path": "/var/db"}),
    ],
)
def test_a_url_is_a_dsn_with_settings_among_its_parameters(url, wanted):
    assert url_settings(url) == wanted
    assert settings_from_url(pygent_vec_backend(), url) == wanted


def test_a_setting_that_a_url_gives_twice_is_refused():
    with pytest.raises(ConfigError, match="'schema' twice"):
        url_settings("postgresql:///db?schema=a&schema=b")
    with pytest.raises(ConfigError, match="'path' twice"):
        url_settings("postgresql:library?path=other")


@pytest.mark.parametrize(
    "settings",
    [
        {"dsn": "postgresql:///a", "host": "b"},
        {"dsn": "postgresql:///a", "embedded": True},
        {"host": "a", "path": "/b"},
        {"password": "x", "dsn": "postgresql:///a"},
    ],
)
def test_a_server_that_is_named_twice_is_refused(settings):
    with pytest.raises(ConfigError, match="give one of the two"):
        config(**settings)


@pytest.mark.parametrize("name", ["pool_size", "timeout", "connect_timeout", "idle_timeout", "refresh"])
def test_limits_must_be_positive(name):
    with pytest.raises(ConfigError, match=name):
        config(**{name: 0})


def test_a_negative_statement_cache_is_refused_and_none_at_all_is_not():
    assert config(statement_cache_size=0).statement_cache_size == 0
    with pytest.raises(ConfigError, match="statement_cache_size"):
        config(statement_cache_size=-1)


@pytest.mark.parametrize("schema", ["", "x" * 64, "ä" * 32, "a\0b", "pg_mine"])
def test_a_schema_that_postgresql_cannot_name_is_refused(schema):
    with pytest.raises(ConfigError, match="schema"):
        config(schema=schema)


def test_secrets_are_not_shown():
    shown = repr(config(host="h", password="geheim")) + repr(config(dsn="postgresql://u:geheim@h/db"))
    assert "geheim" not in shown


def test_a_path_means_an_embedded_server():
    assert config(path="~/db").is_embedded
    assert config(path="~/db").path == Path("~/db").expanduser()
    assert not config().is_embedded


def test_the_plugin_imports_no_driver():
    import subprocess
    import sys

    code = "import sys, pygent_vec_postgres.plugin; print([m for m in sys.modules if m.split('.')[0] == 'asyncpg'])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
