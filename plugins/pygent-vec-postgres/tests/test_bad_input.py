"""Servers that are not as they should be: each is an error of its own kind, with its remedy, and nothing hangs."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest

from pygent_vec import VectorDocument
from pygent_vec.errors import (
    BackendError,
    BackendTimeoutError,
    BackendUnavailableError,
    ConfigError,
    PygentVecError,
)
from pygent_vec_postgres.schema.extension import find_extension
from pygent_vec_postgres.server import embedded
from pygent_vec_postgres.server.embedded import EmbeddedServer

from .harness import Server, free_port, made, socket_dsn


def opening(settings: dict[str, object], **more: object) -> PygentVecError:
    """Return the error of opening a store, after trying that it leaves nothing behind."""

    async def run() -> PygentVecError:
        store = made(settings, **more)
        with pytest.raises(PygentVecError) as first:
            await store.initialize()
        with pytest.raises(type(first.value)):
            await store.initialize()
        await store.close()
        return first.value

    return asyncio.run(run())


def role(server: Server, name: str, *grants: str) -> None:
    server.execute(
        f"DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$", *grants
    )


@pytest.fixture
def embedded_server(server: Server) -> Server:
    if server.own is None:
        pytest.skip("needs the embedded server, whose roles and databases it may make")
    return server


@pytest.fixture
def database(embedded_server: Server) -> Iterator[str]:
    """The name of a database without pgvector."""
    embedded_server.execute("CREATE DATABASE bare TEMPLATE template0")
    try:
        yield "bare"
    finally:
        embedded_server.execute("DROP DATABASE bare WITH (FORCE)")


def as_(server: Server, **more: str) -> dict[str, object]:
    base = server.dsn.replace("&user=postgres", "") if "user" in more else server.dsn
    extra = "".join(f"&{name}={value}" for name, value in more.items() if name != "database")
    if "database" in more:
        base = base.replace("postgresql:///postgres", f"postgresql:///{more['database']}")
    return {"dsn": base + extra, "schema": "bad_input"}


def test_nobody_listening_is_unavailable():
    error = opening({"host": "127.0.0.1", "port": 1, "user": "me", "database": "db"})
    assert isinstance(error, BackendUnavailableError)
    assert error.transient
    assert "check that it runs" in str(error)


def test_an_unknown_host_is_unavailable_and_no_retry_helps():
    error = opening({"dsn": "postgresql://me@no-such-host.invalid/db"})
    assert isinstance(error, BackendUnavailableError)
    assert not error.transient
    assert "settings dsn or host" in str(error)


@pytest.mark.parametrize("dsn", ["postgresql://host:port/db", "http://host/db", "no dsn at all"])
def test_a_dsn_that_cannot_be_read_is_a_config_error(dsn):
    assert isinstance(opening({"dsn": dsn}), ConfigError)


@pytest.mark.parametrize(
    "settings",
    [
        {"ssl_mode": "perhaps"},
        {"ssl_ca": "/no/such/file"},
        {"ssl_ca": "/etc/hostname", "ssl_mode": "disable"},
    ],
)
def test_bad_encryption_settings_are_config_errors(settings):
    error = opening({"host": "127.0.0.1", "port": 1, "user": "me", **settings})
    assert isinstance(error, ConfigError)
    assert "ssl_" in str(error)


def test_required_encryption_that_the_server_does_not_have_is_unavailable():
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        listening = {"listen_addresses": "127.0.0.1", "port": str(port)}
        plain = EmbeddedServer(Path(name) / "db", settings=listening)
        plain.start()
        try:
            parts = {"host": "127.0.0.1", "port": port, "user": "postgres", "database": "postgres"}
            error = opening({**parts, "ssl_mode": "require"})
        finally:
            plain.stop()
    assert isinstance(error, BackendUnavailableError)


def test_a_missing_database_is_named_with_the_remedy(embedded_server: Server):
    error = opening(as_(embedded_server, database="there_is_none"))
    assert isinstance(error, BackendUnavailableError)
    assert not error.transient
    assert "createdb" in str(error)


def test_a_wrong_password_is_not_transient_and_is_not_shown():
    with tempfile.TemporaryDirectory() as name:
        rules = Path(name) / "hba.conf"
        rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        Path(name).chmod(0o755)
        locked = EmbeddedServer(Path(name) / "db", settings={"hba_file": str(rules)})
        locked.start()
        try:
            server = SimpleNamespace(dsn=socket_dsn(locked.host), own=locked)
            Server.execute(_Plain(server.dsn), "CREATE ROLE me LOGIN PASSWORD 'right'")
            wrong = opening({"host": locked.host, "user": "me", "password": "geheim", "database": "postgres"})
            none = opening({"host": locked.host, "user": "me", "database": "postgres"})
        finally:
            locked.stop()
    for error in (wrong, none):
        assert isinstance(error, BackendUnavailableError)
        assert not error.transient
        assert "password" in str(error)
        assert "geheim" not in str(error)


class _Plain(Server):
    """A server that is already there."""

    def __init__(self, dsn: str) -> None:
        self.dsn, self.own = dsn, None


def test_a_role_that_may_create_nothing_is_told_what_it_needs(embedded_server: Server):
    role(embedded_server, "guest", "CREATE EXTENSION IF NOT EXISTS vector")
    error = opening(as_(embedded_server, user="guest"))
    assert isinstance(error, BackendError)
    assert "42501" in str(error)
    assert "grant" in str(error)


def test_a_role_that_may_not_add_pgvector_is_told_who_may(embedded_server: Server, database):
    role(embedded_server, "guest")
    error = opening(as_(embedded_server, user="guest", database=database))
    assert "let a superuser run in this database: CREATE EXTENSION vector" in str(error)


def test_a_role_with_no_rights_but_to_use_may_open_and_read(embedded_server: Server, settings):
    role(embedded_server, "reader")

    async def run() -> None:
        async with made(settings) as store:
            await store.create_collection("default", 2)
        name = settings["schema"]
        embedded_server.execute(
            f'GRANT USAGE ON SCHEMA "{name}" TO reader',
            f'GRANT SELECT ON ALL TABLES IN SCHEMA "{name}" TO reader',
        )
        async with made({**as_(embedded_server, user="reader"), "schema": name}) as store:
            assert await store.list_collections() == ["default"]
            with pytest.raises(BackendError, match="42501"):
                await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
            with pytest.raises(BackendError, match="42501"):
                await store.create_collection("other", 2)
            report = await store.health_check()
            assert [problem.what for problem in report.problems] == [
                "the role may not create tables in the schema, so no collections"
            ]

    asyncio.run(run())


def test_a_server_without_pgvector_is_told_how_to_install_it(embedded_server: Server, database):
    embedded_server.execute(f"ALTER DATABASE {database} SET extension_control_path = '/there/is/none'")
    error = opening(as_(embedded_server, database=database))
    assert isinstance(error, BackendError)
    assert "pgvector/pgvector" in str(error)


def test_a_pgvector_that_is_too_old_is_told_how_to_update_it(embedded_server: Server, database):
    async def age() -> None:
        connection = await asyncpg.connect(as_(embedded_server, database=database)["dsn"])
        await connection.execute("CREATE EXTENSION vector")
        await connection.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
        await connection.close()

    asyncio.run(age())
    error = opening(as_(embedded_server, database=database))
    assert "ALTER EXTENSION vector UPDATE" in str(error)


def test_a_pgvector_in_a_schema_of_its_own_is_found(embedded_server: Server, database):
    settings = as_(embedded_server, database=database)

    async def run() -> None:
        connection = await asyncpg.connect(settings["dsn"])
        await connection.execute('CREATE SCHEMA "Ext ensions"')
        await connection.execute('CREATE EXTENSION vector SCHEMA "Ext ensions"')
        await connection.close()
        async with made(settings) as store:
            await store.create_collection("default", 2)
            await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
            assert (await store.get_document("a")).embedding.tolist() == [1, 0]

    asyncio.run(run())


def test_a_server_that_is_too_old_is_refused():
    class Old:  # there is none to be had here
        def get_server_version(self) -> SimpleNamespace:
            return SimpleNamespace(major=12)

    with pytest.raises(BackendError, match="PostgreSQL 12, and 14 or newer is needed"):
        asyncio.run(find_extension(Old()))


def test_the_distributions_server_without_pgvector_is_refused(monkeypatch):
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no PostgreSQL of the distribution is installed")
    if list(Path("/usr/share/postgresql").glob("*/extension/vector.control")):
        pytest.skip("the distribution's PostgreSQL has pgvector")
    monkeypatch.setattr(embedded, "binaries", lambda: found[-1])
    error = opening({"embedded": True})
    assert "the server has no pgvector" in str(error)


def test_a_server_that_takes_no_writes_says_so(embedded_server: Server, settings):
    role(embedded_server, "writer", "ALTER ROLE writer SET default_transaction_read_only = on")

    async def run() -> None:
        async with made(settings) as store:
            await store.create_collection("default", 2)
        name = settings["schema"]
        embedded_server.execute(
            f'GRANT ALL ON SCHEMA "{name}" TO writer', f'GRANT ALL ON ALL TABLES IN SCHEMA "{name}" TO writer'
        )
        async with made({**as_(embedded_server, user="writer"), "schema": name}) as store:
            with pytest.raises(BackendError, match=r"takes no writes.*target_session_attrs") as caught:
                await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
            assert caught.value.transient
            report = await store.health_check()
            assert report.status == "degraded"
            assert report.problems[0].what == "the server takes no writes"

    asyncio.run(run())


def test_a_server_that_does_not_answer_is_given_up_in_time(server: Server):
    """A stopped server accepts the connection in the kernel, and then says nothing."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        frozen = EmbeddedServer(Path(name) / "db")
        frozen.start()
        pid = frozen.running.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            settings = {
                "host": frozen.host,
                "user": "postgres",
                "database": "postgres",
                "connect_timeout": 0.3,
            }
            error = opening(settings)
        finally:
            os.kill(pid, signal.SIGCONT)
            frozen.stop()
    assert isinstance(error, BackendTimeoutError)
    assert "0.3 seconds" in str(error)


