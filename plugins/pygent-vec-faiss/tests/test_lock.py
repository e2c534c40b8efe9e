import errno
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pygent_vec.errors import BackendError, ConfigError, StoreLockedError
from pygent_vec_faiss.storage.lock import DirectoryLock

HOLDER = """
import sys
from pathlib import Path
from pygent_vec_faiss.storage.lock import DirectoryLock
DirectoryLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of tmp_path."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_lock_of_the_same_process_is_refused_and_names_the_holder(tmp_path):
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    with pytest.raises(StoreLockedError) as caught:
        second.acquire()
    assert f"process {os.getpid()} on host {socket.gethostname()!r} since 2" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    first.release()
    second.acquire()
    second.release()


def test_a_lock_of_another_process_is_refused_and_names_it(tmp_path, holder):
    with pytest.raises(StoreLockedError, match=rf"process {holder.pid} on host"):
        DirectoryLock(tmp_path).acquire()


def test_the_lock_of_a_killed_holder_is_free(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    assert f'"pid": {os.getpid()}' in lock.path.read_text()
    lock.release()


FORKER = """
import os, sys
from pathlib import Path
from pygent_vec.errors import StoreLockedError
from pygent_vec_faiss.storage.lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
lock.acquire()
child = os.fork()
if not child:
    lock.release()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
try:
    DirectoryLock(Path(sys.argv[1])).acquire()
except StoreLockedError as error:
    assert f"process {os.getpid()} " in str(error), error
else:
    raise SystemExit("the lock was free")
"""


def test_a_forked_child_that_releases_does_not_free_its_parents_lock(tmp_path):
    subprocess.run([sys.executable, "-c", FORKER, tmp_path], check=True)


def test_acquire_and_release_are_idempotent(tmp_path):
    lock = DirectoryLock(tmp_path)
    lock.release()
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()
    DirectoryLock(tmp_path).acquire()


def test_missing_parents_are_made(tmp_path):
    lock = DirectoryLock(tmp_path / "a" / "b")
    lock.acquire()
    assert (tmp_path / "a" / "b" / "LOCK").is_file()
    lock.release()


@pytest.mark.parametrize("below", ["", "store", "deep/store"])
def test_a_path_that_is_a_file_or_lies_below_one_is_a_configuration_error(tmp_path, below):
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(ConfigError, match=re.escape(str(file / below))):
        DirectoryLock(file / below).acquire()
    assert file.read_text() == "kept"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_directory_that_cannot_be_written_is_a_backend_error(tmp_path, monkeypatch, code):
    # Root passes over modes, so the refusal is played.
    def refuse(path, *_):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr("pygent_vec_faiss.storage.lock.os.open", refuse)
    with pytest.raises(BackendError, match="writable") as caught:
        DirectoryLock(tmp_path).acquire()
    assert isinstance(caught.value.__cause__, OSError)


def test_a_holder_that_cannot_be_read_is_still_a_lock(tmp_path):
    first = DirectoryLock(tmp_path)
    first.acquire()
    Path(first.path).write_bytes(b"\xff torn")
    with pytest.raises(StoreLockedError, match="another process"):
        DirectoryLock(tmp_path).acquire()
    first.release()
