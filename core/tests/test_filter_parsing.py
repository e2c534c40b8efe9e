"""Two spellings of one tree, and what is refused with its place."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygent_vec import F
from pygent_vec.filters import (
    And,
    Comparison,
    Field,
    Not,
    Operator,
    Or,
    parse_field,
    parse_filter,
    to_dict,
)

from .strategies import any_fields, comparisons, instant_comparisons, keys, trees


def compared(path, operator, value):
    return Comparison(Field(tuple(path.split("."))), operator, value)


# Trees are compared by repr, because 1 == True == 1.0 for Python.
@given(trees(any_fields) | instant_comparisons)
def test_a_tree_comes_back_from_its_mapping(tree):
    assert repr(parse_filter(to_dict(tree))) == repr(tree)


@given(trees(any_fields))
def test_a_tree_comes_back_from_json_text(tree):
    assert repr(parse_filter(json.loads(json.dumps(to_dict(tree))))) == repr(tree)


@given(trees())
def test_parsing_a_tree_returns_it(tree):
    assert parse_filter(tree) is tree


BUILT = {
    Operator.EQ: lambda field, value: field == value,
    Operator.GT: lambda field, value: field > value,
    Operator.GTE: lambda field, value: field >= value,
    Operator.LT: lambda field, value: field < value,
    Operator.LTE: lambda field, value: field <= value,
    Operator.IN: lambda field, value: field.is_in(value),
    Operator.EXISTS: lambda field, _: field.exists(),
    Operator.CONTAINS: lambda field, value: field.contains(value),
    Operator.CONTAINS_ANY: lambda field, value: field.contains_any(value),
    Operator.CONTAINS_ALL: lambda field, value: field.contains_all(value),
    Operator.STARTSWITH: lambda field, value: field.startswith(value),
}


@given(comparisons(any_fields) | instant_comparisons)
def test_the_builder_makes_the_tree_that_the_parser_makes(tree):
    built = BUILT[tree.operator](F(str(tree.field)), tree.value)
    assert repr(built) == repr(parse_filter(to_dict(tree))) == repr(tree)
    assert repr(~built) == repr(Not(tree))


def test_the_builder_has_every_operator():
    assert BUILT.keys() == set(Operator)


def test_the_contract_s_two_spellings_mean_one_tree():
    built = (F("year") >= 2020) & F("tags").contains("ml") & ~F("draft").exists()
    mapping = {"year": {"$gte": 2020}, "tags": {"$contains": "ml"}, "draft": {"$exists": False}}
    assert built == parse_filter(mapping)
    assert built == And(
        (
            compared("year", Operator.GTE, 2020),
            compared("tags", Operator.CONTAINS, "ml"),
            Not(compared("draft", Operator.EXISTS, value=True)),
        )
    )


@pytest.mark.parametrize(
    ("mapping", "tree"),
    [
        ({}, And(())),
        ({"$and": []}, And(())),
        ({"$or": []}, Or(())),
        ({"a": 1}, compared("a", Operator.EQ, 1)),
        ({"a": None}, compared("a", Operator.EQ, None)),
        ({"a": {}}, compared("a", Operator.EQ, {})),
        ({"a": {"b": 1}}, compared("a", Operator.EQ, {"b": 1})),
        ({"a": [1]}, compared("a", Operator.EQ, [1])),
        ({"a": {"$eq": {"$b": 1}}}, compared("a", Operator.EQ, {"$b": 1})),
        ({"a": {"$ne": 1}}, Not(compared("a", Operator.EQ, 1))),
        ({"a": {"$nin": [1]}}, Not(compared("a", Operator.IN, (1,)))),
        ({"a": {"$exists": True}}, compared("a", Operator.EXISTS, value=True)),
        ({"a": {"$in": (1, 2)}}, compared("a", Operator.IN, (1, 2))),
        ({"a": {"$in": {1}}}, compared("a", Operator.IN, (1,))),
        ({"a": {"$eq": (1, 2)}}, compared("a", Operator.EQ, [1, 2])),
        ({"a": {"$eq": np.int8(1)}}, compared("a", Operator.EQ, 1)),
        ({"a": {"$gt": 1, "$lt": 3}}, And((compared("a", Operator.GT, 1), compared("a", Operator.LT, 3)))),
        ({"$not": {"a": 1}}, Not(compared("a", Operator.EQ, 1))),
        (
            {"$or": [{"a": 1}, F("b") == 2]},
            Or((compared("a", Operator.EQ, 1), compared("b", Operator.EQ, 2))),
        ),
        (
            {"a": {"$gt": datetime(2024, 1, 1, tzinfo=UTC)}},
            compared("a", Operator.GT, "2024-01-01T00:00:00.000000Z"),
        ),
    ],
)
def test_a_mapping_means_this_tree(mapping, tree):
    assert repr(parse_filter(mapping)) == repr(tree)


def test_and_or_and_not_are_the_operators_of_a_tree():
    a, b, c = F("a") == 1, F("b") == 2, F("c") == 3
    assert a & b & c == And((a, b, c))
    assert a & (b & c) == And((a, b, c))
    assert a | b | c == Or((a, b, c))
    assert (a & b) | c == Or((And((a, b)), c))
    assert ~~a == Not(Not(a))
    assert F("a").not_in([1]) == Not(F("a").is_in([1]))
    assert (F("a") != 1) == Not(a)


@pytest.mark.parametrize("other", [F("b"), True, 1, None, "b", {"b": 1}], ids=lambda one: type(one).__name__)
def test_only_filters_can_be_joined(other):
    with pytest.raises(TypeError):
        (F("a") == 1) & other
    with pytest.raises(TypeError):
        (F("a") == 1) | other


def test_a_filter_has_no_truth_value():
    with pytest.raises(TypeError, match="write & for and"):
        bool(F("a") == 1)
    with pytest.raises(TypeError, match="write & for and"):
        1 < F("a") < 3  # noqa: B015  # the chain is the point


# ── fields ──


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("author.name", ("author", "name")),
        (r"a\.b", ("a.b",)),
        (r"a\.b.c", ("a.b", "c")),
        (r"\@id", ("@id",)),
        ("a.@id", ("a", "@id")),
        (r"\$eq", ("$eq",)),
        (r"a\\b", ("a\\b",)),
        (r"a\\.b", ("a\\", "b")),
        ("é", ("é",)),
        ("a b", ("a b",)),
    ],
)
def test_a_path_names_these_keys(text, path):
    assert parse_field(text, place="") == Field(path)
    assert parse_filter({text: 1}) == Comparison(Field(path), Operator.EQ, 1)


@given(st.lists(keys, min_size=1, max_size=4).map(tuple))
def test_any_keys_can_be_written_as_a_path(path):
    assert parse_field(str(Field(path)), place="") == Field(path)
    assert next(iter(to_dict(Comparison(Field(path), Operator.EQ, 1)))) == str(Field(path))


@pytest.mark.parametrize(
    "name",
    ["id", "title", "source", "document_type", "chunk_index", "chunk_count", "created_at", "updated_at"],
)
def test_a_leading_at_names_the_document_s_own_field(name):
    field = parse_field(f"@{name}", place="")
    assert field == Field((name,), own=True)
    assert str(field) == f"@{name}"


@pytest.mark.parametrize(
    "spelling", ["2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00Z", "20240101T000000Z"]
)
def test_instants_as_text_are_compared_in_their_one_form(spelling):
    tree = F("@created_at") >= spelling
    assert tree == (F("@created_at") >= datetime(2024, 1, 1, tzinfo=UTC))


def test_the_beginning_of_an_instant_stays_as_it_is():
    assert F("@created_at").startswith("2024-01").value == "2024-01"
    assert (F("@created_at") < "2024-02-01").value == "2024-02-01"
