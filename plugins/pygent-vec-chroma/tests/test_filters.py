"""Filters, answered by Chroma itself, agree with the meaning that core defines, on values made to tell them apart."""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pygent_vec import VectorDocument
from pygent_vec.filters import And, Comparison, Field, Filter, Not, Operator, Or, Pushdown, evaluate, split
from pygent_vec.model import VectorBatch, from_micros, rfc3339_from_micros
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.document import encoded
from pygent_vec_chroma.filtering.grading import grade
from pygent_vec_chroma.filtering.matching import matching_ids
from pygent_vec_chroma.filtering.numbers import micros_bounds, micros_of, ordered_integers
from pygent_vec_chroma.filtering.where import where_of
from pygent_vec_chroma.opening import connection
from pygent_vec_chroma.specs import CATALOGUE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pygent_vec_chroma.driver import Driver, NativeCollection

SPACED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LARGE = 2**53
NUMBERS: list[float] = [
    0, 1, 2, -1, 3, 2020, -2020, LARGE, LARGE + 1, -LARGE - 1, 2**50, 2**50 - 1, 2**63 - 1, -(2**63), 10**15,
    0.0, -0.0, 1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 0.30000000000000004, float(LARGE), 2.0**63, -(2.0**63),
    1e300, -1e300, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 1e16, 1e22, 1e23,
    math.nextafter(1.0, 2), math.nextafter(1.0, 0), math.nextafter(2.0, 3), math.nextafter(-1.0, 0),
    math.nextafter(2020.0, 2021), math.nextafter(2.0**49, 0), 2.0**49 + 0.125, 9.221885624698875e-05,
    0.12088995980580641, 1234567.1234567891, 2.0**50 + 0.25, 2.0**51 + 0.5,
    7343527346982175.0, 2.0**50 - 1, 2.0**50 - 0.125, 999999999999999.9, 900719925474099.2, 2.0**49 - 0.0625,
]  # fmt: skip
TEXTS = ["", "a", "A", "b", "ab", "é", "😀", "\uffff", "1", "true", "a\nb", "'", '"', "%", "$eq", "@json"]
INSTANTS = [0, 1, -1, 1_700_000_000_000_000, -62_135_596_800_000_000, 253_402_300_799_999_999]

numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-10, 10),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.sampled_from(TEXTS))
lists = st.lists(st.one_of(scalars, st.lists(scalars, max_size=2)), max_size=4)
objects = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "@id", "$x"]), st.one_of(scalars, lists), max_size=3
)
values = st.one_of(scalars, lists, objects)
KEYS = ["a", "b", "a.b", "@a", "#a", "$a", "chroma:document", "@json", "a\\b", "é"]
metadatas = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
FIELDS = [
    *(Field((key,)) for key in KEYS),
    *(Field(("a", key)) for key in ("a", "b", "a.b", "@id", "$x")),
    Field(("a", "b", "c")),
]


@st.composite
def documents(draw: st.DrawFn) -> VectorDocument:
    text = st.none() | st.sampled_from(TEXTS)
    return VectorDocument(
        id=draw(st.sampled_from(["x", "y", "X", "1", "é"])),
        metadata=draw(metadatas),
        title=draw(text),
        source=draw(text),
        chunk_index=draw(st.none() | st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63), LARGE + 1])),
        created_at=from_micros(draw(st.sampled_from(INSTANTS))),
        updated_at=from_micros(draw(st.sampled_from(INSTANTS))),
    )


