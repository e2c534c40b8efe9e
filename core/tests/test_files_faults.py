"""Files that are damaged, cut, or hold rows that are no documents."""

import gzip
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pygent_vec import DistanceMetric
from pygent_vec.errors import ConfigError, CorruptStoreError, InvalidDocumentError, PygentVecError
from pygent_vec.transfer.files import ReadOptions
from pygent_vec.transfer.files._seen import SeenIds

from .files_support import articles, exported, imported, lines_of, write_lines

GOOD = {"id": "good", "embedding": [1, 2]}
BAD_LINES = [
    ('{"id": "x", "embedding": [1, 2]', "line 2: not JSON"),
    ("[1, 2]", "line 2: not a JSON object"),
    ('{"id": "x", "id": "y", "embedding": [1, 2]}', "line 2: a key is given twice"),
    ('{"id": "x", "embedding": [1, NaN]}', "line 2: NaN is not JSON"),
    ('{"id": "x", "embedding": [1, 1e999]}', "line 2 .*finite"),
    (
        '{"id": "x", "embedding": [1, 2, 3]}',
        r"line 2 \(id 'x'\): its embedding has dimension 3, the file's is 2",
    ),
    ('{"id": "x"}', "line 2 .*embedding: it is missing"),
    ('{"id": "x", "embedding": "AAAA?"}', "line 2 .*not base64"),
    ('{"id": "x", "embedding": ["1", "2"]}', "line 2 .*not a vector of numbers"),
    ('{"id": "x", "embedding": [true, 0.5]}', "line 2 .*not a vector of numbers"),
    ('{"id": "x", "embedding": {"a": 1}}', "line 2 .*embedding"),
    ('{"id": "x", "embedding": [0, 0]}', "line 2 .*no direction|line 2 .*norm"),
    ('{"embedding": [1, 2]}', "line 2: the field id is missing"),
    ('{"id": 7, "embedding": [1, 2]}', "line 2: the id is no text: 7"),
    ('{"id": "", "embedding": [1, 2]}', "line 2 .*must not be empty"),
    ('{"id": "good", "embedding": [1, 2]}', r"line 2 \(id 'good'\): the id was given before"),
    ('{"id": "x", "embedding": [1, 2], "contents": ""}', "line 2 .*did you mean 'content'"),
    ('{"id": "x", "embedding": [1, 2], "content": null}', "line 2 .*content: a string is needed"),
    ('{"id": "x", "embedding": [1, 2], "metadata": [1]}', "line 2 .*metadata: a JSON object"),
    ('{"id": "x", "embedding": [1, 2], "metadata": {"a": "\\u0000"}}', "line 2 .*metadata.a: holds a NUL"),
    (
        '{"id": "x", "embedding": [1, 2], "metadata": {"a": 9223372036854775808}}',
        "line 2 .*outside of 64 bits",
    ),
    ('{"id": "x", "embedding": [1, 2], "created_at": "2024-01-01"}', "line 2 .*created_at.*time zone"),
    ('{"id": "x", "embedding": [1, 2], "chunk_index": 1.5}', "line 2 .*chunk_index"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_faulty_line_ends_the_import_with_its_number_and_the_reason(tmp_path, line, message):
    path = tmp_path / "file.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{line}\n")
    with pytest.raises(InvalidDocumentError, match=message):
        imported(path)


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_faulty_line_that_is_allowed_is_passed_over_and_reported(tmp_path, line, message):
    path = tmp_path / "file.jsonl"
    last = {"id": "last", "embedding": [3, 4]}
    path.write_text(f"{json.dumps(GOOD)}\n{line}\n{json.dumps(last)}\n")
    _, found, report = imported(path, max_errors=1)
    assert [one.id for one in found] == ["good", "last"]
    assert (report.rejected, [one.place for one in report.rejections]) == (1, ["line 2"])
    assert found[0].embedding.tolist() == [1, 2]
    assert report.to_dict()["rejections"][0]["reason"] in str(report.rejections[0].reason)


def test_one_fault_more_than_allowed_ends_the_import(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [GOOD, {"id": "x"}, {"id": "y"}, {"id": "z"}])
    assert imported(path, max_errors=3)[2].rejected == 3
    with pytest.raises(InvalidDocumentError, match=r"line 4.*2 faulty rows are allowed"):
        imported(path, max_errors=2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":2}', "a key is given twice"),
        ('{"a":', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"a":18446744073709551616}', "64-bit integer|64 bits"),
        ('{"a":NaN}', "NaN is not JSON"),
    ],
)
def test_metadata_of_which_something_would_be_lost_is_refused_with_its_row(tmp_path, text, reason):
    path = tmp_path / "file.parquet"
    exported(path, articles(4))
    table = pq.read_table(path)
    texts = [*table.column("metadata").to_pylist()[:2], text, *table.column("metadata").to_pylist()[3:]]
    place = table.schema.get_field_index("metadata")
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(texts)), path)
    with pytest.raises(InvalidDocumentError, match=rf"row 3 \(id '00002'\).*({reason})"):
        imported(path)
    assert [one.id for one in imported(path, max_errors=1)[1]] == ["00000", "00001", "00003"]


