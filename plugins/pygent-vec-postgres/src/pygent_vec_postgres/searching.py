"""How a store searches: what one search has found out serves the next."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import attrs

from pygent_vec.model import DistanceMetric, Projection
from pygent_vec_postgres.codec import encode_vector
from pygent_vec_postgres.filtering import Parameters, condition
from pygent_vec_postgres.rows import is_long
from pygent_vec_postgres.search.decisions import Shares
from pygent_vec_postgres.search.distributed import DistributedSearch
from pygent_vec_postgres.search.request import documents_of, hits_of
from pygent_vec_postgres.search.search import Search
from pygent_vec_postgres.search.state import FRESH_SECONDS, States
from pygent_vec_postgres.search.strays import comparable, nearest_among

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    import asyncpg

    from pygent_vec.contract import Found, SearchHits, SearchRequest
    from pygent_vec.model import CollectionSpec, Float32Matrix
    from pygent_vec_postgres.schema.layout import Table
    from pygent_vec_postgres.search.statements import Shape

__all__ = ["Searcher", "gives_documents"]

_QUERIES_AT_ONCE = 32
_MOST_PREPARED = 1000
_ALL = Projection(content=True, metadata=True, embedding=True)


@attrs.frozen(kw_only=True, eq=False)
class _Prepared:
    """What a search of one query without a filter came to, for the next of its kind.

    Attributes:
        until: When the state of the index has to be looked at again.
        statement: What was asked.
        shape: What it was made of.
        is_whole: Whether it compares every row.
    """

    until: float
    statement: str
    shape: Shape
    is_whole: bool

    def is_answered(self, records: Sequence[Sequence[object]], k: int) -> bool:
        """Return whether *records* are all that the statement should give, and no vectors have strayed."""
        return not (records and records[0][-1]) and (self.is_whole or len(records) == k)


class Searcher:
    """Answers the searches of a store. It remembers indexes and filters, by the uid of a table."""

    def __init__(self) -> None:
        self._states = States()
        self._shares = Shares()
        self._prepared: dict[tuple[object, ...], _Prepared] = {}

    def forget(self, uid: int) -> None:
        """Look at a collection anew: its index or its effort has changed, or it is gone."""
        self._states.forget(uid)
        self._prepared = {key: one for key, one in self._prepared.items() if key[0] != uid}

    def search(
        self, connection: asyncpg.Connection, table: Table, request: SearchRequest
    ) -> Awaitable[list[SearchHits]]:
        """Return the nearest documents of each query, `min(k, matching documents)` of them."""
        vectors = comparable(request.vectors, request.metric)
        if vectors is None:
            return _without_float32(connection, table, request)
        if table.distributed:
            parts = (self._states, self._shares, connection, table, request, vectors)
            return DistributedSearch(*parts).hits()
        if request.pushed is None and len(vectors) == 1 and not is_long(request.k, _ALL, table.dimension):
            return self._plain(connection, table, request, vectors)
        return self._in_parts(connection, table, request, vectors)

    async def _in_parts(
        self, connection: asyncpg.Connection, table: Table, request: SearchRequest, vectors: Float32Matrix
    ) -> list[SearchHits]:
        """Answer so many queries at once as leave others their turn."""
        hits: list[SearchHits] = []
        for start in range(0, len(vectors), _QUERIES_AT_ONCE):
            part = vectors[start : start + _QUERIES_AT_ONCE]
            search = Search(self._states, self._shares, connection, table, request, part)
            hits += await search.hits()
        return hits

    async def documents(
        self, connection: asyncpg.Connection, table: Table, request: SearchRequest
    ) -> list[Found]:
        """Return what `search` would for a request of which `gives_documents` is true, as documents."""
        vectors = comparable(request.vectors, request.metric)
        known = None if vectors is None else self._known(_key(table, request))
        if vectors is not None and known is not None:
            records = await connection.fetch(known.statement, encode_vector(vectors[0]))
            if known.is_answered(records, request.k):
                return documents_of(records, table.spec.name)
        (hits,) = await self.search(connection, table, request)
        return hits.found(table.spec.name)

    async def _plain(
        self, connection: asyncpg.Connection, table: Table, request: SearchRequest, vectors: Float32Matrix
    ) -> list[SearchHits]:
        """Answer one query without a filter: the statement of the last one like it is asked again."""
        key = _key(table, request)
        known = self._known(key)
        if known is not None:
            records = await connection.fetch(known.statement, encode_vector(vectors[0]))
            if known.is_answered(records, request.k):
                return [hits_of(known.shape, request.projection, records, vectors[0])]
        search = Search(self._states, self._shares, connection, table, request, vectors)
        hits = await search.hits()
        if len(self._prepared) >= _MOST_PREPARED:
            self._prepared.clear()
        if search.statement is not None:
            self._prepared[key] = _Prepared(
                until=monotonic() + FRESH_SECONDS,
                statement=search.statement,
                shape=search.shape,
                is_whole=search.is_whole,
            )
        return hits

    def _known(self, key: tuple[object, ...]) -> _Prepared | None:
        """Return what the last search of its kind came to, if that is not too long ago."""
        known = self._prepared.get(key)
        return known if known is not None and monotonic() < known.until else None


def gives_documents(spec: CollectionSpec, request: SearchRequest) -> bool:
    """Return whether the records of a request are whole documents, and few enough to be turned at once."""
    wanted = request.projection
    return (
        request.pushed is None
        and wanted.content
        and wanted.metadata
        and not wanted.embedding
        and request.metric is not DistanceMetric.DOT_PRODUCT  # summed again from the vectors
        and not is_long(request.k, _ALL, spec.dimension)
    )


def _key(table: Table, request: SearchRequest) -> tuple[object, ...]:
    wanted = request.projection
    columns = (wanted.content, wanted.metadata, wanted.embedding)
    return (table.uid, request.k, request.metric, request.exact, request.effort, table.effort, *columns)


async def _without_float32(
    connection: asyncpg.Connection, table: Table, request: SearchRequest
) -> list[SearchHits]:
    """Return the answers to query vectors that float32 cannot compare with anything."""
    parameters = Parameters()
    return await nearest_among(
        connection,
        table,
        condition(request.pushed, parameters),
        parameters.values,
        request.vectors,
        request.metric,
        request.projection,
        request.k,
    )
