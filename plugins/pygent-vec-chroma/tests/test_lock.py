"""One store at a time has a directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pygent_vec import ConfigError, StoreLockedError

from .helpers import helper_pids, opened

_CHILD = """
import sys
from pygent_vec.sync import SyncVectorStore
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.store import ChromaStore
store = SyncVectorStore(ChromaStore(ChromaConfig(path=sys.argv[1])))
store.initialize()
store.create_collection("default", 4)
print("open", flush=True)
sys.stdin.read()
"""


def _child(path):
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"open\n"
    return child


def test_a_second_process_is_told_who_holds_the_directory(tmp_path):
    with _child(tmp_path / "store") as child:
        with pytest.raises(StoreLockedError, match=f"process {child.pid} on host"):
            opened(path=tmp_path / "store")
        child.kill()


def test_an_alias_of_the_directory_is_the_same_directory(tmp_path):
    (tmp_path / "alias").symlink_to(tmp_path / "store")
    with opened(path=tmp_path / "store"), pytest.raises(StoreLockedError):
        opened(path=tmp_path / "alias")


def test_a_directory_is_free_when_its_store_was_killed(tmp_path):
    with _child(tmp_path / "store") as child:
        child.kill()
        child.wait()
        with opened(path=tmp_path / "store") as store:
            assert store.list_collections() == ["default"]


def test_an_open_waits_for_the_helper_of_a_store_that_was_killed(tmp_path):
    path = tmp_path / "store"
    with _child(path) as child:
        (helper,) = _children_of(child.pid)
        os.kill(helper, signal.SIGSTOP)  # as if it were in the middle of a call
        child.kill()
        child.wait()
        waiting = threading.Timer(0.3, os.kill, (helper, signal.SIGCONT))
        waiting.start()
        with opened(path=path) as store:
            assert not waiting.is_alive() or waiting.finished.is_set()
            assert store.list_collections() == ["default"]
        waiting.join()


def test_a_store_that_could_not_be_opened_holds_nothing(tmp_path):
    path = tmp_path / "store"
    path.mkdir()
    (path / "chroma.sqlite3").write_bytes(b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(Exception, match="damaged"):
            opened(path=path)
    assert helper_pids() == []
    assert json.loads((path / "pygent-vec" / "LOCK").read_text() or "null") is None


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(ConfigError, match="path of a directory"):
        opened(path=tmp_path / "store")


def test_a_closed_store_leaves_no_process(tmp_path):
    for settings in ({}, {"path": tmp_path / "store"}):
        with opened(**settings) as store:
            store.create_collection("default", 4)
            assert len(helper_pids()) == 1
        assert helper_pids() == []


def _children_of(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
