"""`pygent-vec collections`, `stats` and `search`."""

import json
import math

import numpy as np
import pytest

from pygent_vec import StoreStats, SyncVectorStore, VectorDocument
from pygent_vec.cli import _search, _stores
from pygent_vec.model import CollectionStats
from pygent_vec.stores import MemoryConfig, MemoryStore

from .cli_support import offer, run, run_json, shelf

ARTICLES = [
    ("tea", [1.0, 0.0], {"year": 2021, "tags": ["drink"]}),
    ("coffee", [0.8, 0.6], {"year": 2019, "tags": ["drink", "bean"]}),
    ("chairs", [0.0, 1.0], {"year": 2024}),
]


class Compass:
    """An embedder of one word."""

    model = "compass-v1"
    dimension = 2

    def embed(self, texts):
        return np.array([[1.0, 0.0] if text == "tea" else [0.0, 1.0] for text in texts], dtype=np.float32)


COMPASS = """
from pygent_vec.plugin import EmbedderSpec, hookimpl
from {module} import Compass

@hookimpl
def pygent_vec_embedder():
    return EmbedderSpec(name="{name}", embedder=Compass, model="compass-v1", dimension=2,
                        contract_version=1, summary="", install_hint="")
"""


@pytest.fixture
def library(monkeypatch):
    """The URL of a store with three articles, compared by cosine."""
    store = SyncVectorStore(MemoryStore(MemoryConfig(), name="library"))
    store.initialize()
    store.create_collection("articles", 2)
    store.create_collection("empty", 3)
    fill(store, "articles")
    for module in (_search, _stores):
        monkeypatch.setattr(module, "existing_store", lambda url: store)
    return store


def fill(store, collection):
    store.add_documents(
        VectorDocument(
            id=id,
            content=f"All about {id}.\nAnd more.",
            embedding=vector,
            metadata=metadata,
            collection=collection,
        )
        for id, vector, metadata in ARTICLES
    )


@pytest.fixture
def embedder(tmp_path, monkeypatch):
    """Make the embedders of these names, and no others, be installed."""

    def installed(*names):
        monkeypatch.setenv("PYGENT_VEC_DISABLED_PLUGINS", "static")
        monkeypatch.syspath_prepend(tmp_path)
        for name in names:
            offer(tmp_path, name, COMPASS.format(name=name, module=__name__), group="pygent_vec.embedders")

    return installed


def found(*arguments):
    return [one["document"]["id"] for one in run_json("search", "library:", *arguments)["results"]]


