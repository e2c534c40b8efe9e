"""What only this backend has: a file that may be another program's, and a directory that may be missing."""

import sqlite3

import pytest

from pygent_vec.errors import BackendTimeoutError, BackendUnavailableError, CorruptStoreError
from pygent_vec.sync import open_store


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "other") as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()
    before = (tmp_path / "other").read_bytes()
    with (
        pytest.raises(CorruptStoreError, match="no such table"),
        open_store("sqlite", path=tmp_path / "other"),
    ):
        pass
    assert (tmp_path / "other").read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "text").write_text("This is a text, and no database. " * 40)
    before = (tmp_path / "text").read_bytes()
    with pytest.raises(CorruptStoreError, match="no store"), open_store("sqlite", path=tmp_path / "text"):
        pass
    assert (tmp_path / "text").read_bytes() == before


def test_a_missing_directory_is_told(tmp_path):
    path = tmp_path / "missing" / "store"
    with pytest.raises(BackendUnavailableError, match="directory"), open_store("sqlite", path=path):
        pass


def test_a_write_that_waits_too_long_for_another_process_is_a_timeout(tmp_path):
    with open_store("sqlite", path=tmp_path / "store", timeout=0.1) as store:
        other = sqlite3.connect(tmp_path / "store", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackendTimeoutError) as caught:
            store.create_collection("default", 2)
        assert caught.value.transient
        other.execute("ROLLBACK")
        other.close()
        assert store.create_collection("default", 2).name == "default"
