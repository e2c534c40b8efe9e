"""What is no filter is refused, with its place in it."""

from datetime import datetime

import pytest

from pygent_vec import F, InvalidFilterError
from pygent_vec.filters import (
    MAX_FILTER_DEPTH,
    And,
    Comparison,
    Field,
    Not,
    Operator,
    parse_filter,
    to_dict,
)

BAD = {
    "not a mapping": ("x", "filter: expected a mapping, got 'x'"),
    "a list": ([{"a": 1}], "filter: expected a mapping"),
    "None within": ({"$and": [None]}, "filter.$and[0]: expected a mapping, got None"),
    "a key that is no string": ({1: 2}, "filter: the key 1 is not a string"),
    "unknown operator": ({"a": {"$gtee": 1}}, "filter.a.$gtee: unknown operator '$gtee'; did you mean '$gte'?"),
    "unknown logic": ({"$adn": []}, "filter.$adn: unknown operator '$adn'; did you mean '$and'?"),
    "an operator without a field": ({"$eq": 1}, "filter.$eq: unknown operator '$eq' (it belongs under a field"),
    "logic under a field": ({"a": {"$not": {"$eq": 1}}}, "filter.a.$not: unknown operator '$not' (it stands above"),
    "$and without a list": ({"$and": {"a": 1}}, "filter.$and: $and needs a list of filters"),
    "$or of a text": ({"$or": "ab"}, "filter.$or: $or needs a list of filters, got 'ab'"),
    "$not of a list": ({"$not": []}, "filter.$not: expected a mapping, got []"),
    "a mixture": ({"a": {"$eq": 1, "b": 2}}, "filter.a: mixes operators with the plain keys ['b']"),
    "a mixture with a number": ({"a": {"$eq": 1, 2: 2}}, "filter.a: mixes operators with the plain keys [2]"),
    "$in without a list": ({"a": {"$in": 1}}, "filter.a.$in: $in needs a list, got 1"),
    "$in of a text": ({"a": {"$in": "ab"}}, "filter.a.$in: $in needs a list, got 'ab'"),
    "$nin without a list": ({"a": {"$nin": None}}, "filter.a.$nin: $in needs a list, got None"),
    "$contains_any without a list": ({"a": {"$contains_any": 1}}, "filter.a.$contains_any: $contains_any needs a list"),
    "$contains_all of an object": ({"a": {"$contains_all": {}}}, "$contains_all needs a list, got {}"),
    "$exists of 1": ({"a": {"$exists": 1}}, "filter.a.$exists: $exists needs true or false, got 1"),
    "$startswith of a number": ({"a": {"$startswith": 1}}, "filter.a.$startswith: $startswith needs a string, got 1"),
    "order of a bool": ({"a": {"$gt": True}}, "filter.a.$gt: $gt orders numbers or strings, got True"),
    "order of a list": ({"a": {"$lte": [1]}}, "$lte orders numbers or strings, got [1]"),
    "order of null": ({"a": {"$lt": None}}, "$lt orders numbers or strings, got None"),
    "order of an object": ({"a": {"$gte": {}}}, "$gte orders numbers or strings, got {}"),
    "NaN": ({"a": float("nan")}, "filter.a: nan is not a finite number"),
    "an operand deep within": ({"$or": [{"a": 1}, {"b": {"$in": [1, {"c": {2}}]}}]}, "filter.$or[1].b.$in[1]: c: [2] is of type set"),
    "a naive datetime": ({"a": datetime(2024, 1, 1)}, "filter.a: datetime.datetime(2024, 1, 1, 0, 0) has no time zone"),  # noqa: DTZ001  # naive on purpose
    "2**63": ({"a": 2**63}, "outside of 64 bits"),
    "NUL": ({"a": "\0"}, "filter.a: holds a NUL character"),
    "an empty key": ({"": 1}, "an empty key in the path ''"),
    "an empty key in a path": ({"a..b": 1}, "filter.a..b: an empty key in the path 'a..b'"),
    "a dot at the end": ({"a.": 1}, "an empty key"),
    "an unknown own field": ({"@titel": 1}, "filter.@titel: '@titel' is no field of a document; did you mean 'title'?"),
    "a path within an own field": ({"@title.x": 1}, "'@title.x' is no field of a document"),
    "a backslash before a letter": ({r"a\b": 1}, "the backslash at position 1"),
    "a backslash at the end": ({"a\\": 1}, "the backslash at position 1"),
    "a surrogate in a path": ({"a.\udc80": 1}, "lone surrogate U+DC80"),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_filter_is_refused_with_its_place(bad, message):
    with pytest.raises(InvalidFilterError) as caught:
        parse_filter(bad)
    assert message in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: F("a..b"), "F(): an empty key"),
        (lambda: F("@titel"), "did you mean 'title'?"),
        (lambda: F("a") == object(), "F('a') $eq: "),
        (lambda: F("a") > None, "F('a') $gt: $gt orders numbers or strings, got None"),
        (lambda: F("a").is_in([{1}]), "F('a') $in[0]: [1] is of type set"),
        (lambda: F("a").startswith(1), "F('a') $startswith: $startswith needs a string"),
        (lambda: F("a") == F("b"), "F('a') $eq: "),
    ],
)
def test_the_builder_refuses_what_the_parser_refuses(build, message):
    with pytest.raises(InvalidFilterError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "node",
    [
        Comparison(Field(("a",)), Operator.IN, 5),
        Comparison(Field(("a",)), Operator.GT, object()),
        Comparison(Field(("a",)), Operator.STARTSWITH, 1),
        And((1,)),
        Not({"a": 1}),
    ],
    ids=[
        "$in without a list",
        "$gt of an object",
        "$startswith of a number",
        "child",
        "mapping",
    ],
)
def test_a_tree_built_by_hand_is_checked_too(node):
    with pytest.raises(InvalidFilterError):
        parse_filter(node)


