"""The engine and its parts: any two ends, digests, and two streams side by side."""

import asyncio
import json

import attrs
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from pygent_vec import VectorBatch
from pygent_vec.errors import BackendError, ConfigError
from pygent_vec.model import normalized_object
from pygent_vec.transfer import Chunk, Description, move
from pygent_vec.transfer._compare import differences, side_by_side
from pygent_vec.transfer._digest import added, row_digests

from .strategies import json_values, metadatas, texts
from .transfer_support import told


def batch(ids, **columns):
    return VectorBatch(ids=list(ids), vectors=np.ones((len(ids), 2), np.float32), **columns)


class Numbers:
    """A source of numbered documents, two in a chunk."""

    label, notes = "numbers", ("they are numbers",)

    def __init__(self, count=10, *, failure=None):
        self.count, self.failure = count, failure
        self.read = 0
        self.closed = False
        self.print = "one"

    async def describe(self):
        return Description(collection="numbers", dimension=2, count=self.count)

    async def fingerprint(self):
        return self.print

    async def chunks(self, after=None):
        try:
            for start in range(after or 0, self.count, 2):
                if self.failure and start >= 4:
                    raise self.failure
                self.read += 1
                yield Chunk(batch=batch([f"{start:03}", f"{start + 1:03}"]), position=start + 2)
                await asyncio.sleep(0)
        finally:
            self.closed = True


class Held:
    """A target that remembers what it was asked."""

    label, notes = "held", ()

    def __init__(self, *, resumable=True, failure=None, then=None):
        self.resumable, self.failure, self.then = resumable, failure, then
        self.calls = []
        self.ids = []

    async def prepare(self, description, *, resumed):
        self.calls.append(("prepare", resumed))

    async def write(self, batch):
        if self.then is not None:
            await self.then(self)
        if self.failure and len(self.ids) >= 4:
            raise self.failure
        self.ids += batch.ids
        return len(batch)

    async def finish(self):
        self.calls.append("finish")

    async def abandon(self):
        await asyncio.sleep(0)
        self.calls.append("abandon")


def test_everything_is_moved_in_order_and_reported():
    source, target, seen = Numbers(), Held(), []
    report = told(lambda: move(source, target, on_progress=lambda *now: seen.append(now)))
    assert target.ids == [f"{number:03}" for number in range(10)]
    assert target.calls == [("prepare", False), "finish"]
    assert seen == [(done, 10) for done in (0, 2, 4, 6, 8, 10)]
    assert (report.documents, report.written, report.resumed, report.notes) == (10, 10, 0, source.notes)
    assert json.loads(json.dumps(report.to_dict()))["digest"] == report.digest


