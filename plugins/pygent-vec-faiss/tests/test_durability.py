import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pygent_vec.contract import WriteMode
from pygent_vec.errors import CorruptStoreError, PygentVecError
from pygent_vec.model import Projection, VectorBatch
from pygent_vec_faiss.storage.documents import DocumentTable
from pygent_vec_faiss.storage.vectors import VectorFile, VectorState

D = 16
KEPT = 4
ROWS = 7


def batch(number: int) -> VectorBatch:
    ids = [f"{number % (2 * KEPT)}-{row}" for row in range(ROWS)]
    return VectorBatch(
        ids=ids,
        vectors=np.full((ROWS, D), number, np.float32),
        contents=[f"text {number} " + "x" * (300 * (number % 5)) for _ in ids],
        metadatas=[{"number": number} for _ in ids],
        created_at=np.full(ROWS, 1),
        updated_at=np.full(ROWS, number),
    )


class Pair:
    """A documents table and its vector file, written to as a collection does."""

    def __init__(self, folder: Path, table: DocumentTable, file: VectorFile) -> None:
        self.folder, self.table, self.file = folder, table, file

    @classmethod
    def create(cls, folder: Path) -> "Pair":
        file = VectorFile.create(folder, dimension=D)
        return cls(folder, DocumentTable.create(folder, settings={"dimension": D}, vectors=file.state), file)

    @classmethod
    def open(cls, folder: Path) -> "Pair":
        table = DocumentTable.open(folder)
        try:
            return cls(folder, table, VectorFile.open(folder, dimension=D, state=table.vectors))
        except PygentVecError:
            table.close()
            raise

    def write(self, number: int) -> None:
        """Write batch *number*, and delete another: after it the batches (number - KEPT, number] are there."""
        documents = batch(number)
        plan = self.table.plan(documents.ids, WriteMode.OVERWRITE)
        first = self.file.append(documents.vectors)
        try:
            with self.table.transaction() as change:
                change.write(plan, documents, first)
                change.delete(
                    self.table.slots_of(batch(number - KEPT).ids) if number >= KEPT else np.empty(0, np.int64)
                )
                change.set("number", number)
                change.commit(self.file.state)
        except PygentVecError:
            self.file.undo_append()
            raise

    def check(self) -> int:
        """Return the last batch that is there, after comparing everything with what was written."""
        number = self.table.settings.get("number", -1)
        found = self.table.scan(None, 10_000, Projection())
        expected = {}
        for wanted in range(max(0, number - KEPT + 1), number + 1):
            documents = batch(wanted)
            for row, key in enumerate(documents.ids):
                expected[key] = (documents.contents[row], {"number": wanted}, 1, wanted, float(wanted))
        vectors = self.file.rows(np.array(found.slots, dtype=np.int64))
        assert (vectors == vectors[:, :1]).all()
        rows = found.rows
        columns = (rows.contents, rows.metadatas, rows.created_at, rows.updated_at, vectors[:, 0].tolist())
        assert dict(zip(rows.ids, zip(*columns, strict=True), strict=True)) == expected
        assert self.table.fetch_ids(list(expected), Projection()).rows.contents == [
            row[0] for row in expected.values()
        ]
        assert self.table.alive_slots().tolist() == sorted(found.slots)
        assert self.table.count == len(expected)
        assert self.file.count == ROWS * (number + 1)
        return number

    def close(self) -> None:
        self.table.close()
        self.file.close()


WRITER = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("durability", sys.argv[1])
durability = importlib.util.module_from_spec(spec)
spec.loader.exec_module(durability)
pair = durability.Pair.open(Path(sys.argv[2]))
number = pair.check()
print(number, flush=True)
while True:
    number += 1
    pair.write(number)
    print(number, flush=True)
    if number % 9 == 0:
        pair.table._database.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
