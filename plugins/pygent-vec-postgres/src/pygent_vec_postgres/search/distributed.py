# ruff: noqa: S608  # names are quoted by Table, and every value is a parameter
"""Searches of a table that Citus spreads over servers: plain statements, one for each question.

Citus passes neither settings that a statement makes itself nor subqueries among the columns on to the servers
that hold the rows. So settings are made in a transaction, and strays are asked for apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec_postgres.codec import encode_vector
from pygent_vec_postgres.filtering import Parameters, condition
from pygent_vec_postgres.rows import selected
from pygent_vec_postgres.search.access import order_by
from pygent_vec_postgres.search.decisions import filter_key
from pygent_vec_postgres.search.policy import MOST_EFFORT, SearchPlan, exact_matches, unfiltered_plan
from pygent_vec_postgres.search.request import candidates_for, facts_of, hits_of, shape_of
from pygent_vec_postgres.search.statements import Index
from pygent_vec_postgres.search.strays import best_of, nearest_among

if TYPE_CHECKING:
    import asyncpg

    from pygent_vec.contract import SearchHits, SearchRequest
    from pygent_vec.model import Float32Matrix, Float32Vector
    from pygent_vec_postgres.schema.layout import Table
    from pygent_vec_postgres.search.decisions import Shares
    from pygent_vec_postgres.search.state import IndexState, States

__all__ = ["DistributedSearch"]


class DistributedSearch:
    """The queries of a request, on one connection to the coordinator."""

    def __init__(
        self,
        states: States,
        shares: Shares,
        connection: asyncpg.Connection,
        table: Table,
        request: SearchRequest,
        vectors: Float32Matrix,
    ) -> None:
        self._states = states
        self._shares = shares
        self._connection = connection
        self._table = table
        self._request = request
        self._vectors = vectors
        parameters = Parameters(None)
        self._where = condition(request.pushed, parameters)
        self._values = parameters.values[1:]
        self._shape = attrs.evolve(shape_of(table, request, self._where), many=False)

    async def hits(self) -> list[SearchHits]:
        """Return the hits of each query."""
        index = await self._index()
        found = [await self._nearest(vector, index) for vector in self._vectors]
        if not await self._matches(self._shape.stray, 1):
            return found
        parameters = Parameters()
        where = f"{condition(self._request.pushed, parameters)} AND {self._shape.stray}"
        request = self._request
        strays = await nearest_among(
            self._connection,
            self._table,
            where,
            parameters.values,
            self._vectors,
            request.metric,
            request.projection,
            request.k,
        )
        return [best_of(one, other, request.k) for one, other in zip(found, strays, strict=True)]

    async def _index(self) -> Index | None:
        """Return how the index is asked; None where matching rows are compared one by one."""
        request, table = self._request, self._table
        if request.exact or request.metric is not table.metric:
            return None
        state = await self._states.of(self._connection, table)
        if not state.valid or state.access is None:
            return None
        facts = facts_of(table, state, request.effort)
        plan = unfiltered_plan(facts, request.k)
        if request.pushed is not None:
            plan = SearchPlan(exact=await self._are_few(state), effort=facts.effort_for(MOST_EFFORT))
        if plan.exact:
            return None
        return Index(
            kind=state.kind,
            access=state.access,
            effort=plan.effort,
            iterative=True,
            candidates=candidates_for(state.access, plan, request.k, filtered=request.pushed is not None),
        )

    async def _are_few(self, state: IndexState) -> bool:
        """Return whether so few rows match the filter that they are compared one by one."""
        bound = exact_matches(facts_of(self._table, state, None), self._request.k)
        key = filter_key(self._table.uid, self._where, self._values)
        share = self._shares.get(key)
        if share is None:
            parameters = Parameters()
            where = condition(self._request.pushed, parameters)
            matches = await self._matches(where, bound + 1, *parameters.values)
            share = max(matches, 1) / state.rows
            self._shares.keep(key, share)
        return share * state.rows <= bound

    async def _matches(self, where: str, bound: int, *values: object) -> int:
        """Return how many rows satisfy *where*, counted up to a bound."""
        some = f"SELECT id FROM {self._table.qualified} WHERE {where} LIMIT {bound}"
        counted: int = await self._connection.fetchval(f"SELECT count(*) FROM ({some}) AS some_rows", *values)
        return counted

    async def _nearest(self, vector: Float32Vector, index: Index | None) -> SearchHits:
        shape, request = self._shape, self._request
        if index is not None:
            order = order_by(self._table, index.access, shape.query)
            async with self._connection.transaction():
                await self._connection.execute(_set_local(index))
                hits = await self._asked(vector, order, index.candidates)
            if len(hits.rows) >= request.k:
                return best_of(hits, None, request.k)
        return await self._asked(vector, f"({shape.distance}) + 0, id", request.k)

    async def _asked(self, vector: Float32Vector, order: str, limit: int) -> SearchHits:
        shape = self._shape
        statement = (
            f"SELECT {selected(shape.projection)}, {shape.distance} AS distance FROM {self._table.qualified} "
            f"WHERE NOT {shape.stray} AND ({self._where}) ORDER BY {order} LIMIT {limit}"
        )
        records = await self._connection.fetch(statement, encode_vector(vector), *self._values)
        return hits_of(shape, self._request.projection, records, vector)


def _set_local(index: Index) -> str:
    settings = {"citus.propagate_set_commands": "local", "enable_seqscan": "off", **index.constants}
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())
