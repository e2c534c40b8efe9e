"""A copy that was interrupted goes on, and never takes another one's checkpoint for its own."""

import asyncio
import json

import pytest

from pygent_vec import BackendError, DistanceMetric, SyncVectorStore
from pygent_vec.errors import (
    CollectionNotFoundError,
    ConfigError,
    CorruptStoreError,
    DocumentExistsError,
    StoreLockedError,
)
from pygent_vec.transfer import copy, copy_all

from .transfer_support import DIMENSION, DurableMemory, between, document, filled, held


def test_a_failure_in_the_middle_is_resumed_where_it_was(tmp_path):
    checkpoint = tmp_path / "state" / "copy.json"

    async def story(left, right):
        await filled(left, 30)
        with pytest.raises(BackendError, match="No space left"):
            await copy(left, right, batch_size=10, checkpoint=checkpoint)
        kept = json.loads(checkpoint.read_text())
        assert (kept["documents"], kept["position"], kept["source"]) == (20, "doc-00019", "left/default")
        report = await copy(left, right, batch_size=10, checkpoint=checkpoint)
        assert (report.ok, report.moved.resumed, report.moved.written) == (True, 20, 10)
        assert report.moved.digest == report.verification.source_digest
        assert await held(right) == await held(left)
        assert list(checkpoint.parent.iterdir()) == []

    between(story, right=DurableMemory(fails_after=2))


def test_a_batch_that_was_written_and_not_recorded_is_no_conflict(tmp_path):
    def written(write, *arguments, **options):
        write(*arguments, **options)

    async def story(left, right):
        await filled(left, 30)
        with pytest.raises(BackendError, match="No space left"):
            await copy(left, right, batch_size=10, checkpoint=tmp_path / "c")
        assert len(await held(right)) == 20
        await left.add_documents([document(12, content="changed meanwhile")])
        report = await copy(left, right, batch_size=7, checkpoint=tmp_path / "c")
        assert (report.ok, report.moved.resumed) == (True, 10)
        assert await held(right) == await held(left)

    between(story, right=DurableMemory(fails_after=1, then=written))


def test_a_foreign_document_that_came_meanwhile_is_a_conflict_still(tmp_path):
    async def story(left, right):
        await filled(left, 30)
        await right.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
        await right.add_documents([document(99)])
        right.fails_after = right.writes + 1
        with pytest.raises(BackendError, match="No space left"):
            await copy(left, right, batch_size=10, checkpoint=tmp_path / "c")
        await right.add_documents([document(25, content="mine")])
        with pytest.raises(DocumentExistsError, match=r"1 of the ids exist already.*doc-00025"):
            await copy(left, right, batch_size=10, checkpoint=tmp_path / "c")
        assert (await right.get_document("doc-00025")).content == "mine"

    between(story, right=DurableMemory())


def test_a_source_that_changed_behind_the_copy_is_told_and_the_next_run_catches_up(tmp_path):
    async def story(left, right):
        await filled(left, 30)

        def change(now):
            if (now.phase, now.done) == ("copying", 20):
                SyncVectorStore(left).delete_documents(["doc-00000"])
                SyncVectorStore(left).add_documents([document(1, content="changed")])

        arguments = {"batch_size": 10, "checkpoint": tmp_path / "c"}
        report = await copy(left, right, on_progress=change, **arguments)
        assert (report.ok, report.changed) == (False, True)
        assert report.verification.extra_ids == ("doc-00000",)
        assert [(one.id, one.fields) for one in report.verification.differences] == [
            ("doc-00001", ("content", "updated_at"))
        ]
        assert any("was changed while it was copied" in note for note in report.notes)
        await right.delete_documents(["doc-00000"])
        assert (await copy(left, right, **arguments)).ok
        assert not (tmp_path / "c").exists()

    between(story, right=DurableMemory())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"on_conflict": "skip"}, "option on_conflict is 'error'"),
        ({"where": {"int": 1}}, "option where"),
        ({"to": "elsewhere"}, "its target is 'durable/default'"),
    ],
)
def test_a_checkpoint_of_another_copy_is_refused(tmp_path, change, words):
    async def story(left, right):
        await filled(left, 30)
        with pytest.raises(BackendError):
            await copy(left, right, batch_size=10, checkpoint=tmp_path / "c")
        with pytest.raises(ConfigError, match=words):
            await copy(left, right, checkpoint=tmp_path / "c", **change)

    between(story, right=DurableMemory(fails_after=1))


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("{", CorruptStoreError, "is not JSON"),
        ('{"version": 7}', ConfigError, "version 7"),
        ("[]", ConfigError, "version"),
    ],
)
def test_a_checkpoint_that_is_none_is_refused(tmp_path, text, error, words):
    (tmp_path / "c").write_text(text)

    async def story(left, right):
        with pytest.raises(error, match=words):
            await copy(left, right, checkpoint=tmp_path / "c")
        assert await right.list_collections() == []

    between(story, right=DurableMemory())


def test_two_copies_do_not_share_a_checkpoint(tmp_path):
    async def story(left, right):
        await filled(left, 30)
        first = asyncio.create_task(
            copy(left, right, batch_size=10, checkpoint=tmp_path / "c", rate_limit=100)
        )
        await asyncio.sleep(0.05)
        with pytest.raises(StoreLockedError, match="another move is using the checkpoint"):
            await copy(left, right, checkpoint=tmp_path / "c")
        assert (await first).ok

    between(story, right=DurableMemory())


def test_a_collection_that_is_gone_is_not_filled_from_the_middle(tmp_path):
    async def story(left, right):
        await filled(left, 30)
        with pytest.raises(BackendError):
            await copy(left, right, batch_size=10, checkpoint=tmp_path / "c")
        await right.delete_collection("default")
        with pytest.raises(CollectionNotFoundError, match="is gone; remove the checkpoint"):
            await copy(left, right, checkpoint=tmp_path / "c")

    between(story, right=DurableMemory(fails_after=1))


def test_a_target_that_forgets_has_no_checkpoint(tmp_path):
    async def story(left, right):
        with pytest.raises(ConfigError, match="not durable"):
            await copy(left, right, checkpoint=tmp_path / "c")

    between(story)


def test_a_cancelled_copy_is_resumed(tmp_path):
    async def story(left, right):
        await filled(left, 40)
        arguments = {"batch_size": 10, "checkpoint": tmp_path / "c"}
        begun = asyncio.Event()

        def tell(now):
            if now.done == 10:
                begun.set()

        slow = copy(left, right, rate_limit=100, on_progress=tell, **arguments)
        task = asyncio.create_task(slow)
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [path.name for path in tmp_path.iterdir()] == ["c"]
        report = await copy(left, right, **arguments)
        assert (report.ok, report.moved.resumed) == (True, 10)

    between(story, right=DurableMemory())


def test_of_all_collections_those_that_are_done_are_not_copied_again(tmp_path):
    async def story(left, right):
        await filled(left, 30)
        await left.create_collection("z", DIMENSION, DistanceMetric.EUCLIDEAN)
        await left.add_documents([document(n, collection="z") for n in range(20)])
        with pytest.raises(BackendError):
            await copy_all(left, right, batch_size=10, checkpoint=tmp_path / "c")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["c.default", "c.z"]
        reports = await copy_all(left, right, batch_size=10, checkpoint=tmp_path / "c")
        assert [(one.ok, one.moved.written) for one in reports] == [(True, 0), (True, 10)]
        assert list(tmp_path.iterdir()) == []

    between(story, right=DurableMemory(fails_after=4))