"""


def test_acknowledged_batches_survive_a_kill_at_any_instant(tmp_path):
    live, copy = tmp_path / "live", tmp_path / "copy"
    live.mkdir()
    Pair.create(live).close()
    random, found = np.random.default_rng(7), -1
    for _ in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, __file__, live], stdout=subprocess.PIPE, text=True
        ) as process:
            lines = [process.stdout.readline() for _ in range(int(random.integers(2, 30)))]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        acknowledged = int([line for line in lines if line.endswith("\n")][-1])
        # The next writer goes on from what the kill left; the copy is for this look at it.
        shutil.copytree(live, copy)
        pair = Pair.open(copy)
        found = pair.check()
        pair.close()
        shutil.rmtree(copy)
        assert found - acknowledged in (0, 1)
    assert found > 15


def left(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder but SQLite's shared memory, which holds no data."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def put(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, body in files.items():
        (folder / name).write_bytes(body)


LAST = 8


@pytest.fixture(scope="module", params=["closed", "killed", "killed after a checkpoint", "killed with both"])
def files(request, tmp_path_factory):
    """The files of a store after a clean close, or as a kill leaves them."""
    folder = tmp_path_factory.mktemp("store")
    pair = Pair.create(folder)
    for number in range(LAST + 1):
        pair.write(number)
        if (request.param, number) in {("killed after a checkpoint", LAST), ("killed with both", LAST - 3)}:
            pair.table._database.writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    found = left(folder)
    pair.close()
    return left(folder) if request.param == "closed" else found


def outcome(folder: Path, files: dict[str, bytes], damaged: str) -> str:
    """Open a store of *files*: it is repaired with nothing lost, or refused and the *damaged* file left as it is."""
    put(folder, files)
    try:
        pair = Pair.open(folder)
    except CorruptStoreError:
        # Where the documents are whole, closing their table again may move the log into it.
        mine = {damaged} if damaged.startswith("vectors") else set(files)
        assert {name: left(folder).get(name) for name in mine} == {name: files.get(name) for name in mine}
        return "corrupt"
    assert pair.check() == LAST
    pair.close()
    again = Pair.open(folder)
    assert again.check() == LAST
    again.close()
    return "repaired"


def test_files_without_damage_open(tmp_path, files):
    assert outcome(tmp_path / "store", files, "") == "repaired"
    assert set(files) >= {"documents.sqlite3", "vectors-0.f32", "acknowledged"}


def test_a_flipped_bit_is_repaired_or_refused_and_never_a_wrong_answer(tmp_path, files):
    random, outcomes = np.random.default_rng(1), {}
    for name, body in files.items():
        places = (
            {*range(0, min(100, len(body)), 2), *random.integers(0, len(body), 50).tolist()}
            if body
            else set()
        )
        seen = outcomes[name] = set()
        for place in sorted(places):
            bit = 1 << int(random.integers(8))
            damaged = body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]
            seen.add(outcome(tmp_path / "store", {**files, name: damaged}, name))
    assert outcomes["acknowledged"] == outcomes.get("clean.json", {"repaired"}) == {"repaired"}
    assert outcomes["vectors-0.f32"] == {"corrupt"}
    # Of the table and its log one is read, the other may be covered by it.
    assert "corrupt" in outcomes["documents.sqlite3"] | outcomes.get("documents.sqlite3-wal", set())


def test_a_file_that_was_cut_short_is_repaired_or_refused(tmp_path, files):
    for name, body in files.items():
        for size in {0, 1, len(body) // 2, len(body) - 1} - {-1, len(body)}:
            result = outcome(tmp_path / "store", {**files, name: body[: max(0, size)]}, name)
            if size <= 1 and name in {"documents.sqlite3", "vectors-0.f32"}:
                assert result == "corrupt"


def test_a_missing_file_is_repaired_or_refused(tmp_path, files):
    for name in files:
        result = outcome(tmp_path / "store", {key: body for key, body in files.items() if key != name}, name)
        if name in {"documents.sqlite3", "vectors-0.f32"}:
            assert result == "corrupt"


def test_a_lost_log_is_refused_while_commits_of_it_were_acknowledged(tmp_path):
    pair = Pair.create(tmp_path)
    pair.write(0)
    pair.table._database.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    pair.write(1)
    files = left(tmp_path)
    pair.close()
    put(tmp_path / "lost", {name: body for name, body in files.items() if not name.endswith("-wal")})
    with pytest.raises(
        CorruptStoreError, match=r"commit 3 was acknowledged, and the database ends at commit 2"
    ):
        Pair.open(tmp_path / "lost")


def test_a_store_of_an_older_database_and_newer_vectors_is_cut_to_the_database(tmp_path, files):
    tail = {**files, "vectors-0.f32": files["vectors-0.f32"] + b"\x01" * 1000}
    assert outcome(tmp_path / "store", tail, "") == "repaired"


FULL = """
import importlib.util, resource, sys
from pathlib import Path
from pygent_vec.errors import BackendError
spec = importlib.util.spec_from_file_location("durability", sys.argv[1])
durability = importlib.util.module_from_spec(spec)
spec.loader.exec_module(durability)
pair = durability.Pair.create(Path(sys.argv[2]))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
limit = 120_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
number, failures = 0, 0
while failures < 6:
    try:
        pair.write(number)
        number += 1
    except BackendError as error:
        assert error.__cause__ is not None and not error.transient and "space" in str(error), error
        failures += 1
        assert pair.check() == number - 1
        if failures % 2 == 0:
            limit += 60_000
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
print(number)
if sys.argv[3] == "close":
    pair.close()
