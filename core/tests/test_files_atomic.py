"""An exported file is there as a whole or not at all."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pygent_vec.errors import BackendError, ConfigError, InvalidDocumentError, StoreLockedError
from pygent_vec.model import DistanceMetric
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.transfer import Description
from pygent_vec.transfer.files import export_documents, file_target
from pygent_vec.transfer.files._atomic import AtomicFile

from .files_support import FORMATS, articles, bits, exported, imported

FORMAT = pytest.mark.parametrize("ending", FORMATS)
WRITER = Path(__file__).with_name("files_writer.py")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_killed_export_leaves_the_old_file_and_the_next_one_cleans_up(tmp_path, ending):
    path = tmp_path / f"file.{ending}"
    held, _ = exported(path, articles(3))
    writer = subprocess.Popen([sys.executable, WRITER, path], stdout=subprocess.PIPE, text=True)
    for line in writer.stdout:
        if int(line) >= 12_000:
            break
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=20)
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {path.name, f".{path.name}.partial"}
    assert bits(imported(path)[1]) == bits(held)
    again, _ = exported(path, articles(5), overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert bits(imported(path)[1]) == bits(again)


@FORMAT
def test_a_failure_leaves_nothing_and_the_old_file_as_it_was(tmp_path, ending):
    path = tmp_path / f"file.{ending}"
    exported(path, articles(2))
    before = path.read_bytes()
    with pytest.raises(BackendError, match="the source broke"):
        asyncio.run(export_from_broken(path))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


async def export_from_broken(path):
    class Broken(MemoryStore):
        def _scan(self, spec, after, limit, pushed, projection):
            if after is not None:
                raise BackendError("the source broke")
            return super()._scan(spec, after, limit, pushed, projection)

    async with Broken(MemoryConfig()) as store:
        await store.create_collection("articles", 2)
        await store.add_documents(articles(11_000))
        await export_documents(store, path, collection="articles", overwrite=True)


@FORMAT
def test_a_cancelled_export_leaves_nothing(tmp_path, ending):
    async def work():
        async with MemoryStore(MemoryConfig()) as store:
            await store.create_collection("articles", 2)
            await store.add_documents(articles(15_000))
            begun = asyncio.Event()
            path = tmp_path / f"file.{ending}"
            task = asyncio.create_task(
                export_documents(store, path, collection="articles", on_progress=lambda *_: begun.set())
            )
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == []


@FORMAT
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, ending, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / f"file.{ending}"
    with pytest.raises(BackendError, match=r"file\..*could not be written \(No space left on device\)"):
        exported(path, articles(3))
    assert list(tmp_path.iterdir()) == []


@FORMAT
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_full_amid_the_file_is_told(tmp_path, ending, monkeypatch):
    def full():
        return Path("/dev/full").open("w+b", buffering=0)  # the export closes it

    monkeypatch.setattr(AtomicFile, "_locked", lambda _: full())
    with pytest.raises(BackendError, match=r"could not be written .*No space left on device"):
        exported(tmp_path / f"file.{ending}", articles(3000))


def test_a_file_that_exists_is_not_overwritten_unasked(tmp_path):
    (tmp_path / "file.jsonl").write_text("mine")
    with pytest.raises(ConfigError, match="exists; name another, or allow to overwrite it"):
        exported(tmp_path / "file.jsonl", articles(1))
    assert (tmp_path / "file.jsonl").read_text() == "mine"


def test_a_symbolic_link_is_followed_and_kept(tmp_path):
    (tmp_path / "real.jsonl").write_text("old")
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    exported(tmp_path / "link.jsonl", articles(1), overwrite=True)
    assert (tmp_path / "link.jsonl").is_symlink()
    assert "pygent_vec" in (tmp_path / "real.jsonl").read_text()


@pytest.mark.parametrize("name", ["none/file.jsonl", "folder.jsonl", "file.npy", "file.txt"])
def test_what_cannot_be_written_is_refused_at_once(tmp_path, name):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(ConfigError, match=r"directory|no file|only read|says no format"):
        exported(tmp_path / name, articles(1))
    assert [one.name for one in tmp_path.iterdir()] == ["folder.jsonl"]


def test_two_exports_to_one_file_are_kept_apart(tmp_path):
    first = AtomicFile(tmp_path / "file", overwrite=False)
    with pytest.raises(StoreLockedError, match="another process writes"):
        AtomicFile(tmp_path / "file", overwrite=False)
    first.file.write(b"whole")
    first.commit()
    first.discard()
    assert (tmp_path / "file").read_bytes() == b"whole"
    second = AtomicFile(tmp_path / "file", overwrite=True)
    second.discard()
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_the_temporary_file_of_a_finished_export_is_not_taken_for_ones_own(tmp_path, monkeypatch):
    first = AtomicFile(tmp_path / "file", overwrite=False)
    first.file.write(b"whole")
    opened = os.open

    def slow(path, *rest, **more):
        descriptor = opened(path, *rest, **more)
        if not first.file.closed and str(path).endswith(".partial"):
            first.commit()  # between the opening and the lock of the second
        return descriptor

    monkeypatch.setattr(os, "open", slow)
    second = AtomicFile(tmp_path / "file", overwrite=True)
    assert (tmp_path / "file").read_bytes() == b"whole"
    second.discard()


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_documents_that_are_no_json_are_refused_and_nothing_is_left(tmp_path, ending):
    from pygent_vec import VectorBatch

    async def work():
        target = file_target(str(tmp_path / f"file.{ending}"))
        description = Description(collection="x", dimension=2, metric=DistanceMetric.COSINE)
        await target.prepare(description, resumed=False)
        bad = VectorBatch(ids=["a"], vectors=[[1.0, 2.0]], metadatas=[{"a": float("nan")}])
        try:
            import attrs
            import numpy as np

            await target.write(attrs.evolve(bad, vectors=np.ones((1, 2), np.float32)))
            await target.finish()
        finally:
            await target.abandon()

    with pytest.raises(InvalidDocumentError, match=r"no JSON|fits no table"):
        asyncio.run(work())
    assert list(tmp_path.iterdir()) == []


def test_where_files_have_no_second_name_a_table_is_the_same(tmp_path, monkeypatch):
    documents = articles(20)
    exported(tmp_path / "one.parquet", documents)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.parent != Path("/dev/fd") and exists(path))
    exported(tmp_path / "two.parquet", documents)
    one, two = (imported(tmp_path / f"{name}.parquet")[1] for name in ("one", "two"))
    assert len(two) == 20
    assert [each.to_dict() | {"updated_at": 0, "created_at": 0} for each in one] == [
        each.to_dict() | {"updated_at": 0, "created_at": 0} for each in two
    ]