@pytest.mark.parametrize("command", [["collections"], ["stats"], ["search"]])
def test_no_command_makes_a_store_where_there_is_none(command, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    offer(tmp_path, "shelf", shelf())
    absent = tmp_path / "absent"
    more = ["articles", "--vector", "[1, 0]"] if command == ["search"] else []
    result = run(*command, f"shelf:{absent}", *more)
    assert result.exit_code == 1
    assert f"no file or directory '{absent}'" in result.stderr
    assert not absent.exists()


def test_an_empty_directory_is_no_store(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    offer(tmp_path, "shelf", shelf())
    (tmp_path / "empty").mkdir()
    result = run("stats", f"shelf:{tmp_path / 'empty'}")
    assert result.exit_code == 1
    assert "is empty" in result.stderr


def test_a_store_that_is_there_is_opened(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    offer(tmp_path, "shelf", shelf())
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "data").touch()
    assert run_json("stats", f"shelf:{tmp_path / 'store'}")["store"] == "shelf"


def test_a_path_without_a_backend_is_told_how_to_become_a_url(tmp_path):
    result = run("stats", tmp_path)
    assert result.exit_code == 1
    assert f"write faiss:{tmp_path}" in result.stderr


def test_an_unknown_setting_is_refused():
    result = run("stats", "memory:?colour=red")
    assert result.exit_code == 1
    assert "no setting 'colour'" in result.stderr


@pytest.mark.usefixtures("library")
def test_collections_are_listed_with_what_they_were_created_with():
    listed = run_json("collections", "library:")["collections"]
    assert [(one["name"], one["document_count"], one["dimension"]) for one in listed] == [
        ("articles", 3, 2),
        ("empty", 0, 3),
    ]
    assert listed[0]["distance_metric"] == "cosine"
    assert listed[0]["created_at"].endswith("Z")


@pytest.mark.usefixtures("library")
def test_the_table_of_collections_has_a_row_for_each():
    rows = run("collections", "library:").stdout.splitlines()
    assert rows[0].split()[:3] == ["Collection", "Documents", "Dimension"]
    assert [row.split()[:4] for row in rows[2:4]] == [
        ["articles", "3", "2", "cosine"],
        ["empty", "0", "3", "cosine"],
    ]


def test_a_store_without_collections_says_so():
    assert run("collections", "memory:").stdout == "The store has no collections.\n"
    assert run_json("collections", "memory:") == {"store": "memory", "collections": []}


@pytest.mark.usefixtures("library")
def test_stats_tell_size_and_health():
    stats = run_json("stats", "library:")
    assert stats["document_count"] == 3
    assert stats["collections"]["articles"]["dimension"] == 2
    assert stats["health"]["status"] == "healthy"


def test_stats_say_in_words_how_the_store_is():
    assert "Health     healthy" in run("stats", "memory:").stdout


def test_what_a_backend_does_not_know_is_unknown_and_in_json_null(library, monkeypatch):
    sizes = CollectionStats(document_count=1, dimension=2, index="none", disk_bytes=None, memory_bytes=1536)
    reported = StoreStats(store="library", backend="memory", collections={"one": sizes})
    monkeypatch.setattr(library, "get_stats", lambda: reported)
    monkeypatch.setattr(library, "close", lambda: None)
    assert run_json("stats", "library:")["collections"]["one"]["disk_bytes"] is None
    assert run("stats", "library:").stdout.splitlines()[-2].split()[-3:] == ["unknown", "1.5", "KiB"]


@pytest.mark.usefixtures("library")
def test_a_vector_finds_the_nearest_first():
    results = run_json("search", "library:", "articles", "--vector", "[1, 0]")["results"]
    assert [(one["rank"], one["document"]["id"]) for one in results] == [
        (1, "tea"),
        (2, "coffee"),
        (3, "chairs"),
    ]
    assert results[1]["similarity_score"] == pytest.approx(0.8)
    assert results[0]["document"]["metadata"] == {"year": 2021, "tags": ["drink"]}


@pytest.mark.usefixtures("library")
def test_the_table_of_results_shows_score_id_text_and_metadata():
    lines = run("search", "library:", "articles", "--vector", "[1, 0]", "--limit", 1).stdout.splitlines()
    assert lines[2].split() == ["1", "1.000", "tea", "All", "about", "tea."]
    assert lines[3].strip() == 'year=2021, tags=["drink"]'
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--filter", '{"year": {"$gte": 2020}}'], ["tea", "chairs"]),
        (["--limit", "1"], ["tea"]),
        (["--limit", "1", "--offset", "1"], ["coffee"]),
        (["--threshold", "0.7"], ["tea", "coffee"]),
        (["--exact", "--filter", '{"tags": {"$contains": "bean"}}'], ["coffee"]),
        (["--filter", '{"year": 1900}'], []),
    ],
)
@pytest.mark.usefixtures("library")
def test_every_option_of_a_search_reaches_the_store(options, wanted):
    assert found("articles", "--vector", "[1, 0]", *options) == wanted


@pytest.mark.usefixtures("library")
def test_a_search_without_answers_says_so():
    result = run("search", "library:", "empty", "--vector", "[1, 0, 0]")
    assert (result.exit_code, result.stdout) == (0, "No document matches.\n")


