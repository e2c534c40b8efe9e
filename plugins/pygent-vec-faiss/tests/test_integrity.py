import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygent_vec_faiss.storage.integrity import (
    Acknowledged,
    ManifestState,
    content_checksum,
    fold,
    head_checksum,
    manifest_state,
    replace_file,
    row_checksum,
    write_manifest,
)

ROW = {
    "key": b"id-1",
    "content": b"text",
    "metadata": b'{"a":1}',
    "own": b'["t"]',
    "created_at": 5,
    "updated_at": -6,
}


def flipped(body: bytes):
    for place in range(len(body)):
        for bit in range(8):
            yield body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]


@pytest.mark.parametrize("name", ["key", "content", "metadata", "own"])
def test_every_flipped_bit_of_a_row_changes_its_checksum(name):
    assert all(row_checksum(**{**ROW, name: body}) != row_checksum(**ROW) for body in flipped(ROW[name]))


@pytest.mark.parametrize("name", ["created_at", "updated_at"])
def test_every_flipped_bit_of_an_instant_changes_the_checksum(name):
    assert all(
        row_checksum(**{**ROW, name: ROW[name] ^ 1 << bit}) != row_checksum(**ROW) for bit in range(63)
    )


def test_the_halves_of_a_row_checksum_are_those_of_its_parts():
    head = {name: value for name, value in ROW.items() if name != "content"}
    assert row_checksum(**ROW) == head_checksum(**head) << 32 | content_checksum(ROW["content"])
    assert 0 <= row_checksum(**ROW) < 2**63


def test_text_that_moves_between_two_columns_changes_the_checksum():
    moved = {**ROW, "key": ROW["key"] + ROW["own"], "own": b""}
    assert row_checksum(**moved) != row_checksum(**ROW)
    assert row_checksum(**{**ROW, "own": None}) != row_checksum(**{**ROW, "own": b""})


@given(
    st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**63 - 1)), min_size=1, max_size=20),
    st.randoms(),
)
def test_a_fold_does_not_depend_on_order_and_adds_up(pairs, random):
    def folded(some):
        return fold(*np.array(some, dtype=np.int64).reshape(-1, 2).T)

    shuffled = random.sample(pairs, len(pairs))
    assert folded(shuffled) == folded(pairs)
    assert (folded(pairs[:1]) + folded(pairs[1:])) % 2**64 == folded(pairs)


def test_a_fold_binds_each_checksum_to_its_slot():
    slots, checksums = np.array([0, 1]), np.array([111, 222])
    assert fold(slots, checksums) != fold(slots, checksums[::-1])


def test_a_manifest_knows_its_file_again(tmp_path):
    file, manifest = tmp_path / "file", tmp_path / "clean.json"
    file.write_bytes(b"x" * 3_000_000)
    assert manifest_state(manifest, file) is ManifestState.UNKNOWN
    write_manifest(manifest, file)
    assert manifest_state(manifest, file) is ManifestState.INTACT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.json", "file"]
    for body in (b"x" * 2_999_999, b"x" * 2_999_999 + b"y"):
        file.write_bytes(body)
        assert manifest_state(manifest, file) is ManifestState.DIFFERENT


def test_a_damaged_manifest_proves_nothing(tmp_path):
    file, manifest = tmp_path / "file", tmp_path / "clean.json"
    file.write_bytes(b"body")
    write_manifest(manifest, file)
    body = manifest.read_bytes()
    for damaged in (*flipped(body), *(body[:size] for size in range(len(body)))):
        manifest.write_bytes(damaged)
        assert manifest_state(manifest, file) is ManifestState.UNKNOWN


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    replace_file(path, b"old")

    def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pygent_vec_faiss.storage.integrity.os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_last_acknowledged_commit_is_read_back(tmp_path):
    path = tmp_path / "acknowledged"
    assert Acknowledged.last(path) == 0
    file = Acknowledged(path)
    assert Acknowledged.last(path) == 0
    for sequence in (1, 2, 2**40):
        file.write(sequence)
        assert Acknowledged.last(path) == sequence
    file.close()
    assert path.stat().st_size == 16


def test_a_damaged_record_of_acknowledged_commits_proves_nothing(tmp_path):
    path = tmp_path / "acknowledged"
    file = Acknowledged(path)
    file.write(7)
    file.close()
    for damaged in flipped(path.read_bytes()):
        path.write_bytes(damaged)
        assert Acknowledged.last(path) == 0
