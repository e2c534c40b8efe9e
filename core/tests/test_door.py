"""The door: what no store may hold is refused before any backend is called."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from pygent_vec import (
    DistanceMetric,
    InvalidDocumentError,
    InvalidVectorError,
    SyncVectorStore,
    VectorDocument,
    VectorQuery,
)
from pygent_vec.stores import MemoryConfig

from .doubles import RecordingStore


def nested(levels):
    value = 1
    for _ in range(levels):
        value = {"k": value}
    return value


BAD_DOCUMENTS = {
    "empty id": ({"id": ""}, "''", "id", "must not be empty"),
    "long id": ({"id": "é" * 257}, "é", "id", "514 UTF-8 bytes; at most 512"),
    "513 bytes of id": ({"id": "i" * 513}, "iii", "id", "513 UTF-8 bytes; at most 512"),
    "NUL in the id": ({"id": "a\0"}, r"'a\x00'", "id", "NUL"),
    "surrogate in the id": ({"id": "\ud800"}, r"'\ud800'", "id", "surrogate U+D800"),
    "number for an id": ({"id": 5}, "", "id", "a string is needed, got 5"),
    "None for an id": ({"id": None}, "", "id", "a string is needed, got None"),
    "NUL in the content": ({"content": "ab\0"}, "'bad'", "content", "NUL character at position 2"),
    "surrogate in the content": ({"content": "é\udc80"}, "'bad'", "content", "surrogate U+DC80 at position 1"),
    "bytes for content": ({"content": b"x"}, "'bad'", "content", "a string is needed"),
    "None for content": ({"content": None}, "'bad'", "content", "a string is needed"),
    "NUL in the title": ({"title": "\0"}, "'bad'", "title", "NUL"),
    "surrogate in the source": ({"source": "\ud800"}, "'bad'", "source", "surrogate"),
    "number for a type": ({"document_type": 1}, "'bad'", "document_type", "a string is needed, got 1"),
    "bool for an index": ({"chunk_index": True}, "'bad'", "chunk_index", "a 64-bit integer is needed"),
    "float for a count": ({"chunk_count": 1.0}, "'bad'", "chunk_count", "a 64-bit integer is needed"),
    "2**63 for an index": ({"chunk_index": 2**63}, "'bad'", "chunk_index", "a 64-bit integer is needed"),
    "text for an index": ({"chunk_index": "1"}, "'bad'", "chunk_index", "a 64-bit integer is needed"),
    "naive creation": ({"created_at": datetime(2024, 1, 1)}, "'bad'", "created_at", "no time zone; give an aware"),  # noqa: DTZ001  # naive on purpose
    "text for creation": ({"created_at": "2024"}, "'bad'", "created_at", "aware datetime"),
    "creation in the year 10000": (
        {"created_at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2)))},
        "'bad'",
        "created_at",
        "outside of the years",
    ),
    "metadata None": ({"metadata": None}, "'bad'", "metadata", "a JSON object is needed, got None"),
    "metadata a list": ({"metadata": [1]}, "'bad'", "metadata", "a JSON object is needed"),
    "metadata NaN": ({"metadata": {"a": float("nan")}}, "'bad'", "metadata.a", "nan is not a finite number"),
    "metadata infinity": ({"metadata": {"a": {"b": [1, -float("inf")]}}}, "'bad'", "metadata.a.b[1]", "-inf"),
    "metadata 2**63": ({"metadata": {"a": 2**63}}, "'bad'", "metadata.a", "outside of 64 bits"),
    "metadata tuple": ({"metadata": {"a": (1,)}}, "'bad'", "metadata.a", "of type tuple"),
    "metadata set": ({"metadata": {"a": {1}}}, "'bad'", "metadata.a", "of type set"),
    "metadata bytes": ({"metadata": {"a": b""}}, "'bad'", "metadata.a", "of type bytes"),
    "metadata Decimal": ({"metadata": {"a": Decimal(1)}}, "'bad'", "metadata.a", "of type Decimal"),
    "metadata NUL": ({"metadata": {"a": ["\0"]}}, "'bad'", "metadata.a[0]", "NUL"),
    "metadata surrogate": ({"metadata": {"a": "\ud800"}}, "'bad'", "metadata.a", "surrogate"),
    "metadata empty key": ({"metadata": {"a": {"": 1}}}, "'bad'", "metadata.a", "non-empty string"),
    "metadata key 1": ({"metadata": {1: 1}}, "'bad'", "metadata", "the key 1 is not a non-empty string"),
    "metadata NUL in a key": ({"metadata": {"\0": 1}}, "'bad'", "metadata", "NUL"),
    "metadata 33 levels": ({"metadata": nested(33)}, "'bad'", "metadata.k", "nested deeper than 32 levels"),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "who", "field", "reason"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
@pytest.mark.parametrize("method", ["add_documents", "update_documents"])
def test_a_bad_document_is_refused_by_id_field_and_reason(recording, method, bad, who, field, reason):
    documents = [
        VectorDocument(id="before", embedding=[1, 0]),
        VectorDocument(**{"id": "bad", "embedding": [1, 0], **bad}),
        VectorDocument(id="after", embedding=[1, 0]),
    ]
    with pytest.raises(InvalidDocumentError) as caught:
        getattr(recording, method)(documents)
    message = str(caught.value)
    assert who in message
    assert f"{field}: " in message or f"{field}." in message
    assert reason in message
    message.encode()
    assert recording.store.writes == []
    assert recording.count_documents() == 0


@pytest.mark.parametrize(
    ("collection", "embedding", "reason"),
    [
        ("default", None, "embedding is missing"),
        ("default", [1, 2, 3], "dimension 3; the collection 'default' has 2"),
        ("default", [1], "dimension 1; the collection 'default' has 2"),
        ("default", [], "dimension 0; the collection 'default' has 2"),
        ("default", [[1, 2]], r"dimension shape (1, 2)"),
        ("default", [1, float("nan")], "element 1 of the vector is nan"),
        ("default", [-float("inf"), 1], "element 0 of the vector is -inf"),
        ("default", [1e39, 1], "element 0 of the vector is inf after conversion to float32"),
        ("cosine", [0, 0], "squared norm is 0.0 in float32, so it has no direction"),
        ("cosine", [1e-20, 0], "no direction"),
        ("cosine", [1e20, 0], "squared norm is inf in float32"),
        ("cosine", [float("nan"), 0], "element 0 of the vector is nan"),
    ],
)
def test_a_bad_embedding_is_refused_by_id_and_reason(recording, collection, embedding, reason):
    documents = [
        VectorDocument(id="good", embedding=[1, 0], collection=collection),
        VectorDocument(id="bad", embedding=embedding, collection=collection),
    ]
    with pytest.raises(InvalidVectorError) as caught:
        recording.add_documents(documents)
    assert "document 'bad'" in str(caught.value)
    assert reason in str(caught.value)
    assert recording.store.writes == []


@pytest.mark.parametrize("embedding", [[0, 0], [1e-20, 0], [1e20, 0], [3e38, -3e38]])
def test_a_vector_without_direction_is_welcome_where_no_direction_is_needed(recording, embedding):
    recording.add_documents([VectorDocument(id="a", embedding=embedding)])
    assert recording.get_document("a").embedding.tolist() == np.array(embedding, np.float32).tolist()


@pytest.mark.parametrize(
    ("collection", "vector", "reason"),
    [
        ("default", [1, 2, 3], "the vector has dimension 3; the collection has 2"),
        ("default", [[1, 2]], "shape (1, 2)"),
        ("default", 1.0, "shape ()"),
        ("default", [1, float("nan")], "element 1 of the vector is nan"),
        ("cosine", [0, 0], "no direction"),
        ("cosine", [1e-20, 0], "no direction"),
    ],
)
def test_a_bad_query_vector_is_refused(recording, collection, vector, reason):
    with pytest.raises(InvalidVectorError) as caught:
        recording.search_similar(VectorQuery(query_vector=vector, collection=collection))
    assert reason in str(caught.value)
    assert recording.store.searches == []


def test_the_query_s_own_metric_decides_whether_its_vector_needs_a_direction(recording):
    with pytest.raises(InvalidVectorError, match="no direction"):
        recording.search_similar(VectorQuery(query_vector=[0, 0], distance_metric=DistanceMetric.COSINE))


def test_an_id_of_512_bytes_is_the_longest():
    with SyncVectorStore(RecordingStore(MemoryConfig())) as store:
        store.create_collection("default", 1)
        longest = "é" * 256
        assert store.add_documents([VectorDocument(id=longest, embedding=[1])]) == [longest]


@pytest.mark.parametrize(
    "documents",
    [
        [("a", None), ("a", None)],
        [("a", None), ("b", None), ("a", "default")],
    ],
)
def test_the_same_id_twice_in_one_call_is_refused(recording, documents):
    with pytest.raises(InvalidDocumentError, match="'a': id: given twice in one call"):
        recording.add_documents(
            [VectorDocument(id=one, collection=name, embedding=[1, 0]) for one, name in documents]
        )
    assert recording.store.writes == []


def test_the_same_id_twice_is_found_beyond_a_batch_before_anything_is_written(recording):
    ids = [*map(str, range(10)), "0"]
    with pytest.raises(InvalidDocumentError, match="'0': id: given twice"):
        recording.add_documents([VectorDocument(id=one, embedding=[1, 0]) for one in ids], batch_size=3)
    assert recording.store.writes == []


def test_the_same_id_in_two_collections_is_no_conflict(recording):
    documents = [VectorDocument(id="a", collection=name, embedding=[1, 0]) for name in ("default", "cosine")]
    assert recording.add_documents(documents) == ["a", "a"]


def test_a_list_is_checked_to_its_end_before_anything_is_written(recording):
    documents = [VectorDocument(id=str(number), embedding=[1, 0]) for number in range(10)]
    documents.append(VectorDocument(id="bad", embedding=[1]))
    with pytest.raises(InvalidVectorError, match="'bad'"):
        recording.add_documents(documents, batch_size=3)
    assert recording.store.writes == []


@pytest.mark.parametrize("thing", ["a", {"id": "a"}, None, 1])
def test_what_is_no_document_is_refused(recording, thing):
    with pytest.raises(InvalidDocumentError, match="expected a VectorDocument"):
        recording.add_documents([thing])


@pytest.mark.parametrize("method", ["add_documents", "update_documents"])
def test_one_document_instead_of_several_is_refused(recording, method):
    with pytest.raises(InvalidDocumentError, match=r"list|iterable"):
        getattr(recording, method)(VectorDocument(id="a", embedding=[1, 0]))
