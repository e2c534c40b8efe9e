"""The PostgreSQL store against hand-written asyncpg on the same server, and against habits it replaces."""

from __future__ import annotations

import asyncio
import tracemalloc
from itertools import cycle
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import attrs
import orjson

from bench.claims import claim
from bench.handmade import address_of, connected, copy, table_of, undecoded
from bench.measure import Pair, paired, set_aside
from pygent_vec import DistanceMetric, VectorBatch, VectorDocument, VectorQuery, VectorStore, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from bench.data import Corpus
    from bench.measure import Claim
    from bench.suites import Setup

T = TypeVar("T")

__all__ = ["measure_postgres"]

_BATCH = 1000
_K = 10
_CALLS = 25
_READ = (
    "id, content, document, title, source, document_type, chunk_index, chunk_count, created_at, updated_at"
)


def measure_postgres(setup: Setup) -> Iterator[Claim]:
    """Yield the claims about the PostgreSQL store, on a private server or the one at the setup's dsn."""
    with asyncio.Runner() as runner:
        yield from _Bench(setup.data, setup.dsn, setup.rounds, runner).claims()


@attrs.define(eq=False)
class _Bench:
    data: Corpus
    dsn: str | None
    rounds: int
    runner: asyncio.Runner
    store: VectorStore = attrs.field(init=False)
    connection: asyncpg.Connection = attrs.field(init=False)
    address: str = attrs.field(init=False, default="")

    def claims(self) -> Iterator[Claim]:
        settings = {"dsn": self.dsn} if self.dsn else {"embedded": True}
        self.store = open_store("postgresql", schema="pygent_vec_bench", **settings)
        self.run(self.store.initialize())
        try:
            self.address = self.dsn or address_of(self.store)
            self.connection = self.run(connected(self.address))
            try:
                yield from self._measured()
            finally:
                self.run(self._cleaned())
                self.run(self.connection.close())
        finally:
            self.run(self.store.close())

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.runner.run(work)

    def _measured(self) -> Iterator[Claim]:
        self.run(self._cleaned())
        set_aside()
        few = max(3, self.rounds // 10)
        yield self._ingest(few)
        yield self._row_by_row(few)
        self.run(self._filled("default"))
        unindexed = self._pair(self._searches(exact=True), self._searches(exact=True), 3)
        report = self.run(self.store.optimize(target_recall=0.95))
        print(
            f"  index built and tuned in {report.seconds:.0f} s: {report.effort}, recall@10 {report.recall}"
        )
        if report.effort is None or report.recall is None:
            raise TypeError("a tuned index has an effort and a recall")
        yield from self._search(report.effort)
        yield self._indexed(unindexed, report.recall)
        yield self._pooled(few)
        yield self._streaming()

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
        return claim(
            "postgres.ingest",
            measured=1 / pair.ratio,
            spread=pair.inverse,
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
        return claim(
            "postgres.batch",
            measured=10 / pair.ratio,
            spread=(10 * pair.inverse[0], 10 * pair.inverse[1]),
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

        async def usual() -> None:
            for _ in range(_CALLS):
                for record in await pool.fetch(statement, next(bodies), timeout=30.0):
                    orjson.loads(record[2])

        pair = self._pair(self._searches(), lambda: self.run(bare()), self.rounds)
        pool = self.run(self._asyncpg_pool())
        whole = self._pair(self._searches(), lambda: self.run(usual()), max(5, self.rounds // 3))
        self.run(pool.close())
        each = 1e6 / _CALLS
        detail = (
            f"{pair.ours * each:.0f} against {pair.theirs * each:.0f} µs of wall time; against a fetch by "
            f"asyncpg's pool with a limit of time, metadata decoded, CPU x{whole.cpu_ratio:.2f}"
        )
        return [
            claim(
                "postgres.client_cpu",
                measured=pair.cpu_ratio,
                spread=pair.cpu_spread,
                detail=detail,
            ),
            claim(
                "postgres.search",
                measured=pair.ratio,
                spread=pair.spread,
            ),
        ]

    async def _asyncpg_pool(self) -> asyncpg.Pool:
        return await asyncpg.create_pool(self.address, min_size=1, init=undecoded)

    def _indexed(self, unindexed: Pair, recall: float) -> Claim:
        pair = self._pair(self._searches(), self._searches(), 5)
        with_index, without = pair.ours / _CALLS, unindexed.ours / 3
        return claim(
            "postgres.index",
            measured=without / with_index if recall >= 0.95 else 0.0,
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
        return claim(
            "postgres.pool",
            measured=1 / pair.ratio,
            spread=pair.inverse,
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
        return claim(
            "postgres.stream",
            measured=large / small,
            detail=f"{large / 2**20:.1f} against {small / 2**20:.1f} MiB",
        )
