"""The one parser of filters: from the mapping form, and the checks that the builder shares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pygent_vec.errors import InvalidFilterError, hint, shown
from pygent_vec.filters._nodes import OWN_FIELD_NAMES, And, Comparison, Field, Filter, Not, Operator, Or
from pygent_vec.model import InvalidValueError, check_text, normalized, rfc3339

if TYPE_CHECKING:
    from pygent_vec.model import JsonValue

__all__ = ["MAX_FILTER_DEPTH", "comparison", "parse_field", "parse_filter"]

MAX_FILTER_DEPTH = 128
"""How deep `$and`, `$or` and `$not` may nest."""

_NEGATIONS = {"$ne": Operator.EQ, "$nin": Operator.IN}
_LOGIC = ("$and", "$or", "$not")
_OPERATORS = (*(operator.value for operator in Operator), *_NEGATIONS)
_LIST_OPERATORS = (Operator.IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL)
_ORDER_OPERATORS = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_INSTANTS = ("created_at", "updated_at")
_SHOWN_KEY = 64


def parse_filter(condition: Filter | Mapping[str, object]) -> Filter:
    """Return the filter tree of a mapping; a tree is checked for depth and returned as it is.

    Raises:
        InvalidFilterError: an unknown operator, a bad operand or a bad path; the message names the place.
    """
    if isinstance(condition, (Comparison, And, Or, Not)):
        return _check_tree(condition)
    return _check_tree(_parse(condition, place="filter", depth=0))


def _parse(condition: object, *, place: str, depth: int) -> Filter:
    if isinstance(condition, (Comparison, And, Or, Not)):
        return parse_filter(condition)
    if not isinstance(condition, Mapping):
        raise InvalidFilterError(f"{place}: expected a mapping, got {shown(condition)}")
    if depth > MAX_FILTER_DEPTH:
        raise InvalidFilterError(f"{place[:80]}…: nested deeper than {MAX_FILTER_DEPTH} levels")
    parts: list[Filter] = []
    for key, value in condition.items():
        if not isinstance(key, str):
            raise InvalidFilterError(f"{place}: the key {shown(key)} is not a string")
        if key.startswith("$"):
            parts.append(_logic(key, value, place=f"{place}.{_key(key)}", depth=depth))
        else:
            parts.extend(_conditions(key, value, place=f"{place}.{_key(key)}"))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _logic(key: str, value: object, *, place: str, depth: int) -> Filter:
    if key == "$not":
        return Not(_parse(value, place=place, depth=depth + 1))
    if key not in _LOGIC:
        field_operator = " (it belongs under a field's name)" if key in _OPERATORS else ""
        raise InvalidFilterError(f"{place}: unknown operator {shown(key)}{field_operator}{hint(key, _LOGIC)}")
    if not isinstance(value, (list, tuple)):
        raise InvalidFilterError(f"{place}: {key} needs a list of filters, got {shown(value)}")
    children = tuple(
        _parse(child, place=f"{place}[{index}]", depth=depth + 1) for index, child in enumerate(value)
    )
    return And(children) if key == "$and" else Or(children)


def _conditions(key: str, value: object, *, place: str) -> list[Filter]:
    """Return what one field's entry says: its operators, or equality with a bare value."""
    field = parse_field(key, place=place)
    if not isinstance(value, Mapping) or not any(
        isinstance(name, str) and name.startswith("$") for name in value
    ):
        return [comparison(field, Operator.EQ, value, place=place)]
    plain = [name for name in value if not (isinstance(name, str) and name.startswith("$"))]
    if plain:
        raise InvalidFilterError(
            f"{place}: mixes operators with the plain keys {shown(plain)}; "
            'to compare with a whole object, write {"$eq": {...}}'
        )
    return [
        _condition(field, name, operand, place=f"{place}.{_key(name)}") for name, operand in value.items()
    ]


def _condition(field: Field, name: str, operand: object, *, place: str) -> Filter:
    if name in _NEGATIONS:
        return Not(comparison(field, _NEGATIONS[name], operand, place=place))
    if name not in _OPERATORS:
        logic = " (it stands above the fields, not under one)" if name in _LOGIC else ""
        raise InvalidFilterError(f"{place}: unknown operator {shown(name)}{logic}{hint(name, _OPERATORS)}")
    if name == Operator.EXISTS and operand is False:
        return Not(comparison(field, Operator.EXISTS, True, place=place))  # noqa: FBT003  # an operand
    return comparison(field, Operator(name), operand, place=place)


