"""Writing: batches, conflicts, timestamps, and what is durable when a write fails."""

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest

from pygent_vec import (
    ConfigError,
    DocumentExistsError,
    InvalidDocumentError,
    SyncVectorStore,
    VectorBatch,
)
from pygent_vec.stores import MemoryConfig, MemoryStore

from .builders import document, documents, ids
from .doubles import RecordingStore

LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def recording():
    with SyncVectorStore(RecordingStore(MemoryConfig(), only={"max_batch": 4})) as store:
        store.create_collection("default", 2)
        yield store


# ── batches ──


@pytest.mark.parametrize("kind", [list, tuple, iter, lambda given: {one.id: one for one in given}.values()])
def test_any_iterable_of_documents_is_written_in_order(store, kind):
    assert store.add_documents(kind(documents(5)), batch_size=2) == ids(5)
    assert [one.id for one in store.iter_documents()] == ids(5)


@pytest.mark.parametrize(("size", "sizes"), [(3, [3, 3, 1]), (None, [4, 3]), (100, [4, 3]), (1, [1] * 7)])
def test_documents_are_cut_into_batches_up_to_the_backend_s_largest(recording, size, sizes):
    recording.add_documents(documents(7), batch_size=size)
    assert [len(batch) for batch in recording.store.writes] == sizes


def test_a_columnar_batch_is_cut_only_at_the_backend_s_largest(recording):
    assert recording.add_batch(VectorBatch(ids=ids(10), vectors=np.ones((10, 2)))) == ids(10)
    assert [list(batch.ids) for batch in recording.store.writes] == [ids(10)[:4], ids(10)[4:8], ids(10)[8:]]


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "10"])
def test_a_batch_size_that_means_nothing_is_refused(store, size):
    with pytest.raises(ConfigError, match="batch_size must be a positive integer or None"):
        store.add_documents(documents(1), batch_size=size)
    with pytest.raises(ConfigError, match="batch_size"):
        list(store.iter_documents(batch_size=size))


def test_nothing_to_write_is_no_write(recording):
    assert recording.add_documents([]) == []
    assert recording.update_documents([]) == []
    assert recording.add_batch(VectorBatch(ids=[], vectors=np.empty((0, 2)))) == []
    assert recording.store.writes == []


def test_an_iterator_is_never_read_far_ahead_of_what_is_written(recording):
    ahead = []

    def flow():
        for number in range(20):
            ahead.append(number - sum(map(len, recording.store.writes)))
            yield document(number)

    assert recording.add_documents(flow(), batch_size=3) == ids(20)
    assert max(ahead) < 3


def test_an_async_iterable_is_written_as_it_comes():
    async def flow():
        for one in documents(5):
            yield one

    async def story():
        async with MemoryStore(MemoryConfig()) as store:
            await store.create_collection("default", 2)
            assert await store.add_documents(flow(), batch_size=2) == ids(5)

    asyncio.run(story())


def test_an_async_iterable_needs_the_asynchronous_store(store):
    async def flow():
        yield document("a")

    with pytest.raises(InvalidDocumentError, match="an async iterable of documents needs the asynchronous"):
        store.add_documents(flow())


def test_progress_is_told_after_each_batch(store):
    told = []
    store.add_documents(documents(5), batch_size=2, on_progress=told.append)
    assert told == [2, 4, 5]


def test_documents_of_several_collections_find_their_own(store):
    store.create_collection("notes", 3)
    given = [
        document(1),
        document(2, collection="notes", embedding=[1, 2, 3]),
        document(3, collection="default"),
    ]
    assert sorted(store.add_documents(given)) == ["1", "2", "3"]
    assert [one.id for one in store.iter_documents()] == ["1", "3"]
    assert [one.id for one in store.iter_documents(collection="notes")] == ["2"]


# ── conflicts ──


