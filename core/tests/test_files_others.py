"""Files that others have made: tables by their columns, and matrices."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pygent_vec import DistanceMetric
from pygent_vec.errors import ConfigError, CorruptStoreError, InvalidDocumentError
from pygent_vec.transfer.files import ReadOptions

from .files_support import articles, exported, imported, write_lines

VECTORS = [[1.0, 0.5], [2.0, 0.25], [3.0, 0.125]]
KINDS = [
    pa.list_(pa.float32()),
    pa.list_(pa.float64()),
    pa.large_list(pa.float32()),
    pa.list_(pa.float32(), 2),
    pa.list_(pa.float64(), 2),
    pa.list_(pa.float16(), 2),
]


def table_at(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def vectors_of(documents):
    return [one.embedding.tolist() for one in documents]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_vectors_of_every_list_type_are_read(tmp_path, kind):
    column = pa.array(
        [[np.float16(x) for x in row] for row in VECTORS] if "halffloat" in str(kind) else VECTORS, kind
    )
    path = table_at(tmp_path / "file.parquet", id=["a", "b", "c"], embedding=column, text=["x", "y", None])
    info, found, _ = imported(path)
    assert (info.dimension, info.distance_metric) == (2, DistanceMetric.COSINE)
    assert vectors_of(found) == VECTORS
    assert [one.content for one in found] == ["x", "y", ""]


def test_columns_are_guessed_and_the_guesses_are_told(tmp_path):
    path = table_at(
        tmp_path / "train.parquet",
        _id=[7, 8, 9],
        emb=VECTORS,
        text=["x", "y", "z"],
        lang=["de", "en", None],
        year=[1, 2, 3],
        other_vectors=VECTORS,
    )
    _, found, report = imported(path, metric=DistanceMetric.EUCLIDEAN)
    assert [(one.id, one.metadata) for one in found] == [
        ("7", {"lang": "de", "year": 1}),
        ("8", {"lang": "en", "year": 2}),
        ("9", {"lang": None, "year": 3}),
    ]
    assert list(report.notes) == [
        "id from the column _id",
        "vector from the column emb",
        "content from the column text",
        "metadata from lang, year",
        "the integers of the column _id become texts",
    ]


def test_columns_are_taken_as_they_are_named(tmp_path):
    path = table_at(
        tmp_path / "file.parquet", id=["a"], key=["k"], one=[[1.0]], two=[[2.0]], text=["x"], note=["n"]
    )
    options = ReadOptions(
        id_column="key", vector_column="two", content_column="note", metadata_columns=["text"]
    )
    _, (found,), report = imported(path, options=options)
    assert (found.id, found.content, found.metadata, found.embedding.tolist()) == (
        "k",
        "n",
        {"text": "x"},
        [2.0],
    )
    assert report.notes == ()


def test_a_table_without_ids_can_have_the_numbers_of_its_rows(tmp_path):
    path = table_at(tmp_path / "file.parquet", vector=VECTORS)
    with pytest.raises(ConfigError, match="no column looks like the id; name it with id_column, or use #"):
        imported(path)
    _, found, _ = imported(path, options=ReadOptions(id_column="#", batch_rows=2))
    assert [one.id for one in found] == ["1", "2", "3"]


def test_values_of_every_type_become_metadata(tmp_path):
    moment = datetime(2024, 2, 29, 12, 0, 0, 123456)  # noqa: DTZ001  # a time without a zone is what is tested
    path = table_at(
        tmp_path / "file.parquet",
        id=["a"],
        vector=[[1.0, 2.0]],
        naive=pa.array([moment], pa.timestamp("us")),
        aware=pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("ms", tz="Europe/Berlin")),
        fine=pa.array([1_709_208_000_123_456_789], pa.timestamp("ns")),
        day=[date(2024, 2, 29)],
        tags=[["x", "y"]],
        kind=pa.array(["k"]).dictionary_encode(),
        metadata=[{"author": {"name": "n"}, "pages": 5}],
    )
    _, (found,), report = imported(path, options=ReadOptions(content_column=""))
    assert found.metadata == {
        "naive": "2024-02-29T12:00:00.123456Z",
        "aware": "2024-02-29T12:00:00.123000Z",
        "fine": "2024-02-29T12:00:00.123456Z",
        "day": "2024-02-29",
        "tags": ["x", "y"],
        "kind": "k",
        "author": {"name": "n"},
        "pages": 5,
    }
    assert "the column naive has times without a zone: they are read as UTC" in report.notes
    assert "the times of the column fine are cut to microseconds" in report.notes


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"id": ["a", None]}, "row 2: the id is missing"),
        ({"id": ["a", "a"]}, r"row 2 \(id 'a'\): the id was given before"),
        (
            {"embedding": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2))},
            "row 2 .*its vector is missing",
        ),
        ({"embedding": [[1.0, 2.0], [1.0]]}, "row 2 .*its vector has dimension 1, the file's is 2"),
        ({"embedding": [[1.0, 2.0], [1.0, None]]}, "row 2 .*finite"),
        ({"embedding": [[1.0, 2.0], [1.0, 1e300]]}, "row 2 .*finite"),
        ({"score": [1.0, float("nan")]}, "row 2 .*metadata.score: nan is not a finite number"),
        ({"blob": [b"", b""]}, "row 1 .*metadata.blob: b'' is of type bytes"),
    ],
)
def test_a_faulty_row_is_named(tmp_path, columns, reason):
    usual = {"id": ["a", "b"], "embedding": [[1.0, 2.0], [3.0, 4.0]]}
    path = table_at(tmp_path / "file.parquet", **{**usual, **columns})
    with pytest.raises(InvalidDocumentError, match=reason):
        imported(path)
    _, found, report = imported(path, max_errors=2)
    assert len(found) + report.rejected == 2
    assert vectors_of(found) == [[1.0, 2.0]] or not found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vector_column": "embeding"}, "has no column 'embeding' for the vector; did you mean 'embedding'"),
        ({"metadata_columns": ["none"]}, "has no column 'none' for the metadata"),
        ({"vector_column": "id"}, "the column id is string, which is no vector"),
        ({"id_column": "embedding"}, "the column embedding is list.*, which is no id"),
        ({"table": "t"}, "has no use for table"),
        ({"documents": "t"}, "has no use for documents"),
        ({"file_format": "csv"}, "file_format='csv'; "),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, message):
    path = table_at(tmp_path / "file.parquet", id=["a"], embedding=[[1.0, 2.0]])
    with pytest.raises(ConfigError, match=message):
        imported(path, options=ReadOptions(**options))


def test_columns_of_our_own_tables_are_not_chosen(tmp_path):
    exported(tmp_path / "file.parquet", articles(2))
    with pytest.raises(ConfigError, match="which pygent-vec has written, has no use for id_column"):
        imported(tmp_path / "file.parquet", options=ReadOptions(id_column="content"))
    table = pq.read_table(tmp_path / "file.parquet").drop_columns(["content"])
    pq.write_table(table, tmp_path / "file.parquet")
    with pytest.raises(ConfigError, match="its columns content were changed or removed since"):
        imported(tmp_path / "file.parquet")


def test_our_own_table_with_nulls_in_it_names_the_rows(tmp_path):
    exported(tmp_path / "file.parquet", articles(4))
    table = pq.read_table(tmp_path / "file.parquet")
    for place, name in enumerate(("metadata", "content", "id")):
        column = [None if row == place else value for row, value in enumerate(table.column(name).to_pylist())]
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(column, pa.string()))
    pq.write_table(table, tmp_path / "file.parquet")
    _, found, report = imported(tmp_path / "file.parquet", max_errors=3)
    assert [one.id for one in found] == ["00003"]
    assert {one.place: one.reason.partition(": ")[0] for one in report.rejections} == {
        "row 1": "metadata",
        "row 2": "document '00001'",
        "row 3": "the id is missing",
    }


def test_a_table_that_is_none_is_refused(tmp_path):
    (tmp_path / "file.parquet").write_text("id,embedding\n")
    with pytest.raises(CorruptStoreError, match=r"file\.parquet' is no whole Parquet file: at its footer"):
        imported(tmp_path / "file.parquet")


def test_a_table_does_not_come_through_a_pipe():
    with pytest.raises(ConfigError, match="cannot come from a pipe"):
        imported("-", options=ReadOptions(file_format="parquet"))


# ── matrices ──


def matrix_at(path, rows=VECTORS, kind="<f4"):
    np.save(path, np.array(rows, dtype=kind))
    return path


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2", "<i4"])
def test_a_matrix_and_its_documents_are_read_row_by_row(tmp_path, kind):
    path = matrix_at(tmp_path / "v.npy", np.round(VECTORS), kind)
    rows = [{"id": one, "content": one.upper(), "metadata": {"n": 1}} for one in "abc"]
    options = ReadOptions(documents=write_lines(tmp_path / "rows.jsonl", rows), batch_rows=2)
    _, found, report = imported(path, options=options)
    assert [(one.id, one.content, one.metadata) for one in found] == [(x, x.upper(), {"n": 1}) for x in "abc"]
    assert vectors_of(found) == np.round(VECTORS).tolist()
    assert report.source == str(path)


def test_a_matrix_alone_needs_the_numbers_of_its_rows(tmp_path):
    path = matrix_at(tmp_path / "v.npy")
    with pytest.raises(ConfigError, match="has no ids: name the JSON Lines"):
        imported(path)
    _, found, _ = imported(path, options=ReadOptions(id_column="#"))
    assert [(one.id, one.embedding.tolist()) for one in found] == [
        (str(row), vector) for row, vector in enumerate(VECTORS, 1)
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("ab", "has 3 rows, and its documents .* are 2"),
        ("abcd", "has 3 rows, and its documents .* are more than 3"),
        ("aba", r"row 3 \(id 'a'\): the id was given before"),
    ],
)
def test_a_matrix_and_documents_that_do_not_correspond_are_refused(tmp_path, rows, message):
    path = matrix_at(tmp_path / "v.npy")
    documents = write_lines(tmp_path / "rows.jsonl", [{"id": one} for one in rows])
    with pytest.raises((ConfigError, InvalidDocumentError), match=message):
        imported(path, options=ReadOptions(documents=documents))


def test_a_row_of_a_matrix_that_is_no_vector_is_named(tmp_path):
    path = matrix_at(tmp_path / "v.npy", [[1, 2], [np.nan, 1], [3, 4]])
    _, found, report = imported(path, options=ReadOptions(id_column="#"), max_errors=1)
    assert ([one.id for one in found], report.rejections[0].place) == (["1", "3"], "row 2")


def test_what_is_no_matrix_is_refused_and_never_unpickled(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "line.npy", np.zeros(3, np.float32))
    (tmp_path / "cut.npy").write_bytes(matrix_at(tmp_path / "v.npy").read_bytes()[:-4])
    for name, kind in [("objects", CorruptStoreError), ("line", ConfigError), ("cut", CorruptStoreError)]:
        with pytest.raises(kind, match=f"{name}.npy"):
            imported(tmp_path / f"{name}.npy", options=ReadOptions(id_column="#"))


def test_an_unknown_place_names_those_that_can_be_read():
    with pytest.raises(LookupError, match=r"no source 'weaviate' is installed.*"):
        imported("weaviate:localhost")


def test_a_store_is_no_file_and_the_message_says_how_to_copy_it():
    with pytest.raises(ConfigError, match="pygent-vec copy chromadb:library STORE"):
        imported("chromadb:library")


def test_an_address_may_be_longer_than_a_files_name():
    with pytest.raises(LookupError, match="no source 'weaviate' is installed"):
        imported(f"weaviate:{'x' * 5000}")


def test_json_lines_have_no_columns_to_choose(tmp_path):
    path = write_lines(tmp_path / "file.jsonl", [{"id": "a", "embedding": [1]}])
    with pytest.raises(ConfigError, match="JSON Lines has no use for id_column and vector_column"):
        imported(path, options=ReadOptions(id_column="a", vector_column="b"))
    assert json.loads(path.read_text()) == {"id": "a", "embedding": [1]}
