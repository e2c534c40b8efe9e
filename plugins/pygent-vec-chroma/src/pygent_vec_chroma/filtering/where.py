"""The compiler: a pushed filter as one `where` of Chroma's, if it is small enough for one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pygent_vec.filters import And, Comparison, FilterCompiler, Not, Operator, Or, matches
from pygent_vec.model import rfc3339_from_micros
from pygent_vec_chroma.filtering.grading import INSTANTS, NUMBERS, UPDATED
from pygent_vec_chroma.filtering.numbers import (
    is_plain_integer,
    micros_bounds,
    micros_of,
    ordered_integers,
    where_equal,
    where_ordered,
)
from pygent_vec_chroma.keys import NEVER, SEVERAL, element_key, element_value, native_key, own_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.filters import Field, Filter
    from pygent_vec.model import JsonValue
    from pygent_vec_chroma.driver import Where

__all__ = ["MAX_CONDITIONS", "MAX_OPERANDS", "where_of"]

MAX_OPERANDS = 4_000
"""Operands of one statement: a number takes two of the 32,766 variables that SQLite has."""
MAX_CONDITIONS = 200
"""Conditions of one statement: each becomes a subquery, and SQLite's expressions nest at most 1,000 deep."""
_MAX_DEPTH = 30
"""Chroma refuses more than about ninety levels."""
_OPPOSITES = {
    "$eq": "$ne",
    "$ne": "$eq",
    "$in": "$nin",
    "$nin": "$in",
    "$contains": "$not_contains",
    "$not_contains": "$contains",
}
_NEVER: Where = {NEVER: {"$eq": SEVERAL}}
_EVERYTHING: Where = {NEVER: {"$ne": SEVERAL}}
_FOREIGN = dict.fromkeys(INSTANTS, rfc3339_from_micros(0))
"""The own fields of another tool's rows, as `document` reads them."""


def where_of(node: Filter, *, foreign: bool) -> Where | None:
    """Return a pushed filter in Chroma's language; None if one statement cannot take it.

    Args:
        node: What `grade` lets through.
        foreign: Whether another tool wrote the rows: then lists are Chroma's own.
    """
    if _names_id(node):
        return None
    where = _WhereCompiler(foreign=foreign).compile(node)
    conditions, operands, depth = _size(where)
    fits = conditions <= MAX_CONDITIONS and operands <= MAX_OPERANDS and depth <= _MAX_DEPTH
    return where if fits else None


def _names_id(node: Filter) -> bool:
    """Return whether a filter asks for ids: those are no metadata in Chroma."""
    match node:
        case And(children) | Or(children):
            return any(map(_names_id, children))
        case Not(child):
            return _names_id(child)
        case Comparison(field):
            return field.own and field.path[0] == "id"


def _size(where: Where) -> tuple[int, int, int]:
    """Return how many conditions and operands a filter has, and how deep it is."""
    ((key, value),) = where.items()
    if key in ("$and", "$or"):
        sizes = [_size(part) for part in cast("Sequence[Where]", value)]
        conditions, operands, depths = zip(*sizes, strict=True)
        return sum(conditions), sum(operands), max(depths) + 1
    (operand,) = cast("Mapping[str, object]", value).values()
    return 1, len(operand) if isinstance(operand, list) else 1, 1


