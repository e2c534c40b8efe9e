"""What filters mean: the truth tables of the contract, and the laws that follow."""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from pygent_vec import F, InvalidDocumentError, InvalidFilterError, VectorDocument, evaluate
from pygent_vec.filters import (
    And,
    Comparison,
    FilterCompiler,
    Not,
    Or,
    json_equal,
    matches,
    parse_filter,
)

from .strategies import comparisons, json_values, near_fields, near_metadatas, trees

OWN = {"id": "a", "title": "ab", "chunk_index": 1}


def holds(condition, metadata):
    return evaluate(condition, VectorDocument(id="x", metadata=metadata))


# Each row: the operator's condition on "f", values that satisfy it, values that do not. A missing field
# satisfies only the last three groups.
TABLE = [
    ({"$eq": 1}, [1, 1.0], [True, "1", [1], {"a": 1}, None, 2, 0]),
    ({"$eq": True}, [True], [1, 1.0, "true", False, [True]]),
    ({"$eq": None}, [None], [False, 0, "", [], {}]),
    ({"$eq": "a"}, ["a"], ["A", "ab", "", ["a"], 1]),
    ({"$eq": ""}, [""], [None, False, 0, []]),
    ({"$eq": [1, "a"]}, [[1, "a"], [1.0, "a"]], [["a", 1], [1], [1, "a", None], [True, "a"], {"0": 1}]),
    ({"$eq": {"a": 1, "b": [2]}}, [{"b": [2.0], "a": 1}], [{"a": 1}, {"a": True, "b": [2]}, [1], {"a": 1, "b": [2], "c": 3}]),
    ({"$eq": {}}, [{}], [[], None, {"a": 1}]),
    ({"$eq": 2**53 + 1}, [2**53 + 1], [2.0**53, 2**53]),
    ({"$eq": 0.0}, [0, -0.0], [False, None, ""]),
    ({"$gt": 1}, [2, 1.5, 2**63 - 1], [1, 1.0, True, "2", None, [2], {"a": 2}]),
    ({"$gt": 0}, [1, 5e-324], [0, -0.0, True, "1"]),
    ({"$gte": 1}, [1, 1.0, 2], [0.5, True, "1", None]),
    ({"$gt": 2.0**53}, [2**53 + 1], [2**53, "9"]),
    ({"$lt": 1}, [0, -1.5, -(2**63)], [1, False, "0", None, []]),
    ({"$lte": 1}, [1, 1.0, 0], [1.5, False, "1"]),
    ({"$gt": "b"}, ["c", "ba", "é"], ["b", "B", "", 5, None, ["c"]]),
    ({"$lt": "a"}, ["Z", "", "B", "_"], ["a", "é", "aa", 1]),
    ({"$gt": "\uffff"}, ["\U0001f600"], ["\ufffe", "a"]),
    ({"$gte": "b"}, ["b"], ["a"]),
    ({"$lte": "b"}, ["b", "a"], ["ba"]),
    ({"$in": [1, "a", None, [2]]}, [1, 1.0, "a", None, [2]], [True, "1", 2, [1], {}]),
    ({"$in": []}, [], [None, 1, [], ""]),
    ({"$exists": True}, [None, False, 0, "", [], {}], []),
    ({"$contains": 1}, [[1], [0, 1.0]], [[True], ["1"], 1, [[1]], [], {"1": 1}, "1", None]),
    ({"$contains": "a"}, [["b", "a"]], ["a", "bab", ["ab"], {"a": 1}]),
    ({"$contains": [1]}, [[[1]]], [[1], [[1, 2]]]),
    ({"$contains": None}, [[None]], [[], None]),
    ({"$contains_any": [1, "a"]}, [[1], ["a", 2]], [[2], [True], 1, "a", [], None]),
    ({"$contains_any": []}, [], [[], [1], None]),
    ({"$contains_all": [1, "a"]}, [["a", 1], [1.0, "b", "a"]], [[1], ["a"], [True, "a"], "a1", {}]),
    ({"$contains_all": []}, [[], [1]], [None, "", {}, 1]),
    ({"$startswith": "a"}, ["a", "ab"], ["", "ba", "A", ["a"], 1, None]),
    ({"$startswith": ""}, ["", "x"], [None, 1, []]),
]  # fmt: skip
NEGATIONS = [
    ({"$ne": 1}, {"$eq": 1}),
    ({"$ne": None}, {"$eq": None}),
    ({"$nin": [1, "a"]}, {"$in": [1, "a"]}),
    ({"$nin": []}, {"$in": []}),
    ({"$exists": False}, {"$exists": True}),
]
PROBES = [None, True, False, 0, 1, 1.0, "", "a", "1", [], [1], {}, {"a": 1}]


