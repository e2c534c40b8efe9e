"""Conditions on the document's own fields, which have columns of their own."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

from pygent_vec.filters import Comparison, Operator
from pygent_vec_postgres.filtering.instants import instant_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import JsonValue
    from pygent_vec_postgres.filtering.parameters import Parameters

__all__ = ["FALSE", "SIGNS", "TRUE", "own_condition"]

TRUE, FALSE = "TRUE", "FALSE"
SIGNS = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}
"""The operators that order, as SQL."""

_NUMBERS = ("chunk_index", "chunk_count")
_INSTANTS = ("created_at", "updated_at")
_LEAST, _MOST = -(2**63), 2**63 - 1


def own_condition(node: Comparison, parameters: Parameters) -> str:
    """Return the SQL of a comparison with an own field; one that is not set is NULL, which is no match."""
    column, operator, value = node.field.path[0], node.operator, node.value
    if operator is Operator.EXISTS:
        return f"({column} IS NOT NULL)"
    if operator is Operator.IN:
        return _among(column, value, parameters)  # type: ignore[arg-type]  # the parser made it a tuple
    if operator in {Operator.CONTAINS, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL}:
        return FALSE  # no own field is a list
    if column in _INSTANTS:
        return _instant(column, operator, value, parameters)
    if column in _NUMBERS:
        return _number(column, operator, value, parameters)
    return _text(column, operator, value, parameters)


def _text(column: str, operator: Operator, value: JsonValue, parameters: Parameters) -> str:
    if not isinstance(value, str):
        return FALSE
    if operator is Operator.STARTSWITH:
        return f"starts_with({column}, {parameters.text(value)})"
    return f"({column} {SIGNS.get(operator, '=')} {parameters.text(value)})"


def _instant(column: str, operator: Operator, value: JsonValue, parameters: Parameters) -> str:
    if not isinstance(value, str):
        return FALSE
    first, after = instant_range(operator, value)
    if first is not None and after is not None and first >= after:
        return FALSE
    bounds = [] if first is None else [f"{column} >= {parameters.bigint(first)}"]
    bounds += [] if after is None else [f"{column} < {parameters.bigint(after)}"]
    return f"({' AND '.join(bounds)})" if bounds else TRUE


def _number(column: str, operator: Operator, value: JsonValue, parameters: Parameters) -> str:
    """Return a comparison of integers: the operand is brought to the nearest one that means the same."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or operator is Operator.STARTSWITH:
        return FALSE
    if operator is Operator.EQ:
        whole = int(value)
        return f"({column} = {parameters.bigint(whole)})" if whole == value and _fits(whole) else FALSE
    bound = floor(value) if operator in {Operator.GT, Operator.LTE} else ceil(value)
    if _fits(bound):
        return f"({column} {SIGNS[operator]} {parameters.bigint(bound)})"
    upward = operator in {Operator.GT, Operator.GTE}
    return f"({column} IS NOT NULL)" if upward == (bound < 0) else FALSE


def _among(column: str, operands: Sequence[JsonValue], parameters: Parameters) -> str:
    if column in _INSTANTS:
        parts = [_instant(column, Operator.EQ, one, parameters) for one in operands]
        parts = [part for part in parts if part != FALSE]
        return f"({' OR '.join(parts)})" if parts else FALSE
    if column in _NUMBERS:
        numbers = [
            int(one)
            for one in operands
            if isinstance(one, (int, float))
            and not isinstance(one, bool)
            and one == int(one)
            and _fits(int(one))
        ]
        return f"({column} = ANY({parameters.array(numbers, 'bigint')}))" if numbers else FALSE
    texts = [one for one in operands if isinstance(one, str)]
    return f"({column} = ANY({parameters.array(texts, 'text')}))" if texts else FALSE


def _fits(number: int) -> bool:
    return _LEAST <= number <= _MOST
