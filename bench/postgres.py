"""The PostgreSQL store against hand-written asyncpg on the same server, and against habits it replaces."""

from __future__ import annotations

import asyncio
import tracemalloc
from itertools import cycle
from typing import TYPE_CHECKING, TypeVar

import attrs

from bench.handmade import address_of, connected, copy, table_of
from bench.measure import Claim, Pair, paired
from pygent_vec import DistanceMetric, VectorBatch, VectorDocument, VectorQuery, VectorStore, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import asyncpg

    from bench.data import Corpus

T = TypeVar("T")

__all__ = ["measure_postgres"]

_BATCH = 1000
_K = 10
_CALLS = 25
_READ = (
    "id, content, document, title, source, document_type, chunk_index, chunk_count, created_at, updated_at"
)


def measure_postgres(data: Corpus, *, dsn: str | None, rounds: int) -> list[Claim]:
    """Return the claims about the PostgreSQL store, on a private server or the one at *dsn*."""
    with asyncio.Runner() as runner:
        return _Bench(data, dsn, rounds, runner).claims()


@attrs.define(eq=False)
class _Bench:
    data: Corpus
    dsn: str | None
    rounds: int
    runner: asyncio.Runner
    store: VectorStore = attrs.field(init=False)
    connection: asyncpg.Connection = attrs.field(init=False)
    address: str = attrs.field(init=False, default="")

    def claims(self) -> list[Claim]:
        settings = {"dsn": self.dsn} if self.dsn else {"embedded": True}
        self.store = open_store("postgresql", schema="pygent_vec_bench", **settings)
        self.run(self.store.initialize())
        try:
            self.address = self.dsn or address_of(self.store)
            self.connection = self.run(connected(self.address))
            try:
                return self._measured()
            finally:
                self.run(self._cleaned())
                self.run(self.connection.close())
        finally:
            self.run(self.store.close())

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.runner.run(work)

    def _measured(self) -> list[Claim]:
        self.run(self._cleaned())
        few = max(3, self.rounds // 10)
        claims = [self._ingest(few), self._row_by_row(few)]
        self.run(self._filled("default"))
        unindexed = self._pair(self._searches(exact=True), self._searches(exact=True), 3)
        report = self.run(self.store.optimize(target_recall=0.95))
        print(
            f"  index built and tuned in {report.seconds:.0f} s: {report.effort}, recall@10 {report.recall}"
        )
        if report.effort is None or report.recall is None:
            raise TypeError("a tuned index has an effort and a recall")
        claims += self._search(report.effort)
        claims.append(self._indexed(unindexed, report.recall))
        claims += [self._pooled(few), self._streaming()]
        return claims

    async def _cleaned(self) -> None:
        for name in await self.store.list_collections():
            await self.store.delete_collection(name)

    async def _filled(self, name: str, count: int | None = None) -> None:
        await self.store.create_collection(
            name, self.data.vectors.shape[1], DistanceMetric.COSINE, index="hnsw"
        )
        for start in range(0, count or len(self.data.ids), _BATCH):
            await self.store.add_batch(self._batch(start, name))

    def _batch(self, start: int, name: str) -> VectorBatch:
        part = slice(start, start + _BATCH)
        return VectorBatch(
            ids=self.data.ids[part],
            vectors=self.data.vectors[part],
            contents=self.data.contents[part],
            metadatas=self.data.metadatas[part],
            collection=name,
        )

    def _pair(self, ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Pair:
        return paired(ours, theirs, rounds=rounds, warm_up=1)

    def _ingest(self, rounds: int) -> Claim:
        """Fresh rows by `add_batch`, against the same rows by asyncpg's COPY into a table made alike."""
        count = min(10_000, len(self.data.ids))
        self.run(self._filled("theirs", 1))
        table = self.run(table_of(self.connection, "theirs"))
        self.run(self._filled("ours", 1))
        ours_table = self.run(table_of(self.connection, "ours"))

        async def write() -> None:
            await self.connection.execute(f"TRUNCATE {ours_table}")
            for start in range(0, count, _BATCH):
                await self.store.add_batch(self._batch(start, "ours"))

        async def copied() -> None:
            await self.connection.execute(f"TRUNCATE {table}")
            for start in range(0, count, _BATCH):
                await copy(self.connection, self.data, table, slice(start, start + _BATCH))

        def theirs() -> None:
            self.run(copied())

        def ours() -> None:
            self.run(write())

        pair = self._pair(ours, theirs, rounds)
        return Claim(
            topic="ingest",
            text="rows/s of add_batch / rows/s of raw asyncpg COPY into a table made alike",
            bound=0.8,
            measured=1 / pair.ratio,
            at_most=False,
            detail=f"{count / pair.ours:,.0f} against {count / pair.theirs:,.0f} rows/s, "
            f"client CPU x{pair.cpu_ratio:.2f}",
        )

    def _row_by_row(self, rounds: int) -> Claim:
        """A thousand documents in one call, against one call for each of a hundred."""
        some = [
            VectorDocument(
                id=one,
                embedding=self.data.vectors[row],
                content=self.data.contents[row],
                metadata=self.data.metadatas[row],
                collection="ours",
            )
            for row, one in enumerate(self.data.ids[:_BATCH])
        ]

        table = self.run(table_of(self.connection, "ours"))

        async def whole() -> None:
            await self.connection.execute(f"TRUNCATE {table}")
            await self.store.add_documents(some)

        async def single() -> None:
            await self.connection.execute(f"TRUNCATE {table}")
            for document in some[: _BATCH // 10]:
                await self.store.add_documents([document])

        pair = self._pair(lambda: self.run(whole()), lambda: self.run(single()), rounds)
        return Claim(
            topic="batch",
            text="rows/s of one call with 1,000 documents / rows/s of one call a document",
            bound=10,
            measured=10 / pair.ratio,
            at_most=False,
            detail=f"{_BATCH / pair.ours:,.0f} against {_BATCH / 10 / pair.theirs:,.0f} rows/s",
        )

    def _searches(self, *, exact: bool = False) -> Callable[[], object]:
        queries = cycle([VectorQuery(query_vector=one, limit=_K, exact=exact) for one in self.data.queries])
        calls = 3 if exact else _CALLS

        async def search() -> None:
            for _ in range(calls):
                await self.store.search_similar(next(queries))

        return lambda: self.run(search())

    def _search(self, effort: int) -> list[Claim]:
        table = self.run(table_of(self.connection, "default"))
        query = f"(SELECT $1::vector FROM set_config('hnsw.ef_search', '{effort}', true))"
        statement = (
            f"SELECT {_READ}, embedding <=> $1::vector AS distance FROM {table} "
            f"WHERE NOT (vector_norm(embedding) < 1e-15 OR vector_norm(embedding) > 1e15) "
            f"ORDER BY embedding <=> {query} LIMIT {_K}"
        )
        head = self.data.vectors.shape[1].to_bytes(2, "big") + b"\0\0"
        bodies = cycle([head + one.astype(">f4").tobytes() for one in self.data.queries])

        async def bare() -> None:
            for _ in range(_CALLS):
                await self.connection.fetch(statement, next(bodies))

        pair = self._pair(self._searches(), lambda: self.run(bare()), self.rounds)
        each = 1e6 / _CALLS
        detail = f"{pair.ours * each:.0f} against {pair.theirs * each:.0f} µs of wall time"
        return [
            Claim(
                topic="search",
                text="client CPU of search_similar, k 10, content and metadata / of a bare fetch of these",
                bound=1.5,
                measured=pair.cpu_ratio,
                at_most=True,
                detail=detail,
            ),
            Claim(
                topic="search",
                text="latency of search_similar / of a bare fetch of the columns",
                bound=1.15,
                measured=pair.ratio,
                at_most=True,
                detail=f"quartiles {pair.spread[0]:.2f}-{pair.spread[1]:.2f}",
            ),
        ]

    def _indexed(self, unindexed: Pair, recall: float) -> Claim:
        pair = self._pair(self._searches(), self._searches(), 5)
        with_index, without = pair.ours / _CALLS, unindexed.ours / 3
        return Claim(
            topic="index",
            text="latency of a search without an index / with one that has recall@10 of at least 0.95",
            bound=5,
            measured=without / with_index if recall >= 0.95 else 0.0,
            at_most=False,
            detail=f"{without * 1e3:.1f} against {with_index * 1e3:.2f} ms, recall@10 {recall:.3f}",
        )

    def _pooled(self, rounds: int) -> Claim:
        """The store's pool, against a connection opened and closed around each search."""
        table = self.run(table_of(self.connection, "default"))
        head = self.data.vectors.shape[1].to_bytes(2, "big") + b"\0\0"
        bodies = cycle([head + one.astype(">f4").tobytes() for one in self.data.queries])

        async def connecting() -> None:
            for _ in range(_CALLS):
                connection = await connected(self.address)
                await connection.fetch(
                    f"SELECT {_READ} FROM {table} WHERE NOT (vector_norm(embedding) < 1e-15 "
                    f"OR vector_norm(embedding) > 1e15) ORDER BY embedding <=> $1::vector LIMIT {_K}",
                    next(bodies),
                )
                await connection.close()

        pair = self._pair(self._searches(), lambda: self.run(connecting()), rounds)
        return Claim(
            topic="pool",
            text="latency of a search that opens a connection / of a search through the store's pool",
            bound=2,
            measured=1 / pair.ratio,
            at_most=False,
            detail=f"{pair.theirs / _CALLS * 1e3:.2f} against {pair.ours / _CALLS * 1e3:.2f} ms",
        )

    def _streaming(self) -> Claim:
        """The peak of Python's memory while all documents are read, against a tenth of them."""

        async def peak(name: str) -> int:
            tracemalloc.reset_peak()
            async for _ in self.store.iter_documents(collection=name):
                pass
            return tracemalloc.get_traced_memory()[1] - base

        count = len(self.data.ids)
        self.run(self._filled("tenth", max(_BATCH * 2, count // 10)))
        tracemalloc.start()
        base = tracemalloc.get_traced_memory()[0]
        self.run(peak("tenth"))
        small, large = self.run(peak("tenth")), self.run(peak("default"))
        tracemalloc.stop()
        return Claim(
            topic="stream",
            text="peak memory of reading all documents / of reading a tenth of them",
            bound=1.2,
            measured=large / small,
            at_most=True,
            detail=f"{large / 2**20:.1f} against {small / 2**20:.1f} MiB",
        )
