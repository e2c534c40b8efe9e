"""One of the processes that hammer a collection: several tasks, until the time is over.

Each task owns some ids and shares others. What it was told of its own ones goes to standard output; every error
but `CollectionNotFoundError` ends the process.
"""

import asyncio
import json
import random
import sys
import time

import numpy as np

from pygent_vec import VectorDocument, VectorQuery, VectorStore
from pygent_vec_postgres.config import PostgresConfig
from pygent_vec_postgres.store import PostgresStore

DIMENSION = 16
OWN, SHARED = 40, 30


def vector(one: str, version: int) -> np.ndarray:
    """Return the vector that belongs to a version of a document."""
    digits = int.from_bytes(f"{one} {version}".encode(), "big")
    return np.random.default_rng(digits).standard_normal(DIMENSION, dtype=np.float32)


def document(one: str, version: int) -> VectorDocument:
    """Return a document every part of which tells its version."""
    return VectorDocument(
        id=one,
        content=f"{one} {version}",
        embedding=vector(one, version),
        metadata={"version": version, "owner": one[:3]},
    )


def check(found: VectorDocument) -> int:
    """Return the version of a document that was read, of which every part must tell the same."""
    version = found.metadata["version"]
    assert found.content == f"{found.id} {version}", f"a torn document: {found}"
    if found.embedding is not None:
        assert (found.embedding == vector(found.id, version)).all(), f"the vector of another version: {found}"
    return version


async def task(store: VectorStore, name: str, until: float, told: dict[str, int]) -> int:
    """Write, delete and search; keep in *told* what is acknowledged of this task's ids."""
    dice, version, calls = random.Random(name), 0, 0
    while time.monotonic() < until:
        version += 1
        calls += 1
        own = [f"{name}-{n:02}" for n in dice.sample(range(OWN), 8)]
        shared = [f"shared-{n:02}" for n in dice.sample(range(SHARED), 8)]
        action = dice.choice(("write", "write", "update", "delete", "where", "search", "search", "read"))
        if action == "write":
            mixed = own + shared
            dice.shuffle(mixed)
            written = await store.add_documents([document(one, version) for one in mixed])
            assert written == mixed
            told.update(dict.fromkeys(own, version))
        elif action == "update":
            updated = await store.update_documents([document(one, version) for one in own + shared])
            assert [one for one in updated if one in told] == [one for one in own if one in told]
            told.update({one: version for one in own if one in told})
        elif action == "delete":
            deleted = await store.delete_documents(own)
            assert deleted == sum(told.pop(one, None) is not None for one in own)
        elif action == "where":
            chosen = own[:3]
            deleted = await store.delete_where({"@id": {"$in": chosen}, "owner": name[:3]})
            assert deleted == sum(told.pop(one, None) is not None for one in chosen)
        elif action == "search":
            await search(store, name, dice, told)
        else:
            for one, found in zip(own, await store.get_documents(own), strict=True):
                assert told.get(one) == (None if found is None else check(found))
    return calls


async def search(store: VectorStore, name: str, dice: random.Random, told: dict[str, int]) -> None:
    """Search with and without a filter; what is found must be whole, and what is our own must be found."""
    if dice.random() < 0.5 or not told:
        query = VectorQuery(query_vector=vector("shared-00", 1), include_embedding=True)
    else:
        one = dice.choice(sorted(told))
        query = VectorQuery(
            query_vector=vector(one, told[one]), metadata_filter={"@id": one}, include_embedding=True, limit=3
        )
        assert [hit.document.id for hit in await store.search_similar(query)] == [one]
    for hit in await store.search_similar(query):
        check(hit.document)


async def main(order: dict) -> None:
    """Run the tasks of one process."""
    told: dict[str, int] = {}
    async with PostgresStore(PostgresConfig(**order["settings"])) as store:
        until = time.monotonic() + order["seconds"]
        kept = [{} for _ in range(order["tasks"])]
        calls = await asyncio.gather(
            *(task(store, f"{order['process']}{chr(97 + n)}_", until, one) for n, one in enumerate(kept))
        )
    for one in kept:
        told |= one
    json.dump({"told": told, "calls": sum(calls)}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
