"""`pygent-vec export` and `pygent-vec import`."""

import json
from types import SimpleNamespace

import pytest

from pygent_vec import SyncVectorStore
from pygent_vec.cli import _export, _import
from pygent_vec.stores import MemoryConfig, MemoryStore

from .cli_support import run, run_json
from .files_support import articles, write_lines

FIRST = {"id": "a", "content": "x", "embedding": [1, 2], "metadata": {"n": 1}}


class Kept:
    """A store that several commands find as the one before has left it."""

    def __init__(self, store):
        self._kept = store

    def __getattr__(self, name):
        return getattr(self._kept, name)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


@pytest.fixture
def library(monkeypatch):
    """A store with the collection `articles`, which the commands find under every URL."""
    store = SyncVectorStore(MemoryStore(MemoryConfig(), name="library"))
    store.initialize()
    store.create_collection("articles", 2)
    store.add_documents(articles(5))
    found = SimpleNamespace(store=Kept(store.store))
    monkeypatch.setattr(_export, "existing_store", lambda _: found)
    monkeypatch.setattr(_import, "any_store", lambda _: found)
    return store


def test_a_collection_goes_out_and_comes_back(tmp_path, library):
    out = run("export", "memory", tmp_path / "file.parquet")
    assert out.exit_code == 0, out.stderr
    assert "5 documents of memory/articles in" in out.stdout
    back = run("import", tmp_path / "file.parquet", "memory", "--collection", "again")
    assert back.exit_code == 0, back.stderr
    assert "5 documents of" in back.stdout
    assert "written into memory/again" in back.stdout
    assert library.count_documents(collection="again") == 5


@pytest.mark.usefixtures("library")
def test_summaries_are_json_when_asked(tmp_path):
    file = tmp_path / "file.jsonl"
    found = run_json("export", "memory", file, "--where", '{"number": {"$gte": 3}}')
    assert (found["documents"], found["bytes"]) == (2, file.stat().st_size)
    found = run_json("import", file, "memory", "--collection", "again")
    assert (found["documents"], found["written"], found["rejected"], found["dry_run"]) == (2, 2, 0, False)


@pytest.mark.usefixtures("library")
def test_documents_go_through_pipes_and_the_summary_to_standard_error(tmp_path):
    out = run("export", "memory", "-", "--base64")
    lines = out.stdout.splitlines()
    assert (len(lines), json.loads(lines[1])["id"]) == (7, "00000")
    assert "5 documents of memory/articles" in out.stderr
    from typer.testing import CliRunner

    from pygent_vec.cli._app import application

    arguments = ["import", "-", "memory", "--collection", "again", "--json"]
    back = CliRunner().invoke(application(), arguments, input=out.stdout)
    assert json.loads(back.stdout)["written"] == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("library")
def test_faulty_rows_are_listed_with_their_places(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [FIRST, {"id": "b"}, {"id": "c", "embedding": [1]}])
    refused = run("import", path, "memory", "--collection", "again")
    assert refused.exit_code == 1
    assert "line 2 (id 'b'): embedding: it is missing" in refused.stderr
    taken = run("import", path, "memory", "--collection", "again", "--max-errors", "2")
    assert taken.exit_code == 0
    assert "Not taken: 2 of the rows" in taken.stdout
    assert "line 3" in taken.stdout
    found = run_json("import", path, "memory", "--collection", "third", "--max-errors", "2")
    assert [one["place"] for one in found["rejections"]] == ["line 2", "line 3"]


def test_a_dry_run_writes_nothing(tmp_path, library):
    path = write_lines(tmp_path / "file.jsonl", [FIRST])
    found = run("import", path, "memory", "--collection", "again", "--dry-run")
    assert "1 document of" in found.stdout
    assert library.list_collections() == ["articles"]


def test_a_dry_run_makes_no_directory(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [FIRST])
    found = run("import", path, f"faiss:{tmp_path / 'new'}", "--dry-run")
    assert found.exit_code == 0, found.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["file.jsonl"]


@pytest.mark.usefixtures("library")
def test_ids_that_are_there_are_treated_as_asked(tmp_path):
    run("export", "memory", tmp_path / "file.jsonl")
    assert "exist already" in run("import", tmp_path / "file.jsonl", "memory").stderr
    assert run_json("import", tmp_path / "file.jsonl", "memory", "--on-conflict", "skip")["written"] == 0
    assert run_json("import", tmp_path / "file.jsonl", "memory", "--on-conflict", "overwrite")["written"] == 5


@pytest.mark.usefixtures("library")
def test_a_collection_is_chosen_where_there_is_a_choice(tmp_path, library):
    library.create_collection("other", 3)
    several = run("export", "memory", tmp_path / "file.jsonl")
    assert several.exit_code == 1
    assert "choose with --collection: articles, other" in " ".join(several.stderr.split())
    assert run("export", "memory", tmp_path / "file.jsonl", "--collection", "other").exit_code == 0


@pytest.mark.usefixtures("library")
def test_an_export_overwrites_only_when_asked(tmp_path):
    (tmp_path / "file.jsonl").write_text("mine")
    assert run("export", "memory", tmp_path / "file.jsonl").exit_code == 1
    assert run("export", "memory", tmp_path / "file.jsonl", "--overwrite").exit_code == 0


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["export", "memory", "{}/file.txt"], 1, "says no format"),
        (["export", "memory", "{}/file.jsonl", "--where", "[1]"], 2, "not a JSON object"),
        (["export", "memory", "{}/file.jsonl", "--where", '{"a": {"$x": 1}}'], 1, "$x"),
        (["export", "memory", "{}/file.jsonl", "--collection", "none"], 1, "no collection 'none'"),
        (["import", "{}/none.jsonl", "memory"], 1, "there is no file"),
        (["import", "{}/none.jsonl", "memory", "--max-errors", "-1"], 2, "max-errors"),
        (["import", "{}/none.jsonl", "memory", "--table", "x"], 1, "has no use for table"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, arguments, status, message):
    result = run(*[one.format(tmp_path) if "{}/" in one else one for one in arguments])
    assert (result.exit_code, message in result.stderr) == (status, True), result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_password_in_a_url_is_not_repeated(tmp_path, library, monkeypatch):
    from pygent_vec.cli import _copying

    path = write_lines(tmp_path / "file.jsonl", [FIRST])
    monkeypatch.setattr(_copying, "named_config", lambda _: None)
    monkeypatch.setattr(_import, "named_config", lambda _: None)
    result = run("import", path, "postgresql://me:secret@db/app", "--collection", "again")
    assert result.exit_code == 0, result.stderr
    assert "secret" not in result.stdout + result.stderr
    assert library.count_documents(collection="again") == 1
