"""What the tests of files share: stores with documents, and moving them through a file."""

import asyncio
import json

from pygent_vec import DistanceMetric, IndexSpec, VectorDocument
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.transfer.files import export_documents, import_documents

FORMATS = ["jsonl", "jsonl.gz", "jsonl.zst", "parquet"]


def articles(count, *, dimension=2, collection="articles"):
    """Return plain documents, in the order of their ids."""
    return [
        VectorDocument(
            id=f"{number:05}",
            content=f"text {number}",
            embedding=[number + 1, *[0.5] * (dimension - 1)],
            metadata={"number": number},
            collection=collection,
        )
        for number in range(count)
    ]


def exported(path, documents, *, dimension=2, metric=DistanceMetric.EUCLIDEAN, **options):
    """Export *documents* of a store in memory to a file; return what the store had, and the report."""

    async def work():
        async with MemoryStore(MemoryConfig()) as store:
            await store.create_collection(
                "articles", dimension, metric, index=IndexSpec("flat"), metadata={"kept": [1, 1.0, True]}
            )
            await store.add_documents(documents, preserve_timestamps=True)
            held = [one async for one in store.iter_documents(collection="articles")]
            return held, await export_documents(store, path, collection="articles", **options)

    return asyncio.run(work())


def imported(path, *, into=None, prepared=(), **options):
    """Import a file into a store in memory; return its collection's state, its documents, and the report."""

    async def work():
        async with MemoryStore(MemoryConfig()) as store:
            for name, dimension, metric in prepared:
                await store.create_collection(name, dimension, metric)
            report = await import_documents(str(path), store, collection=into, **options)
            name = report.target.rpartition("/")[2]
            if report.dry_run:
                return await store.list_collections(), [], report
            info = await store.get_collection_info(name)
            return info, [one async for one in store.iter_documents(collection=name)], report

    return asyncio.run(work())


def bits(documents):
    """Return documents as text that tells 1 from 1.0 from true, and the bits of their vectors."""
    return [
        (
            json.dumps({**one.to_dict(), "embedding": None}, sort_keys=True),
            one.embedding.tobytes(),
        )
        for one in documents
    ]


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def write_lines(path, rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path
