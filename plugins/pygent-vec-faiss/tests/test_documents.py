import sqlite3
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pygent_vec.contract import WriteMode
from pygent_vec.errors import BackendError, CorruptStoreError
from pygent_vec.model import Projection, VectorBatch
from pygent_vec_faiss.storage.documents import DocumentTable
from pygent_vec_faiss.storage.vectors import VectorState

EVERYTHING = Projection()
BARE = Projection(content=False, metadata=False)


def batch(ids, *, version=1, **columns):
    n = len(ids)
    return VectorBatch(
        **{
            "ids": ids,
            "vectors": np.empty((n, 1), np.float32),
            "contents": [f"{key} v{version}" for key in ids],
            "metadatas": [{"v": version, "id": key} for key in ids],
            "created_at": np.full(n, 1000 * version),
            "updated_at": np.full(n, 1000 * version + 1),
            **columns,
        }
    )


class Writer:
    """Writes batches into the next free slots, as a collection does."""

    def __init__(self, table):
        self.table, self.slot = table, table.vectors.watermark

    def write(self, documents, mode=WriteMode.OVERWRITE, **options):
        plan = self.table.plan(documents.ids, mode)
        with self.table.transaction() as change:
            change.write(plan, documents, self.slot, **options)
            self.slot += len(plan.places)
            change.commit(VectorState(generation=0, watermark=self.slot, digest=1))
        return plan

    def delete(self, ids):
        with self.table.transaction() as change:
            count = change.delete(self.table.slots_of(ids))
            change.commit()
        return count


@pytest.fixture
def table(tmp_path):
    table = DocumentTable.create(tmp_path, settings={"name": "c"}, vectors=VectorState(generation=0))
    yield table
    table.close()


@pytest.fixture
def writer(table):
    return Writer(table)


def contents(table):
    rows = table.scan(None, 1000, EVERYTHING).rows
    return dict(zip(rows.ids, rows.contents, strict=True))


def created(table, key):
    return table.fetch_ids([key], EVERYTHING).rows.created_at[0]


def test_overwrite_replaces_what_exists_in_new_slots(table, writer):
    writer.write(batch(["a", "b", "c"]))
    plan = writer.write(batch(["c", "d", "a"], version=2))
    assert plan.places.tolist() == [0, 1, 2]
    assert plan.dead_slots.tolist() == [0, 2]
    assert contents(table) == {"a": "a v2", "b": "b v1", "c": "c v2", "d": "d v2"}
    assert table.alive_slots().tolist() == [1, 3, 4, 5]
    assert table.count == 4


def test_error_reports_the_conflicts_and_plans_nothing(table, writer):
    writer.write(batch(["a", "b"]))
    plan = table.plan(["x", "b", "a"], WriteMode.ERROR)
    assert plan.conflicts == ["b", "a"]
    assert plan.places.tolist() == []
    assert table.plan(["x", "y"], WriteMode.ERROR).places.tolist() == [0, 1]


def test_skip_writes_only_what_does_not_exist(table, writer):
    writer.write(batch(["a", "b"]))
    plan = writer.write(batch(["x", "a", "y"], version=2), WriteMode.SKIP)
    assert plan.places.tolist() == [0, 2]
    assert plan.dead_slots.tolist() == []
    assert contents(table) == {"a": "a v1", "b": "b v1", "x": "x v2", "y": "y v2"}
    assert table.find(["x", "y"])["y"][0] == 3


def test_update_writes_only_what_exists(table, writer):
    writer.write(batch(["a", "b"]))
    plan = writer.write(batch(["x", "b"], version=2), WriteMode.UPDATE)
    assert plan.places.tolist() == [1]
    assert plan.dead_slots.tolist() == [1]
    assert contents(table) == {"a": "a v1", "b": "b v2"}
    assert table.plan(["x", "y"], WriteMode.UPDATE).places.tolist() == []


@pytest.mark.parametrize("mode", [WriteMode.OVERWRITE, WriteMode.UPDATE])
def test_created_at_survives_a_replacement_unless_it_is_preserved_from_the_batch(table, writer, mode):
    writer.write(batch(["a", "b"]))
    writer.write(batch(["b", "a"], version=2), mode)
    assert (created(table, "a"), created(table, "b")) == (1000, 1000)
    assert table.fetch_ids(["a"], EVERYTHING).rows.updated_at == [2001]
    writer.write(batch(["a"], version=3), mode, preserve_created=True)
    assert (created(table, "a"), created(table, "b")) == (3000, 1000)


