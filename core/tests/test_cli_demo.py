"""`pygent-vec demo`."""

import json
import tempfile

import pytest

from pygent_vec.cli import _demo, _demo_run
from pygent_vec.cli._demo_run import run_demo
from pygent_vec.cli._demo_steps import COLLECTION, check_kept, questions
from pygent_vec.errors import ConfigError, CorruptStoreError
from pygent_vec.filters import parse_filter

from .cli_support import run, run_json

pytest.importorskip("pygent_vec_embed_static", reason="the demo needs an embedder")

SMTPLIB = '''"""Send mail by SMTP."""

class SMTP:
    """A connection to a mail server."""

    def sendmail(self, message, timeout):
        """Send an email message to the server."""

    def _hidden(self):
        """Send an email in secret."""
'''
GZIP = '''"""Compress and decompress files."""

def compress(data):
    """Compress a file in one shot."""
'''


@pytest.fixture
def library(tmp_path):
    """A standard library of two modules."""
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "smtplib.py").write_text(SMTPLIB)
    (folder / "gzip.py").write_text(GZIP)
    return folder


@pytest.fixture
def small(library, monkeypatch):
    """Make the demo read the two modules."""
    everything = _demo_run.standard_library_docstrings
    monkeypatch.setattr(_demo_run, "standard_library_docstrings", lambda _: everything(library))


@pytest.fixture
def faiss():
    return pytest.importorskip("pygent_vec_faiss", reason="the demo's store is of this backend")


def answers(report, text, *, filtered):
    return next(
        [result["id"] for result in answer["results"]]
        for answer in report["answers"]
        if answer["text"] == text and (answer["filter"] is not None) is filtered
    )


def test_every_public_docstring_is_kept_and_found(library):
    report = run_demo("memory", None, library=library).to_json()
    assert report["documents"] == 5  # two modules, a class, a method, a function; not the hidden one
    assert answers(report, "compress a file", filtered=False)[0] == "gzip.compress"
    assert set(answers(report, "send an email", filtered=True)) == {
        "smtplib",
        "smtplib.SMTP",
        "smtplib.SMTP.sendmail",
    }


def test_a_backend_that_keeps_nothing_is_not_opened_again(library):
    report = run_demo("memory", None, library=library)
    assert report.times.reopen is None
    assert report.to_json()["kept"] is None


def test_an_exact_store_has_a_recall_of_one(library):
    assert run_demo("memory", None, library=library).measurement.recall == 1.0


def test_the_report_is_json_without_nan(library):
    json.dumps(run_demo("memory", None, library=library).to_json(), allow_nan=False)


def test_a_python_without_its_sources_is_told_so(tmp_path):
    with pytest.raises(ConfigError, match="as source files"):
        run_demo("memory", None, library=tmp_path)


def test_the_questions_are_asked_with_and_without_filters():
    filters = [question.filter for question in questions()]
    assert 6 <= len(filters) <= 8
    assert None in filters
    for condition in filter(None, filters):
        parse_filter(condition)


@pytest.mark.usefixtures("small", "faiss")
def test_the_demo_keeps_a_store_at_its_path_that_answers_later(tmp_path):
    where = tmp_path / "kept"
    first = run_json("demo", "--path", where)
    assert first["kept"] is True
    assert first["times"]["reopen_ms"] > 0
    assert run_json("stats", f"faiss:{where}")["document_count"] == first["documents"] == 5
    again = run_json("demo", "--path", where, "--queries")
    assert again["answers"] == first["answers"]
    searched = run_json("search", f"faiss:{where}", COLLECTION, "compress a file", "--limit", "1")
    assert searched["results"][0]["document"]["id"] == "gzip.compress"


@pytest.mark.usefixtures("small", "faiss")
def test_the_tables_show_each_question_and_the_summary(tmp_path):
    where = tmp_path / "a kept store"
    result = run("demo", "--path", where)
    assert result.exit_code == 0, result.stderr
    shown = result.stdout
    assert all(f'"{question.text}"' in shown for question in questions())
    assert 'where {"package": "smtplib"}' in shown
    assert "gzip.compress" in shown
    assert "Compress a file in one shot." in shown
    for row in ("Documents", "Embedding", "Writing", "Search", "recall@10", "Reopening"):
        assert f"\n{row} " in shown
    tables = shown.partition("The store was kept")[0]
    assert max(map(len, tables.splitlines())) <= 80
    assert f"pygent-vec stats faiss:{str(where).replace(' ', '%20')}\n" in shown


@pytest.mark.usefixtures("small", "faiss")
def test_the_temporary_directory_is_removed_unless_it_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert run("demo").exit_code == 0
    assert list((tmp_path / "temporary").iterdir()) == []
    kept = run_json("demo", "--keep")["path"]
    assert [str(one) for one in (tmp_path / "temporary").iterdir()] == [kept]


@pytest.mark.usefixtures("faiss")
def test_a_directory_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary")
    result = run("demo", "--path", tmp_path)
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["diary.txt"]


def test_asking_again_needs_the_path_of_a_store():
    result = run("demo", "--queries")
    assert result.exit_code == 2
    assert "--path" in result.stderr


@pytest.mark.usefixtures("faiss")
def test_asking_again_where_no_store_is_makes_none(tmp_path):
    result = run("demo", "--queries", "--path", tmp_path / "absent")
    assert result.exit_code == 1
    assert not (tmp_path / "absent").exists()


def test_a_missing_backend_is_told_before_anything_is_read(monkeypatch):
    monkeypatch.setenv("PYGENT_VEC_DISABLED_PLUGINS", "faiss")
    monkeypatch.setattr(_demo, "run_demo", None)
    result = run("demo")
    assert result.exit_code == 1
    assert "the backend 'faiss'" in result.stderr


@pytest.mark.usefixtures("faiss")
def test_a_missing_embedder_is_told_before_anything_is_read(monkeypatch):
    monkeypatch.setenv("PYGENT_VEC_DISABLED_PLUGINS", "static")
    monkeypatch.setattr(_demo, "run_demo", None)
    result = run("demo")
    assert result.exit_code == 1
    assert "the embedder 'static'" in result.stderr


def test_a_store_that_lost_documents_is_told_as_corrupt(memory):
    memory.create_collection(COLLECTION, 2)
    with pytest.raises(CorruptStoreError, match="held 5 documents, and 0"):
        check_kept(memory, 5, [], None)
