"""Documents, batches and queries as values."""

import json
import pickle
from datetime import UTC, datetime

import attrs
import numpy as np
import pytest
from hypothesis import given

from pygent_vec import (
    InvalidDocumentError,
    InvalidVectorError,
    VectorBatch,
    VectorDocument,
    VectorQuery,
    VectorSearchResult,
)
from pygent_vec.model import DocumentRows, as_float32, new_document, new_result, rfc3339

from .strategies import documents, vectors


def test_values_take_keywords_only_and_cannot_be_changed():
    with pytest.raises(TypeError):
        VectorDocument("a")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        VectorDocument(id="a").content = "b"


@given(documents)
def test_a_document_survives_its_dictionary_and_json_text(document):
    back = VectorDocument.from_dict(json.loads(json.dumps(document.to_dict())))
    assert back == document
    assert repr(back.metadata) == repr(dict(document.metadata))
    assert back.to_dict() == document.to_dict()


@given(vectors)
def test_an_embedding_survives_json_text_bit_for_bit(values):
    document = VectorDocument(id="a", embedding=values)
    back = VectorDocument.from_dict(json.loads(json.dumps(document.to_dict())))
    assert back.embedding.tobytes() == document.embedding.tobytes()


def test_the_dictionary_names_only_what_is_set():
    assert VectorDocument(id="a").to_dict() == {"id": "a", "content": "", "metadata": {}}


def test_the_dictionary_holds_the_metadata_as_a_store_would_keep_it():
    instant = datetime(2024, 1, 1, tzinfo=UTC)
    document = VectorDocument(id="a", metadata={"at": instant, "n": np.int8(1)})
    assert document.to_dict()["metadata"] == {"at": rfc3339(instant), "n": 1}


@pytest.mark.parametrize(
    "bad",
    [
        {"metadata": {"a": float("nan")}},
        {"metadata": None},
        {"created_at": datetime(2024, 1, 1)},  # noqa: DTZ001  # naive on purpose
    ],
    ids=["NaN", "no metadata", "naive"],
)
def test_a_document_that_no_store_would_keep_has_no_dictionary(bad):
    with pytest.raises(InvalidDocumentError, match=r"'a'.*(metadata|created_at)"):
        VectorDocument(id="a", **bad).to_dict()


def test_an_unknown_field_is_refused_with_the_nearest_known_one():
    with pytest.raises(InvalidDocumentError, match=r"document 'a'.*'contnet'.*did you mean 'content'"):
        VectorDocument.from_dict({"id": "a", "contnet": ""})


def test_a_dictionary_without_an_id_is_refused():
    with pytest.raises(InvalidDocumentError, match="without an id"):
        VectorDocument.from_dict({"content": "x"})


def test_a_timestamp_that_is_none_is_refused_with_its_field():
    with pytest.raises(InvalidDocumentError, match="document 'a': created_at is not an RFC 3339 timestamp"):
        VectorDocument.from_dict({"id": "a", "created_at": "yesterday"})


@pytest.mark.parametrize("make", [list, tuple, np.array, lambda values: np.array(values, dtype=">f4")])
def test_an_embedding_of_any_kind_of_numbers_becomes_float32(make):
    embedding = VectorDocument(id="a", embedding=make([1.5, 2.0])).embedding
    assert embedding.dtype == np.float32
    assert embedding.dtype.isnative
    assert embedding.tolist() == [1.5, 2.0]


def test_a_float32_array_is_taken_without_a_copy():
    array = np.zeros(3, np.float32)
    assert as_float32(array) is array


@pytest.mark.parametrize(
    "bad", ["abc", ["a"], [1j], [True, False], [None], [[1], [1, 2]], {}, object(), [10**400]]
)
def test_an_embedding_that_is_not_numbers_is_refused(bad):
    with pytest.raises(InvalidVectorError, match="not a vector of numbers"):
        VectorDocument(id="a", embedding=bad)
    with pytest.raises(InvalidVectorError, match="not a vector of numbers"):
        VectorQuery(query_vector=bad)


def test_a_number_beyond_float32_becomes_infinity_without_a_warning():
    assert as_float32([1e39]).tolist() == [float("inf")]


def test_documents_with_and_without_an_embedding_differ():
    assert VectorDocument(id="a") != VectorDocument(id="a", embedding=[1.0])
    assert VectorDocument(id="a", embedding=[1.0]) == VectorDocument(id="a", embedding=[1.0])


def test_part_of_a_batch_has_the_same_rows_of_every_column():
    batch = VectorBatch(
        ids=["a", "b", "c"],
        vectors=np.arange(6, dtype=np.float32).reshape(3, 2),
        contents=["x", "y", "z"],
        chunk_indexes=[0, None, 2],
        created_at=np.array([1, 2, 3]),
        collection="notes",
    )
    part = batch.take(slice(1, 3))
    assert (len(part), part.ids, part.contents, part.chunk_indexes) == (2, ["b", "c"], ["y", "z"], [None, 2])
    assert part.vectors.tolist() == [[2, 3], [4, 5]]
    assert part.created_at.tolist() == [2, 3]
    assert part.titles is None
    assert part.collection == "notes"
    assert np.shares_memory(part.vectors, batch.vectors)


def test_a_row_becomes_a_document_with_the_columns_that_there_are():
    rows = DocumentRows(ids=["a", "b"], own=[("t", None, None, 4, None), (None,) * 5], created_at=[1, 2])
    first, second = rows.documents(range(2), "notes")
    assert first == VectorDocument(
        id="a",
        collection="notes",
        title="t",
        chunk_index=4,
        created_at=datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    )
    assert second.title is None
    assert second.embedding is None


@given(documents)
def test_a_document_that_was_drafted_is_the_document(document):
    fields = [getattr(document, field.name) for field in attrs.fields(VectorDocument)]
    drafted = new_document(*fields)
    assert drafted == document
    assert type(drafted) is VectorDocument
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        drafted.content = "other"
    assert attrs.evolve(drafted, content="other").content == "other"
    assert pickle.loads(pickle.dumps(drafted)) == document


def test_a_result_that_was_drafted_is_the_result():
    document = VectorDocument(id="a")
    drafted = new_result(document, 0.25, 0.75, 3, "shelf")
    assert drafted == VectorSearchResult(
        document=document, similarity_score=0.25, distance=0.75, rank=3, store="shelf"
    )
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        drafted.rank = 1