def _near(number: float) -> st.SearchStrategy[float]:
    return st.sampled_from(
        [number, math.nextafter(number, math.inf), math.nextafter(number, -math.inf), math.floor(number)]
        if abs(number) < 1e308  # its neighbour may be infinite
        else [number]
    )


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    if draw(st.integers(0, 3)) == 0:
        return draw(own_comparisons())
    field = draw(st.sampled_from(FIELDS))
    operator = draw(st.sampled_from(Operator))
    operand: object
    if operator in (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE):
        operand = draw(st.one_of(numbers, numbers.flatmap(_near), st.sampled_from(TEXTS)))
    elif operator is Operator.STARTSWITH:
        operand = draw(st.sampled_from(TEXTS))
    elif operator is Operator.EXISTS:
        operand = True
    elif operator in (Operator.IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL):
        operand = tuple(draw(st.lists(st.one_of(scalars, values), max_size=4)))
    else:
        operand = draw(st.one_of(values, numbers.flatmap(_near)))
    return Comparison(field, operator, operand)


@st.composite
def own_comparisons(draw: st.DrawFn) -> Comparison:
    name = draw(st.sampled_from(["id", "title", "source", "chunk_index", "created_at", "updated_at"]))
    instant = st.sampled_from([rfc3339_from_micros(one) for one in INSTANTS])
    text = st.one_of(st.sampled_from([*TEXTS, "x", "y", "2023", "1970-01-01T"]), instant)
    operator = draw(st.sampled_from(Operator))
    if operator is Operator.EXISTS:
        return Comparison(Field((name,), own=True), operator, True)  # an operand
    if operator is Operator.STARTSWITH:
        return Comparison(Field((name,), own=True), operator, draw(text))
    if operator in (Operator.IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL):
        several = draw(st.lists(st.one_of(text, numbers, st.none(), st.booleans()), max_size=4))
        return Comparison(Field((name,), own=True), operator, tuple(several))
    return Comparison(Field((name,), own=True), operator, draw(st.one_of(text, numbers)))


filters: st.SearchStrategy[Filter] = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module", params=["directory", "memory", "server"])
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """In a directory the filter is a statement of ours, elsewhere one of Chroma's."""
    path = tmp_path_factory.mktemp("filters") if request.param == "directory" else None
    url = request.getfixturevalue("chroma_server").url if request.param == "server" else None
    made = connection(ChromaConfig(path=path, url=url))
    made.open()
    yield made.driver
    made.close()


def _stored(driver: Driver, rows: Sequence[VectorDocument]) -> NativeCollection:
    """Write documents as the store does, into a new collection."""
    made = driver.create(f"filters-{uuid.uuid4()}", hnsw={"space": "l2"}, metadata={CATALOGUE_KEY: "{}"})
    assert made is not None
    batch = VectorBatch(
        ids=[one.id for one in rows],
        vectors=np.ones((len(rows), 2), dtype=np.float32),
        metadatas=[one.metadata for one in rows],
        titles=[one.title for one in rows],
        sources=[one.source for one in rows],
        chunk_indexes=[one.chunk_index for one in rows],
        created_at=np.array([_micros(one, "created_at") for one in rows], dtype=np.int64),
        updated_at=np.array([_micros(one, "updated_at") for one in rows], dtype=np.int64),
    )
    created = [_micros(one, "created_at") for one in rows]
    driver.add(
        made, ids=batch.ids, vectors=batch.vectors, metadatas=encoded(batch, range(len(rows)), created)
    )
    return made


def _micros(document: VectorDocument, name: str) -> int:
    from pygent_vec.model import to_micros

    return to_micros(getattr(document, name))


def _truth(condition: Filter, rows: Sequence[VectorDocument]) -> list[str]:
    return sorted(one.id for one in rows if evaluate(condition, one))


@given(
    rows=st.lists(documents(), min_size=1, max_size=5, unique_by=lambda one: one.id),
    nodes=st.lists(comparisons(), min_size=12, max_size=12),
)
@SPACED
def test_a_comparison_is_answered_as_well_as_its_grade_says(
    driver: Driver, rows: list[VectorDocument], nodes: list[Comparison]
) -> None:
    native = _stored(driver, rows)
    for node in nodes:
        _keeps_its_promise(driver, native, node, rows)
    driver.drop(native)


