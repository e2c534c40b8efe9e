"""Running work on a collection's table: which table that is by now, and when to try again."""

from __future__ import annotations

import asyncio
import random
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import attrs

from pygent_vec.errors import BackendError, CollectionNotFoundError
from pygent_vec_postgres.failures import connection_lost, rolled_back
from pygent_vec_postgres.schema.extension import is_present

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from pygent_vec.model import CollectionSpec
    from pygent_vec_postgres.pool import Pool
    from pygent_vec_postgres.schema.catalogue import Catalogue
    from pygent_vec_postgres.schema.layout import Table

__all__ = ["Access"]

T = TypeVar("T")

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.01
_STALE = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedObjectError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InternalServerError,
    asyncpg.DataError,
)
"""What a statement meets whose table or extension was dropped before it, or under it."""


@attrs.frozen(kw_only=True)
class _Known:
    table: Table
    since: float


class Access:
    """The collections as this process knows them, and the pools that reach them.

    A collection that is known costs no round trip. That it was dropped shows when a statement meets no
    table, because the name of a table is never used again: then it is looked up, and the work done anew.

    Args:
        catalogue: The catalogue of the store's schema.
        primary: Connections to the server.
        replica: Connections to a replica for searches.
        refresh: Seconds after which a collection is looked up again.
    """

    def __init__(self, catalogue: Catalogue, primary: Pool, replica: Pool | None, *, refresh: float) -> None:
        self.catalogue = catalogue
        self.primary = primary
        self.replica = replica
        self._refresh = refresh
        self._known: dict[str, _Known] = {}

    def fresh(self, name: str) -> Table | None:
        """Return a collection that is known well enough; None of any other."""
        known = self._known.get(name)
        return known.table if known is not None and monotonic() - known.since < self._refresh else None

    async def find(self, name: str) -> Table | None:
        """Return a collection; one that is not known is always looked up."""
        return self.fresh(name) or await self._looked_up(name)

    def learn(self, table: Table) -> None:
        """Remember a collection as it is now."""
        self._known[table.spec.name] = _Known(table=table, since=monotonic())

    def forget(self, name: str) -> None:
        """Look a collection up when it is needed next."""
        self._known.pop(name, None)

    async def ask(self, question: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Return what *question*, which only reads, returns; ask once more if its connection breaks."""
        try:
            async with self.primary.connection() as connection:
                return await question(connection)
        except Exception as error:
            if not connection_lost(error):
                raise
        async with self.primary.connection() as connection:
            return await question(connection)

    async def table(self, spec: CollectionSpec) -> Table:
        """Return the table of a collection that core was told of.

        Raises:
            CollectionNotFoundError: it is gone, or another one with its name has another shape.
        """
        table = self._table_of(spec)
        if table is not None:
            return table
        found = await self.find(spec.name)
        if found is None or not _alike(found.spec, spec):
            raise _gone(spec)
        return found

    async def run(
        self,
        spec: CollectionSpec,
        work: Callable[[asyncpg.Connection, Table], Awaitable[T]],
        *,
        repeatable: bool,
        seconds: float | None = None,
    ) -> T:
        """Return what *work* returns, done on a connection of the primary; otherwise as `on_table`.

        *seconds* is the limit of one attempt; None means the pool's.
        """
        attempt = 1
        while True:
            table = self._table_of(spec) or await self.table(spec)
            try:
                async with self.primary.connection(seconds=seconds) as connection:
                    return await work(connection, table)
            except Exception as error:  # noqa: BLE001  # raised again, unless it passes
                await self._passed(spec, table, error, attempt, repeatable=repeatable)
            attempt += 1

    def search(
        self,
        spec: CollectionSpec,
        work: Callable[[asyncpg.Connection, Table], Awaitable[T]],
        *,
        seconds: float,
    ) -> Coroutine[object, object, T]:
        """Return what *work*, which only reads, returns; on the replica, where there is one."""
        replica = self.replica
        if replica is None:
            return self.run(spec, work, repeatable=True, seconds=seconds)

        async def leased(table: Table) -> T:
            try:
                async with replica.connection(seconds=seconds) as connection:
                    return await work(connection, table)
            except _STALE:
                # The replica has not heard of the table yet.
                async with self.primary.connection(seconds=seconds) as connection:
                    return await work(connection, table)

        return self.on_table(spec, leased, repeatable=True)

    async def on_table(
        self, spec: CollectionSpec, work: Callable[[Table], Awaitable[T]], *, repeatable: bool
    ) -> T:
        """Return what *work* returns, done on the collection's table as a whole.

        Args:
            spec: The collection.
            work: Leaves the table as it was if it fails, unless the connection breaks.
            repeatable: Whether doing it twice has the result of doing it once.

        Raises:
            CollectionNotFoundError: the collection is gone.
        """
        attempt = 1
        while True:
            table = self._table_of(spec) or await self.table(spec)
            try:
                return await work(table)
            except Exception as error:  # noqa: BLE001  # raised again, unless it passes
                await self._passed(spec, table, error, attempt, repeatable=repeatable)
            attempt += 1

    async def _passed(
        self, spec: CollectionSpec, table: Table, error: Exception, attempt: int, *, repeatable: bool
    ) -> None:
        """Return when what failed with *error* may be tried again; otherwise raise what is true."""
        if isinstance(error, _STALE):
            await self._recovered(spec, table, error)
        else:
            lost = connection_lost(error) and repeatable and attempt == 1
            if not (lost or rolled_back(error)) or attempt == _ATTEMPTS:
                raise error
        await asyncio.sleep(_PAUSE_SECONDS * attempt * random.random())  # noqa: S311  # spreads rivals

    def _table_of(self, spec: CollectionSpec) -> Table | None:
        """Return the table from which core was told just this *spec*; None if there is another by now."""
        known = self._known.get(spec.name)
        return known.table if known is not None and known.table.spec is spec else None

    async def _recovered(self, spec: CollectionSpec, table: Table, error: Exception) -> None:
        """Return if the collection has another table by now; raise what is true otherwise."""
        present = await self.ask(lambda connection: is_present(connection, self.catalogue.extension))
        if not present:
            raise BackendError(
                "pgvector was dropped from the database, or created again, since the store was opened: "
                "vectors went with it; restore a backup, and open the store again"
            ) from error
        fresh = await self._looked_up(spec.name)
        if fresh is None or not _alike(fresh.spec, spec):
            raise _gone(spec) from error
        if fresh.uid != table.uid:
            return
        if isinstance(error, asyncpg.UndefinedTableError):
            raise BackendError(
                f"the table {table.qualified} of the collection {spec.name!r} was dropped by somebody else; "
                "restore it from a backup, or call delete_collection and create it anew"
            ) from error
        raise error

    async def _looked_up(self, name: str) -> Table | None:
        table = await self.ask(lambda connection: self.catalogue.find(connection, name))
        if table is None:
            self.forget(name)
            return None
        known = self._known.get(name)
        if known is not None and known.table.uid == table.uid and known.table.effort == table.effort:
            table = known.table  # the same object: what hangs on it stays
        self.learn(table)
        return table


def _alike(one: CollectionSpec, other: CollectionSpec) -> bool:
    return one.dimension == other.dimension and one.distance_metric is other.distance_metric


def _gone(spec: CollectionSpec) -> CollectionNotFoundError:
    return CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")
