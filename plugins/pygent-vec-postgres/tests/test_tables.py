"""Tables that others keep with pgvector, read as they are."""

import asyncio
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from pygent_vec import DistanceMetric
from pygent_vec.errors import BackendUnavailableError, ConfigError, InvalidDocumentError
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.transfer.files import ReadOptions, Rejections, import_documents
from pygent_vec_postgres.tables import TableSource


@pytest.fixture
def schema(server):
    """A schema of its own, with pgvector in reach, that is dropped again."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    server.execute("CREATE EXTENSION IF NOT EXISTS vector", f"CREATE SCHEMA {name}")
    yield name
    server.execute(f"DROP SCHEMA {name} CASCADE")


def imported(server, table, *, max_errors=0, metric=None, batch_rows=2, **columns):
    async def work():
        async with MemoryStore(MemoryConfig()) as store:
            options = ReadOptions(table=table, batch_rows=batch_rows, **columns)
            place = f"pgvector:{server.dsn}"
            report = await import_documents(
                place, store, options=options, max_errors=max_errors, metric=metric
            )
            found = {one.id: one async for one in store.iter_documents()}
            return await store.get_collection_info("default"), found, report

    return asyncio.run(work())


def test_a_table_comes_over_with_all_that_its_columns_hold(server, schema):
    server.execute(
        f"""CREATE TABLE {schema}.items (
            id bigserial PRIMARY KEY, embedding vector(3), content text, title varchar(20), created_at timestamptz,
            year int, score float8, price numeric(6,2), ok bool, day date, seen timestamp, key uuid,
            tags text[], metadata jsonb)""",
        f"""INSERT INTO {schema}.items VALUES (7, '[1,2.5,-3]', 'text', 'title', '2024-02-29 12:00:00.123456+00',
            2024, 0.1, 12.50, true, '2024-02-29', '2024-02-29 12:00', '00000000-0000-0000-0000-000000000001',
            '{{a,b}}', '{{"author": {{"name": "n"}}, "pages": 5, "part": 1.0}}')""",
        f"INSERT INTO {schema}.items (embedding) VALUES ('[0.1,0.2,0.3]')",
    )
    info, found, report = imported(server, f"{schema}.items")
    assert (info.dimension, info.distance_metric, sorted(found)) == (3, DistanceMetric.COSINE, ["1", "7"])
    document = found["7"]
    assert document.embedding.tolist() == [1, 2.5, -3]
    assert (document.content, document.title) == ("text", "title")
    assert document.created_at == datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
    assert document.metadata == {
        "year": 2024,
        "score": 0.1,
        "price": 12.5,
        "ok": True,
        "day": "2024-02-29",
        "seen": "2024-02-29T12:00:00.000000Z",
        "key": "00000000-0000-0000-0000-000000000001",
        "tags": ["a", "b"],
        "author": {"name": "n"},
        "pages": 5,
        "part": 1.0,
    }
    assert type(document.metadata["part"]) is float
    assert (found["1"].content, found["1"].metadata["year"]) == ("", None)
    assert "metadata from year, score, price, ok, day, seen, key, tags, metadata.*" in report.notes
    assert "the column seen has times without a zone: they are read as UTC" in report.notes


@pytest.mark.parametrize("kind", ["vector", "vector(2)", "halfvec(2)", "real[]", "float8[]"])
def test_every_type_of_vectors_is_read_bit_for_bit(server, schema, kind):
    literal = "{0.5,-1.25}" if "[]" in kind else "[0.5,-1.25]"
    server.execute(
        f"CREATE TABLE {schema}.v (id text, emb {kind})", f"INSERT INTO {schema}.v VALUES ('a', '{literal}')"
    )
    info, found, _ = imported(server, f"{schema}.v")
    assert (info.dimension, found["a"].embedding.tolist()) == (2, [0.5, -1.25])


def test_rows_come_in_the_order_of_their_ids_and_go_on_behind_one(server, schema):
    server.execute(
        f"CREATE TABLE {schema}.v (id text, emb vector(1))",
        f"INSERT INTO {schema}.v SELECT chr(48 + n), '[1]' FROM generate_series(60, 0, -1) n",
    )
    source = TableSource(server.dsn, ReadOptions(table=f"{schema}.v", batch_rows=7), Rejections())

    async def ids(after):
        return [one async for chunk in source.chunks(after) for one in chunk.batch.ids]

    everything = asyncio.run(ids(None))
    assert everything == sorted(everything)
    assert len(everything) == 61
    assert asyncio.run(ids("P")) == [one for one in everything if one > "P"]


def test_a_reading_sees_one_moment_while_others_write(server, schema):
    server.execute(
        f"CREATE TABLE {schema}.v (id int PRIMARY KEY, emb vector(1), n int)",
        f"INSERT INTO {schema}.v SELECT n, '[1]', 0 FROM generate_series(1, 9) n",
    )
    source = TableSource(server.dsn, ReadOptions(table=f"{schema}.v", batch_rows=2), Rejections())

    async def work():
        found = {}
        async for chunk in source.chunks():
            found.update(zip(chunk.batch.ids, chunk.batch.metadatas, strict=True))
            if len(found) == 2:
                other = await asyncpg.connect(server.dsn)
                await other.execute(f"UPDATE {schema}.v SET n = 1; DELETE FROM {schema}.v WHERE id = 9")
                await other.close()
        return found

    assert asyncio.run(work()) == {str(one): {"n": 0} for one in range(1, 10)}


def test_names_are_quoted_wherever_they_need_it(server, schema):
    server.execute(
        f"""CREATE TABLE {schema}."My ""Table""; DROP" ("select" text, "Emb ""x"" y" vector(1), "a;b" int)""",
        f"""INSERT INTO {schema}."My ""Table""; DROP" VALUES ('a', '[1]', 5)""",
    )
    _, found, _ = imported(
        server, f'{schema}."My ""Table""; DROP"', id_column="select", vector_column='Emb "x" y'
    )
    assert found["a"].metadata == {"a;b": 5}


def test_an_unquoted_name_with_capitals_is_found(server, schema):
    server.execute('CREATE TABLE public."OldItems" (id int, emb vector(1))')
    try:
        server.execute("""INSERT INTO "OldItems" VALUES (1, '[1]')""")
        assert sorted(imported(server, "OldItems")[1]) == ["1"]
    finally:
        server.execute('DROP TABLE public."OldItems"')


def test_columns_are_taken_as_they_are_named(server, schema):
    server.execute(
        f"CREATE TABLE {schema}.v (id int, key text, one vector(1), two vector(2), text text, note text, info json)",
        f"""INSERT INTO {schema}.v VALUES (1, 'k', '[1]', '[2,3]', 't', 'n', '{{"a": 1}}')""",
    )
    _, found, report = imported(
        server,
        f"{schema}.v",
        id_column="key",
        vector_column="two",
        content_column="note",
        metadata_columns=["info"],
    )
    assert (found["k"].content, found["k"].metadata, found["k"].embedding.tolist()) == ("n", {"a": 1}, [2, 3])
    assert report.notes == ()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("('a', '[1,2]'), ('b', NULL)", r"\(id 'b'\): it has no vector"),
        ("('a', '[1,2]'), ('b', '[1,2,3]')", r"\(id 'b'\): its vector has dimension 3, and 2 is needed"),
        ("('a', '[1,2]'), ('b', '[0,0]')", r"\(id 'b'\): .*direction|\(id 'b'\): .*norm"),
        ("('a', '[1,2]'), (NULL, '[1,2]')", "a row: it has no id"),
        ("('a', '[1,2]'), ('a', '[1,2]')", r"\(id 'a'\): the id is there twice"),
        ("('a', '[1,2]'), ('', '[1,2]')", "must not be empty"),
    ],
)
def test_a_row_that_is_no_document_is_named_and_may_be_passed_over(server, schema, rows, reason):
    server.execute(f"CREATE TABLE {schema}.v (id text, emb vector)", f"INSERT INTO {schema}.v VALUES {rows}")
    with pytest.raises(InvalidDocumentError, match=reason):
        imported(server, f"{schema}.v")
    _, found, report = imported(server, f"{schema}.v", max_errors=1)
    assert (list(found), report.rejected) == (["a"], 1)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ("id int, emb text", {}, "no column of .* looks like the vector.*There are: id integer, emb text"),
        ("a int, emb vector(1)", {}, "no column of .* looks like the id"),
        ("id int, a vector(1), b vector(1)", {}, "looks like the vector; name it with vector_column"),
        ("id int, emb vector(1)", {"vector_column": "embed"}, "has no column 'embed'.*did you mean 'emb'"),
        ("id int, emb vector(1)", {"vector_column": "id"}, "the column 'id' .* is integer, and vectors are"),
        ("id int, emb vector", {}, "the column 'emb' .* holds no vector"),
        ("id int, emb sparsevec(3)", {}, "looks like the vector.*emb sparsevec"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_what_it_has(server, schema, columns, options, message):
    server.execute(f"CREATE TABLE {schema}.v ({columns})")
    with pytest.raises(ConfigError, match=message):
        imported(server, f"{schema}.v", **options)


def test_what_cannot_be_reached_is_told_without_the_password(server):
    with pytest.raises(ConfigError, match=r"has no table 'none\.none' that this role can see"):
        imported(server, "none.none")
    with pytest.raises(ConfigError, match="needs the table"):
        imported(server, None)
    source = TableSource("postgresql://me:secret@127.0.0.1:1/app", ReadOptions(table="t"), Rejections())
    assert source.label == "pgvector:127.0.0.1:1/app/t"
    with pytest.raises(BackendUnavailableError) as caught:
        asyncio.run(source.describe())
    assert "secret" not in str(caught.value)


def test_nothing_is_written_to_the_database(server, schema):
    server.execute(
        f"CREATE TABLE {schema}.v (id int, emb vector(1))", f"INSERT INTO {schema}.v VALUES (1, '[1]')"
    )
    before = server.value("SELECT count(*) FROM pg_catalog.pg_class")
    imported(server, f"{schema}.v")
    assert server.value("SELECT count(*) FROM pg_catalog.pg_class") == before
