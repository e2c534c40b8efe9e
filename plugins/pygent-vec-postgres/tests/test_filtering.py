"""Filters as SQL against their meaning, on a real server."""

import asyncio
from datetime import datetime

import attrs
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pygent_vec.errors import InvalidFilterError
from pygent_vec.filters import OWN_FIELD_NAMES, Comparison, Field, Operator, Or, matches, parse_filter
from pygent_vec.model import OWN_FIELDS, VectorBatch, rfc3339_from_micros, to_micros
from pygent_vec_conformance import values
from pygent_vec_postgres import reading
from pygent_vec_postgres.filtering import Parameters, condition
from pygent_vec_postgres.filtering.instants import instant_range

from .lab import Lab, batch, opened, run

TIMES = (
    "2024-02-29T12:00:00.000000Z",
    "2024-02-29T12:00:00.000001Z",
    "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z",
)
TEXTS = tuple(text for text in values.TEXTS if len(text) < 100)
PREFIXES = ("", "2", "2024", "2024-02-29T12:00:00.00000", "0", "9999-12-31T23:59:59.999999Z!", "~", "é")
NUMBERS = (
    st.sampled_from(values.NUMBERS)
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), 2**63 - 1)
)
STRINGS = st.sampled_from((*TEXTS, *TIMES, *PREFIXES))
SCALARS = st.none() | st.booleans() | NUMBERS | STRINGS
KEYS = st.sampled_from("abc") | st.sampled_from(values.KEYS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)
OWN = st.tuples(
    st.none() | STRINGS,
    st.none() | STRINGS,
    st.none() | STRINGS,
    st.none() | st.integers(-5, 5) | st.sampled_from(values.INTEGERS),
    st.none() | st.integers(-5, 5),
    st.sampled_from(TIMES),
    st.sampled_from(TIMES),
)


ON_TEXT = (Operator.EQ, Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.STARTSWITH)


def places(metadata, above=()):
    """Yield every path into *metadata*, with its value."""
    for key, value in metadata.items():
        yield (*above, key), value
        if isinstance(value, dict):
            yield from places(value, (*above, key))


def parts(value):
    """Yield *value*, and what lies in it."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


@st.composite
def comparisons(draw, documents, owns):
    """Draw a comparison that has something to do with the documents."""
    known = [(Field(path), value) for one in documents for path, value in places(one)]
    known += [
        (Field((name,), own=True), value)
        for own in owns
        for name, value in zip((*OWN_FIELDS, "created_at", "updated_at"), own, strict=True)
    ]
    anywhere = st.tuples(
        st.lists(KEYS, min_size=1, max_size=3).map(tuple).map(Field)
        | st.sampled_from(OWN_FIELD_NAMES).map(lambda name: Field((name,), own=True)),
        VALUES,
    )
    field, here = draw((st.sampled_from(known) | anywhere) if known else anywhere)
    near = st.sampled_from(list(parts(here)))
    some = near | near | VALUES
    operator = draw(st.sampled_from(list(Operator)))
    if operator is Operator.EXISTS:
        return Comparison(field, operator, True)
    if operator in {Operator.IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL}:
        return Comparison(field, operator, tuple(draw(st.lists(some, max_size=4))))
    if operator is Operator.STARTSWITH:
        prefix = draw(
            STRINGS | (near.filter(lambda one: isinstance(one, str)) if isinstance(here, str) else STRINGS)
        )
        return Comparison(field, operator, prefix[: draw(st.integers(0, 12))])
    if operator in {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}:
        ordered = isinstance(here, (str, int, float)) and not isinstance(here, bool)
        return Comparison(
            field, operator, draw(st.just(here) | NUMBERS | STRINGS if ordered else NUMBERS | STRINGS)
        )
    return Comparison(field, operator, draw(some))


@st.composite
def cases(draw):
    documents = draw(st.lists(DOCUMENTS, min_size=3, max_size=5))
    owns = [draw(OWN) for _ in documents]
    filters = st.recursive(
        comparisons(documents, owns),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda some: {"$and": some})
            | st.lists(inner, max_size=3).map(lambda some: {"$or": some})
            | inner.map(lambda one: {"$not": one})
        ),
        max_leaves=4,
    )
    return documents, owns, draw(st.lists(filters, min_size=4, max_size=8))


def rows(documents, owns) -> VectorBatch:
    columns = list(zip(*owns, strict=True))
    times = [[to_micros(datetime.fromisoformat(one)) for one in column] for column in columns[5:]]
    return attrs.evolve(
        batch([f"d{row}" for row in range(len(documents))], metadatas=documents),
        titles=columns[0],
        sources=columns[1],
        document_types=columns[2],
        chunk_indexes=columns[3],
        chunk_counts=columns[4],
        created_at=times[0],
        updated_at=times[1],
    )


def meant(node, documents, owns):
    """Return the ids that core's meaning of a filter gives."""
    found = []
    for row, (metadata, own) in enumerate(zip(documents, owns, strict=True)):
        names = (*OWN_FIELDS, "created_at", "updated_at")
        values_of = {name: value for name, value in zip(names, own, strict=True) if value is not None}
        if matches(node, metadata, {"id": f"d{row}", **values_of}):
            found.append(f"d{row}")
    return found


