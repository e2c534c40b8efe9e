"""The statements of a search.

All of them return the selected columns, then `distance`, then `strayed`: whether the collection has rows
that float32 cannot compare. With several queries, `$1` is an array of vectors instead of one, and the number
of the query, from one on, comes first. `$2` and so on are the filter's.

pgvector's settings are set inside of the statement, for its own transaction: that saves a round trip, and
works behind a proxy that pools transactions. They are in the subquery that gives the query's vector, because
an index scan needs that before it begins. An exact statement adds zero to the distance, so that no index
gives the order; a filter is hidden by `IS TRUE` where no other index than the vectors' should be used.
"""

# ruff: noqa: S608  # names are quoted by Table, and every value is a parameter
from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec_postgres.rows import selected, width_of
from pygent_vec_postgres.search.access import Access, order_by, sound

if TYPE_CHECKING:
    from pygent_vec.model import DistanceMetric, Projection
    from pygent_vec_postgres.schema.layout import Table

__all__ = ["Guess", "Index", "Shape", "approximate", "either", "exact", "match_count"]

_MOST_SCANNED = 100_000
"""An iterative scan of a graph gives up after so many rows."""


@attrs.frozen(kw_only=True, eq=False)
class Shape:
    """What the statements of a search have in common.

    Attributes:
        table: The collection.
        metric: How vectors are compared.
        projection: The columns of the hits.
        where: The filter's SQL.
        stray: The SQL condition of the rows that float32 cannot compare.
        k: How many hits each query wants.
        many: Whether `$1` is an array of vectors.
    """

    table: Table
    metric: DistanceMetric
    projection: Projection
    where: str
    stray: str
    k: int
    many: bool

    @property
    def query(self) -> str:
        """The SQL of the query's vector."""
        return "given.vector" if self.many else f"$1::{self.table.vector_type}"

    @property
    def distance(self) -> str:
        """The SQL of the distance to the query."""
        return f"embedding {self.table.operator(self.metric)} {self.query}"

    @property
    def width(self) -> int:
        """How many columns of documents there are before `distance`."""
        return width_of(self.projection)

    @property
    def columns(self) -> str:
        """The columns that every statement returns."""
        strayed = f"EXISTS (SELECT FROM {self.table.qualified} WHERE {self.stray})"
        return f"{selected(self.projection)}, {self.distance} AS distance, {strayed} AS strayed"


@attrs.frozen(kw_only=True)
class Index:
    """How an index is asked.

    Attributes:
        kind: `"hnsw"` or `"ivf_flat"`.
        access: What it holds of a vector.
        effort: The search effort, as a number or the SQL of one.
        iterative: Whether it goes on where too few of its candidates match.
        candidates: How many rows it returns, of which the nearest are taken.
    """

    kind: str
    access: Access
    effort: int | str
    iterative: bool
    candidates: int

    @property
    def constants(self) -> dict[str, object]:
        """The settings of the index scan that differ from the server's: each costs a search some 30 µs."""
        prefix, effort = ("hnsw", "ef_search") if self.kind == "hnsw" else ("ivfflat", "probes")
        settings: dict[str, object] = {f"{prefix}.{effort}": self.effort}
        if self.iterative:
            settings[f"{prefix}.iterative_scan"] = "relaxed_order"
            if self.kind == "hnsw":
                settings["hnsw.max_scan_tuples"] = _MOST_SCANNED
        return settings

    @property
    def settings(self) -> str:
        """The function calls that make the settings, as the items of a FROM clause."""
        calls = []
        for number, (name, value) in enumerate(self.constants.items()):
            text = f"({value})::text" if value is self.effort else f"'{value}'"
            calls.append(f"set_config('{name}', {text}, true) AS set_{number}")
        return ", ".join(calls)


def exact(shape: Shape, *, without_strays: bool = False) -> str:
    """Return the statement that compares every matching row; at the last place smaller ids win ties."""
    where = f"{shape.where} AND NOT {shape.stray}" if without_strays else shape.where
    return _for_each(shape, _nearest(shape, where), settings="")


