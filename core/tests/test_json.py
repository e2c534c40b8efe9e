"""JSON values: what is accepted, what becomes of it, and what is refused with its path."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given

from pygent_vec.model import (
    InvalidValueError,
    are_texts,
    check_text,
    normalized,
    normalized_object,
    plain_copy,
)

from .strategies import any_objects, json_values, metadatas, texts


class Colour(StrEnum):
    RED = "red"


class OldColour(str, Enum):  # noqa: UP042  # its str() is not its value
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Text(str):
    """A subclass that is written otherwise than it reads."""

    __slots__ = ()

    def __str__(self):
        return "something else"


def nested_lists(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def nested_objects(levels):
    value = 1
    for _ in range(levels):
        value = {"k": value}
    return value


@given(json_values)
def test_plain_json_passes_unchanged_with_its_types(value):
    assert repr(normalized(value)) == repr(value)


@given(json_values)
def test_what_passes_survives_json_text(value):
    assert repr(json.loads(json.dumps(normalized(value)))) == repr(value)


def test_the_result_shares_nothing_mutable_with_what_was_given():
    given_value = {"a": [1, {"b": []}]}
    result = normalized_object(given_value)
    given_value["a"][1]["b"].append("later")
    given_value["a"].append("later")
    assert result == {"a": [1, {"b": []}]}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.int8(-3), -3),
        (np.uint64(2**63 - 1), 2**63 - 1),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.float16(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (Colour.RED, "red"),
        (OldColour.RED, "red"),
        (Text("a"), "a"),
        (Level.HIGH, 3),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2023-12-31T22:00:00.000000Z"),
        (datetime(2024, 1, 1, 0, 0, 0, 7, tzinfo=UTC), "2024-01-01T00:00:00.000007Z"),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
    ],
)
def test_values_with_a_json_form_are_converted_to_plain_types(value, wanted):
    for result in (normalized(value), normalized([value])[0], normalized({"k": value})["k"]):
        assert result == wanted
        assert type(result) is type(wanted)


@pytest.mark.parametrize("key", [Colour.RED, OldColour.RED, np.str_("red")])
def test_a_key_that_is_a_kind_of_string_is_read_as_its_text(key):
    (result,) = normalized({key: 1})
    assert result == "red"
    assert type(result) is str


REFUSED = {
    "NaN": (float("nan"), "nan is not a finite number"),
    "infinity": (float("inf"), "inf is not a finite number"),
    "NumPy NaN": (np.float32("nan"), "nan is not a finite number"),
    "2**63": (2**63, "outside of 64 bits"),
    "-2**63 - 1": (-(2**63) - 1, "outside of 64 bits"),
    "NumPy 2**63": (np.uint64(2**63), "outside of 64 bits"),
    "tuple": ((1, 2), "of type tuple"),
    "set": ({1}, "of type set"),
    "bytes": (b"a", "of type bytes"),
    "date": (date(2024, 1, 1), "of type date"),
    "timedelta": (timedelta(1), "of type timedelta"),
    "Decimal": (Decimal(1), "of type Decimal"),
    "complex": (1j, "of type complex"),
    "NumPy complex": (np.complex64(1), "of type complex64"),
    "array": (np.zeros(2), "of type ndarray"),
    "datetime64": (np.datetime64("2024-01-01", "us"), "of type datetime64"),
    "datetime64 in nanoseconds": (np.datetime64("2024-01-01", "ns"), "of type datetime64"),
    "timedelta64 in nanoseconds": (np.timedelta64(5, "ns"), "of type timedelta64"),
    "naive datetime": (datetime(2024, 1, 1), "no time zone"),  # noqa: DTZ001  # naive on purpose
    "object": (object(), "of type object"),
    "NUL": ("a\0b", "NUL character at position 1"),
    "lone surrogate": ("ab\udc80", "lone surrogate U+DC80 at position 2"),
    "surrogate in a StrEnum": (StrEnum("E", {"A": "\ud800"}).A, "lone surrogate U+D800"),
}


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_everything_else_is_refused_with_its_path(value, reason):
    for nest, path in [
        (lambda inner: inner, ""),
        (lambda inner: {"k": inner}, "k"),
        (lambda inner: [0, inner], "[1]"),
        (lambda inner: {"author": {"tags": [0, [inner]]}}, "author.tags[1][0]"),
    ]:
        with pytest.raises(InvalidValueError) as caught:
            normalized(nest(value))
        assert caught.value.path == path
        assert reason in caught.value.reason
        assert str(caught.value) == (f"{path}: " if path else "") + caught.value.reason


@pytest.mark.parametrize("key", ["", 1, None, ("a",)])
def test_a_key_that_is_no_text_is_refused(key):
    with pytest.raises(InvalidValueError, match="is not a non-empty string") as caught:
        normalized({"outer": {key: 1}})
    assert caught.value.path == "outer"


@pytest.mark.parametrize("key", ["a\0", "\ud800"])
def test_a_key_that_no_store_can_hold_is_refused_in_words_that_can_be_printed(key):
    with pytest.raises(InvalidValueError, match=r"NUL|surrogate") as caught:
        normalized({key: 1})
    assert str(caught.value).isprintable()
    str(caught.value).encode()


@pytest.mark.parametrize("nested", [nested_lists, nested_objects])
def test_32_levels_pass_and_33_are_refused(nested):
    assert normalized(nested(32)) == nested(32)
    with pytest.raises(InvalidValueError, match="nested deeper than 32 levels"):
        normalized(nested(33))


@pytest.mark.parametrize("nested", [nested_lists, nested_objects])
def test_a_bottomless_value_is_refused_and_does_not_exhaust_the_stack(nested):
    with pytest.raises(InvalidValueError, match="nested deeper than 32 levels"):
        normalized(nested(100_000))


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(InvalidValueError, match="nested deeper than 32 levels"):
        normalized(value)


def test_a_long_key_does_not_flood_the_message():
    with pytest.raises(InvalidValueError) as caught:
        normalized({"k" * 10_000: object()})
    assert len(str(caught.value)) < 400


@given(texts)
def test_text_of_unicode_characters_passes(text):
    assert check_text(text) is text


@given(any_objects)
def test_what_is_plain_is_what_the_rules_make_of_it(value):
    texts = []
    copy = plain_copy(value, texts)
    if copy is None or not are_texts(texts):
        return
    assert exact(copy) == exact(normalized_object(value))
    assert exact(copy) == exact(value)


@given(metadatas)
def test_plain_metadata_needs_no_rules_and_is_copied(value):
    texts = []
    copy = plain_copy(value, texts)
    assert exact(copy) == exact(value)
    assert are_texts(texts)
    assert not {id(one) for one in holders(copy)} & {id(one) for one in holders(value)}


@pytest.mark.parametrize(
    "value",
    [
        *([], None, "a", MappingProxyType({"a": 1}), {"": 1}, {"a": (1,)}, {"a": {"": 1}}, {"a": 2**63}),
        *(
            {"a": float("nan")},
            {"a": [float("inf")]},
            {"a": Colour.RED},
            {"a": Level.HIGH},
            {"a": np.int64(1)},
        ),
        *({"a": nested_lists(33)}, {Colour.RED: 1}, {1: 1}, {"a": "\0"}, {"a": ["\ud800"]}, {"\0": 1}),
    ],
    ids=repr,
)
def test_what_needs_care_is_not_called_plain(value):
    texts = []
    assert plain_copy(value, texts) is None or not are_texts(texts)


@pytest.mark.parametrize("values", [["a", 1], [Text("a")], [b"a"], [None], ["a\0"], ["é", "\ud800"]])
def test_texts_that_need_care_are_not_called_texts(values):
    assert not are_texts(values)


def exact(value):
    """Return a text that differs wherever types or values do."""
    return repr(value)


def holders(value):
    """Return the lists and objects of *value*, itself included."""
    if isinstance(value, dict):
        return [value, *(one for item in value.values() for one in holders(item))]
    return [value, *(one for item in value for one in holders(item))] if isinstance(value, list) else []
