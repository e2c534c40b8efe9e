import subprocess
import sys

import attrs
import numpy as np
import pytest

from pygent_vec.errors import BackendError, CorruptStoreError
from pygent_vec_faiss.storage.vectors import VectorFile, VectorState

D = 5


def matrix(rows: int, seed: int = 0):
    """Random bits: NaN payloads, infinities and denormals among them."""
    return np.random.default_rng(seed).integers(0, 2**32, (rows, D), dtype=np.uint32).view(np.float32)


def bits(array):
    return array.view(np.uint32).tolist()


@pytest.fixture
def file(tmp_path):
    file = VectorFile.create(tmp_path, dimension=D)
    yield file
    file.close()


def test_rows_come_back_bit_for_bit_by_every_way(file):
    given = matrix(1000)
    assert [file.append(given[start : start + 100]) for start in range(0, 1000, 100)] == list(
        range(0, 1000, 100)
    )
    slots = np.array([5, 999, 0, 6, 5])
    many = np.concatenate((np.arange(300, 800), np.arange(999, 0, -7), [3, 3]))
    out = np.empty((7, D), dtype=np.float32)
    file.read_into(out, 993)
    assert bits(file.matrix()) == bits(given)
    assert bits(file.rows(slots)) == bits(given[slots])
    assert bits(file.rows(many)) == bits(given[many])
    assert bits(out) == bits(given[993:])
    pieces = [(first, piece.copy()) for first, piece in file.chunks(7, rows=64)]
    assert [first for first, _ in pieces] == list(range(7, 1000, 64))
    assert bits(np.concatenate([piece for _, piece in pieces])) == bits(given[7:])


def test_an_empty_file_has_no_rows(file):
    assert file.matrix().shape == (0, D)
    assert file.rows(np.empty(0, dtype=np.int64)).shape == (0, D)
    assert list(file.chunks()) == []
    assert file.append(matrix(0)) == 0
    assert file.state == VectorState(generation=0)


def test_the_map_is_read_only_and_older_views_stay_valid(tmp_path):
    file = VectorFile.create(tmp_path, dimension=D)
    given = matrix(2000)
    file.append(given[:1])
    first = file.matrix()
    assert file.matrix() is first
    file.append(given[1:])
    assert bits(file.matrix()) == bits(given)
    file.close()
    assert bits(first) == bits(given[:1])
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_a_gather_behind_the_end_is_an_error(file):
    file.append(matrix(3))
    with pytest.raises(CorruptStoreError, match=r"vectors-0\.f32"):
        file.rows(np.array([3]))


def test_a_file_is_opened_at_its_watermark_and_goes_on(tmp_path, file):
    given = matrix(50)
    file.append(given[:30])
    again = VectorFile.open(tmp_path, dimension=D, state=file.state)
    assert again.state == file.state
    assert again.append(given[30:]) == 30
    file.append(given[30:])
    assert again.state == file.state
    again.close()


@pytest.mark.parametrize("torn", [1, D * 4, 1000])
def test_a_torn_tail_is_cut_off_at_open(tmp_path, file, torn):
    file.append(matrix(10))
    state = file.state
    with file.path.open("ab") as raw:
        raw.write(b"\xaa" * torn)
    again = VectorFile.open(tmp_path, dimension=D, state=state)
    assert again.path.stat().st_size == 10 * D * 4
    assert bits(again.matrix()) == bits(matrix(10))
    again.close()


@pytest.mark.parametrize("size", [0, 1, 10 * D * 4 - 1])
def test_a_truncated_file_is_corrupt_and_is_left_as_it_is(tmp_path, file, size):
    file.append(matrix(10))
    state = file.state
    with file.path.open("r+b") as raw:
        raw.truncate(size)
    with pytest.raises(CorruptStoreError, match=r"10 committed vectors"):
        VectorFile.open(tmp_path, dimension=D, state=state)
    assert file.path.stat().st_size == size


