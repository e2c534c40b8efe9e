"""Through PgBouncer in transaction mode, where each statement may meet another session of the server."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from pygent_vec import VectorBatch, VectorDocument, VectorQuery
from pygent_vec.errors import BackendError

from .bouncing import bouncing
from .harness import Server, made, socket_dsn

SERVER_SESSIONS = 3


@pytest.fixture(scope="module")
def bouncer(server: Server) -> Iterator[str]:
    """The DSN of a PgBouncer with fewer sessions than the store has connections."""
    with bouncing(server, f"default_pool_size = {SERVER_SESSIONS}") as place:
        yield socket_dsn(str(place))


@pytest.fixture
def through(bouncer: str, settings) -> dict[str, object]:
    return {**settings, "dsn": bouncer, "statement_cache_size": 0}


def test_everything_works_while_statements_change_sessions(through):
    vectors = np.random.default_rng(0).standard_normal((2000, 16), dtype=np.float32)

    async def run() -> None:
        async with made(through) as store:
            await store.create_collection("default", 16, index="hnsw")
            ids = [f"{n:04}" for n in range(2000)]
            await store.add_batch(
                VectorBatch(ids=ids, vectors=vectors, metadatas=[{"n": n, "odd": n % 2} for n in range(2000)])
            )
            await store.optimize(target_recall=0.9)

            async def one(number: int) -> None:
                query = VectorQuery(
                    query_vector=vectors[number],
                    limit=5,
                    metadata_filter={"odd": number % 2},
                    include_embedding=True,
                )
                hits = await store.search_similar(query)
                assert hits[0].document.id == ids[number]
                assert len(hits) == 5
                assert {hit.document.metadata["odd"] for hit in hits} == {number % 2}
                document = VectorDocument(
                    id=ids[number], embedding=vectors[number], metadata={"odd": number % 2}
                )
                assert await store.add_documents([document]) == [ids[number]]
                assert (await store.get_document(ids[number])).metadata == {"odd": number % 2}

            await asyncio.gather(*map(one, range(40)))
            assert await store.delete_where({"odd": 1}) == 1000
            assert await store.count_documents() == 1000
            assert (await store.health_check()).status == "healthy"
            assert await store.delete_collection("default")

    asyncio.run(run())


def test_no_setting_of_a_search_stays_in_the_servers_sessions(through, server: Server):
    async def run() -> None:
        async with made(through) as store:
            await store.create_collection("default", 4, index="hnsw")
            await store.add_batch(
                VectorBatch(
                    ids=[f"{n}" for n in range(1500)],
                    vectors=np.random.default_rng(1).random((1500, 4), "f4"),
                )
            )
            await store.optimize()
            queries = [VectorQuery(query_vector=[1, 0, 0, n], limit=300) for n in range(20)]
            await asyncio.gather(*map(store.search_similar, queries))
            async with store._opened.primary.connection() as connection:
                for name in ("hnsw.ef_search", "hnsw.iterative_scan", "search_path", "enable_indexscan"):
                    here = await connection.fetchval("SELECT current_setting($1, true)", name)
                    assert here in (None, "", await asyncio.to_thread(_untouched, server, name)), name

    asyncio.run(run())


def _untouched(server: Server, name: str) -> str:
    async def work(connection) -> str:
        await connection.execute("LOAD 'vector'")
        return await connection.fetchval("SELECT current_setting($1, true)", name)

    return server.on(work)


def test_a_proxy_with_prepared_statements_switched_on_is_told_the_setting(through):
    """Prepared statements belong to a session: the errors that they bring name statement_cache_size."""

    async def run() -> None:
        async with made(through) as store:
            await store.create_collection("default", 4)
        wrong = {**through, "statement_cache_size": 100}

        async def count() -> None:
            async with made(wrong) as store:
                for _ in range(20):
                    await asyncio.gather(*(store.count_documents(filter={"n": n}) for n in range(20)))

        with pytest.raises(BackendError, match="statement_cache_size=0"):
            await count()

    asyncio.run(run())
