"""What a store meets in the wild: a full disk, a directory that is not its own, another holder, an exit."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from pygent_vec import BackendError, ConfigError, StoreLockedError, SyncVectorStore, VectorBatch, VectorQuery
from pygent_vec.model import IndexSpec
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore

D = 16


def opened(path, *, background=False):
    return SyncVectorStore(FaissStore(FaissConfig(path=path, background=background)))


def batch(first, count, *, d=D):
    random = np.random.default_rng(first)
    return VectorBatch(
        ids=[f"id-{number:05}" for number in range(first, first + count)],
        vectors=random.standard_normal((count, d)).astype(np.float32),
        contents=[f"text {number} " * 20 for number in range(first, first + count)],
    )


def run(script, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        **options,
    )


# ------------------------------------------------------------------------------------------ a full disk

FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from pygent_vec import BackendError, F, SyncVectorStore, VectorBatch, VectorQuery
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore

D = 16
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

def refused(call):
    try:
        call()
    except BackendError as error:
        assert type(error) is BackendError and error.__cause__ is not None and not error.transient, repr(error)
        assert "space" in str(error) or "quota" in str(error), error
        return
    raise AssertionError("it was not refused")

def batch(number, rows=300):
    random = np.random.default_rng(number)
    return VectorBatch(
        ids=[f"{number}-{row}" for row in range(rows)],
        vectors=random.standard_normal((rows, D)).astype(np.float32),
        contents=["x" * 400] * rows,
        metadatas=[{"batch": number}] * rows,
    )

def check(store, numbers):
    assert store.count_documents() == 300 * len(numbers)
    assert {one.metadata["batch"] for one in store.iter_documents()} == set(numbers)
    for number in numbers:
        found = store.search_similar(VectorQuery(query_vector=batch(number).vectors[7], limit=1))
        assert found[0].document.id == f"{number}-7"

path, end = Path(sys.argv[1]), sys.argv[2]
store = SyncVectorStore(FaissStore(FaissConfig(path=path, background=False)))
store.initialize()
store.create_collection("default", D, index="hnsw")
for number in range(5):
    store.add_batch(batch(number))
store.optimize()
store.delete_where(F("batch") == 0)
kept = [1, 2, 3, 4]

largest = max(file.stat().st_size for file in path.rglob("*") if file.is_file())
limit(20_000)  # nothing can grow, and no new file becomes useful
refused(store.optimize)
assert len(list(path.rglob("vectors-*"))) == 1, "a compaction that failed keeps room that is needed"
refused(lambda: store.add_batch(batch(7)))
refused(lambda: store.add_batch(batch(7, rows=299)))
refused(lambda: store.delete_where(F("batch") == 1))
refused(store.optimize)
refused(store.optimize)
refused(lambda: store.create_collection("other", D))
assert store.list_collections() == ["default"]
assert store.health_check().status in ("healthy", "degraded")
check(store, kept)
limit(largest + 500_000)
number = 10
while True:  # until the log is full, at whatever place that is
    try:
        store.add_batch(batch(number))
    except BackendError:
        break
    kept.append(number)
    number += 1
check(store, kept)
if end == "exit":
    import os
    print(*kept, flush=True)
    os._exit(0)
if end == "close":
    store.close()
    print(*kept)
if end == "go on":
    limit(hard)
    store.add_batch(batch(50))
    kept.append(50)
    store.optimize()
    assert store.count_documents(filter=F("batch") == 0) == 0
    store.create_collection("other", D)
    check(store, kept)
    store.close()
    print(*kept)
"""


