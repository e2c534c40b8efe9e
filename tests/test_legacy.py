"""An application written against the old module runs unchanged on every backend.

Its files stand below as they were: positional arguments, lists for vectors, naive times, a settings object with
the address of a database. Only the old module itself is replaced, by one line.
"""

import asyncio
import importlib
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from pygent_vec import DistanceMetric, PygentVecError, VectorQuery
from pygent_vec.manager import VectorStoreManager
from pygent_vec.sync import open_store

from .servers import PostgresServer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SHIM = "from pygent_vec.legacy import *\n"

SERVICE = '''
import asyncio
from datetime import datetime
from typing import Any, Dict, List

import numpy as np

from .storage.vector_store import SimilarityResult, VectorDocument, VectorStoreManager


class Knowledge:
    """Articles and what they are about."""

    def __init__(self, settings, db_manager=None, collection="documents"):
        self.vector_store_manager = VectorStoreManager(settings, db_manager)
        self.collection = collection

    async def initialize(self) -> None:
        await self.vector_store_manager.initialize()
        self.store = await self.vector_store_manager.get_store(self.collection)

    async def ingest(self, articles: List[Dict[str, Any]]) -> List[str]:
        documents = []
        for article in articles:
            documents.append(
                VectorDocument(
                    article["id"],
                    article["text"],
                    np.array(article["vector"]),
                    {"kind": article["kind"], "tags": article["tags"], "score": 0.5},
                    datetime.utcnow(),
                )
            )
        return await self.store.add_documents(documents)

    async def ask(self, vector: List[float], kind: str = None) -> List[str]:
        metadata_filter = {"kind": kind} if kind else None
        results: List[SimilarityResult] = await self.store.similarity_search(vector, 5, 0.5, metadata_filter)
        return [f"{result.document.id}: {result.similarity_score:.3f}" for result in results]

    async def correct(self, article_id: str, text: str) -> bool:
        document = await self.store.get_document(article_id)
        if document is None:
            return False
        document.content = text
        document.metadata["corrected"] = True
        return await self.store.update_document(document)

    async def age(self, article_id: str) -> float:
        document = await self.store.get_document(article_id)
        return (datetime.utcnow() - document.created_at).total_seconds()

    async def forget(self, article_id: str) -> bool:
        return await self.store.delete_document(article_id)

    async def shutdown(self) -> None:
        await self.vector_store_manager.shutdown()
'''

ARTICLES = [
    {"id": "cats", "text": "About cats.", "vector": [1.0, 0.1, 0.0], "kind": "animal", "tags": ["pet"]},
    {
        "id": "dogs",
        "text": "About dogs.",
        "vector": [0.9, 0.3, 0.0],
        "kind": "animal",
        "tags": ["pet", "loud"],
    },
    {"id": "cars", "text": "About cars.", "vector": [0.0, 0.2, 1.0], "kind": "thing", "tags": []},
]


class OldSettings:
    """An application's settings, of which the old module read the address of the database."""

    DEBUG = True
    SECRET_KEY = "of other parts"

    def __init__(self, address):
        self.ASYNC_DATABASE_URL = address


class OldDatabaseManager:
    """The old database manager, which knows the settings."""

    def __init__(self, settings):
        self.settings = settings
        self.engine = None


@pytest.fixture
def application(tmp_path, monkeypatch):
    """The old application, its vector store module replaced by one line, in a directory of its own."""
    name = f"application_{uuid4().hex}"
    package = tmp_path / name
    (package / "storage").mkdir(parents=True)
    for path, text in [
        ("__init__.py", ""),
        ("service.py", SERVICE),
        ("storage/__init__.py", ""),
        ("storage/vector_store.py", SHIM),
    ]:
        (package / path).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module(f"{name}.service")
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture(scope="module")
def address():
    """A PostgreSQL server's address as SQLAlchemy spells it."""
    server = PostgresServer()
    yield server.address.replace("postgresql:", "postgresql+asyncpg:")
    server.close()


@pytest.fixture(params=["faiss by sqlite", "faiss", "chromadb", "postgresql", "postgresql by db_manager"])
def old_settings(request, tmp_path):
    """The settings of the old application, and its database manager."""
    if request.param == "faiss by sqlite":
        return OldSettings("sqlite+aiosqlite:///./application.db"), None
    if request.param == "faiss":
        directory = str(tmp_path / "faiss_db")
        return {
            "default_type": "faiss",
            "persist_directory": directory,
            "index_type": "IVFFlat",
            "nlist": 100,
        }, None
    if request.param == "chromadb":
        directory = str(tmp_path / "chroma_db")
        return {"default_type": "chromadb", "persist_directory": directory, "persistent": True}, None
    old = OldSettings(request.getfixturevalue("address"))
    if request.param == "postgresql":
        return old, OldDatabaseManager(old)
    settings = {
        "default_type": "postgresql",
        "schema": "vectors",
        "max_connections": 10,
        "default_collection": "documents",
    }
    return settings, OldDatabaseManager(old)


