"""Live migration: what is written meanwhile is there too, and what is deleted meanwhile stays deleted."""

import asyncio
import random

import numpy as np
import pytest

from pygent_vec import DistanceMetric, VectorBatch, VectorStoreManager
from pygent_vec.errors import (
    BackendUnavailableError,
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigError,
    WriteError,
)
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.transfer import mirror

from .transfer_support import DIMENSION, document, documents, held, told

EUCLIDEAN = DistanceMetric.EUCLIDEAN


class SlowStore(MemoryStore):
    """Its scans and writes give other tasks the time to come in between."""

    def __init__(self, name):
        super().__init__(MemoryConfig(), name=name)
        self.pause = 0.0
        self.failure = None

    def _scan(self, *arguments):
        rows = super()._scan(*arguments)
        self._gate.wait(self.pause)
        return rows

    def _write(self, spec, batch, mode, *, preserve_created):
        self._gate.wait(self.pause)
        if self.failure:
            raise self.failure
        return super()._write(spec, batch, mode, preserve_created=preserve_created)

    def _delete(self, spec, ids):
        if self.failure:
            raise self.failure
        return super()._delete(spec, ids)


def managed(story, *, count=60):
    """Run a story with a manager of two stores; the collection "default" is in "old"."""

    async def whole():
        old, new = SlowStore("old"), SlowStore("new")
        async with VectorStoreManager({"stores": {}}) as manager:
            await manager.add_store("old", old)
            await manager.add_store("new", new)
            await manager.create_collection("default", DIMENSION, EUCLIDEAN, store="old")
            await manager.add_documents(documents(count), preserve_timestamps=True, store="old")
            return await story(manager, old, new)

    return told(whole)


async def writing(manager, seed, until):
    """Add, replace, update and delete documents at random until an event is set."""
    choice = random.Random(seed)
    while not until.is_set():
        number = choice.randrange(90)
        kind = choice.choice(["add", "skip", "update", "delete", "where"])
        fresh = document(number, content=f"version {choice.random()}", created_at=None, updated_at=None)
        if kind == "add":
            await manager.add_documents([fresh])
        elif kind == "skip":
            await manager.add_documents([fresh], on_conflict="skip")
        elif kind == "update":
            await manager.update_documents([fresh])
        elif kind == "delete":
            await manager.delete_documents([fresh.id])
        else:
            await manager.delete_where({"@chunk_index": {"$in": [number, number + 1]}})
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(3))
def test_both_hold_exactly_the_same_after_a_fill_under_load(seed):
    async def story(manager, old, new):
        old.pause = new.pause = 0.002
        until = asyncio.Event()
        load = [asyncio.create_task(writing(manager, seed * 10 + task, until)) for task in range(4)]
        made = await mirror(manager, "old", "new", batch_size=5)
        assert made.report.same, made.report
        await asyncio.sleep(0.1)
        async with manager.writes_paused():
            assert made.behind == 0
            assert await held(new) == await held(old)
        await made.cut_over()
        left_behind = await held(old)
        await asyncio.sleep(0.1)
        until.set()
        await asyncio.gather(*load)
        assert await held(old) == left_behind, "after the cut-over nothing is written to the old store"
        assert await held(new) != left_behind
        assert manager.explain_route("default").read == "new"

    managed(story)


def test_a_document_that_is_deleted_between_read_and_write_is_not_raised_from_the_dead():
    async def story(manager, old, new):
        original, seen = new._write, []

        def late(spec, batch, mode, *, preserve_created):
            seen.append(len(batch))
            if len(seen) == 1:  # the batch has been read: what is deleted now must not come back
                asyncio.run_coroutine_threadsafe(manager.delete_documents(["doc-00001"]), loop)
                asyncio.run_coroutine_threadsafe(manager.add_documents([document(2, content="newer")]), loop)
                old._gate.wait(0.1)
            return original(spec, batch, mode, preserve_created=preserve_created)

        loop = asyncio.get_running_loop()
        new._write = late
        made = await mirror(manager, "old", "new", batch_size=10)
        assert made.report.same
        assert (await new.get_document("doc-00001")) is None
        assert (await new.get_document("doc-00002")).content == "newer"
        assert await held(new) == await held(old)

    managed(story)


def test_a_write_returns_when_both_have_it_with_the_same_timestamps():
    async def story(manager, old, new):
        made = await mirror(manager, "old", "new")
        for change in (
            manager.add_documents([document(70)]),
            manager.update_documents([document(3, content="new")]),
            manager.add_documents([document(4, content="ignored")], on_conflict="skip"),
            manager.delete_documents(["doc-00005", "unknown"]),
            manager.delete_where({"@chunk_index": {"$gte": 50}}),
        ):
            await change
            assert await held(new) == await held(old)
        made.stop()
        await manager.add_documents([document(71)])
        assert len(await held(old)) == len(await held(new)) + 1

    managed(story)


def test_a_target_that_fails_fails_the_write_and_catches_up():
    async def story(manager, old, new):
        made = await mirror(manager, "old", "new")
        new.failure = BackendUnavailableError("the new one is down")
        with pytest.raises(WriteError, match=r"its mirror failed.*the new one is down") as caught:
            await manager.add_documents([document(70)])
        assert caught.value.written == ["doc-00070"]
        with pytest.raises(WriteError):
            await manager.delete_documents(["doc-00001"])
        assert made.behind == 2
        with pytest.raises(BackendUnavailableError):
            await made.cut_over()
        assert manager.explain_route("default").read == "old"
        new.failure = None
        await made.catch_up()
        assert made.behind == 0
        assert await held(new) == await held(old)

    managed(story)