def test_the_number_of_a_faulty_row_far_behind_is_right(tmp_path):
    documents = articles(70_001)
    vectors = pa.array(
        [[one.embedding[0], 0.5] for one in documents[:-1]] + [[1.0, 2.0, 3.0]], pa.list_(pa.float32())
    )
    table = pa.table({"id": [one.id for one in documents], "embedding": vectors})
    pq.write_table(table, tmp_path / "file.parquet")
    options = ReadOptions(content_column="", batch_rows=10_000)
    with pytest.raises(InvalidDocumentError, match=r"row 70,001 \(id '70000'\): its vector has dimension 3"):
        imported(tmp_path / "file.parquet", options=options, dry_run=True)


def test_an_id_that_comes_again_batches_later_is_found(tmp_path):
    rows = [{"id": f"{number}", "embedding": [1, 2]} for number in range(3000)]
    path = write_lines(tmp_path / "file.jsonl", [*rows, rows[5]])
    with pytest.raises(InvalidDocumentError, match=r"line 3,001 \(id '5'\): the id was given before"):
        imported(path)


def test_what_was_written_before_a_fault_stays_and_a_second_run_goes_on(tmp_path):
    import asyncio

    from pygent_vec.stores import MemoryConfig, MemoryStore
    from pygent_vec.transfer.files import import_documents

    rows = [{"id": f"{number:05}", "embedding": [1, 2]} for number in range(2500)]
    path = write_lines(tmp_path / "file.jsonl", [*rows[:2200], {"id": "x"}, *rows[2200:]])

    async def work():
        async with MemoryStore(MemoryConfig()) as store:
            with pytest.raises(InvalidDocumentError, match="line 2,201"):
                await import_documents(str(path), store)
            before = await store.count_documents()
            write_lines(path, rows)
            report = await import_documents(str(path), store, on_conflict="skip")
            return before, report.written, await store.count_documents()

    before, written, after = asyncio.run(work())
    assert before in {1000, 2000}
    assert (written, after) == (2500 - before, 2500)


def test_a_dry_run_finds_every_fault_and_makes_nothing(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [GOOD, {"id": "x"}, {"id": "y", "embedding": [0, 0]}])
    collections, _, report = imported(path, max_errors=10, dry_run=True)
    assert (collections, report.documents, report.written, report.rejected) == ([], 1, 0, 2)


