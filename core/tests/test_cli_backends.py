"""`pygent-vec backends`."""

import json

import pytest

from pygent_vec.plugin._discovery import KNOWN_BACKENDS

from .cli_support import offer, run, run_json, run_process, shelf


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A directory on sys.path, for plugins of one test."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def entry(name, kind="backends"):
    return next(one for one in run_json("backends")[kind] if one["name"] == name)


def test_a_backend_that_works_is_ready():
    assert entry("memory") == {
        "name": "memory",
        "status": "ready",
        "version": "0.1.0",
        "distribution": "pygent-vec",
        "contract_version": 1,
        "summary": "Exact, in this process's memory; nothing is kept.",
        "install_hint": "pip install pygent-vec",
        "cause": None,
    }


def test_a_broken_plugin_is_shown_with_its_cause_and_hides_no_other(path):
    offer(path, "shelf", "raise RuntimeError('no licence file')")
    broken = entry("shelf")
    assert broken["status"] == "broken"
    assert (broken["distribution"], broken["version"]) == ("example-shelf", "1.0")
    assert "RuntimeError: no licence file" in broken["cause"]
    assert entry("memory")["status"] == "ready"
    listing = run("backends")
    assert listing.exit_code == 0
    assert "RuntimeError: no licence file" in " ".join(listing.stdout.split())


def test_a_plugin_for_another_contract_is_broken(path):
    offer(path, "shelf", shelf(version=7))
    assert entry("shelf")["status"] == "broken"
    assert "version 7 of the contract" in entry("shelf")["cause"]


def test_a_plugin_that_ends_the_program_is_broken_and_ends_nothing(path):
    offer(path, "shelf", "raise SystemExit('good night')")
    assert entry("shelf")["status"] == "broken"


def test_a_name_that_is_offered_twice_names_both(path):
    offer(path, "shelf", shelf(), distribution="one-shelf")
    offer(path, "shelf", shelf(), distribution="other-shelf", version="2.0")
    assert entry("shelf")["status"] == "offered twice"
    assert entry("shelf")["distribution"] == "one-shelf, other-shelf"


def test_a_disabled_plugin_is_shown_and_not_loaded(path, monkeypatch):
    offer(path, "shelf", "raise RuntimeError('loaded')")
    monkeypatch.setenv("PYGENT_VEC_DISABLED_PLUGINS", "shelf")
    assert entry("shelf")["status"] == "disabled"
    assert entry("shelf")["distribution"] == "example-shelf"
    assert "PYGENT_VEC_DISABLED_PLUGINS" in entry("shelf")["cause"]


def test_what_is_not_installed_comes_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(KNOWN_BACKENDS, "attic", "pip install pygent-vec-attic")
    assert entry("attic")["status"] == "not installed"
    assert entry("attic")["install_hint"] == "pip install pygent-vec-attic"
    assert "pip install pygent-vec-attic" in run("backends").stdout


def test_embedders_are_listed_too(path):
    offer(path, "parrot", "import nothing_of_this_name", group="pygent_vec.embedders")
    assert entry("parrot", "embedders")["status"] == "broken"
    assert "Embedders" in run("backends").stdout


def test_a_plugin_that_prints_does_not_spoil_the_json(tmp_path):
    offer(tmp_path, "shelf", "print('hello from the shelf')\n" + shelf())
    result = run_process("backends", "--json", path=tmp_path)
    assert "shelf" in {one["name"] for one in json.loads(result.stdout)["backends"]}
    assert "hello from the shelf" in result.stderr


def test_the_tables_fit_80_columns(path):
    offer(path, "shelf", "raise RuntimeError('a long story ' * 30)")
    assert max(map(len, run("backends").stdout.splitlines())) <= 80