def test_every_flipped_byte_below_the_watermark_is_corrupt(tmp_path, file):
    file.append(matrix(10))
    state, body = file.state, file.path.read_bytes()
    for place in range(len(body)):
        file.path.write_bytes(body[:place] + bytes([body[place] ^ 0x10]) + body[place + 1 :] + b"tail")
        with pytest.raises(CorruptStoreError, match="checksum"):
            VectorFile.open(tmp_path, dimension=D, state=state)
    assert file.path.read_bytes().endswith(b"tail")


def test_a_missing_file_is_corrupt_and_is_not_made(tmp_path):
    with pytest.raises(CorruptStoreError, match="missing"):
        VectorFile.open(tmp_path, dimension=D, state=VectorState(generation=3, watermark=1))
    assert list(tmp_path.iterdir()) == []


def test_an_undone_append_leaves_the_state_and_is_written_over(tmp_path, file):
    given = matrix(30)
    file.append(given[:10])
    before = file.state
    file.append(matrix(20, seed=9))
    assert file.state != before
    file.undo_append()
    assert file.state == before
    assert bits(file.matrix()) == bits(given[:10])
    assert file.append(given[10:]) == 10
    assert bits(file.matrix()) == bits(given)
    again = VectorFile.open(tmp_path, dimension=D, state=file.state)
    again.close()


def test_a_digest_is_of_the_bytes_and_not_of_the_batches(tmp_path, file):
    given = matrix(40)
    for row in given:
        file.append(row[np.newaxis], durable=False)
    file.sync()
    (tmp_path / "other").mkdir()
    other = VectorFile.create(tmp_path / "other", dimension=D, generation=4)
    other.append(np.asfortranarray(given))
    assert other.state == attrs.evolve(file.state, generation=4)
    other.close()


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from pygent_vec.errors import BackendError
from pygent_vec_faiss.storage.vectors import VectorFile
file = VectorFile.create(Path(sys.argv[1]), dimension=4)
file.append(np.ones((10, 4), np.float32))
state, hard = file.state, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
try:
    file.append(np.full((1000, 4), 2, np.float32))
except BackendError as error:
    assert "disk space" in str(error) and error.__cause__.errno == 27, error
else:
    raise SystemExit("it was not refused")
assert file.state == state and file.path.stat().st_size == 160
assert file.append(np.full((5, 4), 3, np.float32)) == 10
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert file.append(np.full((1000, 4), 4, np.float32)) == 15
expected = np.repeat(np.array([1, 3, 4], np.float32), [10, 5, 1000])
assert (file.matrix() == expected[:, None]).all()
VectorFile.open(Path(sys.argv[1]), dimension=4, state=file.state)
"""


def test_a_full_disk_refuses_an_append_and_leaves_the_file_as_it_was(tmp_path):
    subprocess.run([sys.executable, "-c", FULL, tmp_path], check=True)


def test_a_failed_synchronisation_is_a_failed_append(file, monkeypatch):
    file.append(matrix(2))
    before = file.state

    def refuse(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pygent_vec_faiss.storage.vectors.os.fdatasync", refuse)
    with pytest.raises(BackendError, match="Input/output error"):
        file.append(matrix(3))
    assert file.state == before
    assert file.path.stat().st_size == 2 * D * 4


RESIDENT = """
import sys
from pathlib import Path
import numpy as np
from pygent_vec_faiss.storage.vectors import VectorFile
file = VectorFile.create(Path(sys.argv[1]), dimension=1024)
block = np.ones((1024, 1024), np.float32)
for _ in range(16):
    file.append(block, durable=False)
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1])
before = resident()
again = VectorFile.open(Path(sys.argv[1]), dimension=1024, state=file.state)
assert sum(len(piece) for _, piece in again.chunks()) == 16 * 1024
again.rows(np.arange(0, 16 * 1024, 100))
apart = resident() - before
again.matrix().sum()
assert apart < (resident() - before) / 4, (apart, resident() - before)
"""


def test_verifying_reading_and_gathering_do_not_map_the_file(tmp_path):
    subprocess.run([sys.executable, "-c", RESIDENT, tmp_path], check=True)
