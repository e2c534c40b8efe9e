"""Tables of one schema, and connections to them, without a store around."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import attrs
import numpy as np

from pygent_vec.contract import SearchHits, SearchRequest, WriteMode
from pygent_vec.filters import parse_filter
from pygent_vec.model import DistanceMetric, IndexSpec, Projection, VectorBatch
from pygent_vec_postgres import building, writing
from pygent_vec_postgres.config import PostgresConfig
from pygent_vec_postgres.connecting import Connector
from pygent_vec_postgres.pool import Pool
from pygent_vec_postgres.schema.catalogue import Catalogue
from pygent_vec_postgres.schema.extension import find_extension
from pygent_vec_postgres.schema.layout import Table
from pygent_vec_postgres.schema.migrations import migrate
from pygent_vec_postgres.searching import Searcher

from .harness import spec

T = TypeVar("T")
WHOLE = Projection(content=True, metadata=True, embedding=True)


@attrs.frozen(kw_only=True)
class Lab:
    """A schema to experiment in."""

    pool: Pool
    connection: asyncpg.Connection
    catalogue: Catalogue

    async def table(
        self, dimension: int = 4, metric: str = "cosine", index: IndexSpec | str = "auto", name: str = "lab"
    ) -> Table:
        kind = IndexSpec(index) if isinstance(index, str) else index
        made = await self.catalogue.create(self.connection, spec(name, dimension, metric, index=kind))
        assert made is not None
        return made

    async def write(
        self, table: Table, batch: VectorBatch, mode: WriteMode = WriteMode.OVERWRITE
    ) -> list[str]:
        return await writing.write(self.connection, table, batch, mode, preserve_created=False)

    async def build(self, table: Table) -> IndexSpec:
        return await building.build(self.pool, table)

    async def search(
        self,
        table: Table,
        vectors: np.ndarray,
        k: int = 10,
        condition: Mapping[str, object] | None = None,
        *,
        exact: bool = False,
        searcher: Searcher | None = None,
        projection: Projection | None = None,
        metric: DistanceMetric | None = None,
    ) -> list[SearchHits]:
        request = SearchRequest(
            vectors=np.atleast_2d(vectors).astype(np.float32),
            k=k,
            metric=metric or table.metric,
            pushed=None if condition is None else parse_filter(condition),
            exact=exact,
            projection=projection or Projection(content=False, metadata=False),
        )
        return await (searcher or Searcher()).search(self.connection, table, request)


@asynccontextmanager
async def opened(settings: Mapping[str, object], *, size: int = 4) -> AsyncIterator[Lab]:
    """Open a lab in the schema that the settings name."""
    connector = Connector(config=PostgresConfig(dsn=str(settings["dsn"])))
    plain = await connector.plain()
    extension = await find_extension(plain)
    await migrate(plain, str(settings["schema"]))
    await plain.close()
    pool = Pool(lambda: connector.ready(extension), size=size, seconds=120, idle_seconds=60)
    connection = await connector.ready(extension)
    catalogue = Catalogue(schema=str(settings["schema"]), extension=extension, distributed=False)
    try:
        yield Lab(pool=pool, connection=connection, catalogue=catalogue)
    finally:
        await connection.close()
        await pool.close()


def run(settings: Mapping[str, object], work: Callable[[Lab], Coroutine[Any, Any, T]], *, size: int = 4) -> T:
    """Return what *work* returns, done in a lab."""

    async def within() -> T:
        async with opened(settings, size=size) as lab:
            return await work(lab)

    return asyncio.run(within())


def batch(
    ids: Sequence[str],
    vectors: np.ndarray | None = None,
    metadatas: Sequence[Mapping[str, object]] | None = None,
    *,
    mark: int = 0,
    content: str = "text",
    dimension: int = 4,
) -> VectorBatch:
    """Return documents that carry *mark* in all that can change."""
    count = len(ids)
    if vectors is None:
        vectors = np.full((count, dimension), mark + 1, dtype=np.float32)
    return VectorBatch(
        ids=list(ids),
        vectors=np.ascontiguousarray(vectors, dtype=np.float32),
        contents=[f"{content} {mark}"] * count,
        metadatas=list(metadatas) if metadatas is not None else [{"mark": mark}] * count,
        titles=[f"title {mark}"] * count,
        created_at=np.full(count, mark, dtype=np.int64),
        updated_at=np.full(count, mark, dtype=np.int64),
    )
