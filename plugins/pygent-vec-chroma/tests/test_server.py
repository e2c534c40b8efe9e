"""Chroma on a server: what happens when it is gone, slow, or guarded."""

from __future__ import annotations

import http.server
import json
import random
import socket
import threading
import time

import attrs
import httpx
import numpy as np
import pytest

from pygent_vec import (
    BackendError,
    BackendTimeoutError,
    BackendUnavailableError,
    CollectionNotFoundError,
    ConfigError,
    CorruptStoreError,
    VectorBatch,
    VectorQuery,
)
from pygent_vec_chroma import transport

from .chroma_server import ChromaServer
from .helpers import opened


@pytest.fixture
def server(tmp_path):
    with ChromaServer(tmp_path) as server:
        yield server


def _batch(count=3):
    return VectorBatch(ids=[f"d{n}" for n in range(count)], vectors=np.eye(count, 4, dtype=np.float32))


def test_a_server_that_is_gone_is_an_error_that_says_so_and_the_store_heals_when_it_returns(server):
    with opened(url=server.url, retries=1) as store:
        store.create_collection("default", 4, "euclidean")
        store.add_batch(_batch())
        server.stop()
        with pytest.raises(BackendUnavailableError, match="cannot be reached") as caught:
            store.count_documents()
        assert caught.value.transient
        assert store.health_check().status == "unhealthy"
        server.start()
        assert store.count_documents() == 3
        assert store.health_check().status == "healthy"


def test_a_server_that_restarts_between_two_calls_is_not_noticed(server):
    with opened(url=server.url) as store:
        store.create_collection("default", 4, "euclidean")
        store.add_batch(_batch())
        server.restart()
        store.add_batch(_batch(4))
        server.restart()
        assert len(store.search_similar(VectorQuery(query_vector=[1.0, 0, 0, 0]))) == 4


def test_no_server_at_all_is_an_error_at_open():
    with pytest.raises(BackendUnavailableError, match=r"http://127\.0\.0\.1:9"):
        opened(url="http://127.0.0.1:9", retries=0)


def test_a_database_that_the_server_does_not_have_is_refused_at_open(chroma_server):
    with pytest.raises(ConfigError, match="has no database 'nowhere'"):
        opened(url=chroma_server.url, database="nowhere")


def test_a_collection_that_another_client_made_anew_is_found_again(chroma_server):
    settings = {"database": "anew"}
    chroma_server.make_database(settings)
    with opened(url=chroma_server.url, **settings) as one, opened(url=chroma_server.url, **settings) as other:
        one.create_collection("default", 4)
        assert other.count_documents() == 0
        one.delete_collection("default")
        one.create_collection("default", 4)
        one.add_batch(_batch())
        with pytest.raises(CollectionNotFoundError):
            other.count_documents()
        assert other.count_documents() == 3


@pytest.fixture
def narrow_server(tmp_path):
    with ChromaServer(tmp_path, options="max_payload_size_bytes: 60000\n") as server:
        yield server


def test_a_batch_that_is_too_large_for_one_request_is_written_in_parts(narrow_server):
    with opened(url=narrow_server.url) as store:
        store.create_collection("default", 64, "euclidean")
        vectors = np.random.default_rng(0).standard_normal((1000, 64)).astype(np.float32)
        ids = [f"d{n:04}" for n in range(1000)]
        assert store.add_batch(VectorBatch(ids=ids, vectors=vectors)) == ids
        kept = [one.embedding for one in store.iter_documents()]
        assert np.array_equal(np.array(kept), vectors)


def test_a_batch_in_parts_is_taken_back_as_a_whole_when_one_part_fails(narrow_server):
    with opened(url=narrow_server.url) as store:
        store.create_collection("default", 64, "euclidean")
        vectors = np.random.default_rng(0).standard_normal((1000, 64)).astype(np.float32)
        ids = [f"d{n:04}" for n in range(1000)]
        old = VectorBatch(ids=ids[:300:3], vectors=vectors[:300:3], metadatas=[{"old": True}] * 100)
        store.add_batch(old)
        before = [one.to_dict() for one in store.iter_documents()]
        contents = ["short"] * 999 + ["x" * 100_000]
        with pytest.raises(BackendError, match="refuses a request of this size"):
            store.add_batch(VectorBatch(ids=ids, vectors=vectors + 1, contents=contents))
        assert [one.to_dict() for one in store.iter_documents()] == before


