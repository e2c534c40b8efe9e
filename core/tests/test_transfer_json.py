"""JSON texts of many values: what orjson makes is what the standard library makes."""

import json
import math
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from pygent_vec.transfer import _json
from pygent_vec.transfer._json import json_text, sure_objects

from .strategies import floats, int64s, json_values, metadatas, texts

LOOKALIKES = ["1e5", "0.0000", "null", ',"x":null', "[1e5", ":-0.00001,", "3e4-ae5", "\x7f", "\u2028", "\x1f"]
VALUES = st.lists(json_values | metadatas | floats | int64s | texts | st.sampled_from(LOOKALIKES))


@pytest.fixture
def no_orjson(monkeypatch):
    monkeypatch.setitem(sys.modules, "orjson", None)
    _json._orjson.cache_clear()
    yield
    _json._orjson.cache_clear()


def usual(value, *, sort_keys):
    return json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@given(values=VALUES, sort_keys=st.booleans())
@settings(max_examples=300)
@example(values=[1e-5, 1e-4, 9.9e-5, 1e15, 1e16, 1e17, 1e22, 5e-324, -0.0, -1e-7], sort_keys=True)
@example(values=[2**64, -(2**64), 2**63], sort_keys=False)
@example(values=["\ud800", {"\udfff": "x"}], sort_keys=True)
@example(values=[{"null": "null", "e": [None]}, {"1e5": "2e5", "x": "[1e5"}], sort_keys=True)
def test_a_text_is_what_the_standard_library_writes(values, sort_keys):
    assert json_text(values, sort_keys=sort_keys) == usual(values, sort_keys=sort_keys)
    for value in values:
        assert json_text(value, sort_keys=sort_keys) == usual(value, sort_keys=sort_keys)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": [-math.inf]}, [1, {"b": math.nan}]])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(value)


@given(st.lists(metadatas))
@settings(max_examples=60)
def test_what_was_written_is_read_with_its_types_or_left_to_others(values):
    for value, found in zip(values, sure_objects([*map(json_text, values)]), strict=True):
        assert found is None or repr(found) == repr(value)


def test_most_of_what_was_written_is_sure():
    pytest.importorskip("orjson")
    values = [{"a": 1, "b": [True, None, 1.5, "é"], "c": {"d": 2**63}}, {}]
    assert sure_objects([*map(json_text, values)]) == values


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":18446744073709551616}',
        '{"a":1.00000000000000000001}',
        '{"a":-0}',
        '{"a": 1}',
        '{"a":"\\ud800"}',
        '{"a":NaN}',
        "[1]",
        "null",
        "",
        "{",
        None,
    ],
)
def test_a_text_of_which_something_could_be_lost_is_left_to_others(text):
    assert sure_objects([text]) == [None]


def test_without_orjson_it_is_the_same(no_orjson):
    values = [{"b": 1e-7, "a": [2**64, "\0"]}, {}]
    assert json_text(values, sort_keys=True) == usual(values, sort_keys=True)
    assert sure_objects(["{}", None]) == [None, None]