def test_the_old_application_runs_unchanged(application, old_settings):
    collection = f"documents_{uuid4().hex}"

    async def first():
        knowledge = application.Knowledge(*old_settings, collection)
        await knowledge.initialize()
        answers = [
            await knowledge.ask([1.0, 0.0, 0.0]),
            await knowledge.ingest(ARTICLES),
            await knowledge.ask([1.0, 0.0, 0.0]),
            await knowledge.ask([0.0, 0.1, 1.0], "thing"),
            await knowledge.ask([0.0, 0.1, 1.0], "animal"),
            await knowledge.correct("cats", "All about cats."),
            await knowledge.correct("birds", "About birds."),
            await knowledge.forget("dogs"),
            await knowledge.forget("dogs"),
        ]
        assert 0 <= await knowledge.age("cats") < 3600
        await knowledge.shutdown()
        return answers

    async def second():
        knowledge = application.Knowledge(*old_settings, collection)
        await knowledge.initialize()
        document = await knowledge.store.get_document("cats")
        stats = await knowledge.store.get_collection_stats()
        cleared = await knowledge.store.clear_collection()
        left = (await knowledge.store.get_collection_stats())["document_count"]
        deleted = await knowledge.vector_store_manager.delete_collection(collection)
        await knowledge.shutdown()
        return document, stats["document_count"], cleared, left, deleted

    assert asyncio.run(first()) == [
        [],
        ["cats", "dogs", "cars"],
        ["cats: 0.995", "dogs: 0.949"],
        ["cars: 0.995"],
        [],
        True,
        False,
        True,
        False,
    ]
    document, *others = asyncio.run(second())
    assert document.content == "All about cats."
    assert document.metadata == {"kind": "animal", "tags": ["pet"], "score": 0.5, "corrected": True}
    assert document.embedding == pytest.approx([1.0, 0.1, 0.0], abs=1e-6)
    assert isinstance(document.embedding, list)
    assert document.created_at.tzinfo is None
    assert others == [2, True, 0, True]


def test_old_and_new_code_work_on_the_same_data(application, old_settings):
    collection = f"documents_{uuid4().hex}"

    async def main():
        async with VectorStoreManager(*old_settings) as manager:
            knowledge = application.Knowledge(manager, None, collection)
            await knowledge.initialize()
            await knowledge.ingest(ARTICLES)
            query = VectorQuery(query_vector=[1, 0, 0], collection=collection, limit=1)
            (result,) = await manager.search_similar(query)
            await manager.delete_documents(["dogs"], collection=collection)
            answers = await knowledge.ask([1.0, 0.0, 0.0])
            await knowledge.shutdown()
            assert await manager.delete_collection(collection)
            return result.document.id, result.document.metadata["kind"], answers

    assert asyncio.run(main()) == ("cats", "animal", ["cats: 0.995"])


def test_the_old_postgresql_store_finds_its_database_by_the_manager(application, address):
    store_module = importlib.import_module(application.__name__.replace("service", "storage.vector_store"))
    database = OldDatabaseManager(OldSettings(address))

    async def main():
        store = store_module.PostgreSQLVectorStore(database, "long")
        await store.initialize()
        assert store.table_name == "vector_store_long"
        await store.add_documents(
            [store_module.VectorDocument("a", "text", [0.0] * 1535 + [1.0], {"k": 1}, None)]
        )
        found = await store.similarity_search([0.0] * 1535 + [2.0])
        stats = await store.get_collection_stats()
        await store.clear_collection()
        await store.close()
        return [one.document.id for one in found], stats

    found, stats = asyncio.run(main())
    assert found == ["a"]
    assert stats == {"collection_name": "long", "document_count": 1, "storage_type": "postgresql"}


def test_the_old_postgresql_store_stands_on_a_synchronous_store_too(application, address):
    store_module = importlib.import_module(application.__name__.replace("service", "storage.vector_store"))

    async def main(beneath):
        store = store_module.PostgreSQLVectorStore(beneath, "synchronous")
        await store.initialize()
        await store.add_documents([store_module.VectorDocument("a", "text", [1.0, 0.0])])
        return [one.document.id for one in await store.similarity_search([1.0, 0.0])]

    with open_store("postgresql", dsn=address.replace("+asyncpg", "")) as beneath:
        assert asyncio.run(main(beneath)) == ["a"]
        assert beneath.delete_collection("synchronous")


