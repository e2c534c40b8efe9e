"""What is read from Chroma's tables is what Chroma answers, and is read from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.driver import Include
from pygent_vec_chroma.embedded.statements import Statement, statement_of
from pygent_vec_chroma.opening import connection

from .helpers import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pygent_vec_chroma.driver import Driver, NativeCollection, NativeRows

ROWS = 300
LISTED, BARE = "r7", "r8"
"""A row with a list of Chroma's own, and one with neither document nor metadata."""
IDS = [f"r{row}" for row in range(ROWS)]
WINDOW = {"$and": [{"n": {"$gte": 40}}, {"n": {"$lt": 60}}]}
LED = [
    {"n": {"$eq": 5}},
    {"half": {"$gt": 3.25}},
    {"kind": {"$in": ["even", "third"]}},
    WINDOW,
    {"$and": [WINDOW, {"kind": {"$ne": "even"}}, {"flag": {"$eq": True}}]},
    {"$and": [{"kind": {"$eq": "even"}}, {"n": {"$lte": 100}}, {"half": {"$gte": 10}}]},
    {"$and": [{"kind": {"$eq": "even"}}, {"$or": [{"n": {"$lt": 9}}, {"nothing": {"$ne": 1}}]}]},
    {"$or": [WINDOW, {"n": {"$gt": 55}}, {"kind": {"$eq": "third"}}]},
    {"$and": [{"n": {"$eq": 1}}, {"n": {"$eq": "1"}}]},
    {"nothing": {"$eq": "x"}},
]
LEFT = [
    {"flag": {"$eq": True}},
    {"kind": {"$ne": "even"}},
    {"$or": [{"n": {"$eq": 5}}, {"flag": {"$eq": True}}]},
    {"tags": {"$contains": "p"}},
]


def _metadata(row: int) -> dict[str, object]:
    kind = "even" if row % 2 == 0 else "third" if row % 3 == 0 else "other"
    return {"n": row, "half": row / 2, "kind": kind, "flag": row % 5 == 0, "@json": '{"a":[]}', "é": "😀"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Driver, NativeCollection]]:
    made = connection(ChromaConfig(path=tmp_path_factory.mktemp("reader")))
    made.open()
    try:
        _fill(made.driver, "others")  # which must not show in the other
        yield made.driver, _fill(made.driver, "rows")
    finally:
        made.close()


def _fill(driver: Driver, name: str) -> NativeCollection:
    native = driver.create(name, hnsw={"space": "l2"}, metadata={"owner": "they"})
    assert native is not None
    vectors = np.random.default_rng(0).standard_normal((ROWS, 4)).astype(np.float32)
    metadatas = [None if one == BARE else _metadata(row) for row, one in enumerate(IDS)]
    documents = [None if one == BARE else f"text of {one}" for one in IDS]
    driver.add(native, ids=IDS, vectors=vectors, documents=documents, metadatas=metadatas)
    driver.upsert(native, ids=[LISTED], vectors=vectors[7:8], metadatas=[{"tags": ["p", "q"]}])
    return native


@pytest.mark.parametrize("where", [*LED, *LEFT], ids=str)
def test_a_filter_finds_what_chroma_finds(
    rows: tuple[Driver, NativeCollection], where: Mapping[str, object]
) -> None:
    driver, native = rows
    ours = driver.get(native, where=where).ids
    theirs = driver.get(native, where=where, include=Include(documents=True)).ids  # always Chroma's own
    assert sorted(ours) == sorted(theirs)
    some = driver.get(native, where=where, limit=7).ids
    assert len(some) == len(set(some)) == min(7, len(ours))
    assert set(some) <= set(ours)


def test_an_index_leads_wherever_there_is_one() -> None:
    assert all(statement_of(where, lambda _: 0) is not None for where in LED)
    assert [statement_of(where, lambda _: 0) for where in LEFT] == [None] * len(LEFT)


def test_the_rarest_condition_leads() -> None:
    def count(statement: Statement) -> int:
        return {"rare": 1, "common": 1_000}[statement.operands[0]]

    parts = [{"common": {"$eq": "x"}}, {"rare": {"$eq": "y"}}]
    for where in ({"$and": parts}, {"$and": parts[::-1]}):
        found = statement_of(where, count)
        assert found is not None
        assert found.operands == ("rare", "y", "common", "x")


@pytest.mark.parametrize("documents", [True, False])
@pytest.mark.parametrize("metadatas", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_rows_are_those_of_chroma(
    rows: tuple[Driver, NativeCollection], documents: bool, metadatas: bool, listed: bool
) -> None:
    driver, native = rows
    ids = [*IDS[:40], "missing"] if listed else [BARE, "r9", "missing", "r8a"]
    ours = driver.get(native, ids=ids, include=Include(documents=documents, metadatas=metadatas))
    include = Include(documents=documents, metadatas=metadatas, vectors=True)  # always Chroma's own
    assert _by_id(ours) == _by_id(driver.get(native, ids=ids, include=include))


def test_hits_have_the_columns_of_chroma(rows: tuple[Driver, NativeCollection]) -> None:
    driver, native = rows
    queries = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    for found in driver.query(native, queries, 20, include=Include(documents=True, metadatas=True)):
        include = Include(documents=True, metadatas=True, vectors=True)
        assert _by_id(found) == _by_id(driver.get(native, ids=found.ids, include=include))
        assert found.distances is not None
        assert found.distances.tolist() == sorted(found.distances.tolist())


def _by_id(rows: NativeRows) -> dict[str, tuple[object, object]]:
    none = [None] * len(rows.ids)
    metadatas = [repr(sorted((one or {}).items())) for one in rows.metadatas or none]
    return dict(zip(rows.ids, zip(rows.documents or none, metadatas, strict=True), strict=True))


def test_a_value_that_changes_its_type_is_found_by_the_new_one_alone(tmp_path: Path) -> None:
    with opened(path=tmp_path) as store:
        store.create_collection("default", 2)
        values = (0, 2.5, "three", True, 4)
        for value in values:
            store.add_documents([VectorDocument(id="a", embedding=[1, 0], metadata={"x": value})])
            assert [one for one in values if store.count_documents(filter={"x": one})] == [value]
            (hit,) = store.search_similar(VectorQuery(query_vector=[1, 0]))
            assert repr(hit.document.metadata) == repr({"x": value})