class _WhereCompiler(FilterCompiler["Where"]):
    """Turns what `grade` lets through into Chroma's language."""

    def __init__(self, *, foreign: bool) -> None:
        self._foreign = foreign

    def conjunction(self, parts: Sequence[Where]) -> Where:
        """Return "all of *parts*": Chroma wants two at least."""
        return parts[0] if len(parts) == 1 else {"$and": list(parts)}

    def disjunction(self, parts: Sequence[Where]) -> Where:
        """Return "some of *parts*": Chroma wants two at least."""
        if not parts:
            return _NEVER
        return parts[0] if len(parts) == 1 else {"$or": list(parts)}

    def negation(self, part: Where) -> Where:
        """Return "not *part*", which holds where the key is missing, as Chroma's own negations do."""
        ((key, value),) = part.items()
        if key in ("$and", "$or"):
            parts = [self.negation(one) for one in cast("Sequence[Where]", value)]
            return {"$or" if key == "$and" else "$and": parts}
        ((operator, operand),) = cast("Mapping[str, object]", value).items()
        return {key: {_OPPOSITES[operator]: operand}}

    def comparison(self, node: Comparison) -> Where:
        """Return one comparison, as well as `grade` promised."""
        field, operator, operand = node.field, node.operator, node.value
        if field.own and self._foreign:
            return _EVERYTHING if matches(node, {}, _FOREIGN) else _NEVER
        if field.own:
            return self._own(field.path[0], operator, operand)
        key = native_key(field)
        match operator:
            case Operator.EQ:
                return self._among(key, [operand])
            case Operator.IN:
                return self._among(key, cast("Sequence[JsonValue]", operand))
            case Operator.CONTAINS:
                return self._holds(field, cast("str", operand))
            case Operator.CONTAINS_ANY:
                texts = cast("Sequence[str]", operand)
                return self.disjunction([self._holds(field, text) for text in dict.fromkeys(texts)])
            case Operator.CONTAINS_ALL:
                texts = [item for item in cast("Sequence[JsonValue]", operand) if isinstance(item, str)]
                return self.conjunction([self._holds(field, text) for text in dict.fromkeys(texts)])
            case _:
                return where_ordered(key, operator, cast("float", operand))

    def _holds(self, field: Field, text: str) -> Where:
        if self._foreign:
            return {native_key(field): {"$contains": text}}
        return _in(element_key(field, text), list(dict.fromkeys((element_value(text), SEVERAL))))

    def _among(self, key: str, operands: Sequence[JsonValue]) -> Where:
        """Return "the key equals some of *operands*": kinds apart, as Chroma wants them."""
        texts = list(dict.fromkeys(one for one in operands if isinstance(one, str)))
        bools = {one for one in operands if isinstance(one, bool)}
        numbers = {one for one in operands if isinstance(one, (int, float)) and not isinstance(one, bool)}
        whole = sorted({int(one) for one in numbers if is_plain_integer(one)})
        parts: list[Where] = [_in(key, group) for group in (texts, whole) if group]
        parts.extend({key: {"$eq": one}} for one in sorted(bools))
        parts.extend(
            self.conjunction(where_equal(key, one)) for one in sorted(numbers) if not is_plain_integer(one)
        )
        return self.disjunction(parts)

    def _own(self, name: str, operator: Operator, operand: JsonValue) -> Where:
        if name == UPDATED:  # a row that was written once has only the time of that
            return self.disjunction([self._held(one, operator, operand) for one in INSTANTS])
        return self._held(name, operator, operand)

    def _held(self, name: str, operator: Operator, operand: JsonValue) -> Where:
        """Return a comparison with an own field, where a row has it."""
        key = own_key(name)
        operands = [operand] if operator is Operator.EQ else operand
        if operator in (Operator.EQ, Operator.IN):
            return self.disjunction(_own_equal(key, name, cast("Sequence[JsonValue]", operands)))
        if name in NUMBERS:
            return self._between(key, *ordered_integers(operator, cast("float", operand)))
        return self._between(key, *micros_bounds(operator, cast("str", operand)))

    def _between(self, key: str, low: int, high: int) -> Where:
        if low > high:
            return _NEVER
        return {"$and": [{key: {"$gte": low}}, {key: {"$lte": high}}]}


def _own_equal(key: str, name: str, operands: Sequence[JsonValue]) -> list[Where]:
    """Return the conditions of which one holds where an own field equals some of *operands*."""
    if name in NUMBERS:
        numbers = [one for one in operands if isinstance(one, (int, float)) and not isinstance(one, bool)]
        whole = {int(one) for one in numbers if one == int(one) and -(2**63) <= one < 2**63}
        return [_in(key, sorted(whole))] if whole else []
    texts = {one for one in operands if isinstance(one, str)}
    if name in INSTANTS:
        instants = {micros for micros in map(micros_of, texts) if micros is not None}
        return [_in(key, sorted(instants))] if instants else []
    return [_in(key, sorted(texts))] if texts else []


def _in(key: str, values: Sequence[str] | Sequence[int]) -> Where:
    return {key: {"$eq": values[0]}} if len(values) == 1 else {key: {"$in": list(values)}}
