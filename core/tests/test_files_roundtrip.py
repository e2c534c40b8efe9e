"""Files: what was exported comes back as it was."""

import asyncio
import base64
import gzip
import json
import math
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import attrs
import hypothesis.strategies as st
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from pygent_vec import DistanceMetric, IndexSpec, VectorDocument
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.transfer.files import export_documents
from pygent_vec.transfer.files._typed import KeyKinds

from . import strategies
from .files_support import FORMATS, articles, bits, exported, imported, lines_of

FORMAT = pytest.mark.parametrize("ending", FORMATS)
DOCUMENTS = st.lists(
    st.builds(
        lambda document, vector: attrs.evolve(document, embedding=vector, collection="articles"),
        strategies.documents,
        st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
    ),
    max_size=6,
    unique_by=lambda document: document.id,
)


@pytest.mark.parametrize(("ending", "as_base64"), [("jsonl", False), ("jsonl", True), ("parquet", False)])
@settings(max_examples=40)
@given(documents=DOCUMENTS)
def test_any_documents_come_back_bit_for_bit(ending, as_base64, documents):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file.{ending}"
        held, report = exported(path, documents, dimension=3, as_base64=as_base64)
        info, found, _ = imported(path)
    assert bits(found) == bits(held)
    assert report.documents == len(documents)
    assert info.document_count == len(documents)


@FORMAT
def test_the_collection_comes_back_with_its_metric_index_and_metadata(tmp_path, ending):
    path = tmp_path / f"file.{ending}"
    exported(path, articles(3), metric=DistanceMetric.MANHATTAN)
    info, _, _ = imported(path)
    assert (info.name, info.dimension, info.distance_metric) == ("articles", 2, DistanceMetric.MANHATTAN)
    assert info.index == IndexSpec("flat")
    assert json.dumps(info.metadata) == '{"kept": [1, 1.0, true]}'