def test_one_chunk_is_read_ahead_and_no_more():
    source, ahead = Numbers(40), []

    async def slow(target):
        await asyncio.sleep(0.01)
        ahead.append(source.read - len(target.ids) // 2)

    told(lambda: move(source, Held(then=slow)))
    assert max(ahead) == 2, "the one that is written, and the next one"
    assert set(ahead[:-1]) == {2}


def test_in_turn_nothing_is_read_while_a_chunk_is_written(tmp_path):
    source, ahead = Numbers(12), []

    async def slow(target):
        await asyncio.sleep(0.001)
        ahead.append(source.read - len(target.ids) // 2)

    report = told(lambda: move(source, Held(then=slow), ahead=False, checkpoint=tmp_path / "c"))
    assert set(ahead) == {1}
    assert source.closed
    assert report.digest == told(lambda: move(Numbers(12), Held())).digest


def test_without_a_checkpoint_no_thread_keeps_the_progress(monkeypatch):
    async def none(*_):
        raise AssertionError("a thread was started")

    monkeypatch.setattr("pygent_vec.transfer._move.run_sync", none)
    assert told(lambda: move(Numbers(), Held(), digest=False)).documents == 10


@pytest.mark.parametrize("side", ["source", "target"])
def test_after_a_failure_both_ends_are_let_go_and_the_next_run_goes_on(side, tmp_path):
    failure = BackendError("no more")
    source = Numbers(failure=failure if side == "source" else None)
    target = Held(failure=failure if side == "target" else None)
    with pytest.raises(BackendError, match="no more"):
        told(lambda: move(source, target, checkpoint=tmp_path / "c"))
    assert (source.closed, target.calls[-1]) == (True, "abandon")
    source.failure = target.failure = None
    report = told(lambda: move(source, target, checkpoint=tmp_path / "c"))
    assert (report.documents, report.resumed, report.written) == (10, 4, 6)
    assert target.ids == [f"{number:03}" for number in range(10)]
    assert ("prepare", True) in target.calls
    assert report.digest == told(lambda: move(Numbers(), Held())).digest
    assert list(tmp_path.iterdir()) == []


def test_a_move_that_is_cancelled_lets_go_of_both_ends(tmp_path):
    source = Numbers()

    async def story():
        async def stuck(target):
            if target.ids:
                begun.set()
                await asyncio.sleep(60)

        begun, target = asyncio.Event(), Held(then=stuck)
        task = asyncio.create_task(move(source, target, checkpoint=tmp_path / "c"))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return target

    target = told(story)
    assert (source.closed, target.calls[-1]) == (True, "abandon")
    assert json.loads((tmp_path / "c").read_text())["documents"] == 2


def test_a_target_that_cannot_go_on_takes_no_checkpoint(tmp_path):
    with pytest.raises(ConfigError, match="leave it out"):
        told(lambda: move(Numbers(), Held(resumable=False), checkpoint=tmp_path / "c"))


def test_a_source_that_has_changed_is_not_read_on(tmp_path):
    source, target = Numbers(), Held(failure=BackendError("no more"))
    with pytest.raises(BackendError):
        told(lambda: move(source, target, checkpoint=tmp_path / "c"))
    source.print = "another"
    with pytest.raises(ConfigError, match="numbers has changed since the move began"):
        told(lambda: move(source, target, checkpoint=tmp_path / "c"))


def test_a_checkpoint_that_cannot_be_written_stops_the_move(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    source, target = Numbers(), Held()

    async def then(target):
        if len(target.ids) == 2:
            while json.loads((tmp_path / "c").read_text())["documents"] < 2:  # noqa: ASYNC110  # a file has no event
                await asyncio.sleep(0.001)
            monkeypatch.setattr("pygent_vec.transfer._checkpoint.os.fsync", full)

    target.then = then
    with pytest.raises(BackendError, match=r"the checkpoint .*No space left"):
        told(lambda: move(source, target, checkpoint=tmp_path / "c"))
    assert target.calls[-1] == "abandon"
    monkeypatch.undo()
    assert [one.name for one in tmp_path.iterdir()] == ["c"]
    assert json.loads((tmp_path / "c").read_text())["documents"] == 2


class TestDigest:
    """Equal digests, equal documents."""

    @given(metadatas, metadatas)
    def test_documents_have_the_same_digest_if_their_metadata_are_the_same(self, one, two):
        one, two = normalized_object(one), normalized_object(two)
        here, there = (row_digests(batch(["a"], metadatas=[each])) for each in (one, two))
        assert (here == there) == (text(one) == text(two))

    @given(json_values)
    def test_the_order_of_keys_does_not_matter(self, value):
        one = {"a": value, "b": {"x": 1, "y": 2}}
        two = {"b": {"y": 2, "x": 1}, "a": value}
        assert row_digests(batch(["a"], metadatas=[one])) == row_digests(batch(["a"], metadatas=[two]))

    @given(texts, texts)
    def test_texts_do_not_flow_into_each_other(self, one, two):
        columns = [{"contents": [one], "titles": [two]}, {"contents": [one + two], "titles": [""]}]
        here, there = (row_digests(batch(["a"], **each)) for each in columns)
        assert (here == there) == (two == "")

    @pytest.mark.parametrize(
        "change",
        [
            {"ids": ["b"]},
            {"vectors": np.array([[1, -0.0]], np.float32)},
            {"titles": [""]},
            {"chunk_indexes": [0]},
            {"chunk_counts": [0]},
            {"created_at": np.array([1])},
            {"updated_at": np.array([1])},
            {"metadatas": [{"x": 1.0}]},
            {"metadatas": [{"x": True}]},
        ],
    )
    def test_every_field_counts(self, change):
        plain = attrs.evolve(
            batch(["a"], metadatas=[{"x": 1}]), vectors=np.array([[1, 0]], np.float32), collection="any"
        )
        assert row_digests(attrs.evolve(plain, **change)) != row_digests(plain)
        assert row_digests(attrs.evolve(plain, collection="other")) == row_digests(plain)

    def test_a_sum_does_not_depend_on_the_order(self):
        digests = row_digests(batch("abc"))
        assert added(*digests) == added(*reversed(digests)) == added(digests[0], added(*digests[1:]))


class TestSideBySide:
    """Two streams, joined by id."""

    @given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)), st.integers(1, 9), st.integers(1, 9))
    def test_it_finds_what_only_one_side_has(self, left, right, rows, other_rows):
        async def stream(numbers, rows):
            ids = [f"{number:02}" for number in sorted(numbers)]
            for start in range(0, len(ids), rows):
                yield batch(ids[start : start + rows])

        async def story():
            only_left, only_right, both = [], [], 0
            async for window in side_by_side(stream(left, rows), stream(right, other_rows)):
                found = differences(window.left, window.right, exact=True)
                only_left += found.only_left
                only_right += found.only_right
                both += len(found.right)
                assert found.found == []
            return only_left, only_right, both

        assert told(story) == (
            [f"{number:02}" for number in sorted(left - right)],
            [f"{number:02}" for number in sorted(right - left)],
            len(left & right),
        )

    def test_vectors_may_be_near_where_they_need_not_be_exact(self):
        here = batch("abc")
        there = attrs.evolve(here, vectors=here.vectors.copy(), contents=["", "x", ""])
        there.vectors[0, 0] += 1e-7
        there.vectors[2, 0] += 1e-4
        found = differences(here, there.take([2, 0, 1]), exact=False)
        assert [(one.id, one.fields) for one in found.found] == [("b", ("content",)), ("c", ("embedding",))]
        assert found.right[0] == found.left[0]
        assert [one.id for one in differences(here, there, exact=True).found] == ["a", "b", "c"]


def text(value):
    return json.dumps(value, sort_keys=True)
