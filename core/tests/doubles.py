"""Stores that the tests of the contract are made with."""

import threading

import anyio.lowlevel
import attrs

from pygent_vec.contract import VectorStore
from pygent_vec.filters import And, Comparison, Field, Not, Operator, Or, Pushdown
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryStore


class AsyncMemoryStore(VectorStore):
    """The memory store, with coroutines for primitives."""

    backend = "async-memory"

    def __init__(self, config, *, name=None, embedder=None):
        super().__init__(config, name=name, embedder=embedder)
        self.inner = MemoryStore(config)

    @property
    def capabilities(self):
        return MEMORY_CAPABILITIES

    async def _open(self):
        await self._answer(self.inner._open)

    async def _close(self):
        await self._answer(self.inner._close)

    async def _ping(self):
        return await self._answer(self.inner._ping)

    async def _create_collection(self, spec):
        return await self._answer(self.inner._create_collection, spec)

    async def _drop_collection(self, name):
        return await self._answer(self.inner._drop_collection, name)

    async def _collection_names(self):
        return await self._answer(self.inner._collection_names)

    async def _collection(self, name):
        return await self._answer(self.inner._collection, name)

    async def _collection_stats(self, spec):
        return await self._answer(self.inner._collection_stats, spec)

    async def _write(self, spec, batch, mode, *, preserve_created):
        await anyio.lowlevel.checkpoint()
        return self.inner._write(spec, batch, mode, preserve_created=preserve_created)

    async def _delete(self, spec, ids):
        return await self._answer(self.inner._delete, spec, ids)

    async def _delete_where(self, spec, pushed):
        return await self._answer(self.inner._delete_where, spec, pushed)

    async def _fetch(self, spec, ids, projection):
        return await self._answer(self.inner._fetch, spec, ids, projection)

    async def _scan(self, spec, after_id, limit, pushed, projection):
        return await self._answer(self.inner._scan, spec, after_id, limit, pushed, projection)

    async def _search(self, spec, request):
        return await self._answer(self.inner._search, spec, request)

    async def _count(self, spec, pushed):
        return await self._answer(self.inner._count, spec, pushed)

    async def _build_index(self, spec):
        return await self._answer(self.inner._build_index, spec)

    async def _tuning(self, spec):
        return await self._answer(self.inner._tuning, spec)

    async def _set_effort(self, spec, effort):
        await self._answer(self.inner._set_effort, spec, effort)

    @staticmethod
    async def _answer(primitive, *arguments):
        await anyio.lowlevel.checkpoint()
        return primitive(*arguments)


class RecordingStore(MemoryStore):
    """Keeps what its primitives were called with; `only` changes some of its capabilities."""

    def __init__(self, config, *, name=None, embedder=None, only=None):
        super().__init__(config, name=name, embedder=embedder)
        self.writes = []
        self.searches = []
        self._only = only or {}

    @property
    def capabilities(self):
        return attrs.evolve(MEMORY_CAPABILITIES, **self._only)

    def _write(self, spec, batch, mode, *, preserve_created):
        self.writes.append(batch)
        return super()._write(spec, batch, mode, preserve_created=preserve_created)

    def _search(self, spec, request):
        self.searches.append(request)
        return super()._search(spec, request)


class FailingStore(MemoryStore):
    """Raises `failure` in the write number `fails_at`, before anything of it is written, and in each count."""

    def __init__(self, config, *, failure, fails_at=0, translation=None):
        super().__init__(config)
        self._failure = failure
        self._fails_at = fails_at
        self._translation = translation
        self._number = -1

    def _write(self, spec, batch, mode, *, preserve_created):
        self._number += 1
        if self._number == self._fails_at:
            raise self._failure
        return super()._write(spec, batch, mode, preserve_created=preserve_created)

    def _count(self, spec, pushed):
        raise self._failure

    def _translate(self, error):
        return self._translation


class HeldStore(MemoryStore):
    """Holds one primitive until it is released.

    `entered` is set when a call is inside, `done` when it has finished.
    """

    def __init__(self, config, *, primitive):
        super().__init__(config)
        self.entered, self.release, self.done = threading.Event(), threading.Event(), threading.Event()
        self.opened = self.closed = 0
        self._held = primitive

    def _open(self):
        self.opened += 1
        self._hold("_open")

    def _close(self):
        self.closed += 1
        super()._close()

    def _count(self, spec, pushed):
        self._hold("_count")
        return super()._count(spec, pushed)

    def _write(self, spec, batch, mode, *, preserve_created):
        self._hold("_write")
        try:
            return super()._write(spec, batch, mode, preserve_created=preserve_created)
        finally:
            self.done.set()

    def _hold(self, primitive):
        if primitive == self._held:
            self.entered.set()
            if not self.release.wait(60):
                raise TimeoutError("the test never released the store")


class GradedStore(MemoryStore):
    """Answers comparisons as well as `grade` says: SUPERSET ones with too many rows, NONE ones not at all."""

    def __init__(self, config, *, grade):
        super().__init__(config)
        self._graded = grade

    def _grade(self, comparison):
        return self._graded(comparison)

    def _delete_where(self, spec, pushed):
        return super()._delete_where(spec, self._answered(pushed))

    def _scan(self, spec, after_id, limit, pushed, projection):
        return super()._scan(spec, after_id, limit, self._answered(pushed), projection)

    def _search(self, spec, request):
        return super()._search(spec, attrs.evolve(request, pushed=self._answered(request.pushed)))

    def _count(self, spec, pushed):
        return super()._count(spec, self._answered(pushed))

    def _answered(self, node):
        match node:
            case None:
                return None
            case And(children):
                return And(tuple(map(self._answered, children)))
            case Or(children):
                return Or(tuple(map(self._answered, children)))
            case Not(child):
                assert isinstance(child, Comparison)
                assert self._graded(child) is Pushdown.EXACT
                return node
        assert self._graded(node) is not Pushdown.NONE
        if self._graded(node) is Pushdown.SUPERSET:
            return Or((node, Comparison(Field(("c",)), Operator.EXISTS, value=True)))
        return node


class FakeEmbedder:
    """Embeds a text as its length and its number of vowels."""

    model = "fake-1"
    dimension = 2

    def __init__(self):
        self.texts = []

    def embed(self, texts):
        import numpy as np

        self.texts.extend(texts)
        return np.array([[len(text), sum(map(text.count, "aeiou"))] for text in texts], dtype=np.float32)