@pytest.mark.usefixtures("library")
def test_a_vector_may_come_from_a_file(tmp_path):
    (tmp_path / "vector.json").write_text("[0, 1]")
    assert found("articles", "--vector", f"@{tmp_path / 'vector.json'}", "--limit", "1") == ["chairs"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["tea", "--vector", "[1, 0]"], "either TEXT or --vector"),
        ([], "either TEXT or --vector"),
        (["--vector", "[1, 0"], "not JSON"),
        (["--vector", '["1", true]'], "not a JSON list of numbers"),
        (["--vector", "@/nowhere.json"], "cannot read /nowhere.json"),
        (["--vector", "[1, 0]", "--filter", "year=2020"], "not JSON"),
        (["--vector", "[1, 0]", "--filter", "[]"], "not a JSON object"),
        (["--vector", "[1, 0]", "--filter", '{"year": 1, "year": 2}'], "a key is given twice"),
        (["--vector", "[1, 0]", "--limit", "ten"], "--limit"),
    ],
)
@pytest.mark.usefixtures("library")
def test_options_that_make_no_sense_exit_with_2(options, message):
    result = run("search", "library:", "articles", *options)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["articles", "--vector", "[1, 0, 0]"], "dimension 3"),
        (["articles", "--vector", "[NaN, 0]"], "finite"),
        (["articles", "--vector", "[1, 0]", "--filter", '{"year": {"$gtr": 1}}'], "did you mean '$gt'"),
        (["articles", "--vector", "[1, 0]", "--limit", "0"], "limit"),
        (["papers", "--vector", "[1, 0]"], "papers"),
    ],
)
@pytest.mark.usefixtures("library")
def test_what_the_store_refuses_exits_with_1_and_its_own_message(options, message):
    result = run("search", "library:", *options)
    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.usefixtures("library")
def test_a_text_is_embedded_by_the_only_embedder(embedder):
    embedder("compass")
    assert found("articles", "tea", "--limit", "1") == ["tea"]


@pytest.mark.usefixtures("library")
def test_of_several_embedders_one_must_be_chosen(embedder):
    embedder("compass", "other")
    result = run("search", "library:", "articles", "tea")
    assert result.exit_code == 1
    assert "choose with --embedder" in result.stderr


@pytest.mark.usefixtures("library")
def test_the_chosen_embedder_is_used(embedder):
    embedder("compass", "other")
    assert found("articles", "tea", "--limit", "1", "--embedder", "other") == ["tea"]


@pytest.mark.usefixtures("library")
def test_without_an_embedder_a_text_cannot_be_searched_for(embedder):
    embedder()
    result = run("search", "library:", "articles", "tea")
    assert result.exit_code == 1
    assert "search with --vector" in result.stderr


def test_the_embedder_that_the_collection_names_is_preferred(library, embedder):
    embedder("compass", "other")
    library.create_collection("named", 2, metadata={"embedder": "compass", "embedder_model": "compass-v1"})
    fill(library, "named")
    assert found("named", "tea", "--limit", "1") == ["tea"]


def test_an_embedder_of_another_model_is_refused(library, embedder):
    embedder("compass")
    library.create_collection("old", 2, metadata={"embedder": "compass", "embedder_model": "compass-v0"})
    result = run("search", "library:", "old", "tea")
    assert result.exit_code == 1
    assert "'compass-v0'" in result.stderr
    assert "'compass-v1'" in result.stderr


def test_documents_cannot_steer_the_terminal(library):
    library.create_collection("evil", 2)
    library.add_documents(
        [
            VectorDocument(
                id="a\x1b[31m", content="\x1b]0;title\x07[bold]x[/bold]", embedding=[1, 0], collection="evil"
            )
        ]
    )
    shown = run("search", "library:", "evil", "--vector", "[1, 0]").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[bold]x[/bold]" in shown


def test_json_has_no_nan(library):
    result = run("search", "library:", "articles", "--vector", "[1, 0]", "--json")
    scores = [one["similarity_score"] for one in json.loads(result.stdout)["results"]]
    assert all(map(math.isfinite, scores))
