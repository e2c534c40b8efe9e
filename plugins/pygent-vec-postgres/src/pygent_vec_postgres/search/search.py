"""One search: which way it goes, what is asked, and what is settled here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from pygent_vec_postgres.codec import encode_vector, encode_vectors
from pygent_vec_postgres.filtering import Parameters, condition
from pygent_vec_postgres.rows import is_long
from pygent_vec_postgres.search import statements
from pygent_vec_postgres.search.decisions import filter_key
from pygent_vec_postgres.search.policy import (
    INLINE_DIMENSIONS,
    MOST_EFFORT,
    IndexFacts,
    SearchPlan,
    effort_expression,
    exact_matches,
    filtered_plan,
    unfiltered_plan,
)
from pygent_vec_postgres.search.request import candidates_for, facts_of, hits_of, shape_of
from pygent_vec_postgres.search.strays import best_of, nearest_among

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import asyncpg

    from pygent_vec.contract import SearchHits, SearchRequest
    from pygent_vec.model import Float32Matrix
    from pygent_vec_postgres.schema.layout import Table
    from pygent_vec_postgres.search.access import Access
    from pygent_vec_postgres.search.decisions import Shares
    from pygent_vec_postgres.search.state import States

__all__ = ["Search"]

_SAMPLE_ROWS = 1000
_DOUBT = 2.0
"""A share that a sample gives is doubted up to this factor."""


class Search:
    """Some queries of a request, on one connection.

    Attributes:
        shape: What its statements have in common.
        statement: The last one that was asked; None where it needs settings of the session.
        is_whole: Whether it compared every matching row, so that nothing is missing where it gave few.
    """

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
        shape = shape_of(table, request, condition(request.pushed, parameters))
        self.shape = attrs.evolve(shape, many=len(vectors) > 1)
        self._values = parameters.values[1:]
        self._strayed = False
        self.statement: str | None = None
        self.is_whole = False

    async def hits(self) -> list[SearchHits]:
        """Return the hits of each query."""
        found = await self._answers()
        return await self._with_strays(found) if self._strayed else found

    async def _answers(self) -> list[SearchHits]:
        everything = range(len(self._vectors))
        request = self._request
        if request.exact or request.metric is not self._table.metric:
            return await self._exact(everything)
        state = await self._states.of(self._connection, self._table)
        if not state.valid or state.access is None:
            return await self._exact(everything)
        facts = facts_of(self._table, state, request.effort)
        if request.pushed is None:
            plan = unfiltered_plan(facts, request.k)
        else:
            key = filter_key(self._table.uid, self.shape.where, self._values)
            share = self._shares.get(key)
            if share is None and not self.shape.many and not self._is_outside:
                return await self._either(state.access, facts, key)
            if share is None:
                share = await self._counted(facts, key)
            plan = filtered_plan(facts, request.k, share)
        if plan.exact:
            return await self._exact(everything)
        return await self._approximate(state.access, facts, plan)

    async def _approximate(self, access: Access, facts: IndexFacts, plan: SearchPlan) -> list[SearchHits]:
        everything = range(len(self._vectors))
        hits = await self._from_index(access, facts, plan, everything)
        return await self._completed(hits, access, facts, plan)

    async def _from_index(
        self, access: Access, facts: IndexFacts, plan: SearchPlan, places: Sequence[int]
    ) -> list[SearchHits]:
        index = statements.Index(
            kind=facts.kind,
            access=access,
            effort=plan.effort,
            iterative=plan.iterative,
            candidates=candidates_for(
                access, plan, self._request.k, filtered=self._request.pushed is not None
            ),
        )
        shape = attrs.evolve(self.shape, many=len(places) > 1)
        statement = statements.approximate(shape, index)
        if not self._is_outside:
            return await self._asked(statement, places)
        async with self._connection.transaction():
            await self._connection.execute("SET LOCAL enable_seqscan = off")
            hits = await self._asked(statement, places)
        self.statement = None
        return hits

    @property
    def _is_outside(self) -> bool:
        """Whether vectors lie outside of their rows, where the planner does not see what they cost."""
        return self._table.dimension > INLINE_DIMENSIONS

    async def _completed(
        self, hits: list[SearchHits], access: Access, facts: IndexFacts, plan: SearchPlan
    ) -> list[SearchHits]:
        """Return *hits*, with other answers where the index gave too few: its utmost, then an exact one."""
        short = self._short(hits)
        further = self._further(facts, plan)
        if short and further is not None:
            better = await self._from_index(access, facts, further, short)
            hits = [better.pop(0) if place in short else one for place, one in enumerate(hits)]
            short = self._short(hits)
        if short:
            exact = await self._exact(short)
            hits = [exact.pop(0) if place in short else one for place, one in enumerate(hits)]
        return hits

    def _further(self, facts: IndexFacts, plan: SearchPlan) -> SearchPlan | None:
        """Return what asks more of the index than *plan* did; None where there is no more."""
        if self._request.pushed is None:
            return None if plan.iterative else attrs.evolve(plan, iterative=True)
        utmost = facts.effort_for(MOST_EFFORT)
        return attrs.evolve(plan, effort=utmost) if plan.effort < utmost else None

    def _short(self, hits: Sequence[SearchHits]) -> list[int]:
        """Return the places of the queries whose answers are too small."""
        return [place for place, found in enumerate(hits) if len(found.rows) < self._request.k]

    async def _either(self, access: Access, facts: IndexFacts, key: Hashable) -> list[SearchHits]:
        """Let the server choose by the number of matching rows, and remember their share."""
        k = self._request.k
        guess = _guess(facts, k)
        floor = max(guess.bound / max(facts.rows, 1.0), 1e-9)
        plan = SearchPlan(exact=False, iterative=False)
        index = statements.Index(
            kind=facts.kind,
            access=access,
            effort=effort_expression(facts, k, f"greatest(share, {floor:.9f})"),
            iterative=plan.iterative,
            candidates=candidates_for(access, attrs.evolve(plan, effort=MOST_EFFORT), k, filtered=True),
        )
        records = await self._connection.fetch(
            statements.either(self.shape, index, guess), encode_vector(self._vectors[0]), *self._values
        )
        hits = [await self._read(records, 0)]
        if not records:
            return await self._completed(hits, access, facts, plan)
        share, matches = records[0]["share"], records[0]["matches"]
        self._remember(key, facts, share, matches)
        if matches is None or matches > guess.bound:
            return await self._completed(hits, access, facts, plan)
        return await self._exact([0]) if self._strayed else hits

    async def _counted(self, facts: IndexFacts, key: Hashable) -> float:
        """Return the share of the matching rows."""
        parameters = Parameters()
        where = condition(self._request.pushed, parameters)
        statement = statements.match_count(self._table, where, _guess(facts, self._request.k))
        record = await self._connection.fetchrow(statement, *parameters.values)
        return self._remember(key, facts, *record)

    def _remember(self, key: Hashable, facts: IndexFacts, share: float, matches: int | None) -> float:
        if matches is not None:  # up to the bound that is exact, beyond it the least that there can be
            share = max(matches, 1) / max(facts.rows, float(matches), 1.0)
        self._shares.keep(key, share)
        return share

    async def _exact(self, places: Sequence[int]) -> list[SearchHits]:
        """Return exact answers, which strays are left out of as soon as one is known."""
        shape = attrs.evolve(self.shape, many=len(places) > 1)
        if not self._strayed:
            hits = await self._asked(statements.exact(shape), places)
            if not self._strayed:
                self.is_whole = True
                return hits
        return await self._asked(statements.exact(shape, without_strays=True), places)

    async def _asked(self, statement: str, places: Sequence[int]) -> list[SearchHits]:
        """Return the answers of *statement* to the queries at *places*."""
        self.statement = statement
        if len(places) == 1:
            query = encode_vector(self._vectors[places[0]])
            records = await self._connection.fetch(statement, query, *self._values)
            return [await self._read(records, places[0])]
        queries = encode_vectors(self._vectors[places])
        records = await self._connection.fetch(statement, queries, *self._values)
        of_query: list[list[asyncpg.Record]] = [[] for _ in places]
        for record in records:
            of_query[record[0] - 1].append(record[1:])
        return [await self._read(part, place) for part, place in zip(of_query, places, strict=True)]

    async def _read(self, records: Sequence[Sequence[object]], place: int) -> SearchHits:
        if records and records[0][self.shape.width + 1]:
            self._strayed = True
        arguments = (self.shape, self._request.projection, records, self._vectors[place])
        if is_long(len(records), self.shape.projection, self._table.dimension):
            return await asyncio.to_thread(hits_of, *arguments)
        return hits_of(*arguments)

    async def _with_strays(self, hits: list[SearchHits]) -> list[SearchHits]:
        parameters = Parameters()
        where = f"{condition(self._request.pushed, parameters)} AND {self.shape.stray}"
        strays = await nearest_among(
            self._connection,
            self._table,
            where,
            parameters.values,
            self._vectors,
            self._request.metric,
            self._request.projection,
            self._request.k,
        )
        return [best_of(one, other, self._request.k) for one, other in zip(hits, strays, strict=True)]


def _guess(facts: IndexFacts, k: int) -> statements.Guess:
    rows = max(facts.rows, 1.0)
    bound = exact_matches(facts, k)
    return statements.Guess(
        sample=round(min(100.0, max(0.001, 100 * _SAMPLE_ROWS / rows)), 4),
        rare=round(_DOUBT * bound / rows, 9),
        bound=bound,
    )