@pytest.mark.parametrize("end", ["close", "exit", "go on"])
def test_a_full_disk_refuses_each_call_as_a_whole_and_the_store_goes_on(tmp_path, end):
    kept = run(FULL, tmp_path / "store", end).stdout.split()
    assert len(kept) > 4
    with opened(tmp_path / "store") as store:
        assert store.count_documents() == 300 * len(kept)
        assert {str(one.metadata["batch"]) for one in store.iter_documents()} == set(kept)
        store.optimize()
        for one in store.get_documents([f"{kept[0]}-5", f"{kept[-1]}-299"]):
            found = store.search_similar(VectorQuery(query_vector=one.embedding, limit=1))
            assert found[0].document.id == one.id
        names = sorted(
            file.name for file in (tmp_path / "store" / "collections" / "default").glob("vectors-*")
        )
        assert len(names) == 1, "a compaction that failed should leave nothing"


def test_a_write_that_the_disk_refuses_says_what_and_how_to_mend_it(tmp_path, monkeypatch):
    with opened(tmp_path) as store:
        store.create_collection("default", D)

        def refuse(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("pygent_vec_faiss.storage.vectors.os.pwrite", refuse)
        with pytest.raises(
            BackendError, match=r"vectors-0\.f32 cannot grow .*No space left.*Free disk space"
        ):
            store.add_batch(batch(0, 3))
        monkeypatch.undo()
        store.add_batch(batch(0, 3))
        assert store.count_documents() == 3


def test_a_collection_that_cannot_be_removed_stays_in_use(tmp_path, monkeypatch):
    with opened(tmp_path) as store:
        store.create_collection("default", D)
        store.add_batch(batch(0, 10))

        def refuse(*_):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr("pathlib.Path.rename", refuse)
        with pytest.raises(BackendError, match="writable"):
            store.delete_collection("default")
        monkeypatch.undo()
        store.add_batch(batch(10, 10))
        assert store.count_documents() == 20
        assert store.delete_collection("default")
        assert store.list_collections() == []


# ------------------------------------------------------------------------------- the wrong kind of place


def test_a_directory_that_holds_other_things_is_refused_and_nothing_is_written_into_it(tmp_path):
    (tmp_path / "thesis.tex").write_text("words")
    (tmp_path / "figures").mkdir()
    for _ in range(2):
        with pytest.raises(ConfigError, match=re.escape(str(tmp_path)) + r".*figures"):
            opened(tmp_path).initialize()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["figures", "thesis.tex"]


def test_an_empty_directory_and_one_that_does_not_exist_become_stores(tmp_path):
    for path in (tmp_path / "empty", tmp_path / "not" / "there"):
        if path.name == "empty":
            path.mkdir()
        with opened(path) as store:
            store.create_collection("default", D)
        with opened(path) as store:
            assert store.list_collections() == ["default"]


@pytest.mark.parametrize("place", ["LOCK", "collections"])
def test_what_an_interrupted_first_open_left_is_a_store(tmp_path, place):
    (tmp_path / place).touch() if place == "LOCK" else (tmp_path / place).mkdir()
    with opened(tmp_path) as store:
        assert store.list_collections() == []


def test_other_files_beside_the_collections_are_left_alone(tmp_path):
    with opened(tmp_path) as store:
        store.create_collection("default", D)
    kept = [
        tmp_path / "notes.txt",
        tmp_path / "collections" / ".DS_Store",
        tmp_path / "collections" / "x.txt",
    ]
    for file in kept:
        file.write_text("kept")
    (tmp_path / "collections" / ".hidden").mkdir()
    with opened(tmp_path) as store:
        assert store.list_collections() == ["default"]
    assert (tmp_path / "collections" / ".hidden").is_dir()
    assert all(file.read_text() == "kept" for file in kept)


@pytest.mark.parametrize("below", ["", "store", "deep/store"])
def test_a_path_that_is_a_file_or_lies_below_one_is_refused(tmp_path, below):
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(ConfigError, match=re.escape(str(file / below))):
        opened(file / below).initialize()
    assert file.read_text() == "kept"


READ_ONLY = """
import os, sys
from pygent_vec import BackendError, SyncVectorStore
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)  # root passes over modes
try:
    SyncVectorStore(FaissStore(FaissConfig(path=sys.argv[1]))).initialize()
except BackendError as error:
    assert type(error) is BackendError and "writable" in str(error) and sys.argv[1] in str(error), error
    print("refused")
"""


@pytest.mark.parametrize("state", ["empty", "a store", "missing"])
def test_a_directory_that_may_not_be_written_is_refused(tmp_path, state):
    path = tmp_path / "store"
    path.mkdir()
    if state == "a store":
        with opened(path) as store:
            store.create_collection("default", D)
            store.add_batch(batch(0, 5))
        for below in path.rglob("*"):
            below.chmod(0o555 if below.is_dir() else 0o444)
    path.chmod(0o555)
    # The child is another user where this one is root: it must get through to the directory.
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o055)
    wanted = path / "below" if state == "missing" else path
    try:
        assert run(READ_ONLY, wanted).stdout == "refused\n"
    finally:
        for below in (path, *path.rglob("*")):
            below.chmod(0o755)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("hnsw", {"nlist": 8}, r"'hnsw' has no option 'nlist'"),
        ("hnsw", {"ef_constuction": 8}, r"did you mean 'ef_construction'"),
        ("ivf_flat", {"m": 8}, r"'ivf_flat' has no option 'm'"),
        ("flat", {"m": 8}, r"'flat' has no options"),
        ("hnsw", {"m": 1}, "out of range"),
        ("hnsw", {"ef_construction": 1 << 40}, "out of range"),
        ("auto", {"m": 2.5}, "must be an integer"),
    ],
)
def test_an_index_option_that_does_not_fit_is_refused_before_anything_is_made(tmp_path, kind, options, words):
    with opened(tmp_path) as store:
        with pytest.raises(ConfigError, match=words):
            store.create_collection("default", D, index=IndexSpec(kind, options=options))
        assert store.list_collections() == []
        assert list((tmp_path / "collections").iterdir()) == []


