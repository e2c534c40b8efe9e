"""`pygent-vec doctor`, and names of configured stores in place of URLs."""

import json

import pytest

from .cli_support import offer, run, run_json, shelf

CONFIG = """
[stores.books]
backend = "shelf"
path = "books"

[stores.scratch]
backend = "memory"

[[routes]]
collection = "tmp-*"
read = "books"
write = ["books", "scratch"]
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a configuration and a backend that keeps its data in a path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(tmp_path)
    offer(tmp_path, "shelf", shelf())
    (tmp_path / "pygent-vec.toml").write_text(CONFIG)
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "data").write_text("x")
    return tmp_path


def test_all_is_well(place):
    result = run("doctor")
    assert result.exit_code == 0, result.stderr
    assert "healthy" in result.stdout
    assert "pygent-vec.toml" in result.stdout.replace("\n", "")
    assert "tmp-*" in result.stdout
    found = run_json("doctor")
    assert found["status"] == "healthy"
    assert sorted(found["stores"]) == ["books", "scratch"]
    assert found["stores"]["scratch"]["document_count"] == 0
    assert found["routes"][0]["write"] == ["books", "scratch"]


def test_a_store_that_is_not_there_is_reported_and_not_made(place):
    (place / "books" / "data").unlink()
    (place / "books").rmdir()
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["status"], found["stores"]["books"]["status"]) == ("degraded", "unhealthy")
    assert "there is no store at 'books'" in found["stores"]["books"]["problems"][0]["what"]
    assert not (place / "books").exists()
    shown = run("doctor")
    assert shown.exit_code == 1
    assert "Remedy: correct the path" in shown.stdout


def test_a_backend_that_is_missing_is_reported_beside_the_others(place):
    (place / "pygent-vec.toml").write_text(CONFIG + '\n[stores.lost]\nbackend = "nowhere"\n')
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert "BackendNotFoundError" in found["stores"]["lost"]["problems"][0]["what"]
    assert found["stores"]["lost"]["document_count"] is None
    assert found["stores"]["scratch"]["status"] == "healthy"


def test_a_file_can_be_named(place, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text('backend = "memory"\n')
    assert list(run_json("doctor", other)["stores"]) == ["default"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no store is configured"),
        ("x = [", "not valid TOML"),
        ('[stores.a]\nbackend = "memory"\nphat = 1\n', "no setting 'phat'"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_an_error(place, text, message):
    (place / "pygent-vec.toml").write_text(text)
    result = run("doctor")
    assert result.exit_code == 1
    assert message in result.stderr.replace("\n", " ")


def test_a_configured_name_stands_for_a_store(place):
    assert run_json("collections", "scratch") == {"store": "scratch", "collections": []}
    result = run("stats", "scrach")
    assert result.exit_code == 1
    (place / "books" / "data").unlink()
    (place / "books").rmdir()
    result = run("collections", "books")
    assert result.exit_code == 1
    assert "there is no store at 'books'" in result.stderr