"""


@pytest.mark.parametrize("end", ["close", "exit"])
def test_a_full_disk_refuses_batches_as_a_whole_and_the_store_goes_on(tmp_path, end):
    done = subprocess.run(
        [sys.executable, "-c", FULL, __file__, tmp_path, end], check=True, stdout=subprocess.PIPE, text=True
    )
    pair = Pair.open(tmp_path)
    assert pair.check() == int(done.stdout) - 1 > 3
    pair.close()


def test_a_commit_that_failed_half_way_stays_undone(tmp_path):
    """The log holds the whole commit, its synchronisation failed: it must not come back with another's vectors."""
    pair = Pair.create(tmp_path)
    pair.write(0)
    ghost = left(tmp_path)
    pair.write(1)
    frames = left(tmp_path)["documents.sqlite3-wal"][len(ghost["documents.sqlite3-wal"]) :]
    pair.close()
    put(tmp_path / "store", ghost)
    pair = Pair.open(tmp_path / "store")
    log = tmp_path / "store" / "documents.sqlite3-wal"
    pair.table._ledger._in_doubt = True
    with log.open("ab") as raw:
        raw.write(frames)
    pair.table.plan(["x"], WriteMode.ERROR)  # settles before anything is appended
    pair.file.append(batch(2).vectors)
    after = left(tmp_path / "store")
    pair.close()
    put(tmp_path / "crashed", after)
    pair = Pair.open(tmp_path / "crashed")
    assert pair.check() == 0
    pair.close()


def test_a_failure_to_record_an_acknowledgement_does_not_fail_a_durable_commit(tmp_path, monkeypatch):
    pair = Pair.create(tmp_path)

    def refuse(_self, _sequence):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pygent_vec_faiss.storage.integrity.Acknowledged.write", refuse)
    pair.write(0)
    assert pair.check() == 0
    pair.close()
    again = Pair.open(tmp_path)
    assert again.check() == 0
    again.close()


def test_a_clean_close_leaves_no_log_and_one_manifest_that_the_next_open_uses_up(tmp_path):
    pair = Pair.create(tmp_path)
    pair.write(0)
    pair.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "acknowledged",
        "clean.json",
        "documents.sqlite3",
        "vectors-0.f32",
    ]
    again = Pair.open(tmp_path)
    assert not (tmp_path / "clean.json").exists()
    again.close()
    assert (tmp_path / "clean.json").exists()


def test_a_vector_state_of_nothing_has_the_digest_of_nothing():
    assert (
        VectorState(generation=0).digest == 0x2D06800538D394C2
    )  # xxh3_64 of no bytes, from its specification