async def ids(lab: Lab, table, node):
    parameters = Parameters()
    statement = f"SELECT id FROM {table.qualified} WHERE {condition(node, parameters)} ORDER BY id"
    return [record[0] for record in await lab.connection.fetch(statement, *parameters.values)]


def test_sql_means_what_the_evaluator_means(settings):
    told_apart = 0

    async def checked(lab, table, case):
        nonlocal told_apart
        documents, owns, filters = case
        await lab.connection.execute(f"TRUNCATE {table.qualified}")
        await lab.write(table, rows(documents, owns))
        for one in filters:
            node = parse_filter(one)
            wanted = meant(node, documents, owns)
            told_apart += 0 < len(wanted) < len(documents)
            assert await ids(lab, table, node) == wanted, (node, documents, owns)

    with asyncio.Runner() as runner:
        stack = opened(settings)
        lab = runner.run(stack.__aenter__())
        table = runner.run(lab.table())

        @hypothesis_settings(
            max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(cases())
        def compare(case):
            runner.run(checked(lab, table, case))

        try:
            compare()
        finally:
            runner.run(stack.__aexit__(None, None, None))
    assert told_apart > 30, "the examples tell too few right answers from wrong ones"


@given(st.sampled_from(ON_TEXT), STRINGS, st.sampled_from(TIMES))
def test_a_timestamp_compared_with_any_text_is_a_range(operator, text, instant):
    micros = to_micros(datetime.fromisoformat(instant))
    assert rfc3339_from_micros(micros) == instant
    first, after = instant_range(operator, text)
    within = (first is None or first <= micros) and (after is None or micros < after)
    assert within == matches(
        Comparison(Field(("created_at",), own=True), operator, text), {}, {"created_at": instant}
    )


def test_hostile_names_and_values_are_parameters(settings):
    hostile = "x' OR TRUE; DROP TABLE lab; --"

    async def work(lab):
        table = await lab.table()
        await lab.write(table, batch(["a", "b"], metadatas=[{hostile: hostile}, {"x": 1}]))
        for operator in ("$eq", "$gte", "$startswith", "$contains", "$exists"):
            node = parse_filter({hostile: {operator: True if operator == "$exists" else hostile}})
            parameters = Parameters()
            assert hostile not in condition(node, parameters)
            assert await ids(lab, table, node) == ([] if operator == "$contains" else ["a"])
        return await reading.count(lab.connection, table, None)

    assert run(settings, work) == 2


def test_equality_is_answered_by_the_index(settings):
    async def work(lab):
        table = await lab.table()
        names = [f"d{row:05}" for row in range(5000)]
        await lab.write(table, batch(names, metadatas=[{"n": row, "t": [row]} for row in range(5000)]))
        await lab.connection.execute(f"ANALYZE {table.qualified}")
        plans = []
        for one in (
            {"n": 7},
            {"n": {"$in": [1, 2, 3]}},
            {"t": {"$contains": 9}},
            {"t": {"$contains_any": [1, 2]}},
        ):
            parameters = Parameters()
            where = condition(parse_filter(one), parameters)
            lines = await lab.connection.fetch(
                f"EXPLAIN (COSTS OFF) SELECT id FROM {table.qualified} WHERE {where}", *parameters.values
            )
            plans.append("\n".join(line[0] for line in lines))
        return plans, table.name

    plans, name = run(settings, work)
    for plan in plans:
        assert f"Bitmap Index Scan on {name}_metadata" in plan


def test_more_operands_than_the_protocol_counts_are_refused_with_a_way_out():
    node = Or(tuple(Comparison(Field(("n",)), Operator.EQ, row) for row in range(40_000)))
    with pytest.raises(InvalidFilterError, match=r"\$in"):
        condition(node, Parameters())


def test_a_list_of_fifty_thousand_operands_is_one_parameter(settings):
    async def work(lab):
        table = await lab.table()
        await lab.write(table, batch(["a", "b"], metadatas=[{"n": 49_999}, {"n": -1}]))
        return await ids(lab, table, parse_filter({"n": {"$in": list(range(50_000))}}))

    assert run(settings, work) == ["a"]


def test_a_path_deeper_than_any_document_matches_nothing(settings):
    async def work(lab):
        table = await lab.table()
        await lab.write(table, batch(["a"]))
        deep = ".".join(["k"] * 5000)
        assert await ids(lab, table, parse_filter({deep: {"$exists": False}})) == ["a"]
        return await ids(lab, table, parse_filter({deep: 1}))

    assert run(settings, work) == []
