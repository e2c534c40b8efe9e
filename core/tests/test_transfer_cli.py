"""`pygent-vec copy`: what it says, and with which exit status it ends."""

import json
from types import SimpleNamespace

import pytest

from pygent_vec import DistanceMetric, SyncVectorStore
from pygent_vec.cli import _copying

from .cli_support import run, run_process
from .transfer_support import DIMENSION, DurableMemory, documents

OPTIONS = ("--collection", "default")


class Kept(DurableMemory):
    """Its documents outlive it, as those of a durable store do."""

    def __init__(self, data, **options):
        super().__init__(**options)
        self._data = data

    def _close(self):
        pass


@pytest.fixture
def shelves(monkeypatch, tmp_path):
    """Two stores, "left" with documents and "right" with none, and how the next one is made."""
    data, options = {"left": {}, "right": {}}, {}

    def made(url):
        return SyncVectorStore(Kept(data[url], **(options if url == "right" else {})))

    monkeypatch.setattr(_copying, "existing_store", made)
    monkeypatch.setattr(_copying, "any_store", made)
    monkeypatch.setattr(_copying, "named_config", lambda url: SimpleNamespace(path=tmp_path / url))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in data:
        (tmp_path / name).mkdir()
    with made("left") as left:
        left.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
        left.create_collection("empty", DIMENSION)
        left.add_documents(documents(30), preserve_timestamps=True)
    return SimpleNamespace(made=made, options=options, state=tmp_path / "state" / "pygent-vec")


def test_every_collection_is_copied_and_shown(shelves):
    result = run("copy", "left", "right")
    assert result.exit_code == 0, result.stderr
    assert [line.split() for line in result.stdout.splitlines()[2:4]] == [
        ["default", "30", "30", "30", "the", "same"],
        ["empty", "0", "0", "0", "the", "same"],
    ]
    assert result.stderr == ""
    assert list(shelves.state.iterdir()) == []


def test_json_says_what_was_done(shelves):
    result = run(
        "copy", "left", "right", *OPTIONS, "--to", "other", "--where", '{"@chunk_index": 3}', "--json"
    )
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"], said["dry_run"]) == (0, True, False)
    assert said["collections"][0]["moved"]["documents"] == 1


def test_a_dry_run_writes_nothing(shelves):
    result = run("copy", "left", "right", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "can be copied" in result.stdout
    with shelves.made("right") as right:
        assert right.list_collections() == []
    assert not shelves.state.exists()


def test_differences_are_named_and_are_exit_status_1(shelves, monkeypatch):
    class Losing(Kept):
        def _write(self, spec, batch, mode, *, preserve_created):
            batch.contents[4] = "garbled"
            return super()._write(spec, batch.take(slice(0, 29)), mode, preserve_created=preserve_created)

    losing = SyncVectorStore(Losing({}))
    monkeypatch.setattr(_copying, "any_store", lambda _: losing)
    result = run("copy", "left", "right", *OPTIONS)
    assert result.exit_code == 1
    assert "DIFFERENT" in result.stdout
    assert "1 missing: doc-00029" in result.stdout
    assert "1 different: doc-00004 (content)" in result.stdout


def test_without_a_comparison_it_says_so(shelves):
    result = run("copy", "left", "right", *OPTIONS, "--no-verify")
    assert (result.exit_code, "not compared" in result.stdout) == (0, True)


def test_a_copy_that_failed_goes_on_with_the_same_command(shelves):
    shelves.options["fails_after"] = 1
    result = run("copy", "left", "right", *OPTIONS, "--batch-size", "10")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert "the same command again goes on from there" in result.stderr
    shelves.options.clear()
    result = run("copy", "left", "right", *OPTIONS, "--batch-size", "10", "--json")
    assert result.exit_code == 0, result.stderr
    assert "Going on with a copy that was interrupted" in result.stderr
    assert json.loads(result.stdout)["collections"][0]["moved"]["resumed"] == 10
    assert list(shelves.state.iterdir()) == []


def test_a_checkpoint_may_be_put_elsewhere(shelves, tmp_path):
    shelves.options["fails_after"] = 1
    command = ("copy", "left", "right", *OPTIONS, "--batch-size", "10", "--checkpoint", tmp_path / "mine")
    assert run(*command).exit_code == 1
    assert json.loads((tmp_path / "mine").read_text())["documents"] == 10
    shelves.options.clear()
    assert run(*command).exit_code == 0
    assert not (tmp_path / "mine").exists()


def test_what_is_there_already_is_refused(shelves):
    assert run("copy", "left", "right").exit_code == 0
    result = run("copy", "left", "right")
    assert result.exit_code == 1
    assert "exist already" in result.stderr
    assert run("copy", "left", "right", "--on-conflict", "skip").exit_code == 0


def test_within_one_store_a_collection_gets_another_name(shelves):
    assert run("copy", "left", "left", *OPTIONS, "--to", "second").exit_code == 0
    assert "to itself" in run("copy", "left", "left", *OPTIONS).stderr


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("--to", "x"), 2, "needs --collection"),
        (("--where", "{}"), 2, "needs --collection"),
        ((*OPTIONS, "--where", "[]"), 2, "not a JSON object"),
        ((*OPTIONS, "--where", '{"a": {"$gt": 1, "b": 2}}'), 1, "a"),
        ((*OPTIONS, "--on-conflict", "ignore"), 2, "ignore"),
        ((*OPTIONS, "--rate-limit", "0"), 1, "rate_limit"),
        (("--collection", "defaults"), 1, "did you mean 'default'?"),
    ],
)
def test_a_wrong_command_line_is_refused(shelves, options, status, words):
    result = run("copy", "left", "right", *options)
    assert (result.exit_code, words in result.stderr) == (status, True), result.stderr
    with shelves.made("right") as right:
        assert right.list_collections() == []


def test_a_source_that_is_not_there_is_refused_and_none_is_made(tmp_path):
    result = run_process("copy", f"faiss:{tmp_path / 'a'}", "memory:", XDG_STATE_HOME=str(tmp_path / "state"))
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:…@host/db"),
        ("chromadb:http://host:8000?auth_token=secret&x=1", "chromadb:http://host:8000?auth_token=…&x=1"),
    ],
)
def test_no_secret_gets_into_a_checkpoint_or_a_message(monkeypatch, url, name):
    monkeypatch.setattr(_copying, "named_config", lambda _: SimpleNamespace())
    assert _copying.identity(url) == name


def test_a_bar_is_shown_on_a_terminal_only(monkeypatch):
    from rich.console import Console

    from pygent_vec.cli import _progress

    written = []
    for terminal in (True, False):
        console = Console(stderr=True, force_terminal=terminal, width=100)
        monkeypatch.setattr(_progress, "error_console", lambda console=console: console)
        with console.capture() as output, _progress.progress_shown() as show:
            show("copying articles", 5, 10)
            show("copying articles", 10, 10)
        written.append(output.get())
    assert "copying articles" in written[0]
    assert written[1] == ""