def approximate(shape: Shape, index: Index) -> str:
    """Return the statement that asks the index."""
    if shape.many:
        return _for_each(shape, _from_index(shape, index, shape.query), settings=index.settings)
    return _from_index(shape, index, f"(SELECT {shape.query} FROM {index.settings})")


@attrs.frozen(kw_only=True)
class Guess:
    """How the number of matching rows is found out.

    Attributes:
        sample: The percentage of the table from which their share is estimated.
        rare: Below this share they are counted besides.
        bound: They are counted up to here; so many are compared exactly.
    """

    sample: float
    rare: float
    bound: int


def either(shape: Shape, index: Index, guess: Guess) -> str:
    """Return the statement that finds out how many rows match one query's filter, and then chooses.

    Few are compared exactly; else the index is asked, and its effort is SQL over the column `share` of
    `guessed`. Two more columns tell what was found: `share`, estimated, and `matches`, counted; NULL where it
    was not, and one more than the bound where there are more.
    """
    table = shape.table.qualified
    few = _nearest(
        shape, f"ctid = ANY((SELECT rows FROM few)::tid[]) AND (SELECT matches FROM counted) <= {guess.bound}"
    )
    many = _from_index(
        shape,
        index,
        f"(SELECT {shape.query} FROM guessed, {index.settings})",
        gate=f"(SELECT coalesce(matches, {guess.bound + 1}) FROM counted) > {guess.bound}",
    )
    rows = f"SELECT ctid FROM {table} WHERE {shape.where} LIMIT {guess.bound + 1}"
    return (
        f"WITH guessed AS MATERIALIZED ({_guessed(shape.table, shape.where, guess)}), few AS MATERIALIZED "
        f"(SELECT CASE WHEN share < {guess.rare} THEN ARRAY({rows}) END AS rows FROM guessed), "
        "counted AS MATERIALIZED (SELECT cardinality(rows) AS matches FROM few) "
        "SELECT hits.*, (SELECT share FROM guessed) AS share, (SELECT matches FROM counted) AS matches "
        f"FROM (({few}) UNION ALL ({many})) AS hits"
    )


def match_count(table: Table, where: str, guess: Guess) -> str:
    """Return the statement that tells `share` and `matches` as `either` does; the filter begins at `$1`."""
    few = f"SELECT FROM {table.qualified} WHERE {where} LIMIT {guess.bound + 1}"
    matches = f"CASE WHEN share < {guess.rare} THEN (SELECT count(*) FROM ({few}) AS few) END"
    return (
        f"WITH guessed AS MATERIALIZED ({_guessed(table, where, guess)}) "
        f"SELECT share, {matches} AS matches FROM guessed"
    )


def _guessed(table: Table, where: str, guess: Guess) -> str:
    return (
        f"SELECT count(*) FILTER (WHERE {where}) / greatest(count(*), 1)::float8 AS share "
        f"FROM {table.qualified} TABLESAMPLE SYSTEM ({guess.sample})"
    )


def _nearest(shape: Shape, where: str) -> str:
    return (
        f"SELECT {shape.columns} FROM {shape.table.qualified} WHERE {where} "
        f"ORDER BY ({shape.distance}) + 0, id LIMIT {shape.k}"
    )


def _from_index(shape: Shape, index: Index, query: str, *, gate: str = "TRUE") -> str:
    where = f"{sound(shape.table)} AND ({shape.where}) IS TRUE AND {gate}"
    found = (
        f"SELECT {shape.columns} FROM {shape.table.qualified} WHERE {where} "
        f"ORDER BY {order_by(shape.table, index.access, query)} LIMIT {index.candidates}"
    )
    if index.candidates == shape.k:
        return found
    return f"SELECT * FROM ({found}) AS found ORDER BY distance + 0, id LIMIT {shape.k}"


def _for_each(shape: Shape, inner: str, *, settings: str) -> str:
    """Return *inner* for the one query, or for each of several."""
    if not shape.many:
        return inner
    also = f", {settings}" if settings else ""
    return (
        f"WITH given AS MATERIALIZED (SELECT vector, number "
        f"FROM unnest($1::{shape.table.vector_type}[]) WITH ORDINALITY AS one (vector, number){also}) "
        f"SELECT given.number, hits.* FROM given CROSS JOIN LATERAL ({inner}) AS hits"
    )