def _keeps_its_promise(
    driver: Driver, native: NativeCollection, node: Comparison, rows: Sequence[VectorDocument]
) -> None:
    how = grade(node)
    if how is Pushdown.NONE:
        return
    found = sorted(matching_ids(driver, native, node))
    if how is Pushdown.SUPERSET:
        assert set(found) >= set(_truth(node, rows)), node
        return
    assert found == _truth(node, rows), node
    negated = Not(node)
    assert sorted(matching_ids(driver, native, negated)) == _truth(negated, rows), negated


def test_every_pair_of_numbers_is_compared_as_its_grade_says(driver: Driver) -> None:
    rows = [
        VectorDocument(
            id=f"{place:03}", metadata={"a": one}, created_at=from_micros(0), updated_at=from_micros(0)
        )
        for place, one in enumerate(one for one in NUMBERS if not _beyond(one))
    ]
    native = _stored(driver, rows)
    orders = (Operator.EQ, Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
    for literal in NUMBERS:
        if not _beyond(literal):
            for operator in orders:
                _keeps_its_promise(driver, native, Comparison(Field(("a",)), operator, literal), rows)
    driver.drop(native)


def _beyond(number: float) -> bool:
    return isinstance(number, int) and not -(2**63) <= number < 2**63


@given(
    rows=st.lists(documents(), min_size=1, max_size=5, unique_by=lambda one: one.id),
    conditions=st.lists(filters, min_size=8, max_size=8),
)
@SPACED
def test_the_pushed_part_of_a_tree_lets_through_all_that_matches(
    driver: Driver, rows: list[VectorDocument], conditions: list[Filter]
) -> None:
    native = _stored(driver, rows)
    for condition in conditions:
        parts = split(condition, grade)
        if parts.pushed is None:
            continue
        found = sorted(matching_ids(driver, native, parts.pushed))
        assert set(found) >= set(_truth(condition, rows))
        if parts.residual is None:
            assert found == _truth(condition, rows)
    driver.drop(native)


@pytest.fixture(scope="module")
def many(driver: Driver) -> Iterator[tuple[NativeCollection, list[VectorDocument]]]:
    rows = [
        VectorDocument(
            id=f"d{place:03}",
            metadata={"name": f"name-{place}", "n": place, "tags": [f"t{place % 7}", f"u{place}"]},
            created_at=from_micros(0),
            updated_at=from_micros(0),
        )
        for place in range(60)
    ]
    native = _stored(driver, rows)
    yield native, rows
    driver.drop(native)


A_NAME, A_NUMBER, TAGS, AN_ID = Field(("name",)), Field(("n",)), Field(("tags",)), Field(("id",), own=True)
LONG: list[Filter] = [
    Comparison(A_NAME, Operator.IN, tuple(f"name-{2 * n}" for n in range(50_000))),
    Comparison(A_NUMBER, Operator.IN, tuple(range(30, 50_030))),
    Comparison(TAGS, Operator.CONTAINS_ANY, tuple(f"u{3 * n}" for n in range(1_000))),
    Comparison(TAGS, Operator.CONTAINS_ALL, ("t3", *["u10"] * 400)),
    Comparison(TAGS, Operator.CONTAINS_ALL, ("t3", *(f"v{n}" for n in range(400)))),
    Or(tuple(Comparison(A_NUMBER, Operator.EQ, 2 * n) for n in range(1_500))),
    And(tuple(Not(Comparison(A_NAME, Operator.EQ, f"name-{3 * n}")) for n in range(1_500))),
    Not(Comparison(A_NAME, Operator.IN, tuple(f"name-{2 * n}" for n in range(20_000)))),
    Comparison(AN_ID, Operator.IN, tuple(f"d{2 * n:03}" for n in range(40_000))),
    Not(Comparison(AN_ID, Operator.EQ, "d005")),
    And((Comparison(AN_ID, Operator.IN, ("d001", "d002", "d999", 1)), Comparison(A_NUMBER, Operator.EQ, 2))),
]


def _nested(depth: int) -> Filter:
    node: Filter = Comparison(A_NUMBER, Operator.EQ, 7)
    for level in range(depth):
        other = Comparison(A_NAME, Operator.EQ, f"name-{level}")
        node = Or((other, node)) if level % 2 else And((Not(other), node))
    return node


@pytest.mark.parametrize("condition", [*LONG, _nested(120)], ids=range(len(LONG) + 1))
def test_a_filter_too_large_for_one_statement_is_answered_in_parts(
    driver: Driver, many: tuple[NativeCollection, list[VectorDocument]], condition: Filter
) -> None:
    native, rows = many
    parts = split(condition, grade)
    assert parts.pushed == condition
    wanted = [one.id for one in rows if _quickly(condition, one)]
    found = sorted(matching_ids(driver, native, condition))
    if parts.residual is None:
        assert found == wanted
    else:
        assert parts.residual == condition
        assert {*found} >= {*wanted}
        assert len(found) <= len(wanted) + len(rows) // 10


def _quickly(condition: Filter, document: VectorDocument) -> bool:
    """Evaluate without comparing one value with 50,000 operands by JSON's rules."""
    match condition:
        case Not(child):
            return not _quickly(child, document)
        case Comparison(field, Operator.IN, operands):
            value = document.id if field.own else document.metadata[field.path[0]]
            return value in set(operands)  # type: ignore[arg-type]  # a tuple by contract
        case _:
            return evaluate(condition, document)


def test_a_limit_on_ids_is_kept(driver: Driver, many: tuple[NativeCollection, list[VectorDocument]]) -> None:
    native, _ = many
    for condition in (Comparison(A_NUMBER, Operator.GTE, 0), LONG[0]):
        assert len(matching_ids(driver, native, condition, limit=5)) == 5  # the limit


def test_an_empty_list_of_operands_matches_nothing_and_its_negation_everything(
    driver: Driver, many: tuple[NativeCollection, list[VectorDocument]]
) -> None:
    native, rows = many
    for operator in (Operator.IN, Operator.CONTAINS_ANY):
        node = Comparison(TAGS, operator, ())
        assert matching_ids(driver, native, node) == []
        assert len(matching_ids(driver, native, Not(node))) == len(rows)


@given(number=numbers, operator=st.sampled_from([Operator.GT, Operator.GTE, Operator.LT, Operator.LTE]))
@example(2.5, Operator.GT)
@example(1e300, Operator.LTE)
def test_bounds_for_integers_select_what_the_order_selects(number: float, operator: Operator) -> None:
    low, high = ordered_integers(operator, number)
    candidates = {int(number) + step for step in (-2, -1, 0, 1, 2)} | {-(2**63), 2**63 - 1}
    for integer in candidates:
        if -(2**63) <= integer < 2**63:
            compared = {
                Operator.GT: integer > number,
                Operator.GTE: integer >= number,
                Operator.LT: integer < number,
                Operator.LTE: integer <= number,
            }
            assert (low <= integer <= high) is compared[operator]


@given(text=st.one_of(st.text(max_size=30), st.sampled_from(INSTANTS).map(rfc3339_from_micros)))
def test_only_the_canonical_text_of_an_instant_is_one(text: str) -> None:
    micros = micros_of(text)
    assert micros is None or rfc3339_from_micros(micros) == text


@given(prefix=st.integers(0, 27), micros=st.sampled_from(INSTANTS))
def test_a_prefix_of_an_instant_bounds_it(prefix: int, micros: int) -> None:
    low, high = micros_bounds(Operator.STARTSWITH, rfc3339_from_micros(micros)[:prefix])
    assert low <= micros <= high


def test_one_statement_takes_an_ordinary_filter() -> None:
    node = And((Comparison(A_NUMBER, Operator.GTE, 3), Not(Comparison(A_NAME, Operator.EQ, "x"))))
    assert where_of(node, foreign=False) == {"$and": [{"n": {"$gte": 3}}, {"name": {"$ne": "x"}}]}
    assert where_of(attrs.evolve(node, children=(node, LONG[0])), foreign=False) is None