def test_a_call_on_a_frozen_connection_is_given_up_in_time(embedded_server: Server, settings):
    async def run() -> None:
        async with made(settings, timeout=0.5) as store:
            await store.create_collection("default", 2)
            # The store's sessions are those that are neither the server's own nor this test's.
            pids = embedded_server.value(
                "SELECT array_agg(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            assert pids
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(BackendTimeoutError, match="0\\.5 seconds"):
                    await store.list_collections()
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
            assert await store.list_collections() == ["default"]

    asyncio.run(run())


def test_a_full_disk_is_said_and_nothing_acknowledged_is_lost(embedded_server: Server, settings):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        mounting = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", name]
        if subprocess.run(mounting, check=False, capture_output=True).returncode:
            pytest.skip("this system lets nobody mount a small disk")
        try:
            _fill(embedded_server, settings, Path(name))
        finally:
            embedded_server.drop(settings)
            embedded_server.execute("DROP TABLESPACE IF EXISTS small")
            subprocess.run(["umount", name], check=True)


def _fill(server: Server, settings: dict[str, object], place: Path) -> None:
    (place / "space").mkdir()
    owner = server.own.data.stat()
    os.chown(place / "space", owner.st_uid, owner.st_gid)
    server.execute(f"CREATE TABLESPACE small LOCATION '{place / 'space'}'")

    async def run() -> None:
        async with made(settings) as store:
            await store.create_collection("default", 1000)
            table = server.value(f'SELECT table_name FROM "{settings["schema"]}".pygent_vec_collections')
            server.execute(f'ALTER TABLE "{settings["schema"]}"."{table}" SET TABLESPACE small')
            written = []

            async def fill() -> None:
                for number in range(100):
                    ids = [f"{number:03}-{row:03}" for row in range(50)]
                    await store.add_documents([VectorDocument(id=one, embedding=[1.0] * 1000) for one in ids])
                    written.extend(ids)

            with pytest.raises(BackendError, match="free space") as caught:
                await fill()
            assert caught.value.transient
            assert written
            assert [one.id async for one in store.iter_documents()] == written

    asyncio.run(run())


def test_a_table_that_somebody_dropped_is_said(server: Server, settings):
    async def run() -> None:
        async with made(settings) as store:
            await store.create_collection("default", 2)
            table = server.value(f'SELECT table_name FROM "{settings["schema"]}".pygent_vec_collections')
            server.execute(f'DROP TABLE "{settings["schema"]}"."{table}"')
            with pytest.raises(BackendError, match=r"dropped by somebody else.*delete_collection"):
                await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
            assert await store.delete_collection("default")
            await store.create_collection("default", 3)
            assert await store.count_documents() == 0

    asyncio.run(run())


def test_a_schema_that_somebody_dropped_is_said_and_made_again_at_the_next_opening(server: Server, settings):
    async def run() -> None:
        async with made(settings) as store:
            await store.create_collection("default", 2)
            server.drop(settings)
            with pytest.raises(BackendError, match="open the store again"):
                await store.list_collections()
            assert (await store.health_check()).status == "unhealthy"
        async with made(settings) as store:
            assert await store.list_collections() == []

    asyncio.run(run())


def test_a_foreign_catalogue_is_refused_at_the_opening(server: Server, settings):
    server.execute(
        f'CREATE SCHEMA "{settings["schema"]}"',
        f'CREATE TABLE "{settings["schema"]}".pygent_vec_version (a int)',
    )
    assert "a schema of its own" in str(opening(settings))
