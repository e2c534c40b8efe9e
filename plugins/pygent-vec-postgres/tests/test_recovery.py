"""The server dies and returns: calls fail by name meanwhile, later ones work, nothing acknowledged is lost."""

import asyncio
import os
import signal
import tempfile
from pathlib import Path

import asyncpg
import pytest

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec.errors import BackendError, BackendUnavailableError, CollectionNotFoundError

from .harness import Server, made, until


@pytest.fixture
def own(server: Server) -> Server:
    if server.own is None:
        pytest.skip("needs the embedded server, which may be killed")
    return server


def document(number: int, dimension: int = 2) -> VectorDocument:
    return VectorDocument(id=f"{number:04}", embedding=[1.0, float(number)] + [0.0] * (dimension - 2))


def test_calls_fail_while_the_server_is_down_and_work_when_it_is_back(own: Server, settings):
    async def run() -> None:
        async with made(settings) as store:
            await store.create_collection("default", 2)
            await store.add_documents([document(n) for n in range(10)])
            own.crash()
            calls = (
                lambda: store.add_documents([document(99)]),
                lambda: store.search_similar(VectorQuery(query_vector=[1, 0])),
                store.count_documents,
                lambda: store.create_collection("other", 2),
            )
            for call in calls:
                with pytest.raises(BackendUnavailableError) as caught:
                    await call()
                assert caught.value.transient
            report = await store.health_check()
            assert report.status == "unhealthy"
            own.own.start()
            assert await store.count_documents() == 10
            assert len(await store.search_similar(VectorQuery(query_vector=[1, 0], limit=20))) == 10
            assert (await store.health_check()).status == "healthy"

    asyncio.run(run())


def test_a_server_that_is_killed_again_and_again_loses_nothing_acknowledged(own: Server, settings):
    async def run() -> None:
        acknowledged = set()
        async with made(settings) as store:
            await store.create_collection("default", 2)
            stopped = False

            async def write(worker: int) -> None:
                number = 0
                while not stopped:
                    ids = [f"{worker}-{number}-{row}" for row in range(5)]
                    number += 1
                    batch = [VectorDocument(id=one, embedding=[1, 0]) for one in ids]
                    try:
                        await store.add_documents(batch)
                    except BackendError as error:
                        assert error.transient  # noqa: PT017  # any other kind is a failure of its own
                        await asyncio.sleep(0.01)
                    else:
                        acknowledged.update(ids)

            async with asyncio.TaskGroup() as writers:
                for worker in range(4):
                    writers.create_task(write(worker))
                for round_ in range(1, 4):
                    await until(lambda wanted=round_ * 100: len(acknowledged) >= wanted)
                    await asyncio.to_thread(own.kill)
                stopped = True
            there = {one.id async for one in store.iter_documents()}
            assert acknowledged <= there
            groups = {}
            for one in there:
                groups.setdefault(one.rpartition("-")[0], []).append(one)
            assert {len(group) for group in groups.values()} == {5}, "every batch is whole"

    asyncio.run(run())


def test_a_store_starts_its_own_server_again_after_it_was_killed():
    async def run(place: Path) -> None:
        async with made({"path": str(place / "db")}) as store:
            await store.create_collection("default", 2)
            await store.add_documents([document(1)])
            os.kill(store.server.running.pid, signal.SIGKILL)
            # The first call may still find the broken connection; no restart of the store is needed.
            assert await store.count_documents() == 1
            assert (await store.health_check()).status == "healthy"

    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        asyncio.run(run(Path(name)))


def test_a_terminated_session_costs_a_read_nothing(server: Server, settings):
    async def run() -> None:
        async with made(settings, pool_size=1) as store:
            await store.create_collection("default", 2)
            await store.add_documents([document(1)])
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE query LIKE '%{settings['schema']}%' AND pid <> pg_backend_pid()"
            )
            assert await store.count_documents() == 1

    asyncio.run(run())


def test_a_collection_made_anew_by_another_store_is_written_to_without_a_restart(settings):
    async def run() -> None:
        async with made(settings) as ours, made(settings) as theirs:
            await ours.create_collection("default", 2)
            await ours.add_documents([document(1)])
            await theirs.delete_collection("default")
            await theirs.create_collection("default", 2)
            assert await ours.add_documents([document(2)]) == ["0002"]
            assert [one.id async for one in theirs.iter_documents()] == ["0002"]
            hits = await ours.search_similar(VectorQuery(query_vector=[1, 0]))
            assert [hit.document.id for hit in hits] == ["0002"]

    asyncio.run(run())


def test_a_collection_deleted_by_another_store_is_not_found(settings):
    async def run() -> None:
        async with made(settings) as ours, made(settings) as theirs:
            await ours.create_collection("default", 2)
            await theirs.delete_collection("default")
            for call in (
                lambda: ours.add_documents([document(1)]),
                ours.count_documents,
                lambda: ours.search_similar(VectorQuery(query_vector=[1, 0])),
                lambda: ours.get_document("a"),
                lambda: ours.delete_documents(["a"]),
                ours.optimize,
            ):
                with pytest.raises(CollectionNotFoundError):
                    await call()

    asyncio.run(run())


def test_deleting_and_creating_under_writers_is_never_anything_but_not_found(settings):
    async def run() -> None:
        async with made(settings) as ours, made(settings) as theirs:
            await ours.create_collection("default", 2)
            stopped = False

            async def write(worker: int) -> None:
                while not stopped:
                    try:
                        await ours.add_documents([document(worker)])
                        await ours.search_similar(VectorQuery(query_vector=[1, 0]))
                    except CollectionNotFoundError:
                        continue

            async with asyncio.TaskGroup() as writers:
                for worker in range(4):
                    writers.create_task(write(worker))
                for _ in range(15):
                    assert await theirs.delete_collection("default")
                    await theirs.create_collection("default", 2)
                stopped = True

    asyncio.run(run())


def test_an_extension_that_was_dropped_under_the_store_is_said(own: Server):
    own.execute("CREATE DATABASE renewed TEMPLATE template0")
    dsn = own.dsn.replace("postgresql:///postgres", "postgresql:///renewed")

    async def run() -> None:
        async with made({"dsn": dsn}) as store:
            await store.create_collection("default", 2)
            await store.add_documents([document(1)])
            connection = await asyncpg.connect(dsn)
            await connection.execute("DROP EXTENSION vector CASCADE")
            assert any("pgvector" in one.what for one in (await store.health_check()).problems)
            await connection.execute("CREATE EXTENSION vector")
            await connection.close()
            for call in (lambda: store.add_documents([document(2)]), lambda: store.get_document("0001")):
                with pytest.raises(BackendError, match="restore a backup, and open the store again"):
                    await call()
        async with made({"dsn": dsn}) as store:
            await store.delete_collection("default")
            await store.create_collection("default", 2)
            await store.add_documents([document(2)])
            assert (await store.get_document("0002")).embedding.tolist() == [1, 2]

    try:
        asyncio.run(run())
    finally:
        own.execute("DROP DATABASE renewed WITH (FORCE)")