NESTED = {
    "$not": lambda inner: {"$not": inner},
    "$and": lambda inner: {"$and": [inner]},
    "$or": lambda inner: {"$or": [{"b": 1}, inner]},
}


def nested(step, levels):
    condition = {"a": 1}
    for _ in range(levels):
        condition = step(condition)
    return condition


@pytest.mark.parametrize("step", NESTED.values(), ids=NESTED.keys())
def test_logic_nests_to_the_limit_and_not_beyond(step):
    assert parse_filter(nested(step, MAX_FILTER_DEPTH)) == parse_filter(
        parse_filter(nested(step, MAX_FILTER_DEPTH))
    )
    for levels in (MAX_FILTER_DEPTH + 1, 100_000):
        with pytest.raises(InvalidFilterError, match="nested deeper than 128 levels"):
            parse_filter(nested(step, levels))


def test_a_tree_nests_to_the_limit_and_not_beyond():
    tree = F("a") == 1
    for _ in range(MAX_FILTER_DEPTH):
        tree = ~tree
    assert parse_filter(tree) is tree
    with pytest.raises(InvalidFilterError, match="nested deeper than 128 levels"):
        parse_filter(~tree)
    with pytest.raises(InvalidFilterError, match="nested deeper than 128 levels"):
        parse_filter({"$not": tree})


@pytest.mark.parametrize("levels", [64, 65, 100, 128, 129])
def test_what_the_parser_returns_it_takes_again(levels):
    condition = nested(lambda inner: {"a": 1, "$and": [inner]}, levels)
    try:
        tree = parse_filter(condition)
    except InvalidFilterError:
        assert levels > MAX_FILTER_DEPTH // 2
    else:
        assert parse_filter(tree) is tree
        assert parse_filter(to_dict(tree)) == tree


def test_a_bottomless_filter_is_refused_and_does_not_exhaust_the_stack():
    deep = []
    for _ in range(900):
        deep = [deep]
    for bad in (deep, {"$and": deep}, {"a": {"$exists": deep}}, {"a": {"$in": deep}}):
        with pytest.raises(InvalidFilterError):
            parse_filter(bad)


def test_a_long_key_does_not_flood_the_message():
    with pytest.raises(InvalidFilterError) as caught:
        parse_filter({"a" * 100_000: {"$bad": 1}})
    assert len(str(caught.value)) < 1000


def test_the_operand_is_the_filter_s_own():
    tags = [1]
    node = parse_filter({"a": {"$eq": tags}})
    tags.append(2)
    assert node.value == [1]