def comparison(field: Field, operator: Operator, operand: object, *, place: str) -> Comparison:
    """Return one comparison with a checked operand.

    Raises:
        InvalidFilterError: the operator cannot take the operand.
    """
    if operator is Operator.EXISTS:
        if not isinstance(operand, bool):
            raise InvalidFilterError(f"{place}: $exists needs true or false, got {shown(operand)}")
        return Comparison(field, operator, operand)
    if operator in _LIST_OPERATORS:
        if isinstance(operand, (set, frozenset)):
            operand = sorted(operand, key=repr)
        if not isinstance(operand, (list, tuple)):
            raise InvalidFilterError(f"{place}: {operator} needs a list, got {shown(operand)}")
        values = tuple(_value(field, item, place=f"{place}[{i}]") for i, item in enumerate(operand))
        return Comparison(field, operator, values)
    value = _value(field, operand, place=place)
    if operator in _ORDER_OPERATORS and not _is_ordered(value):
        raise InvalidFilterError(f"{place}: {operator} orders numbers or strings, got {shown(operand)}")
    if operator is Operator.STARTSWITH and not isinstance(value, str):
        raise InvalidFilterError(f"{place}: $startswith needs a string, got {shown(operand)}")
    return Comparison(field, operator, value)


def _value(field: Field, operand: object, *, place: str) -> JsonValue:
    """Return an operand under the rules of document metadata."""
    try:
        if field.own and field.path[0] in _INSTANTS and isinstance(operand, str):
            return _instant(operand)
        return normalized(list(operand) if isinstance(operand, tuple) else operand)
    except InvalidValueError as error:
        raise InvalidFilterError(f"{place}: {error}") from error


def _instant(text: str) -> str:
    """Return timestamp text in the canonical form; text that is no timestamp (a prefix) as it is."""
    try:
        return rfc3339(datetime.fromisoformat(text))
    except ValueError:
        return check_text(text)


def parse_field(text: str, *, place: str) -> Field:
    r"""Return the field that *text* names: `author.name`, `@id`, or with `\.` `\@` `\$` `\\` escaped.

    Raises:
        InvalidFilterError: an empty key, an unknown own field, or a backslash that escapes nothing.
    """
    if text.startswith("@"):
        name = text[1:]
        if name not in OWN_FIELD_NAMES:
            raise InvalidFilterError(
                f"{place}: {shown(text)} is no field of a document{hint(name, OWN_FIELD_NAMES)}; "
                f"for a metadata key that begins with @ write {chr(92) + text!r}"
            )
        return Field((name,), own=True)
    keys = [""]
    characters = iter(enumerate(text))
    for position, character in characters:
        if character == ".":
            keys.append("")
        elif character == "\\":
            _, escaped = next(characters, (position, ""))
            if not escaped or escaped not in ".@$\\":
                raise InvalidFilterError(
                    f"{place}: the backslash at position {position} of {shown(text)} escapes nothing; "
                    r"write \. \@ \$ or \\"
                )
            keys[-1] += escaped
        else:
            keys[-1] += character
    if not all(keys):
        raise InvalidFilterError(
            rf"{place}: an empty key in the path {shown(text)}; write \. for a literal dot"
        )
    try:
        return Field(tuple(check_text(key) for key in keys))
    except InvalidValueError as error:
        raise InvalidFilterError(f"{place}: the path {error}") from error


def _check_tree(node: Filter) -> Filter:
    """Return a tree after a look at its depth and, in one that was built by hand, its nodes.

    Raises:
        InvalidFilterError: it is nested too deeply, or something in it is no filter.
    """
    level: list[object] = [node]
    for _ in range(MAX_FILTER_DEPTH + 1):
        below: list[object] = []
        for one in level:
            if isinstance(one, (And, Or)):
                below.extend(one.children)
            elif isinstance(one, Not):
                below.append(one.child)
            elif isinstance(one, Comparison):
                _check_comparison(one)
            else:
                raise InvalidFilterError(f"filter: expected a filter, got {shown(one)}")
        if not below:
            return node
        level = below
    raise InvalidFilterError(f"filter: nested deeper than {MAX_FILTER_DEPTH} levels")


def _check_comparison(node: Comparison) -> None:
    """Check the shape of an operand; `comparison` has checked its values where it made the node."""
    if node.operator in _LIST_OPERATORS and not isinstance(node.value, tuple):
        raise InvalidFilterError(
            f"filter.{node.field}: {node.operator} needs a tuple, got {shown(node.value)}"
        )
    if node.operator in _ORDER_OPERATORS and not _is_ordered(node.value):
        raise InvalidFilterError(
            f"filter.{node.field}: {node.operator} orders numbers or strings, got {shown(node.value)}"
        )
    if node.operator is Operator.STARTSWITH and not isinstance(node.value, str):
        raise InvalidFilterError(f"filter.{node.field}: $startswith needs a string, got {shown(node.value)}")


def _is_ordered(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _key(key: str) -> str:
    """Return a key for the place in a message: cut, and free of what a terminal cannot show."""
    return key if key.isprintable() and len(key) <= _SHOWN_KEY else shown(key)
