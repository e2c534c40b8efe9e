"""What the tests of the manager share: stories, documents, and stores that fail on purpose."""

import asyncio
import threading

from pygent_vec import DistanceMetric, VectorDocument, VectorQuery
from pygent_vec.errors import BackendUnavailableError
from pygent_vec.manager import VectorStoreManager
from pygent_vec.stores import MemoryConfig, MemoryStore

TWO = {"stores": {"a": {"backend": "memory"}, "b": {"backend": "memory"}}}
QUICK = {"wait": 0, "max_wait": 0}
QUERY = VectorQuery(query_vector=[0, 0], limit=3)


def told(story):
    """Run an asynchronous story to its end, within a minute."""

    async def bounded():
        async with asyncio.timeout(60):
            return await story()

    return asyncio.run(bounded())


def managed(settings, story):
    """Run a story with an open manager."""

    async def whole():
        async with VectorStoreManager(settings) as manager:
            return await story(manager)

    return told(whole)


async def filled(manager, name, xs, *, collection="default", metric=DistanceMetric.EUCLIDEAN):
    """Put a document at each of *xs* into a collection of the store *name*."""
    await manager.create_collection(collection, 2, metric, store=name)
    await manager.add_documents(
        [VectorDocument(id=f"{x}", embedding=[x, 0], collection=collection) for x in xs], store=name
    )


def ids(results):
    return [result.document.id for result in results]


class UnreliableStore(MemoryStore):
    """Its primitives fail so many times with `failure`, and are counted."""

    def __init__(self, *, opening=0, searching=0, writing=0, failure=None):
        super().__init__(MemoryConfig())
        self.left = {"_open": opening, "_search": searching, "_write": writing, "_delete": writing}
        self.calls = dict.fromkeys(self.left, 0)
        self._failure = failure or BackendUnavailableError("the server is restarting")

    def _fail(self, primitive):
        self.calls[primitive] += 1
        if self.left[primitive]:
            self.left[primitive] -= 1
            raise self._failure

    def _open(self):
        self._fail("_open")

    def _search(self, spec, request):
        self._fail("_search")
        return super()._search(spec, request)

    def _write(self, spec, batch, mode, *, preserve_created):
        self._fail("_write")
        return super()._write(spec, batch, mode, preserve_created=preserve_created)

    def _delete(self, spec, ids):
        self._fail("_delete")
        return super()._delete(spec, ids)


class StuckStore(MemoryStore):
    """Its searches and pings wait in their thread until they are released."""

    def __init__(self):
        super().__init__(MemoryConfig())
        self.release = threading.Event()

    def _search(self, spec, request):
        self._wait()
        return super()._search(spec, request)

    def _ping(self):
        self._wait()
        return super()._ping()

    def _wait(self):
        if not self.release.wait(60):
            raise TimeoutError("the test never released the store")
