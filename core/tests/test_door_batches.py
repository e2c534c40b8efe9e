"""The door of columns: what reaches a backend, and which batches do not."""

from datetime import UTC, datetime
from enum import IntEnum, StrEnum

import numpy as np
import pytest

from pygent_vec import (
    InvalidDocumentError,
    InvalidVectorError,
    VectorBatch,
    VectorDocument,
)


class Kind(StrEnum):
    NOTE = "note"


class Place(IntEnum):
    FIRST = 1


def test_a_backend_gets_plain_values_only(recording):
    recording.add_documents(
        [
            VectorDocument(
                id=Kind.NOTE,
                content=np.str_("text"),
                title=Kind.NOTE,
                chunk_index=Place.FIRST,
                metadata={Kind.NOTE: Kind.NOTE, "n": np.int8(1), "at": datetime(2024, 1, 1, tzinfo=UTC)},
                embedding=[1, 0],
            )
        ]
    )
    (batch,) = recording.store.writes
    values = [batch.ids[0], batch.contents[0], batch.titles[0], batch.chunk_indexes[0]]
    assert values == ["note", "text", "note", 1]
    assert [type(value) for value in values] == [str, str, str, int]
    assert repr(batch.metadatas[0]) == "{'note': 'note', 'n': 1, 'at': '2024-01-01T00:00:00.000000Z'}"


def test_a_backend_gets_columns_that_are_set_and_contiguous(recording):
    recording.add_batch(VectorBatch(ids=["a", "b"], vectors=np.asfortranarray(np.ones((2, 2)))))
    (batch,) = recording.store.writes
    assert batch.vectors.dtype == np.float32
    assert batch.vectors.flags.c_contiguous
    assert (batch.contents, batch.metadatas) == (["", ""], [{}, {}])
    assert batch.created_at.dtype == batch.updated_at.dtype == np.int64
    assert batch.collection == "default"
    assert batch.titles is None


def test_changing_what_was_given_changes_nothing_that_is_stored(store):
    vector, metadata = np.array([1, 0], np.float32), {"tags": ["a"]}
    store.add_documents([VectorDocument(id="a", embedding=vector, metadata=metadata)])
    vector[0] = 9
    metadata["tags"].append("b")
    first = store.get_document("a")
    assert first.embedding.tolist() == [1, 0]
    first.metadata["tags"].append("c")
    first.embedding[:] = 9
    assert store.get_document("a").metadata == {"tags": ["a"]}
    assert store.get_document("a").embedding.tolist() == [1, 0]


def test_changing_the_columns_that_were_given_changes_nothing_that_is_stored(store):
    vectors, metadatas = np.ones((1, 2), np.float32), [{"tags": ["a"]}]
    store.add_batch(VectorBatch(ids=["a"], vectors=vectors, metadatas=metadatas))
    vectors[:] = 9
    metadatas[0]["tags"].append("b")
    kept = store.get_document("a")
    assert kept.embedding.tolist() == [1, 1]
    assert kept.metadata == {"tags": ["a"]}


# ── columnar batches ──

ONES = np.ones((2, 2), np.float32)
BAD_BATCHES = {
    "ids twice": ({"ids": ["a", "a"]}, InvalidDocumentError, "'a': id: given twice"),
    "empty id": ({"ids": ["a", ""]}, InvalidDocumentError, "(number 1): id: must not be empty"),
    "number for an id": ({"ids": ["a", 1]}, InvalidDocumentError, "number 1: id: a string is needed"),
    "fewer vectors": ({"vectors": np.ones((1, 2))}, InvalidVectorError, "2 ids need vectors of shape (2, d), got (1, 2)"),
    "one vector": ({"vectors": np.ones(2)}, InvalidVectorError, "got (2,)"),
    "no vectors": ({"vectors": None}, InvalidVectorError, "got None"),
    "wrong dimension": ({"vectors": np.ones((2, 3))}, InvalidVectorError, "dimension 3; the collection has 2"),
    "NaN": ({"vectors": np.array([[1, 1], [1, np.nan]])}, InvalidVectorError, "document 'b': element 1"),
    "fewer contents": ({"contents": ["x"]}, InvalidDocumentError, "content: 2 ids, but 1 values"),
    "NUL in a content": ({"contents": ["x", "\0"]}, InvalidDocumentError, "document 'b': content: holds a NUL"),
    "None for a content": ({"contents": ["x", None]}, InvalidDocumentError, "document 'b': content: a string"),
    "fewer metadatas": ({"metadatas": [{}]}, InvalidDocumentError, "metadata: 2 ids, but 1 values"),
    "bad metadata": ({"metadatas": [{}, {"a": [b""]}]}, InvalidDocumentError, "document 'b': metadata.a[0]: "),
    "more titles": ({"titles": ["x", "y", "z"]}, InvalidDocumentError, "title: 2 ids, but 3 values"),
    "number for a title": ({"titles": [None, 1]}, InvalidDocumentError, "document 'b': title: a string"),
    "text for an index": ({"chunk_indexes": [None, "1"]}, InvalidDocumentError, "document 'b': chunk_index: "),
    "floats for times": ({"created_at": np.array([1.0, 2.0])}, InvalidDocumentError, "created_at: needs 2 integers"),
    "fewer times": ({"created_at": np.array([1])}, InvalidDocumentError, "created_at: needs 2 integers"),
    "a time in the year 300000": ({"created_at": np.array([1, 2**63 - 1])}, InvalidDocumentError, "document 'b': created_at: "),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "error", "message"), BAD_BATCHES.values(), ids=BAD_BATCHES.keys())
def test_a_bad_batch_is_refused_by_id_column_and_reason(recording, bad, error, message):
    with pytest.raises(error) as caught:
        recording.add_batch(VectorBatch(**{"ids": ["a", "b"], "vectors": ONES, **bad}))
    assert message in str(caught.value)
    assert recording.store.writes == []


@pytest.mark.parametrize(
    "thing", [[1], None, {"ids": []}, VectorDocument(id="a")], ids=lambda one: type(one).__name__
)
def test_what_is_no_batch_is_refused(recording, thing):
    with pytest.raises(InvalidDocumentError, match="VectorBatch"):
        recording.add_batch(thing)


@pytest.mark.parametrize("method", ["delete_documents", "get_documents"])
def test_one_id_instead_of_several_is_refused(recording, method):
    with pytest.raises(InvalidDocumentError, match="put it in a list"):
        getattr(recording, method)("abc")
    with pytest.raises(InvalidDocumentError, match="an id is a string, got 1"):
        getattr(recording, method)(["a", 1])


def test_ids_that_no_store_can_hold_are_simply_not_found(recording):
    assert recording.get_documents(["", "\0", "x" * 600]) == [None, None, None]
    assert recording.delete_documents(["", "\0", "\ud800"]) == 0