@pytest.mark.parametrize("method", ["add_documents", "add_batch"])
def test_conflicts_are_overwritten_skipped_or_refused_as_asked(store, method):
    def write(content, *names, **options):
        if method == "add_documents":
            return store.add_documents([document(one, content=content) for one in names], **options)
        vectors = np.ones((len(names), 2), np.float32)
        return store.add_batch(
            VectorBatch(ids=names, vectors=vectors, contents=[content] * len(names)), **options
        )

    def contents():
        return {one.id: one.content for one in store.iter_documents()}

    assert write("first", "a", "b") == ["a", "b"]
    assert write("second", "b", "c", on_conflict="skip") == ["c"]
    assert contents() == {"a": "first", "b": "first", "c": "second"}
    assert write("third", "a", "d") == ["a", "d"]
    assert contents() == {"a": "third", "b": "first", "c": "second", "d": "third"}
    with pytest.raises(DocumentExistsError, match=r"'b'.*Nothing of this batch was written") as caught:
        write("fourth", "e", "b", "c", on_conflict="error")
    assert caught.value.ids == ["b", "c"]
    assert contents() == {"a": "third", "b": "first", "c": "second", "d": "third"}
    with pytest.raises(ConfigError, match="on_conflict='overwrit'; did you mean 'overwrite'"):
        write("fifth", "a", on_conflict="overwrit")


def test_an_overwritten_document_keeps_nothing_of_the_old_one(store):
    store.add_documents([document("a", title="old", metadata={"k": 1}, chunk_index=3)])
    store.add_documents([document("a", content="new")])
    kept = store.get_document("a")
    assert (kept.content, kept.title, kept.metadata, kept.chunk_index) == ("new", None, {}, None)


def test_updating_replaces_what_exists_and_creates_nothing(store):
    store.add_documents([document("a", content="old")])
    assert store.update_documents([document("a", content="new"), document("b")]) == ["a"]
    assert store.count_documents() == 1
    assert store.get_document("a").content == "new"


def test_deleting_counts_what_was_there(store):
    store.add_documents(documents(5))
    assert store.delete_documents(["0", "9", "0", "3"]) == 2
    assert store.delete_documents([]) == 0
    assert store.delete_where({"@id": {"$gte": "2"}}) == 2
    assert [one.id for one in store.iter_documents()] == ["1"]
    assert store.delete_where({}) == 1
    assert store.count_documents() == 0


def test_documents_come_back_in_the_order_asked(store):
    store.add_documents(documents(3))
    found = store.get_documents(["2", "9", "0", "2"])
    assert [one and one.id for one in found] == ["2", None, "0", "2"]
    assert found[0].embedding.tolist() == [1, 0]
    assert store.get_document("9") is None


# ── timestamps ──


def test_creation_survives_overwriting_and_updating(store):
    store.add_documents([document("a", created_at=LONG_AGO), document("b")])
    assert store.get_document("a").created_at == LONG_AGO
    created = store.get_document("b").created_at
    now = datetime.now(UTC)
    store.add_documents([document("a", created_at=now), document("b", created_at=LONG_AGO)])
    store.update_documents([document("a"), document("b")])
    assert store.get_document("a").created_at == LONG_AGO
    assert store.get_document("b").created_at == created


def test_the_last_write_is_dated_by_the_store(store):
    before = datetime.now(UTC)
    store.add_documents([document("a", updated_at=LONG_AGO)])
    first = store.get_document("a").updated_at
    assert before <= first <= datetime.now(UTC)
    store.update_documents([document("a", updated_at=LONG_AGO)])
    assert first <= store.get_document("a").updated_at


@pytest.mark.parametrize("method", ["add_documents", "add_batch"])
def test_a_copy_keeps_both_times(store, method):
    later = LONG_AGO.replace(year=2002)
    store.add_documents([document("a")])
    if method == "add_documents":
        given = [document("a", created_at=LONG_AGO, updated_at=later)]
        store.add_documents(given, preserve_timestamps=True)
    else:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        micros = [int((one - epoch).total_seconds()) * 10**6 + one.microsecond for one in (LONG_AGO, later)]
        batch = VectorBatch(
            ids=["a"],
            vectors=np.ones((1, 2)),
            created_at=np.array(micros[:1]),
            updated_at=np.array(micros[1:]),
        )
        store.add_batch(batch, preserve_timestamps=True)
    kept = store.get_document("a")
    assert (kept.created_at, kept.updated_at) == (LONG_AGO, later)


def test_a_copy_without_a_creation_time_leaves_the_one_that_is_kept(store):
    store.add_documents([document("a", created_at=LONG_AGO)])
    store.add_documents([document("a")], preserve_timestamps=True)
    assert store.get_document("a").created_at == LONG_AGO