# ----------------------------------------------------------------------------------------- other holders

HOLDER = """
import sys
from pygent_vec import SyncVectorStore
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore
store = SyncVectorStore(FaissStore(FaissConfig(path=sys.argv[1])))
store.initialize()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_holder_is_gone(tmp_path):
    with opened(tmp_path) as store:
        store.create_collection("default", D)
        store.add_batch(batch(0, 5))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(
            StoreLockedError, match=rf"process {holder.pid} on host '{socket.gethostname()}' since"
        ):
            opened(tmp_path).initialize()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with opened(tmp_path) as store:
        assert store.count_documents() == 5


def test_a_second_store_of_the_same_process_is_refused_until_the_first_is_closed(tmp_path):
    second = opened(tmp_path)
    with opened(tmp_path):
        with pytest.raises(StoreLockedError, match=f"process {os.getpid()}"):
            second.initialize()
        with pytest.raises(StoreLockedError):
            second.initialize()
    with second as store:
        assert store.list_collections() == []


# ------------------------------------------------------------------------------------------ without close

UNCLOSED = """
import sys
import numpy as np
from pygent_vec import SyncVectorStore, VectorBatch
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore
rows, building = int(sys.argv[2]), sys.argv[3] == "building"
store = SyncVectorStore(FaissStore(FaissConfig(path=sys.argv[1])))
store.initialize()
store.create_collection("default", 64, index="hnsw")
vectors = np.random.default_rng(0).standard_normal((rows, 64)).astype(np.float32)
store.add_batch(VectorBatch(ids=[str(row) for row in range(rows)], vectors=vectors))
if building:
    upkeep = store.store._collections["default"].parts.upkeep
    while upkeep.acquire(blocking=False):  # until the background has it
        upkeep.release()
print("written", flush=True)
"""


@pytest.mark.parametrize("when", ["idle", "building"])
def test_a_process_that_ends_without_closing_ends_well_and_loses_nothing(tmp_path, when):
    rows = 20_000 if when == "building" else 50
    assert run(UNCLOSED, tmp_path, rows, when).stdout == "written\n"
    with opened(tmp_path) as store:
        assert store.count_documents() == rows