class _Gate(http.server.BaseHTTPRequestHandler):
    """A gate before a server: it answers with the status in the path, or never."""

    def do_GET(self):
        status = self.server.status
        if status is None:
            self.server.held.wait(30)
            return
        self.server.seen.append(dict(self.headers))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def gate():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Gate)
    server.status, server.answer, server.seen, server.held = 401, b"a page", [], threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.held.set()
    server.shutdown()
    thread.join()
    server.server_close()


def _url(gate):
    return f"http://127.0.0.1:{gate.server_address[1]}"


def test_credentials_are_sent_and_never_shown(gate):
    with pytest.raises(BackendError, match="refuses access") as caught:
        opened(url=_url(gate), headers={"x-chroma-token": "hidden-word"})
    assert gate.seen[0]["x-chroma-token"] == "hidden-word"
    assert "hidden-word" not in str(caught.value)


def test_a_gate_that_is_busy_is_asked_again(gate):
    gate.status = 503
    with pytest.raises(BackendError, match="status 503"):
        opened(url=_url(gate), retries=2)
    assert len(gate.seen) == 3


@pytest.mark.parametrize("patience", [0.4, 0.0])
def test_a_server_amid_the_write_of_another_client_is_asked_for_longer_than_that(gate, monkeypatch, patience):
    monkeypatch.setattr(transport, "_PASSING_SECONDS", patience)
    gate.status = 500
    gate.answer = b'{"error": "InternalError", "message": "Error finding id"}'
    with pytest.raises(CorruptStoreError, match="Error finding id"):
        opened(url=_url(gate), retries=0)
    assert (len(gate.seen) > 2) is (patience > 0)


def test_a_collection_whose_first_writer_was_killed_is_empty_and_takes_rows(chroma_server):
    settings = {"database": "killed-at-first"}
    chroma_server.make_database(settings)
    with opened(url=chroma_server.url, **settings) as store:
        url = httpx.URL(chroma_server.database_url(settings) + "/collections")
        names = (f"written-{n}" for n in range(200))
        name = next(name for name in names if _killed_amid_first(store, name, url))
        query = VectorQuery(query_vector=[1.0, 0, 0, 0], collection=name)
        assert [result.document.id for result in store.search_similar(query)] in ([], ["a"])
        store.add_batch(attrs.evolve(_batch(), collection=name))
        found = [result.document.id for result in store.search_similar(query) if result.document.id != "a"]
        assert found == ["d0", "d1", "d2"]  # what was not acknowledged may be there or not


def _killed_amid_first(store, name, url):
    """Return whether a writer, gone amid its request, left a collection that Chroma calls damaged."""
    store.create_collection(name, 4, "euclidean")
    assert store.count_documents(collection=name) == 0
    native = next(one["id"] for one in httpx.get(url).json() if one["name"] == name)
    body = json.dumps({"ids": ["a"], "embeddings": [[1.0, 0, 0, 0]]})
    with socket.create_connection((url.host, url.port)) as writer:
        writer.sendall(
            f"POST {url.path}/{native}/upsert HTTP/1.1\r\nhost: {url.host}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
        )
        time.sleep(random.random() * 0.006)  # it goes at any moment of the server's work
    time.sleep(0.02)
    answer = httpx.post(f"{url}/{native}/query", json={"query_embeddings": [[1.0, 0, 0, 0]], "n_results": 1})
    return "Nothing found on disk" in answer.text


def test_a_server_that_does_not_answer_in_time_is_a_timeout(gate):
    gate.status = None
    with pytest.raises(BackendTimeoutError, match="did not answer in time"):
        opened(url=_url(gate), timeout=0.2)


def test_certificates_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="ca_file"):
        opened(url="https://127.0.0.1:9", ca_file=tmp_path / "none.pem")
