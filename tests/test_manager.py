"""One manager over real PostgreSQL, Chroma and FAISS: old configurations, federation, and servers that die."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from pygent_vec import (
    BackendError,
    CollectionMismatchError,
    HealthStatus,
    VectorDocument,
    VectorQuery,
    VectorStoreManager,
)
from pygent_vec.errors import WriteError

from .servers import ChromaServer, PostgresServer

DIMENSION = 8
RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.standard_normal((50, DIMENSION)).astype(np.float32)
BACKENDS = ("chroma", "faiss", "postgres")


@pytest.fixture(scope="module")
def postgres():
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def chroma(tmp_path_factory):
    server = ChromaServer(tmp_path_factory.mktemp("chroma"))
    yield server
    server.close()


@pytest.fixture
def settings(postgres, chroma, tmp_path):
    """Three stores, whose default collection no other test has."""
    unique = f"docs-{tmp_path.parent.name}-{tmp_path.name}".replace("_", "-")[-100:]
    return {
        "stores": {
            "postgres": {
                "backend": "postgres",
                "dsn": postgres.address,
                "connect_timeout": 2,
                "default_collection": unique,
            },
            "chroma": {"backend": "chroma", "url": chroma.address, "default_collection": unique},
            "faiss": {"backend": "faiss", "path": str(tmp_path / "faiss"), "default_collection": unique},
        },
        "default_store": "faiss",
        "resilience": {"attempts": 2, "wait": 0.05},
    }


def told(settings, story, db_manager=None):
    async def whole():
        async with asyncio.timeout(240), VectorStoreManager(settings, db_manager) as manager:
            return await story(manager)

    return asyncio.run(whole())


def documents(numbers, collection=None):
    return [
        VectorDocument(
            id=f"d{number:02}",
            content=f"text {number}",
            embedding=VECTORS[number],
            metadata={"even": number % 2 == 0},
            collection=collection,
        )
        for number in numbers
    ]


def query(**more):
    return VectorQuery(query_vector=VECTORS[0] + 0.1, **more)


def ids(results):
    return [result.document.id for result in results]


async def filled(manager, *, parts=None):
    """Make the default collection in every store; without *parts*, all documents are in each."""
    for name in manager.list_stores():
        store = await manager.get_store(name)
        await manager.create_collection(manager.explain_route().collection, DIMENSION, store=name)
        await store.add_documents(documents(range(50) if parts is None else parts[name]))


OLD = {
    "postgresql": {
        "default_type": "postgresql",
        "schema": "vectors",
        "max_connections": 10,
        "default_collection": "documents",
    },
    "chromadb": {"default_type": "chromadb", "persist_directory": "./chroma_db", "persistent": True},
    "faiss": {
        "default_type": "faiss",
        "persist_directory": "./faiss_db",
        "index_type": "IVFFlat",
        "nlist": 100,
    },
}


@pytest.mark.parametrize("backend", OLD)
def test_an_old_configuration_works_as_it_is_written(backend, postgres, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    db_manager = SimpleNamespace(database_url=postgres.address.replace("postgresql", "postgresql+asyncpg"))

    async def first(manager):
        store = await manager.get_default_store()
        assert store.backend == backend
        name = manager.explain_route().collection
        info = await manager.create_collection(name, DIMENSION)
        await manager.add_documents(documents(range(50)))
        assert ids(await manager.search_similar(query(limit=3)))[0] == "d00"
        return info

    async def second(manager):
        assert await manager.count_documents() == 50
        await manager.delete_collection(manager.explain_route().collection)

    info = told(OLD[backend], first, db_manager)
    told(OLD[backend], second, db_manager)
    assert info.name == ("documents" if backend == "postgresql" else "default")
    if backend == "faiss":
        assert (info.index.kind, dict(info.index.options)) == ("ivf_flat", {"nlist": 100})
    if backend != "postgresql":
        assert any((tmp_path / f"{backend.removesuffix('db')}_db").iterdir())


@pytest.mark.parametrize(("one", "other"), [("postgres", "postgresql"), ("chroma", "chromadb")])
def test_both_names_of_a_backend_are_the_same(one, other, postgres, tmp_path):
    async def story(manager):
        assert manager.backend_of("default") == other
        return (await manager.get_default_store()).backend

    for place, name in enumerate((one, other)):
        extra = {} if name.startswith("p") else {"persist_directory": str(tmp_path / str(place))}
        assert told({"default_type": name, **extra}, story, postgres.address) == other


def test_every_store_gives_the_same_answer_and_names_itself(settings):
    async def story(manager):
        await filled(manager)
        asked = query(limit=10, metadata_filter={"even": True})
        answers = await manager.search_all_stores(asked)
        assert sorted(answers) == sorted(BACKENDS)
        expected = ids(answers["faiss"].results)
        assert len(expected) == 10
        for name, answer in answers.items():
            assert answer.error is None
            assert ids(answer.results) == expected
            assert {result.store for result in answer.results} == {name}
            assert [result.similarity_score for result in answer.results] == pytest.approx(
                [result.similarity_score for result in answers["faiss"].results], abs=1e-5
            )

    told(settings, story)


@pytest.mark.parametrize("fusion", ["score", "rrf"])
def test_one_ranked_list_comes_from_all_three(settings, fusion):
    parts = {"postgres": range(20), "chroma": range(15, 35), "faiss": range(30, 50)}

    async def story(manager):
        await filled(manager, parts=parts)
        answer = await manager.search_federated(
            query(limit=50, exact=fusion == "score"), fusion=fusion, deduplicate=True
        )
        assert answer.errors == {}
        assert answer.fusion == fusion
        assert len(answer) == 50
        assert {result.store for result in answer} == set(BACKENDS)
        if fusion == "score":
            distances = [result.distance for result in answer]
            assert distances == sorted(distances)
            asked = query().query_vector
            cosines = VECTORS @ asked / np.linalg.norm(VECTORS, axis=1) / np.linalg.norm(asked)
            best = [f"d{number:02}" for number in np.argsort(-cosines)]
            assert ids(answer) == best
        page = await manager.search_federated(query(limit=5, offset=5), fusion=fusion, deduplicate=True)
        assert ids(page) == ids(answer)[5:10]
        assert (await manager.search_federated(query())).fusion == "score"

    told(settings, story)


@pytest.mark.parametrize("victim", ["postgres", "chroma"])
def test_a_server_that_is_killed_leaves_the_other_stores_serving(settings, victim, request):
    server = request.getfixturevalue(victim)
    others = [name for name in BACKENDS if name != victim]

    async def story(manager):
        await filled(manager)
        assert (await manager.health_check()).status is HealthStatus.HEALTHY
        stop = asyncio.Event()
        served = dict.fromkeys(others, 0)

        async def keep_asking(name):
            while not stop.is_set():
                assert ids(await manager.search_similar(query(limit=1), store=name)) == ["d00"]
                served[name] += 1

        asking = [asyncio.ensure_future(keep_asking(name)) for name in others]
        try:
            await asyncio.to_thread(server.kill)
            before = dict(served)
            with pytest.raises(BackendError):
                await manager.search_similar(query(), store=victim)
            answers = await manager.search_all_stores(query(limit=1))
            assert isinstance(answers[victim].error, BackendError)
            assert answers[victim].results is None
            assert [ids(answers[name].results) for name in others] == [["d00"], ["d00"]]
            fused = await manager.search_federated(query(limit=4))
            assert list(fused.errors) == [victim]
            health = await manager.health_check()
            assert health.status is HealthStatus.DEGRADED
            assert health.stores[victim].status is HealthStatus.UNHEALTHY
            assert health.stores[victim].problems[0].remedy
            stats = await manager.get_global_stats()
            assert sorted(stats.stores) == sorted(others)
            assert list(stats.errors) == [victim]
            assert all(served[name] > before[name] for name in others)
        finally:
            stop.set()
            await asyncio.to_thread(server.start)
            await asyncio.gather(*asking)
        while (await manager.health_check()).status is not HealthStatus.HEALTHY:
            """Ask again: each check takes the time that the stores need."""
        assert ids(await manager.search_similar(query(limit=1), store=victim)) == ["d00"]

    told(settings, story)


def test_a_migration_can_be_rehearsed_with_a_shadow_that_dies(settings, postgres):
    routes = [{"collection": "moving", "store": "faiss", "shadow": "postgres"}]

    async def story(manager):
        await manager.create_collection("moving", DIMENSION)
        await manager.add_documents(documents(range(10), "moving"))
        assert await manager.count_documents(collection="moving", store="postgres") == 10
        postgres.kill()
        try:
            written = await manager.add_documents(documents(range(10, 20), "moving"))
            assert len(written) == 10
            health = await manager.health_check()
            assert health.status is HealthStatus.DEGRADED
            assert "'postgres' has missed 1 writes" in health.problems[0].what
        finally:
            postgres.start()
        assert await manager.count_documents(collection="moving") == 20
        await manager.delete_collection("moving", store="postgres")

    told({**settings, "routes": routes}, story)


def test_a_write_to_two_stores_says_which_one_failed(settings, postgres):
    routes = [{"collection": "both", "read": "faiss", "write": ["faiss", "postgres"]}]

    async def story(manager):
        await manager.create_collection("both", DIMENSION)
        postgres.kill()
        try:
            with pytest.raises(WriteError, match="'faiss' has it, and 'postgres' failed") as caught:
                await manager.add_documents(documents(range(5), "both"))
            assert len(caught.value.written) == 5
        finally:
            postgres.start()
        assert len(await manager.add_documents(documents(range(5), "both"))) == 5
        assert await manager.count_documents(collection="both", store="postgres") == 5
        await manager.delete_collection("both")

    told({**settings, "routes": routes}, story)


def test_a_file_with_an_embedder_serves_texts_and_refuses_those_of_another_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pygent-vec.toml").write_text(
        '[stores.library]\nbackend = "faiss"\npath = "library"\nembedder = "static"\n'
    )

    async def first(manager):
        embedder = (await manager.get_default_store()).embedder
        info = await manager.create_collection("default", embedder.dimension)
        assert info.metadata == {"embedding_model": embedder.model}
        texts = {"tea": "green tea from China", "car": "a fast red car", "sea": "waves on the beach"}
        await manager.add_documents([VectorDocument(id=one, content=text) for one, text in texts.items()])
        assert ids(await manager.search_similar(VectorQuery(query_text="a cup of green tea", limit=1))) == [
            "tea"
        ]
        return embedder

    class Another:
        model = "another-1"

        def __init__(self, dimension):
            self.dimension = dimension

        def embed(self, texts):
            return np.ones((len(texts), self.dimension), np.float32)

    async def second(manager):
        with pytest.raises(CollectionMismatchError, match="'another-1'"):
            await manager.search_similar(VectorQuery(query_text="a hot drink"))
        assert await manager.count_documents() == 3

    embedder = told(None, first)
    another = {"backend": "faiss", "path": "library", "embedder": Another(embedder.dimension)}
    told(another, second)
