"""Documents come back from Chroma as they went in, and the limits of its rows are never met."""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pygent_vec import DistanceMetric, InvalidDocumentError, VectorDocument
from pygent_vec.errors import CorruptStoreError
from pygent_vec.filters import Field
from pygent_vec.model import Projection, VectorBatch
from pygent_vec.sync import SyncVectorStore
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.document import encoded, replacing, rows_of
from pygent_vec_chroma.driver import Include, NativeRows
from pygent_vec_chroma.keys import SEVERAL, element_key, native_key
from pygent_vec_chroma.opening import connection
from pygent_vec_chroma.store import ChromaStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygent_vec.model import JsonObject
    from pygent_vec_chroma.driver import Driver, NativeCollection, NativeValue

MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WHOLE = Projection(embedding=True)
NOW = 1_700_000_000_123_456

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
keys = st.one_of(
    text.filter(bool), st.sampled_from(["@json", "@title", "#a", "$a", "chroma:document", "@.a", "a.b", "\\"])
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    text,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


@pytest.fixture(scope="module", params=["memory", "server"])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    url = request.getfixturevalue("chroma_server").url if request.param == "server" else None
    made = connection(ChromaConfig(url=url)).driver
    made.open()
    yield made
    made.close()


@pytest.fixture(scope="module")
def native(driver: Driver) -> NativeCollection:
    """Return an empty collection."""
    made = driver.create("documents", hnsw={"space": "l2"}, metadata={"of": "test"})
    assert made is not None
    return made


@pytest.fixture
def store() -> Iterator[SyncVectorStore]:
    with SyncVectorStore(ChromaStore(ChromaConfig())) as made:
        made.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        yield made


def _batch(metadata: JsonObject, *, title: str | None = None, index: int | None = None) -> VectorBatch:
    return VectorBatch(
        ids=["a"],
        vectors=np.ones((1, 2), dtype=np.float32),
        contents=["text"],
        metadatas=[metadata],
        titles=[title],
        chunk_indexes=[index],
        created_at=np.array([NOW]),
        updated_at=np.array([NOW + 1]),
    )


def _native(metadata: JsonObject) -> dict[str, NativeValue]:
    (row,) = encoded(_batch(metadata), [0], [NOW])
    return row


def _bits(value: object) -> object:
    """Return a value in which floats that differ in a bit, and types, differ."""
    if isinstance(value, float):
        return ("float", struct.pack("d", value))
    if isinstance(value, dict):
        return {key: _bits(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bits(item) for item in value]
    return (type(value), value)


@given(
    metadata=st.dictionaries(keys, values, max_size=5),
    title=st.none() | text,
    index=st.none() | st.integers(0, 9),
)
@example({"a": -0.0, "b": {"c": -0.0}, "d": [1.0, 1, True, None]}, None, None)
@example({"n": 7343527346982175.0}, None, None)
@example({"n": 0.12088995980580641, "m": math.nextafter(2.0, 3)}, "", 0)
@MANY
def test_metadata_survives_chroma_bit_for_bit(
    driver: Driver, native: NativeCollection, metadata: JsonObject, title: str | None, index: int | None
) -> None:
    batch = _batch(metadata, title=title, index=index)
    driver.delete(native, ["a"])
    driver.add(
        native, ids=["a"], vectors=batch.vectors, metadatas=encoded(batch, [0], [NOW]), documents=["text"]
    )
    found = driver.get(native, ids=["a"], include=Include(documents=True, metadatas=True, vectors=True))
    (document,) = rows_of(found, WHOLE).documents([0], "default")
    assert _bits(document.metadata) == _bits(metadata)
    assert (document.title, document.chunk_index, document.content) == (title, index, "text")
    assert document.created_at is not None
    assert document.updated_at is not None
    assert document.updated_at > document.created_at


@given(before=st.dictionaries(keys, values, max_size=4), after=st.dictionaries(keys, values, max_size=4))
@MANY
def test_an_overwrite_leaves_nothing_of_what_was_there(
    driver: Driver, native: NativeCollection, before: JsonObject, after: JsonObject
) -> None:
    vectors = np.ones((1, 2), dtype=np.float32)
    driver.delete(native, ["a"])
    driver.add(native, ids=["a"], vectors=vectors, metadatas=[_native(before)])
    held = driver.get(native, ids=["a"], include=Include(metadatas=True)).metadatas
    assert held is not None
    driver.upsert(native, ids=["a"], vectors=vectors, metadatas=[replacing(_native(after), held[0] or {})])
    found = driver.get(native, ids=["a"], include=Include(metadatas=True))
    (document,) = rows_of(found, Projection(content=False)).documents([0], "default")
    assert _bits(document.metadata) == _bits(after)
    assert found.metadatas is not None
    assert (found.metadatas[0] or {}).keys() == _native(after).keys()


def test_plain_values_stand_where_other_tools_look_for_them() -> None:
    plain: JsonObject = {"lang": "en", "year": 2020, "score": 0.5, "draft": False}
    row = _native({**plain, "tags": ["a", "b"]})
    assert {key: value for key, value in row.items() if not key.startswith("@")} == plain
    assert json.loads(str(row["@json"])) == {"tags": ["a", "b"]}


def test_an_ordinary_document_has_no_json() -> None:
    assert _native({"lang": "en", "year": 2020}).keys() == {"lang", "year", "@created_at", "@updated_at"}


def test_the_leaves_of_objects_can_be_filtered() -> None:
    row = _native({"author": {"name": "x", "tags": ["a", 1], "at": {"home": True}}})
    assert row["@.author.name"] == "x"
    assert row[element_key(Field(("author", "tags")), "a")] == "a"
    assert row["@.author.at.home"] is True


def test_the_strings_of_lists_take_few_keys_whatever_they_are() -> None:
    """Chroma goes through all keys that it ever saw at every query."""
    rows = [_native({"tags": [f"tag {n}"], "names": [f"name {n}", "x" * 99]}) for n in range(2_000)]
    assert len({key for row in rows for key in row}) <= 3 + 2 * 64
    row = _native({"tags": [f"tag {n}" for n in range(500)]})
    assert {value for key, value in row.items() if key.startswith("@has")} == {SEVERAL}


@given(
    path=st.lists(keys, min_size=1, max_size=3).map(tuple),
    other=st.lists(keys, min_size=1, max_size=3).map(tuple),
)
@example(("a", "b"), ("a.b",))
@example(("@.a.b",), ("a", "b"))
@example(("a\\", "b"), ("a\\.b",))
def test_no_two_fields_share_a_key(path: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (native_key(Field(path)) == native_key(Field(other))) is (path == other)
    assert native_key(Field(path)) not in {"@json", "@title", "@created_at", "@updated_at", "@never"}


def test_a_document_that_would_break_its_collection_is_refused(store: SyncVectorStore) -> None:
    keys = VectorDocument(id="keys", embedding=[1, 2], metadata={f"k{n}": n for n in range(5_000)})
    leaves = VectorDocument(id="leaves", embedding=[1, 2], metadata={"o": {f"k{n}": n for n in range(5_000)}})
    for document in (keys, leaves):
        with pytest.raises(InvalidDocumentError, match=f"{document.id}.*metadata"):
            store.add_documents([VectorDocument(id="fine", embedding=[1, 2]), document])
    assert store.count_documents() == 0


def test_the_largest_document_that_is_taken_comes_back(store: SyncVectorStore) -> None:
    metadata = {f"k{n}": n for n in range(1_990)} | {"l": [str(n) for n in range(2_000)]}
    numbers = {"numbers": list(range(50_000))}
    store.add_documents(
        [
            VectorDocument(id="large", embedding=[1, 2], metadata=metadata),
            VectorDocument(id="numbers", embedding=[1, 2], metadata=numbers),
        ]
    )
    assert [one.metadata for one in store.get_documents(["large", "numbers"]) if one] == [metadata, numbers]


def test_lists_of_deleted_rows_do_not_haunt_new_ones(driver: Driver) -> None:
    """Chroma leaves the lists of a dropped collection behind, and gives them to rows of new collections."""
    vectors = np.ones((3, 2), dtype=np.float32)
    ids = ["a", "b", "c"]
    other = driver.create("haunted", hnsw={"space": "l2"}, metadata={"of": "another tool"})
    assert other is not None
    driver.add(other, ids=ids, vectors=vectors, metadatas=[{"ghost": ["x"], "n": ["y"]}] * 3)
    driver.drop(other)
    made = driver.create("haunted", hnsw={"space": "l2"}, metadata={"of": "ours"})
    assert made is not None
    driver.add(made, ids=ids, vectors=vectors, metadatas=[_native({"n": 1})] * 3)
    found = driver.get(made, ids=ids, include=Include(metadatas=True))
    assert rows_of(found, Projection(content=False)).metadatas == [{"n": 1}] * 3


def test_what_cannot_be_read_is_named() -> None:
    damaged = NativeRows(ids=["a"], metadatas=[{"@created_at": 1, "@json": "{"}])
    with pytest.raises(CorruptStoreError, match=r"document 'a'.*@json"):
        rows_of(damaged, Projection(content=False))


def test_a_row_of_another_tool_is_read_as_it_is() -> None:
    native = NativeRows(
        ids=["a", "b"], documents=["text", None], metadatas=[{"@type": "x", "n": [1, 2]}, None]
    )
    rows = rows_of(native, Projection())
    assert rows.metadatas == [{"@type": "x", "n": [1, 2]}, {}]
    assert rows.contents == ["text", ""]
    assert rows.created_at == [0, 0]
