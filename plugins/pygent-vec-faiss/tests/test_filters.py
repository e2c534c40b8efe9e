"""The masks of filters agree with the meaning that core defines, on values made to tell them apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pygent_vec.filters import (
    And,
    Comparison,
    F,
    Field,
    Filter,
    Not,
    Operator,
    Or,
    json_equal,
    kind_of,
    matches,
    parse_filter,
)
from pygent_vec.model import JsonObject, JsonValue, OwnFields, VectorBatch, rfc3339_from_micros
from pygent_vec_faiss.filtering.bounds import float_bound, instant_bounds, int_bounds, micros_of
from pygent_vec_faiss.filtering.columns import FilterColumns, StoredFields
from pygent_vec_faiss.filtering.dictionary import STRINGS, KeyDictionary, key_of, string_key
from pygent_vec_faiss.filtering.filters import fields_of, matching_slots
from pygent_vec_faiss.filtering.masks import among, among_codes, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec_faiss.filtering.arrays import IntVector, Vector

A = Field(("a",))
ORDERS = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
NO_OWN: OwnFields = (None, None, None, None, None)
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999


@attrs.frozen(kw_only=True)
class Row:
    id: str
    metadata: JsonObject
    own: OwnFields = NO_OWN
    created_at: int = 0
    updated_at: int = 0

    def own_values(self) -> dict[str, JsonValue]:
        names = ("title", "source", "document_type", "chunk_index", "chunk_count")
        values: dict[str, JsonValue] = {
            name: value for name, value in zip(names, self.own, strict=True) if value is not None
        }
        return values | {
            "id": self.id,
            "created_at": rfc3339_from_micros(self.created_at),
            "updated_at": rfc3339_from_micros(self.updated_at),
        }

    def stored(self, slot: int) -> StoredFields:
        own = None if self.own == NO_OWN else self.own
        return slot, self.id, orjson.dumps(self.metadata), own, self.created_at, self.updated_at


class Rows:
    """A source of rows; None stands for a dead slot."""

    def __init__(self, rows: Sequence[Row | None]) -> None:
        self.rows = list(rows)

    def iterate(self) -> list[StoredFields]:
        return [row.stored(slot) for slot, row in enumerate(self.rows) if row is not None]


def as_batch(rows: Sequence[Row]) -> VectorBatch:
    titles, sources, types, indexes, counts = zip(*(row.own for row in rows), strict=True)
    return VectorBatch(
        ids=[row.id for row in rows],
        vectors=np.zeros((len(rows), 1), np.float32),
        contents=[""] * len(rows),
        metadatas=[row.metadata for row in rows],
        titles=titles,
        sources=sources,
        document_types=types,
        chunk_indexes=indexes,
        chunk_counts=counts,
        created_at=np.array([row.created_at for row in rows]),
        updated_at=np.array([row.updated_at for row in rows]),
    )


def rows_of(values: Sequence[JsonValue], *, missing: int = 1) -> list[Row]:
    """Return rows with each value in the field `a`, and some without it."""
    rows = [Row(id=f"{place:04}", metadata={"a": value}) for place, value in enumerate(values)]
    return rows + [Row(id=f"m{place}", metadata={}) for place in range(missing)]


def selected(condition: Filter | dict[str, object], rows: Sequence[Row]) -> list[int]:
    mask = matching_slots(
        parse_filter(condition), FilterColumns(Rows(rows), slots=len(rows)), slots=len(rows)
    )
    return np.flatnonzero(mask).tolist()


def expected(node: Filter, rows: Sequence[Row | None]) -> list[int]:
    return [
        slot
        for slot, row in enumerate(rows)
        if matches(node, row.metadata if row else {}, row.own_values() if row else {})
    ]


TEXTS = [
    *(
        "",
        "a",
        "A",
        "aa",
        "ab",
        "b",
        "1",
        "1.0",
        "true",
        "null",
        "[]",
        "{}",
        "s",
        "[1]",
        '"',
        "'",
        "%",
        "a%",
        "_",
    ),
    *(
        "\\",
        "\\.",
        "a.b",
        "$eq",
        "@id",
        "é",
        "z",
        "\x7f",
        "\x80",
        "\uffff",
        "\U0001f600",
        "\U0010ffff",
        "a\U0001f600",
    ),
    *("abcdefgh", "abcdefghi", "abcdefgi", "abcdefgh" * 3, "abcdefgh" * 3 + "a"),
    *(
        "2024-01-01T00:00:00.000000Z",
        "2024",
        "1970-01-01T00:00:00+00:00",
        "1970-01-01T00:00:00.000000Z",
        "1970-01-01",
        "9",
        "0",
    ),
]
NUMBERS: list[JsonValue] = [
    *(0, 1, -1, 2, 127, 128, -128, -129, 255, 256, 32767, 32768, -32769, 2**31 - 1, 2**31, -(2**31) - 1),
    *(2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63 - 512, 2**63 - 513, -(2**63), -(2**63) + 1),
    *(0.0, -0.0, 1.0, 0.5, -0.5, 1.5, 5e-324, -5e-324, 2.2250738585072014e-308, 1e300, -1e300, 0.1, 127.5),
    *(
        2.0**53,
        2.0**53 + 2,
        -(2.0**53),
        2.0**63,
        -(2.0**63),
        2.0**64,
        math.nextafter(2.0**63, 0),
        math.nextafter(1, 2),
    ),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3),
)
small = st.sampled_from([0, 1, 1.0, True, False, None, "a", "b", "1", 2**53, 2**53 + 1, 2.0**53, -0.0])
keys = st.sampled_from(["a", "b", "a.b", "$x"])
values = small | st.recursive(
    small | scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=5,
)
fields = st.sampled_from(
    [Field(("a",)), Field(("b",)), Field(("a", "b")), Field(("a.b",)), Field(("$x",))]
    + [Field((name,), own=True) for name in ("id", "title", "chunk_index", "created_at", "updated_at")]
)
instants = st.sampled_from([0, 1, -1, FIRST, LAST, 1_704_067_200_000_000]) | st.integers(FIRST, LAST)
texts = (
    st.sampled_from(TEXTS) | instants.map(rfc3339_from_micros) | st.text(max_size=30, alphabet="0129-T:.Z")
)
orders = st.sampled_from(ORDERS)
comparisons = st.one_of(
    st.builds(Comparison, fields, st.sampled_from([Operator.EQ, Operator.CONTAINS]), values | texts),
    st.builds(
        Comparison,
        fields,
        st.sampled_from([Operator.IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL]),
        st.lists(values | small | texts, max_size=15).map(tuple),
    ),
    st.builds(Comparison, fields, st.just(Operator.EXISTS), st.just(value=True)),
    st.builds(
        Comparison,
        fields,
        orders,
        st.sampled_from(NUMBERS) | st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.builds(Comparison, fields, orders, texts),
    st.builds(Comparison, fields, st.just(Operator.STARTSWITH), texts),
)
filters = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda children: And(tuple(children))),
        st.lists(inner, max_size=3).map(lambda children: Or(tuple(children))),
        inner.map(Not),
    ),
    max_leaves=4,
)
own_fields = st.tuples(
    st.none() | st.sampled_from(TEXTS), st.none(), st.none(), st.none() | st.integers(0, 3), st.none()
)
rows = st.builds(
    Row,
    id=st.sampled_from([text for text in TEXTS if text]),
    metadata=st.dictionaries(keys, values, max_size=3),
    own=own_fields,
    created_at=instants,
    updated_at=instants,
)


@settings(deadline=None, max_examples=600)
@given(
    st.lists(rows | st.none(), max_size=12),
    st.lists(st.lists(rows, min_size=1, max_size=5), max_size=3),
    filters,
)
def test_a_mask_is_what_core_means(first: list[Row | None], batches: list[list[Row]], node: Filter) -> None:
    columns = FilterColumns(Rows(first), slots=len(first))
    known = list(first)
    assert np.flatnonzero(matching_slots(node, columns, slots=len(known))).tolist() == expected(node, known)
    for batch in batches:
        columns.append(as_batch(batch))
        known += batch
        mask = matching_slots(node, columns, slots=len(known))
        assert mask.dtype == np.bool_
        assert np.flatnonzero(mask).tolist() == expected(node, known)
    prefix = len(known) // 2
    assert np.flatnonzero(matching_slots(node, columns, slots=prefix)).tolist() == expected(
        node, known[:prefix]
    )


@settings(deadline=None)
@given(st.lists(rows, max_size=8), filters, filters)
def test_masks_obey_the_laws_of_logic(documents: list[Row], left: Filter, right: Filter) -> None:
    columns = FilterColumns(Rows(documents), slots=len(documents))

    def mask(node: Filter) -> np.ndarray:
        return matching_slots(node, columns, slots=len(documents))

    assert np.array_equal(mask(Not(Not(left))), mask(left))
    assert np.array_equal(mask(Not(And((left, right)))), mask(Or((Not(left), Not(right)))))
    assert np.array_equal(mask(And((left, right))), mask(left) & mask(right))
    assert mask(And(())).all()
    assert not mask(Or(())).any()


@given(values, values)
@example(1, 1.0)
@example(2**53 + 1, 2.0**53)
@example([0.0], [-0.0])
@example({"a": 1, "b": 2}, {"b": 2.0, "a": 1.0})
@example("[1]", [1])
@example(2.0**63, 2**63 - 1)
def test_two_values_share_a_key_exactly_when_they_are_equal(left: JsonValue, right: JsonValue) -> None:
    assert (key_of(left) == key_of(right)) == json_equal(left, right)
    assert (key_of([left] * 20) == key_of([right] * 20)) == json_equal(left, right)


LITERALS: list[JsonValue] = [*NUMBERS, *TEXTS, None, True, False, [], {}, [1], [True], ["a", "b"], {"a": 1}]


@pytest.mark.parametrize("batch", [1, 7, 1000])
@pytest.mark.parametrize("pool", [LITERALS, NUMBERS, TEXTS], ids=["all", "numbers", "texts"])
def test_every_operator_agrees_on_every_pair_of_values(pool: list[JsonValue], batch: int) -> None:
    documents = rows_of(pool)
    columns = FilterColumns(Rows(documents[:2]), slots=2)
    columns.columns([A])
    for start in range(2, len(documents), batch):
        columns.append(as_batch(documents[start : start + batch]))
    for literal in pool:
        for operator in (Operator.EQ, *ORDERS, Operator.STARTSWITH):
            ordered = isinstance(literal, str) or (kind_of(literal) == "number" and operator in ORDERS)
            if operator is Operator.EQ or ordered:
                node = Comparison(A, operator, literal)
                found = np.flatnonzero(matching_slots(node, columns, slots=len(columns))).tolist()
                assert found == expected(node, documents), node


LISTS: list[JsonValue] = [
    [],
    ["x"],
    ["x", "x"],
    ["x", "y"],
    ["y", "x"],
    [1, "x"],
    [1.0],
    [True],
    [None],
    [["x"]],
    [{}],
]


@pytest.mark.parametrize(
    "operator", [Operator.CONTAINS, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.IN]
)
def test_lists_are_searched_by_their_elements(operator: Operator) -> None:
    documents = rows_of([*LISTS, "x", "xy", {"x": 1}, {"0": "x"}, None, 1, *LISTS])
    columns = FilterColumns(Rows(documents[:3]), slots=3)
    columns.columns([A])
    for row in documents[3:]:
        columns.append(as_batch([row]))
    elements: list[JsonValue] = ["x", "y", 1, True, None, ["x"], {}, "absent", []]
    pairs: list[JsonValue] = [(one, other) for one in elements for other in elements]
    for operand in elements if operator is Operator.CONTAINS else pairs:
        node = Comparison(A, operator, operand)
        found = np.flatnonzero(matching_slots(node, columns, slots=len(columns))).tolist()
        assert found == expected(node, documents), node


def test_kinds_that_look_alike_stay_apart() -> None:
    documents = rows_of([None, True, 1, 1.0, "1", [1], {"a": 1}, False, 0, "", [], {}, "true", "null"])
    assert selected({"a": 1}, documents) == [2, 3]
    assert selected({"a": True}, documents) == [1]
    assert selected({"a": "1"}, documents) == [4]
    assert selected({"a": [1.0]}, documents) == [5]
    assert selected({"a": {"a": 1.0}}, documents) == [6]
    assert selected({"a": None}, documents) == [0]
    assert selected({"a": 0}, documents) == [8]
    assert selected({"a": {"$in": [[], {}]}}, documents) == [10, 11]
    assert selected({"a": {"$lt": 1}}, documents) == [8]
    assert selected({"a": {"$exists": False}}, documents) == [14]
    assert selected({"a": {"$ne": 1}}, documents) == [0, 1, *range(4, 15)]


def test_integers_beyond_doubles_compare_exactly_with_floats() -> None:
    documents = rows_of([2**53, 2**53 + 1, 2.0**53, 2.0**53 + 2, 0.5, 2**63 - 1, 2.0**63])
    assert selected({"a": 2**53 + 1}, documents) == [1]
    assert selected({"a": 2.0**53}, documents) == [0, 2]
    assert selected({"a": {"$gt": 2**53 + 1}}, documents) == [3, 5, 6]
    assert selected({"a": {"$lt": 2.0**53 + 2}}, documents) == [0, 1, 2, 4]
    assert selected({"a": {"$gt": 2**63 - 1}}, documents) == [6]
    assert selected({"a": {"$gte": 2.0**63}}, documents) == [6]
    assert selected({"a": {"$in": [2.0**63, 0.5]}}, documents) == [4, 6]


@pytest.mark.parametrize("count", [1, 5, 40])
def test_membership_of_numbers_agrees_for_every_window_of_literals(count: int) -> None:
    documents = rows_of(LITERALS)
    columns = FilterColumns(Rows(documents), slots=len(documents))
    for start in range(len(LITERALS)):
        node = Comparison(A, Operator.IN, (*LITERALS[start : start + count], 0.0))
        found = np.flatnonzero(matching_slots(node, columns, slots=len(columns))).tolist()
        assert found == expected(node, documents), node


def test_an_empty_list_of_operands_is_none_some_or_every_list() -> None:
    documents = rows_of([[], ["x"], "x", {}, None])
    assert selected({"a": {"$in": []}}, documents) == []
    assert selected({"a": {"$contains_any": []}}, documents) == []
    assert selected({"a": {"$contains_all": []}}, documents) == [0, 1]


def test_instants_compare_with_any_text() -> None:
    moments = [FIRST, -1, 0, 1, 1_704_067_200_000_000, LAST]
    documents = [Row(id=str(place), metadata={}, created_at=micros) for place, micros in enumerate(moments)]
    year = Comparison(Field(("created_at",), own=True), Operator.STARTSWITH, "1970")
    assert selected(year, documents) == [2, 3]
    assert selected(F("@created_at") == "1970-01-01T01:00:00+01:00", documents) == [2]
    assert selected(F("@created_at") >= "2024", documents) == [4, 5]
    assert selected(F("@created_at") < "zebra", documents) == [0, 1, 2, 3, 4, 5]
    assert selected(F("@created_at") == 0, documents) == []
    spelt = Comparison(Field(("created_at",), own=True), Operator.EQ, "1970-01-01T00:00:00+00:00")
    assert selected(spelt, documents) == []  # a tree made by hand: its text is compared as it is
    assert selected(F("@created_at") > 0, documents) == []


@given(orders | st.just(Operator.STARTSWITH), texts, instants)
def test_instant_bounds_hold_what_the_text_order_says(operator: Operator, text: str, micros: int) -> None:
    low, high = instant_bounds(operator, text)
    for one in [micros, *(min(max(at, FIRST), LAST) for at in (low - 1, low, high, high + 1))]:
        node = Comparison(Field(("t",)), operator, text)
        assert (low <= one <= high) == matches(node, {"t": rfc3339_from_micros(one)}, {})
    assert micros_of(rfc3339_from_micros(micros)) == micros


@given(orders, st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_number_bounds_are_exact(operator: Operator, literal: float, number: float) -> None:
    node = Comparison(Field(("n",)), operator, literal)
    if isinstance(number, int):
        low, high = int_bounds(operator, literal)
        assert (low <= number <= high) == matches(node, {"n": number}, {})
    else:
        order, bound = float_bound(operator, literal)
        assert isinstance(bound, float)
        assert matches(Comparison(Field(("n",)), order, bound), {"n": number}, {}) == matches(
            node, {"n": number}, {}
        )


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.float64])
@pytest.mark.parametrize("count", [0, 1, 12, 13, 200])
def test_membership_agrees_with_numpy_for_every_width_and_size(dtype: type, count: int) -> None:
    random = np.random.default_rng(count)
    cells: Vector = random.integers(-128, 128, 70_000).astype(dtype)
    if np.dtype(dtype).itemsize == 8:
        cells[::3] = (random.integers(-(2**62), 2**62, len(cells[::3]))).astype(dtype)
    wanted = np.unique(random.choice(cells, count)) + np.zeros(1, dtype)
    assert np.array_equal(among(cells, wanted), np.isin(cells, wanted))
    codes = random.integers(0, 300, 70_000).astype(np.uint16)
    chosen = random.permutation(300)[:count]
    assert np.array_equal(among_codes(codes, chosen, 300), np.isin(codes, chosen))


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_a_range_may_exceed_the_width_of_the_cells(dtype: type) -> None:
    info = np.iinfo(dtype)
    cells: IntVector = np.array([info.min, -1, 0, 1, info.max], dtype)
    ends = [-(2**64), int(info.min), -1, 0, 1, int(info.max), 2**64]
    for low in ends:
        for high in ends:
            assert within(cells, low, high).tolist() == [low <= cell <= high for cell in cells.tolist()]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.text(alphabet="ab\U0001f600z", max_size=20), max_size=40), max_size=4),
    st.text("abz"),
)
def test_a_dictionary_finds_and_orders_what_it_was_given(batches: list[list[str]], text: str) -> None:
    dictionary = KeyDictionary()
    known: dict[bytes, int] = {}
    for batch in batches:
        distinct = list(dict.fromkeys(map(string_key, batch)))
        for key, code in zip(distinct, dictionary.intern(distinct).tolist(), strict=True):
            assert known.setdefault(key, code) == code
        found = [dictionary[code] for code in dictionary.between(*STRINGS).tolist()]
        assert found == sorted(known)
        low = string_key(text)
        assert [dictionary[code] for code in dictionary.between(low, STRINGS[1]).tolist()] == [
            key for key in sorted(known) if key >= low
        ]
    assert sorted(known.values()) == list(range(len(known)))
    assert dictionary.find([b"never"]).tolist() == [-1]


def test_keys_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pygent_vec_faiss.filtering.dictionary._hashes",
        lambda keys: np.array([len(key) for key in keys], np.int64),
    )
    dictionary = KeyDictionary()
    every = [f"{number:03}".encode() for number in range(300)]
    assert dictionary.intern(every).tolist() == list(range(300))
    assert dictionary.find([*reversed(every), b"xyz"]).tolist() == [*reversed(range(300)), -1]


def test_new_keys_are_put_into_the_order_that_is_known() -> None:
    dictionary = KeyDictionary()
    texts = [f"{number * 7919 % 5003:05}".encode() for number in range(5003)]
    for start, stop in ((0, 5000), (5000, 5003)):
        dictionary.intern(texts[start:stop])
        found = [dictionary[code] for code in dictionary.between(b"", b"\xff").tolist()]
        assert found == sorted(texts[:stop])


def test_a_filter_names_its_fields() -> None:
    node = (F("a.b") == 1) & ~(F("@id").startswith("x") | F("c").exists())
    assert list(fields_of(node)) == [Field(("a", "b")), Field(("id",), own=True), Field(("c",))]


def test_more_slots_than_there_are_is_an_error() -> None:
    columns = FilterColumns(Rows([]), slots=0)
    with pytest.raises(ValueError, match="1 slots were asked for"):
        matching_slots(And(()), columns, slots=1)