# ── what the old module left behind ──


OLD_TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS vectors;
CREATE TABLE vectors.collections (
    name VARCHAR(255) PRIMARY KEY, dimension INTEGER NOT NULL, distance_metric VARCHAR(50) DEFAULT 'cosine',
    metadata JSONB DEFAULT '{}', created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE vectors.vector_articles (
    id VARCHAR(255) PRIMARY KEY, content TEXT NOT NULL, embedding vector(3), metadata JSONB DEFAULT '{}',
    title VARCHAR(1000), source VARCHAR(1000), document_type VARCHAR(100), chunk_index INTEGER,
    chunk_count INTEGER, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO vectors.collections (name, dimension, distance_metric) VALUES ('articles', 3, 'euclidean');
INSERT INTO vectors.vector_articles VALUES
    ('cats', 'About cats.', '[1,0.5,0]', '{"kind": "animal", "legs": 4}', 'Cats', NULL, 'text', 0, 2,
     '2023-01-02 03:04:05.678901', '2023-02-03 04:05:06'),
    ('cars', 'About cars.', '[0,0,1]', '{}', NULL, 'cars.txt', NULL, NULL, NULL, '2023-01-02', '2023-01-02');
"""


@pytest.fixture
def old_database(address):
    """The address of a server with tables of the old module."""
    dsn = address.replace("+asyncpg", "")

    async def execute(statements):
        connection = await asyncpg.connect(dsn)
        await connection.execute(statements)
        await connection.close()

    asyncio.run(execute(OLD_TABLES))
    yield dsn
    asyncio.run(execute("DROP TABLE vectors.collections, vectors.vector_articles"))


def test_new_tables_stand_beside_the_old_ones(application, old_database):
    async def main():
        knowledge = application.Knowledge(OldSettings(old_database), None, "articles")
        await knowledge.initialize()
        assert await knowledge.ask([1.0, 0.0, 0.0]) == []
        await knowledge.ingest(ARTICLES)
        answers = await knowledge.ask([1.0, 0.0, 0.0])
        assert await knowledge.vector_store_manager.delete_collection("articles")
        await knowledge.shutdown()
        connection = await asyncpg.connect(old_database)
        left = await connection.fetchval("SELECT count(*) FROM vectors.vector_articles")
        await connection.close()
        return answers, left

    assert asyncio.run(main()) == (["cats: 0.995", "dogs: 0.949"], 2)


def test_the_example_moves_old_tables_whole(old_database, tmp_path, capsys):
    path = Path(__file__).parents[1] / "docs/examples/move_old_tables.py"
    spec = spec_from_file_location("move_old_tables", path)
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    for _ in range(2):  # again, it changes nothing
        asyncio.run(example.main(old_database, f"faiss:{tmp_path / 'library'}"))
    assert capsys.readouterr().out == "articles: 2 documents\n" * 2
    with open_store("faiss", path=tmp_path / "library") as store:
        info = store.get_collection_info("articles")
        assert (info.dimension, info.distance_metric) == (3, DistanceMetric.EUCLIDEAN)
        cars, cats = [one.to_dict() for one in store.iter_documents(collection="articles")]
    assert cats == {
        "id": "cats",
        "content": "About cats.",
        "embedding": [1.0, 0.5, 0.0],
        "metadata": {"kind": "animal", "legs": 4},
        "collection": "articles",
        "title": "Cats",
        "document_type": "text",
        "chunk_index": 0,
        "chunk_count": 2,
        "created_at": "2023-01-02T03:04:05.678901Z",
        "updated_at": "2023-02-03T04:05:06.000000Z",
    }
    assert (cars["source"], cars["metadata"]) == ("cars.txt", {})


def test_old_files_of_faiss_are_refused_and_left_alone(application, tmp_path):
    directory = tmp_path / "faiss_db"
    directory.mkdir()
    for name in ("documents.index", "documents_metadata.json"):
        (directory / name).write_text("old")

    async def main():
        knowledge = application.Knowledge(OldSettings("sqlite:///application.db"))
        await knowledge.initialize()
        try:
            with pytest.raises(PygentVecError, match="faiss_db"):
                await knowledge.ingest(ARTICLES)
        finally:
            await knowledge.shutdown()

    asyncio.run(main())
    assert {path.name: path.read_text() for path in directory.iterdir()} == {
        "documents.index": "old",
        "documents_metadata.json": "old",
    }
