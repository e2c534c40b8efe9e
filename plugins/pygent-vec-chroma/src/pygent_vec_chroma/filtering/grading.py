"""How well Chroma answers a comparison.

EXACT promises the negation too, and Chroma can negate equality only. So orders, and what a list holds, which
it answers right nearly always, are supersets: core looks at what comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.filters import Operator, Pushdown
from pygent_vec_chroma.filtering.numbers import is_plain_integer
from pygent_vec_chroma.keys import is_plain_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.filters import Comparison
    from pygent_vec.model import JsonValue

__all__ = ["INSTANTS", "NUMBERS", "PUSHDOWN", "UPDATED", "grade"]

NUMBERS = ("chunk_index", "chunk_count")
UPDATED = "updated_at"
INSTANTS = ("created_at", UPDATED)
_MAX_FRACTIONS = 50
"""So many literals of `$in` that are no plain integers are asked for; each takes a condition of its own."""
_ORDERS = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_LISTED = (Operator.CONTAINS, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL)

PUSHDOWN: Mapping[Operator, Pushdown] = {
    Operator.EQ: Pushdown.EXACT,
    Operator.IN: Pushdown.EXACT,
    **dict.fromkeys(_ORDERS, Pushdown.SUPERSET),
    **dict.fromkeys(_LISTED, Pushdown.SUPERSET),
}
"""The grades at their best: for strings, bools, integers, and strings in lists."""


def grade(comparison: Comparison) -> Pushdown:
    """Return how well Chroma answers one comparison."""
    field, operator, operand = comparison.field, comparison.operator, comparison.value
    if field.own:
        return _grade_own(field.path[0], operator, operand)
    if len(field.path) == 1 and not is_plain_key(field.path[0]):
        return Pushdown.NONE  # another tool's rows have it elsewhere than ours
    match operator:
        case Operator.EQ:
            return _grade_equal([operand])
        case Operator.IN:
            return _grade_equal(operand)  # type: ignore[arg-type]  # a tuple by contract
        case Operator.GT | Operator.GTE | Operator.LT | Operator.LTE:
            return Pushdown.NONE if isinstance(operand, str) else Pushdown.SUPERSET
        case Operator.CONTAINS | Operator.CONTAINS_ANY | Operator.CONTAINS_ALL:
            return _grade_contains(operator, operand)
        case _:
            return Pushdown.NONE


def _grade_equal(operands: Sequence[JsonValue]) -> Pushdown:
    """Return the grade of the worst operand."""
    fractions = 0
    for operand in operands:
        if isinstance(operand, (str, bool)):
            continue
        if not isinstance(operand, (int, float)):
            return Pushdown.NONE
        fractions += not is_plain_integer(operand)
    if fractions > _MAX_FRACTIONS:
        return Pushdown.NONE
    return Pushdown.SUPERSET if fractions else Pushdown.EXACT


def _grade_contains(operator: Operator, operand: JsonValue) -> Pushdown:
    if operator is Operator.CONTAINS:
        return Pushdown.SUPERSET if isinstance(operand, str) else Pushdown.NONE
    texts = [isinstance(item, str) for item in operand]  # type: ignore[union-attr]  # a tuple by contract
    if operator is Operator.CONTAINS_ANY:
        return Pushdown.SUPERSET if all(texts) else Pushdown.NONE
    return Pushdown.SUPERSET if any(texts) else Pushdown.NONE


def _grade_own(name: str, operator: Operator, operand: JsonValue) -> Pushdown:
    """Return the grade of a comparison with an own field: texts, 64-bit integers, or microseconds."""
    if operator in (Operator.EQ, Operator.IN):
        return Pushdown.SUPERSET if name == UPDATED else Pushdown.EXACT
    if name in NUMBERS and operator in _ORDERS and not isinstance(operand, str):
        return Pushdown.SUPERSET
    if name in INSTANTS and operator in (*_ORDERS, Operator.STARTSWITH) and isinstance(operand, str):
        return Pushdown.SUPERSET
    return Pushdown.NONE
