"""Exports slowly, in a process of its own that is killed."""

import asyncio
import sys
import time

import numpy as np

from pygent_vec import VectorDocument
from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec.transfer.files import export_documents


async def main(path):
    async with MemoryStore(MemoryConfig()) as store:
        await store.create_collection("default", 64)
        vectors = np.random.default_rng(0).standard_normal((20_000, 64), np.float32)
        await store.add_documents(
            VectorDocument(id=f"{row:06}", embedding=vector) for row, vector in enumerate(vectors)
        )

        def told(done, _):
            print(done, flush=True)  # noqa: T201  # whoever kills this process reads it
            time.sleep(0.05)

        await export_documents(store, path, on_progress=told, overwrite=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