@pytest.mark.parametrize(("condition", "true", "false"), TABLE, ids=[str(row[0]) for row in TABLE])
def test_an_operator_is_true_exactly_where_the_contract_says(condition, true, false):
    assert [value for value in true if not holds({"f": condition}, {"f": value})] == []
    assert [value for value in false if holds({"f": condition}, {"f": value})] == []


@pytest.mark.parametrize("condition", [row[0] for row in TABLE], ids=str)
def test_no_operator_is_true_of_a_missing_field(condition):
    assert not holds({"f": condition}, {})
    assert not holds({"f": condition}, {"g": 1})
    assert not holds({"g.f": condition}, {"g": 1})


@pytest.mark.parametrize(("negation", "positive"), NEGATIONS, ids=[str(row[0]) for row in NEGATIONS])
def test_a_negation_is_true_exactly_where_its_positive_is_not(negation, positive):
    assert holds({"f": negation}, {})
    for value in PROBES:
        assert holds({"f": negation}, {"f": value}) is not holds({"f": positive}, {"f": value})


def test_a_bare_value_means_equality():
    for value in PROBES:
        for probe in PROBES:
            assert holds({"f": value}, {"f": probe}) is holds({"f": {"$eq": value}}, {"f": probe})


# ── equality ──


def canonical(value):
    """Return a form that Python's own equality compares as JSON's kinds demand."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, (int, float)):
        return ("number", Fraction(value))
    if isinstance(value, list):
        return ("list", tuple(map(canonical, value)))
    if isinstance(value, dict):
        return ("object", frozenset((key, canonical(item)) for key, item in value.items()))
    return (type(value).__name__, value)


@given(json_values, json_values)
def test_values_are_equal_if_their_kinds_and_their_exact_values_are(left, right):
    assert json_equal(left, right) is (canonical(left) == canonical(right))
    assert json_equal(left, left)


# ── fields ──


@pytest.mark.parametrize(
    ("path", "metadata", "present"),
    [
        ("a.b", {"a": {"b": None}}, True),
        ("a.b", {"a.b": 1}, False),
        (r"a\.b", {"a.b": 1}, True),
        (r"a\.b", {"a": {"b": 1}}, False),
        ("a.b", {"a": [{"b": 1}]}, False),
        ("a.0", {"a": [1]}, False),
        ("a.0", {"a": {"0": 1}}, True),
        (r"\@id", {"@id": 1}, True),
        (r"\@id", {}, False),
        (r"\$eq", {"$eq": 1}, True),
        (r"a\\", {"a\\": 1}, True),
        ("a.b.c", {"a": {"b": "text"}}, False),
        ("@id", {}, True),
        ("@title", {"title": "t"}, False),
    ],
)
def test_a_path_descends_into_objects_only(path, metadata, present):
    assert holds(F(path).exists(), metadata) is present


WRITTEN = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        (F("@id") == "x", True),
        (F("@id") > "w", True),
        (F("@title").startswith("On"), True),
        (F("@source").exists(), False),
        (F("@source") != "s", True),
        (F("@document_type") == "essay", True),
        (F("@chunk_index") == 0, True),
        (F("@chunk_index") < 3, True),
        (F("@chunk_count") >= 3, True),
        (F("@created_at") == WRITTEN.astimezone(timezone(timedelta(hours=-7))), True),
        (F("@created_at") < WRITTEN + timedelta(microseconds=1), True),
        (F("@created_at") > WRITTEN, False),
        (F("@created_at") >= "2024-01-01T14:00:00+02:00", True),
        (F("@created_at").startswith("2024-01"), True),
        (F("@updated_at").exists(), False),
    ],
)
def test_own_fields_are_compared_as_metadata_is(condition, true):
    document = VectorDocument(
        id="x",
        title="On Time",
        document_type="essay",
        chunk_index=0,
        chunk_count=3,
        created_at=WRITTEN,
        metadata={"id": "other", "title": "other"},
    )
    assert evaluate(condition, document) is true


def test_metadata_is_compared_as_a_store_would_keep_it():
    document = VectorDocument(id="x", metadata={"at": WRITTEN, "n": np.float32(0.5)})
    assert evaluate((F("at") == WRITTEN) & (F("n") == 0.5), document)


@pytest.mark.parametrize("metadata", [{"a": float("nan")}, None], ids=["NaN", "none"])
def test_a_document_that_no_store_would_keep_is_refused(metadata):
    with pytest.raises(InvalidDocumentError):
        evaluate({}, VectorDocument(id="x", metadata=metadata))


def test_a_bad_filter_is_refused_before_the_document_is_read():
    with pytest.raises(InvalidFilterError):
        holds({"a": {"$bad": 1}}, {})


# ── logic ──


def test_and_of_nothing_is_true_and_or_of_nothing_is_false():
    for metadata in ({}, {"a": 1}):
        assert holds({}, metadata)
        assert holds({"$and": []}, metadata)
        assert not holds({"$or": []}, metadata)
        assert holds({"$not": {"$or": []}}, metadata)
        assert not holds({"$not": {}}, metadata)


def test_several_keys_and_several_operators_mean_and():
    condition = {"a": {"$gt": 1, "$lt": 3}, "b": True}
    assert holds(condition, {"a": 2, "b": True})
    assert not holds(condition, {"a": 3, "b": True})
    assert not holds(condition, {"a": 2, "b": 1})


@given(trees(), trees(), near_metadatas)
def test_de_morgan_s_laws(first, second, metadata):
    def true(node):
        return matches(node, metadata, OWN)

    assert true(~(first & second)) is true(~first | ~second) is (not (true(first) and true(second)))
    assert true(~(first | second)) is true(~first & ~second) is (not (true(first) or true(second)))


@given(trees(), near_metadatas)
def test_a_double_negation_is_nothing(node, metadata):
    assert matches(Not(Not(node)), metadata, OWN) is matches(node, metadata, OWN)
    assert matches(Not(node), metadata, OWN) is not matches(node, metadata, OWN)


@given(trees(), trees(), near_metadatas)
def test_joining_with_operators_or_with_a_list_means_the_same(first, second, metadata):
    assert matches(first & second, metadata, OWN) is matches(And((first, second)), metadata, OWN)
    assert matches(first | second, metadata, OWN) is matches(Or((first, second)), metadata, OWN)


@given(comparisons(near_fields), near_metadatas)
def test_order_is_never_true_in_both_directions(node, metadata):
    if node.operator in ("$gt", "$lt"):
        opposite = {"$gt": "$lte", "$lt": "$gte"}[node.operator]
        other = parse_filter({str(node.field): {opposite: node.value}})
        assert not (matches(node, metadata, OWN) and matches(other, metadata, OWN))


@given(trees(), near_metadatas)
def test_a_compiler_walks_the_whole_tree_once(node, metadata):
    class Calls(FilterCompiler[bool]):
        def conjunction(self, parts):
            return all(parts)

        def disjunction(self, parts):
            return any(parts)

        def negation(self, part):
            return not part

        def comparison(self, node: Comparison):
            return matches(node, metadata, OWN)

    assert Calls().compile(node) is matches(node, metadata, OWN)
