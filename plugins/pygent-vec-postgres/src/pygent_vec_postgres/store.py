"""The PostgreSQL store: the contract's primitives over the tables of one schema."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from pygent_vec.contract import VectorStore, WriteMode
from pygent_vec.errors import CollectionNotFoundError, StoreClosedError
from pygent_vec_postgres import building, health, index, reading, stats, writing
from pygent_vec_postgres.access import Access
from pygent_vec_postgres.capabilities import POSTGRES_CAPABILITIES
from pygent_vec_postgres.connecting import Connector
from pygent_vec_postgres.failures import translated
from pygent_vec_postgres.filtering import grade
from pygent_vec_postgres.pool import Pool
from pygent_vec_postgres.schema.catalogue import Catalogue
from pygent_vec_postgres.schema.extension import find_extension
from pygent_vec_postgres.schema.migrations import migrate
from pygent_vec_postgres.searching import Searcher, gives_documents
from pygent_vec_postgres.server.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from pygent_vec.contract import Capabilities, Embedder, Found, Ping, SearchHits, SearchRequest, Tuning
    from pygent_vec.errors import PygentVecError
    from pygent_vec.filters import Comparison, Filter, Pushdown
    from pygent_vec.model import (
        CollectionSpec,
        CollectionStats,
        DocumentRows,
        IndexSpec,
        Projection,
        VectorBatch,
    )
    from pygent_vec_postgres.config import PostgresConfig
    from pygent_vec_postgres.schema.layout import Extension, Table

__all__ = ["PostgresStore"]

_QUERIES_A_TIMEOUT = 4
"""So many queries of one call share the time of one: a recall is measured by hundreds of exact ones."""
_REPEATABLE = frozenset({WriteMode.OVERWRITE, WriteMode.UPDATE})
"""Writes that leave the same and say the same when they are done twice."""


class PostgresStore(VectorStore):
    """A store in one schema of a PostgreSQL database, shared by any number of processes."""

    backend: ClassVar[str] = "postgresql"

    def __init__(
        self, config: PostgresConfig, *, name: str | None = None, embedder: Embedder | None = None
    ) -> None:
        super().__init__(config, name=name, embedder=embedder)
        self._config = config
        self._server = EmbeddedServer(config.path) if config.is_embedded else None
        self._opened: Access | None = None
        self._searcher = Searcher()

    @property
    def capabilities(self) -> Capabilities:
        """Durable, shared and exact; see `pygent_vec_postgres.capabilities`."""
        return POSTGRES_CAPABILITIES

    @property
    def server(self) -> EmbeddedServer | None:
        """The private server, where the store has one."""
        return self._server

    async def _open(self) -> None:
        try:
            if self._server is not None:
                await asyncio.to_thread(self._server.start)
            connector = Connector(config=self._config, server=self._server)
            connection = await connector.plain()
            try:
                async with asyncio.timeout(self._config.timeout):
                    extension = await find_extension(connection)
                    await migrate(connection, self._config.schema)
            finally:
                connection.terminate()
        except BaseException:
            await self._leave_server()
            raise
        self._searcher = Searcher()
        self._opened = self._access(connector, extension)

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.primary.close()
            if opened.replica is not None:
                await opened.replica.close()
        await self._leave_server()

    async def _ping(self) -> Ping:
        access = self._access_now
        return await health.ping(access)

    async def _create_collection(self, spec: CollectionSpec) -> bool:
        index.check_index(spec)
        access = self._access_now
        async with access.primary.connection() as connection:
            table = await access.catalogue.create(connection, spec)
        if table is None:
            return False
        access.learn(table)
        return True

    async def _drop_collection(self, name: str) -> bool:
        access = self._access_now
        async with access.primary.connection() as connection:
            uid = await access.catalogue.drop(connection, name)
        access.forget(name)
        if uid is None:
            return False
        self._searcher.forget(uid)
        return True

    async def _collection_names(self) -> Sequence[str]:
        access = self._access_now
        return await access.ask(access.catalogue.names)

    async def _collection(self, name: str) -> CollectionSpec | None:
        access = self._opened or self._access_now
        table = access.fresh(name) or await access.find(name)
        return None if table is None else table.spec

    async def _collection_stats(self, spec: CollectionSpec) -> CollectionStats:
        return await self._access_now.run(spec, stats.collection_stats, repeatable=True)

    async def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        return await self._access_now.run(
            spec,
            lambda connection, table: writing.write(
                connection, table, batch, mode, preserve_created=preserve_created
            ),
            repeatable=mode in _REPEATABLE,
        )

    async def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        return await self._access_now.run(
            spec, lambda connection, table: writing.delete(connection, table, ids), repeatable=False
        )

    async def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        return await self._access_now.run(
            spec, lambda connection, table: writing.delete_where(connection, table, pushed), repeatable=False
        )

    async def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        return await self._access_now.run(
            spec, lambda connection, table: reading.fetch(connection, table, ids, projection), repeatable=True
        )

    async def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        return await self._access_now.run(
            spec,
            lambda connection, table: reading.scan(connection, table, after_id, limit, pushed, projection),
            repeatable=True,
        )

    async def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        return await self._access_now.search(
            spec,
            lambda connection, table: self._searcher.search(connection, table, request),
            seconds=self._config.timeout * max(1.0, len(request.vectors) / _QUERIES_A_TIMEOUT),
        )

    def _search_documents(
        self, spec: CollectionSpec, request: SearchRequest
    ) -> Coroutine[object, object, list[Found]] | None:
        if not gives_documents(spec, request):
            return None
        access = self._opened or self._access_now
        return access.search(
            spec,
            lambda connection, table: self._searcher.documents(connection, table, request),
            seconds=self._config.timeout,
        )

    async def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        return await self._access_now.run(
            spec, lambda connection, table: reading.count(connection, table, pushed), repeatable=True
        )

    async def _build_index(self, spec: CollectionSpec) -> IndexSpec:
        access, config = self._access_now, self._config

        async def build(table: Table) -> IndexSpec:
            try:
                return await building.build(
                    access.primary, table, memory=config.build_memory, seconds=config.maintenance_timeout
                )
            finally:
                self._searcher.forget(table.uid)

        return await access.on_table(spec, build, repeatable=False)

    async def _tuning(self, spec: CollectionSpec) -> Tuning:
        return await self._access_now.run(spec, index.tuning, repeatable=True)

    async def _set_effort(self, spec: CollectionSpec, effort: int) -> None:
        access = self._access_now
        table = await access.table(spec)
        async with access.primary.connection() as connection:
            if not await access.catalogue.set_effort(connection, table, effort):
                raise CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")
        access.forget(spec.name)
        self._searcher.forget(table.uid)

    def _grade(self, comparison: Comparison) -> Pushdown:
        return grade(comparison)

    def _translate(self, error: Exception) -> PygentVecError | None:
        return translated(error)

    @property
    def _access_now(self) -> Access:
        if self._opened is None:
            raise StoreClosedError(f"the store {self.name!r} is not open")
        return self._opened

    def _access(self, connector: Connector, extension: Extension) -> Access:
        config = self._config

        def pool(made: Connector) -> Pool:
            return Pool(
                lambda: made.ready(extension),
                size=config.pool_size,
                seconds=config.timeout,
                idle_seconds=config.idle_timeout,
            )

        replica = config.read_dsn
        return Access(
            Catalogue(schema=config.schema, extension=extension, distributed=config.distributed),
            pool(connector),
            None if replica is None else pool(Connector(config=config, dsn=replica)),
            refresh=config.refresh,
        )

    async def _leave_server(self) -> None:
        if self._server is not None:
            await asyncio.to_thread(self._server.stop)