def test_a_write_that_was_under_way_when_the_mirror_began_is_there_too():
    async def story(manager, old, new):
        old.pause = 0.2
        task = asyncio.create_task(manager.add_documents([document(1, content="late"), document(70)]))
        await asyncio.sleep(0.05)
        old.pause = 0.0
        made = await mirror(manager, "old", "new")
        await task
        assert made.report.same
        assert await held(new) == await held(old)

    managed(story)


@pytest.mark.parametrize(
    "write",
    [
        lambda manager: manager.delete_where({"@chunk_index": {"$lt": 3}}),
        lambda manager: manager.delete_documents(["doc-00000"]),
        lambda manager: manager.add_documents([document(0)]),
        lambda manager: manager.add_documents(iter([document(0)]), batch_size=1),
        lambda manager: manager.add_batch(VectorBatch(ids=["doc-00000"], vectors=np.ones((1, DIMENSION)))),
        lambda manager: manager.update_documents([document(0)]),
    ],
)
def test_a_write_that_waits_while_a_mirror_begins_is_followed(write):
    class Follower:
        def __init__(self):
            self.followed = set()

        def expect(self, ids):
            pass

        async def follow(self, ids):
            self.followed.update(ids)

    async def story(manager, old, new):
        follower = Follower()
        async with manager.writes_paused():
            task = asyncio.create_task(write(manager))
            await asyncio.sleep(0.02)
            manager.follow("old", "default", follower)
        await task
        assert "doc-00000" in follower.followed

    managed(story)


def test_a_write_that_is_refused_leaves_nothing_behind():
    async def story(manager, old, new):
        made = await mirror(manager, "old", "new")
        for bad in (document(7, embedding=[1.0]), document(7, id=5), document(7, id="x" * 600)):
            with pytest.raises(ValueError, match=r"7|5|x"):
                await manager.add_documents([bad])
        assert made.behind == 0
        assert await held(new) == await held(old)

    managed(story)


def test_a_write_that_is_cancelled_ends_in_both_or_in_none():
    async def story(manager, old, new):
        made = await mirror(manager, "old", "new")
        old.pause = 0.2
        task = asyncio.create_task(manager.add_documents([document(70)]))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert made.behind == 0
        await asyncio.sleep(0.2)
        assert await held(new) == await held(old)

    managed(story)


def test_what_others_wrote_behind_the_manager_is_found_and_stops_the_cut_over():
    async def story(manager, old, new):
        made = await mirror(manager, "old", "new")
        await new.add_documents([document(5, content="by another"), document(80)])
        await new.delete_documents(["doc-00009"])
        report = await made.verify()
        assert (report.missing, report.extra) == (("doc-00009",), ("doc-00080",))
        assert [one.id for one in report.differences] == ["doc-00005"]
        assert report.differences[0].fields == ("content", "updated_at")
        with pytest.raises(ConfigError, match="are not the same"):
            await made.cut_over()
        made.stop()
        again = await mirror(manager, "old", "new", replace=True, batch_size=7)
        assert (again.report.same, again.report.written, again.report.deleted) == (True, 2, 1)
        assert await held(new) == await held(old)

    managed(story)


def test_what_cannot_be_mirrored_is_refused_before_anything_is_written():
    async def story(manager, old, new):
        for arguments, error, words in (
            (("old", "nowhere"), ConfigError, "no store 'nowhere'"),
            (("new", "old"), ConfigError, "is read from 'old'"),
            (("old", "new", "other"), CollectionNotFoundError, "other"),
        ):
            with pytest.raises(error, match=words):
                await mirror(manager, *arguments[:2], collection=(arguments[2:] or (None,))[0])
        assert await new.list_collections() == []
        await new.create_collection("default", DIMENSION, EUCLIDEAN)
        await new.add_documents([document(99)])
        with pytest.raises(CollectionMismatchError, match="has 1 documents already"):
            await mirror(manager, "old", "new")
        made = await mirror(manager, "old", "new", replace=True)
        with pytest.raises(ConfigError, match="followed already"):
            await mirror(manager, "old", "new", replace=True)
        with pytest.raises(ConfigError, match="is being mirrored"):
            await manager.delete_collection("default")
        with pytest.raises(ConfigError, match="is being mirrored"):
            await manager.remove_store("old")
        await made.cut_over()
        assert await manager.delete_collection("default")

    managed(story)


def test_a_fill_that_fails_leaves_the_collection_where_it_was():
    async def story(manager, old, new):
        new.failure = BackendUnavailableError("the new one is down")
        with pytest.raises(BackendUnavailableError):
            await mirror(manager, "old", "new")
        await manager.add_documents([document(70)])
        assert manager.explain_route("default").read == "old"

    managed(story)


def test_writes_wait_while_they_are_paused():
    async def story(manager, old, new):
        async with manager.writes_paused():
            task = asyncio.create_task(manager.add_documents([document(70)]))
            await asyncio.sleep(0.05)
            assert not task.done()
            assert await manager.get_document("doc-00070") is None
        await task
        assert await manager.get_document("doc-00070") is not None

    managed(story)
