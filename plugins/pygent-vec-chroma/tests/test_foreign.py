"""Chroma's own client and a store of ours read each other's collections."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pygent_vec import (
    DistanceMetric,
    F,
    UnsupportedFeatureError,
    VectorBatch,
    VectorDocument,
    VectorQuery,
)
from pygent_vec.sync import SyncVectorStore
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.store import ChromaStore

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = """
import json
import sys
import chromadb
from chromadb.config import Settings

client = chromadb.PersistentClient(sys.argv[1], Settings(_env_file=None, anonymized_telemetry=False))
"""
WRITE = """
made = client.create_collection(
    "theirs", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}, metadata={"owner": "they"}
)
made.add(
    ids=["b", "a", "c"],
    embeddings=[[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]],
    documents=["text b", None, "text c"],
    metadatas=[{"n": 1, "@type": "x", "tags": ["p", "q"]}, {"n": 1.5, "a.b": "deep"}, None],
)
client.create_collection("empty", embedding_function=None)
"""
READ = """
ours = client.get_collection("ours", embedding_function=None)
row = ours.get(ids=["a"], include=["documents", "metadatas", "embeddings"])
assert ours.count() == 2
assert row["documents"] == ["text"]
assert row["embeddings"][0].tolist() == [3.0, 4.0]
flat = {key: value for key, value in row["metadatas"][0].items() if not key.startswith("@")}
assert flat == {"lang": "en", "year": 2020, "score": 0.5, "draft": False}, flat
assert row["metadatas"][0]["@title"] == "Title"
assert json.loads(row["metadatas"][0]["@json"]) == {"tags": ["x", "y"], "deep": {"a": None}}
near = ours.query(query_embeddings=[[3.0, 4.0]], n_results=1, where={"$and": [{"year": 2020}, {"lang": "en"}]})
assert near["ids"] == [["a"]]
"""


def _client(script: str, path: Path) -> None:
    subprocess.run([sys.executable, "-c", CLIENT + script, str(path)], check=True, timeout=120)


def _store(path: Path) -> SyncVectorStore:
    return SyncVectorStore(ChromaStore(ChromaConfig(path=path)))


def test_a_collection_of_another_tool_is_read_as_it_is(tmp_path: Path) -> None:
    _client(WRITE, tmp_path)
    with _store(tmp_path) as store:
        assert store.list_collections() == ["theirs"]  # what is empty has no dimension yet
        info = store.get_collection_info("theirs")
        assert (info.dimension, info.distance_metric, info.metadata) == (
            2,
            DistanceMetric.COSINE,
            {"owner": "they"},
        )
        assert info.document_count == 3
        rows = list(store.iter_documents(collection="theirs"))
        assert [one.id for one in rows] == ["a", "b", "c"]
        assert [one.metadata for one in rows] == [
            {"n": 1.5, "a.b": "deep"},
            {"n": 1, "@type": "x", "tags": ["p", "q"]},
            {},
        ]
        assert [one.content for one in rows] == ["", "text b", "text c"]
        for condition, ids in (
            (F("n") == 1, ["b"]),
            (F("n") > 1, ["a"]),
            (F("tags").contains("q"), ["b"]),
            (F(r"\@type") == "x", ["b"]),
            (F(r"a\.b") == "deep", ["a"]),
            (~F("n").exists(), ["c"]),
            (F("@title") == "x", []),
            (F("@created_at") > "2000", []),
            ((F("@updated_at") < "2000") & (F("n") > 1), ["a"]),
        ):
            query = VectorQuery(query_vector=[1, 1], collection="theirs", metadata_filter=condition)
            assert [one.document.id for one in store.search_similar(query)] == ids
        found = store.search_similar(VectorQuery(query_vector=[1, 1], collection="theirs"))
        assert (found[0].document.id, round(found[0].distance, 6)) == ("c", 0.0)


def test_a_collection_of_another_tool_is_not_written(tmp_path: Path) -> None:
    _client(WRITE, tmp_path)
    document = VectorDocument(id="new", embedding=[1, 2], collection="theirs")
    with _store(tmp_path) as store:
        for call in (
            lambda: store.add_documents([document]),
            lambda: store.update_documents([document]),
            lambda: store.delete_documents(["a"], collection="theirs"),
            lambda: store.delete_where({"n": 1}, collection="theirs"),
            lambda: store.optimize("theirs", target_recall=0.9),
        ):
            with pytest.raises(UnsupportedFeatureError, match="theirs"):
                call()
        assert store.count_documents(collection="theirs") == 3


def test_another_tool_reads_what_a_store_wrote(tmp_path: Path) -> None:
    metadata = {
        "lang": "en",
        "year": 2020,
        "score": 0.5,
        "draft": False,
        "tags": ["x", "y"],
        "deep": {"a": None},
    }
    with _store(tmp_path) as store:
        store.create_collection("ours", 2, DistanceMetric.EUCLIDEAN)
        store.add_documents(
            [
                VectorDocument(
                    id="a",
                    content="text",
                    embedding=[3, 4],
                    metadata=metadata,
                    title="Title",
                    collection="ours",
                )
            ]
        )
        vectors = np.array([[9, 9]], dtype=np.float32)
        store.add_batch(VectorBatch(ids=["b"], vectors=vectors, collection="ours"))
    _client(READ, tmp_path)
    with _store(tmp_path) as store:
        held = store.get_document("a", collection="ours")
        assert held is not None
        assert held.metadata == metadata
