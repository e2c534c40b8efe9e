"""The meaning of a filter: what every backend's answer is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pygent_vec.filters._nodes import And, Comparison, Field, Filter, Not, Operator, Or
from pygent_vec.filters._parser import parse_filter
from pygent_vec.model import plain_metadata, timestamp_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pygent_vec.model import JsonValue, VectorDocument

__all__ = ["MISSING", "evaluate", "json_equal", "kind_of", "matches", "own_values", "value_at"]


class _Missing:
    """The value of a field that a document does not have."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()

_NUMBER, _STRING = "number", "string"


def evaluate(condition: Filter | Mapping[str, object], document: VectorDocument) -> bool:
    """Return whether *document*, as a store would keep it, satisfies the filter.

    Raises:
        InvalidFilterError: the filter is not well formed.
        InvalidDocumentError: no store could keep the document.
    """
    metadata = plain_metadata(document.id, document.metadata)
    return matches(parse_filter(condition), metadata, own_values(document))


def own_values(document: VectorDocument) -> dict[str, JsonValue]:
    """Return the document's own fields that are set, timestamps as RFC 3339 text."""
    values: dict[str, JsonValue] = {"id": document.id}
    for name in ("title", "source", "document_type", "chunk_index", "chunk_count"):
        value = getattr(document, name)
        if value is not None:
            values[name] = value
    for name in ("created_at", "updated_at"):
        instant = getattr(document, name)
        if instant is not None:
            values[name] = timestamp_text(document.id, name, instant)
    return values


def matches(node: Filter, metadata: Mapping[str, JsonValue], own: Mapping[str, JsonValue]) -> bool:
    """Return whether a stored document satisfies *node*.

    Args:
        node: A parsed filter.
        metadata: The document's metadata.
        own: Its own fields that are set, as `own_values` gives them.
    """
    match node:
        case And(children):
            return all(matches(child, metadata, own) for child in children)
        case Or(children):
            return any(matches(child, metadata, own) for child in children)
        case Not(child):
            return not matches(child, metadata, own)
        case Comparison(field, operator, operand):
            value = value_at(field, metadata, own)
            return not isinstance(value, _Missing) and _TESTS[operator](value, operand)


def value_at(
    field: Field, metadata: Mapping[str, JsonValue], own: Mapping[str, JsonValue]
) -> JsonValue | _Missing:
    """Return the value of a field; `MISSING` where a key is absent or its parent is no object."""
    if field.own:
        return own.get(field.path[0], MISSING)
    value: JsonValue = metadata
    for key in field.path:
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value


def kind_of(value: JsonValue) -> str:
    """Return the JSON kind of a value; int and float are one kind, bool another."""
    if isinstance(value, str):
        return _STRING
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return _NUMBER
    if value is None:
        return "null"
    return "object" if isinstance(value, Mapping) else "list"


def json_equal(left: JsonValue, right: JsonValue) -> bool:
    """Return whether two JSON values are equal: kinds apart, numbers exact, lists and objects whole.

    >>> json_equal(1, 1.0), json_equal(True, 1), json_equal(2**53 + 1, 2.0**53)
    (True, False, False)
    """
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(json_equal(left[key], right[key]) for key in left)
    if kind == "list":
        return len(left) == len(right) and all(map(json_equal, left, right))  # type: ignore[arg-type]
    return left == right


def _ordered(compare: Callable[[object, object], bool]) -> Callable[[JsonValue, JsonValue], bool]:
    """Return a test that holds only between two numbers or two strings.

    Python compares an int with a float exactly, and strings by code point.
    """

    def test(value: JsonValue, operand: JsonValue) -> bool:
        kind = kind_of(value)
        return kind == kind_of(operand) and kind in (_NUMBER, _STRING) and compare(value, operand)

    return test


def _among(value: JsonValue, operands: JsonValue) -> bool:
    return any(json_equal(value, operand) for operand in operands)  # type: ignore[union-attr]


def _contains(value: JsonValue, operand: JsonValue) -> bool:
    return isinstance(value, (list, tuple)) and _among(operand, value)


def _startswith(value: JsonValue, prefix: JsonValue) -> bool:
    return isinstance(value, str) and value.startswith(prefix)  # type: ignore[arg-type]


_TESTS: Mapping[Operator, Callable[[JsonValue, JsonValue], bool]] = {
    Operator.EQ: json_equal,
    Operator.GT: _ordered(lambda value, operand: value > operand),  # type: ignore[operator]
    Operator.GTE: _ordered(lambda value, operand: value >= operand),  # type: ignore[operator]
    Operator.LT: _ordered(lambda value, operand: value < operand),  # type: ignore[operator]
    Operator.LTE: _ordered(lambda value, operand: value <= operand),  # type: ignore[operator]
    Operator.IN: _among,
    Operator.EXISTS: lambda _, operand: operand is True,
    Operator.CONTAINS: _contains,
    Operator.CONTAINS_ANY: lambda value, operands: any(_contains(value, one) for one in operands),  # type: ignore[union-attr]
    Operator.CONTAINS_ALL: lambda value, operands: (
        isinstance(value, (list, tuple)) and all(_contains(value, one) for one in operands)  # type: ignore[union-attr]
    ),
    Operator.STARTSWITH: _startswith,
}
