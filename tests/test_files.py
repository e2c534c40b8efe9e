"""Files between real stores, and what other programs have left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import chromadb
import numpy as np
import pytest

from pygent_vec import ConfigError, DistanceMetric, VectorDocument, open_store
from pygent_vec.transfer._digest import row_digests
from pygent_vec.transfer.files import export_documents, import_documents

from .servers import PostgresServer

COMMAND = [sys.executable, "-m", "pygent_vec"]
MOMENT = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
METADATA = [
    {"year": 1, "nested": {"a": [1, 1.0, True, None]}, "é": "\u2028"},
    {"year": 2**63 - 1, "score": 5e-324, "empty": {}, "list": []},
    {},
]


@pytest.fixture(scope="module")
def postgres():
    server = PostgresServer()
    yield server
    server.close()


def documents(count, dimension=16):
    vectors = np.random.default_rng(0).standard_normal((count, dimension), dtype=np.float32)
    return [
        VectorDocument(
            id=f"id {row:05} é",
            content=f"text {row}",
            embedding=vector,
            metadata=METADATA[row % 3],
            collection="articles",
            title=None if row % 2 else "title",
            chunk_index=row,
            created_at=MOMENT,
            updated_at=MOMENT,
        )
        for row, vector in enumerate(vectors)
    ]


def command(*arguments):
    """Run a command in a process of its own; return its JSON."""
    run = subprocess.run(
        [*COMMAND, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_documents_are_the_same_after_a_round_through_every_backend_and_format(tmp_path, postgres):
    dsn = f"{postgres.address}&schema=round"
    stations = [
        (f"faiss:{tmp_path / 'faiss'}", "one.parquet"),
        (dsn, "two.jsonl.zst"),
        (f"chromadb:{tmp_path / 'chroma'}", "three.jsonl.gz"),
        ("memory", "four.parquet"),
    ]

    async def work():
        digests = []
        for number, (url, name) in enumerate(stations):
            async with open_store(url) as store:
                if number == 0:
                    await store.create_collection("articles", 16, DistanceMetric.DOT_PRODUCT)
                    await store.add_documents(documents(1500), preserve_timestamps=True)
                else:
                    report = await import_documents(str(tmp_path / stations[number - 1][1]), store)
                    assert report.written == 1500
                info = await store.get_collection_info("articles")
                assert info.distance_metric == DistanceMetric.DOT_PRODUCT
                digests.append(await row_digests_of(store))
                await export_documents(store, tmp_path / name, collection="articles")
        return digests

    first, *others = asyncio.run(work())
    assert len(first) == 1500
    assert others == [first] * 3


async def row_digests_of(store):
    return [
        digest async for batch in store.iter_batches(collection="articles") for digest in row_digests(batch)
    ]


def test_a_killed_import_goes_on_behind_what_is_durable(tmp_path):
    source, target = tmp_path / "file.jsonl", tmp_path / "store"
    with source.open("w") as file:
        for row in range(12_000):
            file.write(f'{{"id": "{row:06}", "embedding": [{row}, 1.5], "metadata": {{"row": {row}}}}}\n')
    checkpoint = tmp_path / "checkpoint"
    arguments = ["import", str(source), f"faiss:{target}", "--checkpoint", str(checkpoint)]
    first = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not checkpoint.exists() or '"documents": 0' in checkpoint.read_text():
        assert first.poll() is None
        assert time.monotonic() < until
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    report = command(*arguments)
    assert report["documents"] == 12_000
    assert report["written"] < 12_000
    assert not checkpoint.exists()
    (collection,) = command("collections", f"faiss:{target}")["collections"]
    assert collection["document_count"] == 12_000


def test_a_table_with_pgvector_is_imported_by_the_command(tmp_path, postgres):
    import asyncpg

    async def fill():
        connection = await asyncpg.connect(postgres.address)
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        await connection.execute(
            "CREATE TABLE public.items (id bigint, embedding vector(3), body text, lang text)"
        )
        await connection.execute(
            "INSERT INTO items SELECT n, ARRAY[n, 0.5, 1]::real[]::vector, 'text ' || n, 'de' "
            "FROM generate_series(1, 2500) n"
        )
        await connection.close()

    asyncio.run(fill())
    target = f"faiss:{tmp_path / 'store'}"
    found = command(
        "import", f"pgvector:{postgres.address}", target, "--table", "items", "--collection", "old"
    )
    assert (found["written"], found["rejected"]) == (2500, 0)
    assert "vector from the column embedding" in found["notes"]
    done = command("export", target, tmp_path / "old.jsonl", "--where", '{"@id": "77"}')
    assert done["documents"] == 1
    line = json.loads((tmp_path / "old.jsonl").read_text().splitlines()[1])
    assert (line["content"], line["metadata"], line["embedding"]) == ("text 77", {"lang": "de"}, [77, 0.5, 1])


def test_a_directory_of_chroma_is_a_store_and_is_exported_as_one(tmp_path):
    client = chromadb.PersistentClient(str(tmp_path / "chroma"))
    theirs = client.create_collection("theirs", metadata={"hnsw:space": "l2"})
    theirs.add(
        ids=["a", "b"], embeddings=[[1, 2], [3, 4]], documents=["x", "y"], metadatas=[{"n": 1}, {"n": 2.5}]
    )
    client.clear_system_cache()
    del theirs, client
    place = f"chromadb:{tmp_path / 'chroma'}"

    async def work():
        async with open_store("memory") as store:
            with pytest.raises(ConfigError, match=f"pygent-vec copy {place} STORE"):
                await import_documents(place, store)
            async with open_store(place) as chroma:
                await export_documents(chroma, tmp_path / "theirs.parquet", collection="theirs")
            await import_documents(str(tmp_path / "theirs.parquet"), store)
            info = await store.get_collection_info("theirs")
            assert info.distance_metric == DistanceMetric.EUCLIDEAN
            return [one async for one in store.iter_documents(collection="theirs")]

    assert [(one.id, one.content, one.metadata, one.embedding.tolist()) for one in asyncio.run(work())] == [
        ("a", "x", {"n": 1}, [1, 2]),
        ("b", "y", {"n": 2.5}, [3, 4]),
    ]


def test_the_names_of_sources_are_those_that_the_plugins_offer():
    from pygent_vec.plugin import sources

    assert sorted(sources().offers()) == ["langchain", "pgvector"]
    for name in sources().offers():
        assert sources().load(name).install_hint.startswith("pip install pygent-vec-")
