"""What is noticed of Chroma's files at open, and what is not mistaken for damage."""

from __future__ import annotations

import sqlite3

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings

from pygent_vec import CorruptStoreError, VectorBatch, VectorQuery

from .helpers import kill_helper, opened


def _filled(path, *, sync_threshold=50):
    with opened(path=path, sync_threshold=sync_threshold) as store:
        store.create_collection("default", 8, "euclidean")
        vectors = np.random.default_rng(0).standard_normal((120, 8)).astype(np.float32)
        store.add_batch(VectorBatch(ids=[f"d{n:03}" for n in range(120)], vectors=vectors))


def _index_files(path):
    return [file for file in path.glob("*-*-*-*-*/*") if file.stat().st_size]


def test_a_byte_that_changed_in_an_index_is_noticed_at_open(tmp_path):
    _filled(tmp_path / "store")
    file = max(_index_files(tmp_path / "store"), key=lambda one: one.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptStoreError, match=file.name):
        opened(path=tmp_path / "store")
    assert file.read_bytes() == data, "the file was not left as it was"


def test_what_another_tool_wrote_meanwhile_is_no_damage(tmp_path):
    _filled(tmp_path / "store")
    settings = Settings(_env_file=None, anonymized_telemetry=False, is_persistent=True)
    client = chromadb.PersistentClient(str(tmp_path / "store"), settings=settings)
    collection = client.get_collection("default", embedding_function=None)
    found = collection.get(include=["embeddings"])
    assert len(found["ids"]) == 120
    collection.upsert(ids=["theirs"], embeddings=[[0.0] * 8], metadatas=[{"by": "another tool"}])
    client.close()
    with opened(path=tmp_path / "store") as store:
        assert store.count_documents() == 121
        (first,) = store.search_similar(VectorQuery(query_vector=[0.0] * 8, limit=1))
        assert first.document.id == "theirs"
        assert first.document.metadata == {"by": "another tool"}


def test_files_torn_before_the_checkpoint_moved_are_put_back(tmp_path):
    path = tmp_path / "store"
    _filled(path)
    (segment,) = {file.parent for file in _index_files(path)}
    with sqlite3.connect(path / "chroma.sqlite3") as database:
        (checkpoint,) = database.execute(
            "SELECT seq_id FROM max_seq_id WHERE segment_id = ?", (segment.name,)
        ).fetchone()
    database.close()
    copy = path / "pygent-vec" / "copies" / f"{segment.name}.{checkpoint}"
    copy.mkdir(parents=True)
    for file in segment.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    (path / "pygent-vec" / "closed.json").unlink()  # a kill leaves none
    with opened(path=path) as store:
        assert store.count_documents() == 120
        assert len(store.search_similar(VectorQuery(query_vector=[1.0] * 8, limit=200))) == 120
    assert not copy.exists()


def test_a_copy_that_was_not_finished_is_no_copy(tmp_path):
    path = tmp_path / "store"
    _filled(path)
    (segment,) = {file.parent for file in _index_files(path)}
    unfinished = path / "pygent-vec" / "copies" / f"{segment.name}.120.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "header.bin").write_bytes(b"")
    (path / "pygent-vec" / "closed.json").unlink()
    with opened(path=path) as store:
        assert len(store.search_similar(VectorQuery(query_vector=[1.0] * 8, limit=200))) == 120
    assert not unfinished.exists()


def test_a_torn_index_without_a_copy_is_a_corrupt_store(tmp_path):
    path = tmp_path / "store"
    _filled(path)
    for file in _index_files(path):
        file.write_bytes(b"")
    (path / "pygent-vec" / "closed.json").unlink()
    with opened(path=path) as store, pytest.raises(CorruptStoreError, match="restore the directory"):
        store.search_similar(VectorQuery(query_vector=[1.0] * 8))


def test_the_files_of_a_deleted_collection_are_removed(tmp_path):
    _filled(tmp_path / "store")
    with opened(path=tmp_path / "store") as store:
        store.delete_collection("default")
        assert _index_files(tmp_path / "store") == []
        kill_helper()
        assert store.list_collections() == []


def test_a_collection_whose_entry_is_damaged_does_not_hide_the_others(tmp_path):
    _filled(tmp_path / "store")
    with opened(path=tmp_path / "store") as store:
        store.create_collection("other", 4)
    settings = Settings(_env_file=None, anonymized_telemetry=False, is_persistent=True)
    client = chromadb.PersistentClient(str(tmp_path / "store"), settings=settings)
    client.get_collection("other", embedding_function=None).modify(metadata={"pygent_vec": "{"})
    client.close()
    with opened(path=tmp_path / "store") as store:
        assert store.list_collections() == ["default", "other"]
        assert store.count_documents() == 120
        with pytest.raises(CorruptStoreError, match="'other'"):
            store.count_documents(collection="other")
        assert store.delete_collection("other")
        store.create_collection("other", 4)
        assert store.count_documents(collection="other") == 0
