"""Searches on a streaming replica: they see what it has received, and writes do not need it."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import attrs
import pytest

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec.errors import BackendError, BackendUnavailableError
from pygent_vec_postgres.server.account import unprivileged
from pygent_vec_postgres.server.binaries import binaries, reachable
from pygent_vec_postgres.server.embedded import EmbeddedServer

from .harness import Server, made, socket_dsn, until


@attrs.define(kw_only=True)
class Replica:
    """A standby of the session's server."""

    server: EmbeddedServer
    primary: Server

    @property
    def dsn(self) -> str:
        return socket_dsn(self.server.host)

    async def caught_up(self) -> None:
        """Wait until the replica has replayed all that the primary has written."""
        position = await asyncio.to_thread(self.primary.value, "SELECT pg_current_wal_lsn()::text")
        await until(lambda: self.ask("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", position))

    async def ask(self, statement: str, *arguments: object) -> object:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def replica(server: Server) -> Iterator[Replica]:
    if server.own is None:
        pytest.skip("needs the embedded server")
    account = unprivileged()
    with tempfile.TemporaryDirectory(prefix="pygent-vec-test-") as name:
        root = Path(name) / "replica"
        Path(name).chmod(0o755)
        root.mkdir(mode=0o700)
        account.own(root)
        (root / "start.lock").touch()
        program = reachable(binaries(), account) / "pg_basebackup"
        command = [str(program), "-h", server.own.host, "-U", "postgres"]
        account.run([*command, "-D", str(root / "data"), "-R", "-X", "stream", "-c", "fast"])
        standby = EmbeddedServer(root)
        standby.start()
        try:
            yield Replica(server=standby, primary=server)
        finally:
            standby.stop()


def query(**more: object) -> VectorQuery:
    return VectorQuery(query_vector=[1, 0], **more)


def test_searches_see_what_the_replica_has_received(replica: Replica, settings):
    async def run() -> None:
        async with made(settings, read_dsn=replica.dsn) as store:
            await store.create_collection("default", 2)
            await store.add_documents([VectorDocument(id="old", embedding=[1, 0], metadata={"a": 1})])
            await replica.caught_up()
            assert [hit.document.id for hit in await store.search_similar(query())] == ["old"]
            await replica.ask("SELECT pg_wal_replay_pause()")
            try:
                await store.add_documents([VectorDocument(id="new", embedding=[1, 0], metadata={"a": 1})])
                found = await store.search_similar(query(metadata_filter={"a": 1}))
                assert [hit.document.id for hit in found] == ["old"], "the replica answers searches"
                assert (await store.get_document("new")).id == "new", "the primary answers the rest"
                assert await store.count_documents() == 2
            finally:
                await replica.ask("SELECT pg_wal_replay_resume()")
            await replica.caught_up()
            assert len(await store.search_similar(query())) == 2

    asyncio.run(run())


def test_a_collection_that_the_replica_has_not_heard_of_is_searched_on_the_primary(
    replica: Replica, settings
):
    async def run() -> None:
        async with made(settings, read_dsn=replica.dsn) as store:
            await replica.ask("SELECT pg_wal_replay_pause()")
            try:
                await store.create_collection("default", 2)
                await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
                assert len(await store.search_similar(query())) == 1
            finally:
                await replica.ask("SELECT pg_wal_replay_resume()")

    asyncio.run(run())


def test_a_store_opened_on_the_replica_alone_reads_and_refuses_writes(replica: Replica, settings):
    async def run() -> None:
        async with made(settings) as store:
            await store.create_collection("default", 2)
            await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
        await replica.caught_up()
        async with made({**settings, "dsn": replica.dsn}) as store:
            assert len(await store.search_similar(query(metadata_filter={"x": {"$exists": False}}))) == 1
            for call in (
                lambda: store.add_documents([VectorDocument(id="b", embedding=[1, 0])]),
                lambda: store.create_collection("b", 2),
                lambda: store.delete_documents(["a"]),
                store.optimize,
            ):
                with pytest.raises(BackendError, match="takes no writes"):
                    await call()
            report = await store.health_check()
            assert [problem.what for problem in report.problems] == ["the server takes no writes"]

    asyncio.run(run())


def test_a_dead_replica_ends_searches_by_name_and_nothing_else(replica: Replica, settings):
    async def run() -> None:
        async with made(settings, read_dsn=replica.dsn) as store:
            await store.create_collection("default", 2)
            await store.add_documents([VectorDocument(id="a", embedding=[1, 0])])
            await replica.caught_up()
            os.kill(replica.server.running.pid, signal.SIGKILL)
            with pytest.raises(BackendUnavailableError):
                await store.search_similar(query())
            await store.add_documents([VectorDocument(id="b", embedding=[1, 0])])
            assert await store.count_documents() == 2
            report = await store.health_check()
            assert any("replica" in problem.what for problem in report.problems)
            await asyncio.to_thread(replica.server.start)
            await replica.caught_up()
            assert len(await store.search_similar(query())) == 2
            assert (await store.health_check()).status == "healthy"

    asyncio.run(run())