@FORMAT
def test_timestamps_come_back_to_the_microsecond(tmp_path, ending):
    first, last = (
        datetime(1, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        datetime(9999, 12, 30, 1, 1, 1, 999_999, tzinfo=UTC),
    )
    document = attrs.evolve(articles(1)[0], created_at=first, updated_at=last)
    exported(tmp_path / f"file.{ending}", [document])
    _, (found,), _ = imported(tmp_path / f"file.{ending}")
    assert (found.created_at, found.updated_at) == (first, last)


@FORMAT
def test_extreme_numbers_come_back(tmp_path, ending):
    vector = np.array([math.pi, -0.0, 1.4e-45, 3.4028235e38], dtype=np.float32)
    metadata = {
        "large": 2**63 - 1,
        "small": -(2**63),
        "tiny": 5e-324,
        "zero": -0.0,
        "one": 1.0,
        "\\": "é\u2028",
    }
    document = VectorDocument(id="é\n", embedding=vector, metadata=metadata, collection="articles")
    exported(tmp_path / f"file.{ending}", [document], dimension=4)
    _, (found,), _ = imported(tmp_path / f"file.{ending}")
    assert found.embedding.tobytes() == vector.tobytes()
    assert json.dumps(found.metadata, sort_keys=True) == json.dumps(metadata, sort_keys=True)


@FORMAT
def test_an_empty_collection_comes_back(tmp_path, ending):
    exported(tmp_path / f"file.{ending}", [])
    info, found, report = imported(tmp_path / f"file.{ending}")
    assert (info.dimension, found, report.documents) == (2, [], 0)


@FORMAT
def test_more_than_one_batch_comes_back(tmp_path, ending):
    held, _ = exported(tmp_path / f"file.{ending}", articles(2500))
    _, found, report = imported(tmp_path / f"file.{ending}")
    assert bits(found) == bits(held)
    assert report.written == 2500


def test_only_the_documents_of_a_filter_are_exported(tmp_path):
    path = tmp_path / "file.jsonl"
    exported(path, articles(10), where={"number": {"$gte": 7}})
    assert [one.id for one in imported(path)[1]] == ["00007", "00008", "00009"]


def test_a_line_is_what_to_dict_returns(tmp_path):
    (document,), _ = exported(tmp_path / "file.jsonl", articles(1))
    header, line, end = map(json.loads, lines_of(tmp_path / "file.jsonl"))
    assert line == {name: value for name, value in document.to_dict().items() if name != "collection"}
    assert header["pygent_vec"]["collection"] == "articles"
    assert end == {"pygent_vec_end": {"documents": 1}}


def test_base64_is_little_endian_float32(tmp_path):
    exported(tmp_path / "file.jsonl", articles(1), as_base64=True)
    line = json.loads(lines_of(tmp_path / "file.jsonl")[1])
    assert np.frombuffer(base64.b64decode(line["embedding"]), "<f4").tolist() == [1.0, 0.5]


def test_the_same_documents_make_the_same_compressed_bytes(tmp_path):
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    documents = [attrs.evolve(one, created_at=moment, updated_at=moment) for one in articles(20)]
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        exported(tmp_path / name, documents)
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()


def test_what_a_file_is_compressed_with_is_seen_in_it_and_not_in_its_name(tmp_path):
    held, _ = exported(tmp_path / "file.jsonl.gz", articles(5))
    (tmp_path / "renamed.jsonl").write_bytes((tmp_path / "file.jsonl.gz").read_bytes())
    assert bits(imported(tmp_path / "renamed.jsonl")[1]) == bits(held)


def test_json_lines_of_others_need_neither_header_nor_end(tmp_path):
    path = tmp_path / "file.jsonl"
    path.write_text(
        '\ufeff{"id": "a", "embedding": [1, 2.5]}\n\n{"id": "b", "embedding": [3, 4], "content": "x"}'
    )
    info, found, _ = imported(path)
    assert (info.name, info.dimension, info.distance_metric) == ("default", 2, DistanceMetric.COSINE)
    assert [(one.id, one.content, one.embedding.tolist()) for one in found] == [
        ("a", "", [1, 2.5]),
        ("b", "x", [3, 4]),
    ]


def test_documents_without_times_keep_those_that_the_store_has(tmp_path):
    old = datetime(2001, 1, 1, tzinfo=UTC)
    path = tmp_path / "file.jsonl"
    path.write_text('{"id": "a", "embedding": [1, 2]}\n')

    async def work():
        from pygent_vec.transfer.files import import_documents

        async with MemoryStore(MemoryConfig()) as store:
            await store.create_collection("default", 2)
            await store.add_documents([VectorDocument(id="a", embedding=[5, 5], created_at=old)])
            await import_documents(str(path), store, on_conflict="overwrite")
            return await store.get_document("a")

    found = asyncio.run(work())
    assert (found.created_at, found.embedding.tolist()) == (old, [1, 2])


# ── Parquet for data frames ──


def test_metadata_of_one_kind_has_a_column_of_its_own(tmp_path):
    rows = [
        {"year": 1, "score": 1, "name": "a", "seen": True, "mixed": 1, "list": [1], "late": None},
        {"year": 2, "score": 0.5, "name": None, "seen": False, "mixed": "b", "list": [], "late": "x"},
        {"year": None, "big": 2**60},
        {"big": 0.5},
    ]
    exported(tmp_path / "file.parquet", with_metadata(rows))
    table = pq.read_table(tmp_path / "file.parquet")
    typed = {
        name: table.column(name).to_pylist() for name in table.column_names if name.startswith("metadata.")
    }
    assert typed == {
        "metadata.late": [None, "x", None, None],
        "metadata.name": ["a", None, None, None],
        "metadata.score": [1.0, 0.5, None, None],
        "metadata.seen": [True, False, None, None],
        "metadata.year": [1, 2, None, None],
    }
    assert [json.loads(text) for text in table.column("metadata").to_pylist()] == rows
    assert str(table.schema.field("created_at").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("embedding").type).startswith("fixed_size_list<element: float")


def test_a_key_that_turns_up_late_or_changes_its_kind_is_seen_by_the_end(tmp_path):
    rows = [{"same": row, "changes": row} for row in range(21_000)]
    rows[-1] = {"same": 0, "changes": "text", "late": 1.5}
    held, _ = exported(tmp_path / "file.parquet", with_metadata(rows))
    table = pq.read_table(tmp_path / "file.parquet")
    assert [name for name in table.column_names if "." in name] == ["metadata.late", "metadata.same"]
    assert table.column("metadata.late").to_pylist() == [*[None] * 20_999, 1.5]
    assert pq.ParquetFile(tmp_path / "file.parquet").num_row_groups >= 2
    assert bits(imported(tmp_path / "file.parquet")[1]) == bits(held)
    assert [one.name for one in tmp_path.iterdir()] == ["file.parquet"]


def test_more_keys_than_anybody_reads_get_no_column_and_that_is_told(tmp_path):
    rows = [{f"key {row} {number}": 1 for number in range(100)} for row in range(4)]
    held, report = exported(tmp_path / "file.parquet", with_metadata(rows))
    assert len(pq.read_schema(tmp_path / "file.parquet").names) == 11 + 256
    assert "more than 256 metadata keys" in report.notes[0]
    assert bits(imported(tmp_path / "file.parquet")[1]) == bits(held)


def test_a_key_that_changes_its_kind_where_no_more_keys_are_watched_gets_no_column():
    kinds = KeyKinds()
    kinds.watch([{f"key {number:03}": number for number in range(256)}])
    kinds.watch([{"a new one": 1, "key 255": "text"}, {"key 000": 0.5, "key 001": 2**60}, {"key 002": True}])
    kinds.watch([{"key 001": 0.5}])
    columns = kinds.columns()
    assert kinds.unwatched
    assert not {"a new one", "key 255", "key 001", "key 002"} & set(columns)
    assert (len(columns), columns["key 000"], columns["key 003"]) == (253, "float64", "int64")


def with_metadata(rows):
    return [
        attrs.evolve(document, metadata=metadata)
        for document, metadata in zip(articles(len(rows)), rows, strict=True)
    ]


def test_a_gzip_reader_of_others_reads_our_lines(tmp_path):
    exported(tmp_path / "file.jsonl.gz", articles(3))
    with gzip.open(tmp_path / "file.jsonl.gz", "rt", encoding="utf-8") as file:
        assert [json.loads(line).get("id") for line in file] == [None, "00000", "00001", "00002", None]


def test_an_export_needs_a_collection(tmp_path):
    async def work():
        async with MemoryStore(MemoryConfig()) as store:
            await export_documents(store, tmp_path / "file.jsonl", collection="none")

    with pytest.raises(LookupError, match="no collection 'none'"):
        asyncio.run(work())
    assert list(tmp_path.iterdir()) == []