# ── damage ──


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet"])
def test_a_file_that_was_cut_anywhere_is_found_out(tmp_path, ending):
    exported(tmp_path / f"whole.{ending}", articles(200))
    content = (tmp_path / f"whole.{ending}").read_bytes()
    cut = tmp_path / f"cut.{ending}"
    for size in sorted({1, 20, *range(100, len(content) - 1, len(content) // 12), len(content) - 2}):
        cut.write_bytes(content[:size])
        with pytest.raises((CorruptStoreError, ConfigError, InvalidDocumentError), match="cut\\.") as caught:
            imported(cut)
        assert not isinstance(caught.value, InvalidDocumentError) or "line 1" in str(caught.value)


def test_a_cut_between_two_lines_is_found_out_by_the_missing_end(tmp_path):
    exported(tmp_path / "file.jsonl", articles(5))
    lines = lines_of(tmp_path / "file.jsonl")
    (tmp_path / "file.jsonl").write_text("\n".join(lines[:4]) + "\n")
    with pytest.raises(CorruptStoreError, match="is cut behind line 4"):
        imported(tmp_path / "file.jsonl")


def test_a_line_that_was_lost_is_found_out_by_the_count(tmp_path):
    exported(tmp_path / "file.jsonl", articles(5))
    lines = lines_of(tmp_path / "file.jsonl")
    (tmp_path / "file.jsonl").write_text("\n".join([*lines[:3], *lines[4:]]) + "\n")
    with pytest.raises(CorruptStoreError, match="has 4 documents, and its last line 6 speaks of 5"):
        imported(tmp_path / "file.jsonl")


def test_two_files_in_one_are_refused(tmp_path):
    exported(tmp_path / "file.jsonl", articles(2))
    (tmp_path / "file.jsonl").write_text((tmp_path / "file.jsonl").read_text() * 2)
    with pytest.raises(CorruptStoreError, match="goes on at line 5 behind its last line 4"):
        imported(tmp_path / "file.jsonl")


def test_a_last_line_that_was_cut_is_named(tmp_path):
    (tmp_path / "file.jsonl").write_text('{"id": "a", "embedding": [1, 2]}\n{"id": "b", "emb')
    with pytest.raises(CorruptStoreError, match="is cut within line 2"):
        imported(tmp_path / "file.jsonl")


def test_a_cut_gzip_file_says_behind_which_line(tmp_path):
    with gzip.open(tmp_path / "file.jsonl.gz", "wt") as file:
        file.writelines(f'{{"id": "{number}", "embedding": [1, {number}]}}\n' for number in range(50_000))
    content = (tmp_path / "file.jsonl.gz").read_bytes()
    (tmp_path / "file.jsonl.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(CorruptStoreError, match=r"is cut behind line [12]\d,\d\d\d"):
        imported(tmp_path / "file.jsonl.gz")


@pytest.mark.parametrize("ending", ["jsonl.gz", "parquet"])
def test_a_flipped_bit_is_found_out(tmp_path, ending):
    exported(tmp_path / f"file.{ending}", articles(500))
    content = bytearray((tmp_path / f"file.{ending}").read_bytes())
    content[len(content) // 3] ^= 16
    (tmp_path / f"file.{ending}").write_bytes(content)
    with pytest.raises(PygentVecError, match=r"file\."):
        imported(tmp_path / f"file.{ending}")


def test_a_header_of_a_later_format_is_refused(tmp_path):
    exported(tmp_path / "file.jsonl", [])
    text = (tmp_path / "file.jsonl").read_text().replace('"format":1', '"format":2')
    (tmp_path / "file.jsonl").write_text(text)
    with pytest.raises(CorruptStoreError, match="has format 2, and this pygent-vec reads 1; upgrade it"):
        imported(tmp_path / "file.jsonl")


@pytest.mark.parametrize("header", ['{"pygent_vec": 1}', '{"pygent_vec": {"format": 1}}'])
def test_a_header_that_is_none_is_refused(tmp_path, header):
    (tmp_path / "file.jsonl").write_text(f"{header}\n")
    with pytest.raises(CorruptStoreError, match="what it says of its collection cannot be read"):
        imported(tmp_path / "file.jsonl")


# ── what does not fit ──


def test_files_that_are_not_there_or_no_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no file .*none\.jsonl"):
        imported(tmp_path / "none.jsonl")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(ConfigError, match="is a directory"):
        imported(tmp_path / "folder.parquet")
    with pytest.raises(ConfigError, match=r"the ending of .*\.csv' says no format"):
        imported(tmp_path / "file.csv")


def test_a_file_without_documents_or_header_says_what_a_line_is(tmp_path):
    (tmp_path / "file.jsonl").write_text("\n")
    with pytest.raises(ConfigError, match="holds no document with an embedding; each line is"):
        imported(tmp_path / "file.jsonl")


def test_the_dimension_that_is_asked_for_is_checked_before_anything_is_made(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [GOOD])
    with pytest.raises(ConfigError, match="have dimension 2, not 3"):
        imported(path, dimension=3)


def test_a_collection_of_another_metric_is_refused_unless_its_own_is_asked_for(tmp_path):
    exported(tmp_path / "file.jsonl", articles(3))
    prepared = [("articles", 2, DistanceMetric.COSINE)]
    with pytest.raises(PygentVecError, match=r"metric cosine, and the documents have .*euclidean"):
        imported(tmp_path / "file.jsonl", prepared=prepared)
    info, found, _ = imported(tmp_path / "file.jsonl", prepared=prepared, metric=DistanceMetric.COSINE)
    assert (info.distance_metric, len(found)) == (DistanceMetric.COSINE, 3)


def test_documents_without_a_metric_take_that_of_the_collection(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [GOOD, {"id": "zero", "embedding": [0, 0]}])
    info, found, _ = imported(path, prepared=[("default", 2, DistanceMetric.EUCLIDEAN)])
    assert (info.distance_metric, len(found)) == (DistanceMetric.EUCLIDEAN, 2)


def test_a_collection_that_is_not_to_be_made_is_not(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [GOOD])
    with pytest.raises(LookupError, match="no collection 'default'"):
        imported(path, create=False)


def test_documents_of_two_collections_are_not_mixed(tmp_path):
    rows = [
        {"id": "a", "embedding": [1, 2], "collection": "x"},
        {"id": "b", "embedding": [1, 2], "collection": "y"},
    ]
    path = write_lines(tmp_path / "file.jsonl", rows)
    with pytest.raises(
        InvalidDocumentError, match=r"line 2 .*belongs to the collection 'y', the file to 'x'"
    ):
        imported(path)


@pytest.mark.parametrize("number", [-1, True, "1"])
def test_a_number_of_errors_that_is_none_is_refused(tmp_path, number):
    with pytest.raises(ConfigError, match="max_errors"):
        imported(tmp_path / "file.jsonl", max_errors=number)


def test_a_zst_file_without_pyarrow_says_how_to_install_it(tmp_path, monkeypatch):
    exported(tmp_path / "file.jsonl.zst", articles(2))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'pygent-vec\[parquet\]'"):
        imported(tmp_path / "file.jsonl.zst")


# ── ids ──


def test_ids_that_were_there_before_are_found_and_no_others():
    seen, known = SeenIds(), set()
    random = np.random.default_rng(0)
    for _ in range(60):
        ids = [f"id {number}" for number in random.integers(0, 4000, 97)]
        expected, there = [], set(known)
        for place, one in enumerate(ids):
            if one in there:
                expected.append(place)
            there.add(one)
        assert seen.add(ids) == expected
        known = there
    assert 0 < len(known) < 60 * 97
    assert math.isclose(len(known), 4000 * (1 - math.exp(-60 * 97 / 4000)), rel_tol=0.1)