def test_a_deletion_counts_what_there_was(table, writer):
    writer.write(batch(["a", "b", "c"]))
    assert writer.delete(["b", "nobody", "c"]) == 2
    assert writer.delete(["b"]) == 0
    assert table.count == 1
    assert table.alive_slots().tolist() == [0]


def test_fetching_keeps_the_order_asked_and_leaves_out_what_is_missing(table, writer):
    writer.write(batch(["a", "b", "c", "d"]))
    writer.delete(["b"])
    slots = np.array([3, 1, 0, 2, 99])
    assert table.fetch_slots(slots, EVERYTHING).slots == [3, 0, 2]
    assert table.ids_of(slots) == ["d", "a", "c"]
    found = table.fetch_ids(["c", "nobody", "a"], EVERYTHING)
    assert (found.slots, found.rows.ids, found.rows.contents) == ([2, 0], ["c", "a"], ["c v1", "a v1"])
    assert table.fetch_ids([], EVERYTHING).rows.ids == []


def test_a_projection_leaves_columns_out(table, writer):
    writer.write(batch(["a"]))
    slots = np.array([0])
    rows = table.fetch_slots(slots, Projection(content=False)).rows
    assert (rows.contents, rows.metadatas, rows.created_at) == (None, [{"v": 1, "id": "a"}], [1000])
    rows = table.fetch_slots(slots, Projection(metadata=False)).rows
    assert (rows.contents, rows.metadatas, rows.created_at) == (["a v1"], None, None)
    rows = table.fetch_slots(slots, BARE).rows
    assert (rows.ids, rows.contents, rows.metadatas) == (["a"], None, None)


def test_any_number_of_ids_can_be_looked_up(table, writer):
    ids = [f"id-{number}" for number in range(25_000)]
    writer.write(batch(ids))
    assert table.fetch_ids(ids[::-1], BARE).rows.ids == ids[::-1]
    assert table.alive_slots().tolist() == list(range(25_000))
    assert len(table.plan([*ids, "new"], WriteMode.ERROR).conflicts) == 25_000


def test_a_scan_goes_by_code_point(table, writer):
    ids = ["b", "a", "é", "Z", "\U0001f600", "\uffee", "a b", "10", "9", "'; --", '"']
    writer.write(batch(ids))
    seen, after = [], None
    while page := table.scan(after, 2, BARE).rows.ids:
        seen, after = [*seen, *page], page[-1]
    assert seen == sorted(ids)


def test_own_fields_come_back_and_none_means_that_no_row_has_any(table, writer):
    writer.write(batch(["a"]))
    writer.write(
        batch(
            ["b", "c"],
            titles=["t", None],
            sources=[None, None],
            chunk_indexes=[0, None],
            chunk_counts=[2, None],
        )
    )
    assert table.fetch_ids(["a"], EVERYTHING).rows.own is None
    nothing = (None,) * 5
    assert table.fetch_ids(["a", "b", "c"], EVERYTHING).rows.own == [
        nothing,
        ("t", None, None, 0, 2),
        nothing,
    ]


def test_columns_for_filters_are_streamed_in_slot_order(table, writer):
    writer.write(batch(["b", "a"], titles=["t", None]))
    writer.write(batch([f"{number:05}" for number in range(2500)]))
    writer.delete(["b"])
    rows = list(table.iterate())
    assert rows[0] == (1, "a", b'{"v":1,"id":"a"}', None, 1000, 1001)
    assert [row[0] for row in rows] == [1, *range(2, 2502)]
    writer.write(batch(["b"], titles=["t"]))
    assert list(table.iterate())[-1][3] == ("t", None, None, None, None)


def values(leaf):
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
JSON = values(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TEXT, JSON, max_size=4), TEXT, TEXT, TEXT)
def test_texts_and_metadata_round_trip_exactly(table, metadata, key, content, title):
    key = key[:100]
    Writer(table).write(batch([key], metadatas=[metadata], contents=[content], titles=[title]))
    rows = table.fetch_ids([key], EVERYTHING).rows
    assert (rows.ids, rows.contents, rows.own[0][0]) == ([key], [content], title)
    # repr tells 1 from 1.0 and True, and 0.0 from -0.0; the order of keys is kept, too.
    assert repr(rows.metadatas) == repr([metadata])


