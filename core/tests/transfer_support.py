"""What the tests of moves share: stories, documents of every kind, stores that fail."""

import asyncio
import errno

import attrs
import numpy as np

from pygent_vec import DistanceMetric, VectorDocument
from pygent_vec.model import from_micros
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryConfig, MemoryStore

DIMENSION = 4


def told(story):
    """Run an asynchronous story to its end, within a minute."""

    async def bounded():
        async with asyncio.timeout(60):
            return await story()

    return asyncio.run(bounded())


def between(story, *, left=None, right=None):
    """Run a story with two open stores in memory, the first of which has a collection "default"."""

    async def whole():
        async with (
            left or MemoryStore(MemoryConfig(), name="left") as here,
            right or MemoryStore(MemoryConfig(), name="right") as there,
        ):
            if "default" not in await here.list_collections():
                await here.create_collection(
                    "default", DIMENSION, DistanceMetric.EUCLIDEAN, metadata={"made": "for tests"}
                )
            return await story(here, there)

    return told(whole)


def document(number, **changes):
    """Return a document that uses every field, with timestamps of its own."""
    random = np.random.default_rng(number)
    values = {
        "id": f"doc-{number:05}",
        "content": f"text {number} \N{SNOWMAN}",
        "embedding": random.standard_normal(DIMENSION).astype(np.float32),
        "metadata": {
            "int": 1,
            "float": 1.0,
            "true": True,
            "none": None,
            "list": [number, {}, []],
            "tiny": 5e-324,
        },
        "title": f"title {number}" if number % 2 else None,
        "chunk_index": number,
        "created_at": from_micros(1_000_000 + number),
        "updated_at": from_micros(2_000_000 + number),
    }
    return VectorDocument(**{**values, **changes})


def documents(count):
    return [document(number) for number in range(count)]


async def filled(store, count):
    await store.add_documents(documents(count), preserve_timestamps=True)


async def held(store, collection="default"):
    """Return what a collection holds, in a form that compares bit for bit."""
    found = {}
    async for one in store.iter_documents(collection=collection):
        data = one.to_dict()
        data.pop("collection")
        found[one.id] = (repr(sorted(data.pop("metadata").items())), repr(data), one.embedding.tobytes())
    return found


class DurableMemory(MemoryStore):
    """A memory store that says it is durable, so that moves to it may be resumed within this process.

    It fails after so many writes, or does something else then.
    """

    def __init__(self, *, fails_after=None, error=None, then=None, **capabilities):
        super().__init__(MemoryConfig(), name="durable")
        self.fails_after, self.error, self.then = fails_after, error, then
        self.declared = attrs.evolve(MEMORY_CAPABILITIES, **{"durable": True, **capabilities})
        self.writes = 0

    @property
    def capabilities(self):
        return self.declared

    def _write(self, spec, batch, mode, *, preserve_created):
        if self.fails_after is not None and self.writes >= self.fails_after:
            self.fails_after = None
            if self.then is not None:
                self.then(super()._write, spec, batch, mode, preserve_created=preserve_created)
            raise self.error or OSError(errno.ENOSPC, "No space left on device")
        self.writes += 1
        return super()._write(spec, batch, mode, preserve_created=preserve_created)