def test_staged_changes_are_seen_by_nobody_and_gone_without_a_commit(table, writer):
    writer.write(batch(["a"]))
    before = table.vectors
    plan = table.plan(["a", "b"], WriteMode.OVERWRITE)
    with table.transaction() as change:
        change.write(plan, batch(["a", "b"], version=2), 1)
        change.set("effort", 5)
        assert contents(table) == {"a": "a v1"}
    assert contents(table) == {"a": "a v1"}
    assert (table.count, table.vectors, dict(table.settings)) == (1, before, {"name": "c", "format": 1})
    writer.write(batch(["c"]))
    assert contents(table) == {"a": "a v1", "c": "c v1"}


def test_an_error_within_a_transaction_rolls_back(table, writer):
    writer.write(batch(["a"]))

    def fail():
        with table.transaction() as change:
            change.delete(np.array([0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert contents(table) == {"a": "a v1"}
    assert writer.delete(["a"]) == 1


def test_renumbering_moves_documents_and_keeps_them_provable(tmp_path, table, writer):
    writer.write(batch([f"{number:03}" for number in range(100)]))
    writer.delete([f"{number:03}" for number in range(100) if number % 3])
    before, old = contents(table), table.alive_slots()
    with table.transaction() as change:
        change.renumber(old, np.arange(len(old)))
        change.commit(VectorState(generation=1, watermark=len(old), digest=2))
    assert contents(table) == before
    assert table.alive_slots().tolist() == list(range(34))
    assert table.ids_of(np.array([0, 1, 33])) == ["000", "003", "099"]
    table.close()
    (tmp_path / "clean.json").unlink()
    again = DocumentTable.open(tmp_path)
    assert again.vectors == VectorState(generation=1, watermark=34, digest=2)
    assert contents(again) == before
    again.close()


def test_settings_and_state_are_kept(tmp_path, table, writer):
    writer.write(batch(["a"]))
    with table.transaction() as change:
        change.set("effort", {"ef": 64})
        change.commit()
    table.close()
    again = DocumentTable.open(tmp_path)
    assert again.settings == {"name": "c", "format": 1, "effort": {"ef": 64}}
    assert (again.vectors, again.count) == (VectorState(generation=0, watermark=1, digest=1), 1)
    again.close()


def test_a_table_of_a_newer_format_asks_for_an_upgrade(tmp_path, table):
    with table.transaction() as change:
        change.set("format", 99)
        change.commit()
    table.close()
    with pytest.raises(BackendError, match="upgrade pygent-vec-faiss"):
        DocumentTable.open(tmp_path)


def test_reads_in_many_threads_see_whole_commits_while_one_writes(table, writer):
    ids = [f"{number}" for number in range(20)]
    writer.write(batch(ids, version=0))
    done, torn = threading.Event(), []

    def read():
        while not done.is_set():
            versions = {row["v"] for row in table.scan(None, 100, EVERYTHING).rows.metadatas}
            if len(versions) != 1:
                torn.append(versions)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in range(60):
        writer.write(batch(ids, version=version))
        table.checkpoint_if_due()
    done.set()
    for thread in threads:
        thread.join()
    assert torn == []


def test_a_long_log_is_moved_into_the_table(tmp_path, table, writer):
    log = tmp_path / "documents.sqlite3-wal"
    for part in range(3):
        writer.write(batch([f"{part}-{number}" for number in range(100)], contents=["x" * 60_000] * 100))
        table.checkpoint_if_due()
    assert log.stat().st_size < 16 << 20
    assert (tmp_path / "documents.sqlite3").stat().st_size > 12_000_000
    assert table.count == 300


@pytest.mark.parametrize(
    "change", ["DELETE FROM documents WHERE slot = 1", "UPDATE documents SET slot = 5 WHERE slot = 1"]
)
def test_a_row_that_was_lost_or_moved_without_a_trace_is_found_at_open(tmp_path, table, writer, change):
    writer.write(batch(["a", "b"]))
    table.close()
    with sqlite3.connect(tmp_path / "documents.sqlite3") as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(CorruptStoreError, match="are not the 2 that were committed"):
        DocumentTable.open(tmp_path)


@pytest.mark.parametrize("projection", [EVERYTHING, Projection(content=False), Projection(metadata=False)])
def test_a_row_that_is_damaged_while_the_table_is_open_is_not_returned(tmp_path, table, writer, projection):
    writer.write(batch(["a", "b"]))
    with sqlite3.connect(tmp_path / "documents.sqlite3") as connection:
        connection.execute("UPDATE documents SET content = 'a v9', metadata = x'7b7d' WHERE id = 'a'")
    connection.close()
    with pytest.raises(CorruptStoreError, match="slot 0 with the id b'a'"):
        table.fetch_ids(["b", "a"], projection)
    assert table.fetch_ids(["b"], projection).slots == [1]
