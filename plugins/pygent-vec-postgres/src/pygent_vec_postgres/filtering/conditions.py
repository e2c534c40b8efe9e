"""The compiler from filter trees to SQL conditions.

A comparison may be NULL where a field is missing. Conjunctions and disjunctions treat NULL as a condition
does, as not true, and a negation is `IS NOT TRUE`: logic is two-valued in effect, and indexes stay usable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pygent_vec.filters import Comparison, Filter, FilterCompiler, Operator, Pushdown
from pygent_vec.model import MAX_DEPTH
from pygent_vec_postgres.codec import queryable
from pygent_vec_postgres.filtering.own import FALSE, SIGNS, TRUE, own_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import JsonValue
    from pygent_vec_postgres.filtering.parameters import Parameters

__all__ = ["condition", "grade"]


def grade(comparison: Comparison) -> Pushdown:  # noqa: ARG001  # a grade is asked for each comparison
    """Return how well a comparison is answered: every one exactly."""
    return Pushdown.EXACT


def condition(node: Filter | None, parameters: Parameters) -> str:
    """Return the SQL of a filter over the columns of a collection's table; true for None."""
    return TRUE if node is None else _Conditions(parameters).compile(node)


class _Conditions(FilterCompiler[str]):
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    def conjunction(self, parts: Sequence[str]) -> str:
        return f"({' AND '.join(parts)})" if parts else TRUE

    def disjunction(self, parts: Sequence[str]) -> str:
        return f"({' OR '.join(parts)})" if parts else FALSE

    def negation(self, part: str) -> str:
        return f"({part} IS NOT TRUE)"

    def comparison(self, node: Comparison) -> str:
        if node.field.own:
            return own_condition(node, self._parameters)
        if len(node.field.path) > MAX_DEPTH:
            return FALSE  # no metadata is so deep
        value, operator, path = node.value, node.operator, node.field.path
        match operator:
            case Operator.EXISTS:
                return f"({self._json_at(path)} IS NOT NULL)"
            case Operator.EQ:
                return self._equal(path, value)
            case Operator.STARTSWITH:
                return self._text(path, f"starts_with({self._text_at(path)}, {self._operand_text(value)})")
            case Operator.IN:
                return self._among(path, value)  # type: ignore[arg-type]  # the parser made it a tuple
            case Operator.CONTAINS:
                return self._contains(path, value)
            case Operator.CONTAINS_ANY:
                return self._contains_any(path, value)  # type: ignore[arg-type]  # the parser made it a tuple
            case Operator.CONTAINS_ALL:
                return self._contains_all(path, value)  # type: ignore[arg-type]  # the parser made it a tuple
            case _:
                return self._ordered(path, SIGNS[operator], value)

    def _equal(self, path: Sequence[str], value: JsonValue) -> str:
        """Return equality: containment, which the index answers; lists and objects must be equal besides."""
        contained = f"metadata @> {self._parameters.json(queryable(_under(path, value)))}"
        if not _is_container(value):
            return f"({contained})"
        return f"({contained} AND {self._json_at(path)} = {self._parameters.json(queryable(value))})"

    def _among(self, path: Sequence[str], values: Sequence[JsonValue]) -> str:
        parts = [self._equal(path, value) for value in values if _is_container(value)]
        scalars = [queryable(_under(path, value)) for value in values if not _is_container(value)]
        return self.disjunction([*self._any_contained(scalars), *parts])

    def _ordered(self, path: Sequence[str], sign: str, value: JsonValue) -> str:
        if isinstance(value, str):
            return self._text(
                path, f'{self._text_at(path)} COLLATE "C" {sign} {self._parameters.text(value)}'
            )
        here = self._json_at(path)
        bound = self._parameters.json(queryable(value))
        return f"({here} {sign} {bound} AND jsonb_typeof({here}) = 'number')"

    def _contains(self, path: Sequence[str], value: JsonValue) -> str:
        """Return whether a list has an element; containment alone would take a larger element for equal."""
        contained = f"metadata @> {self._parameters.json(queryable(_under(path, [value])))}"
        if not _is_container(value):
            return f"({contained})"
        elements = f"jsonb_array_elements(CASE jsonb_typeof({self._json_at(path)}) WHEN 'array' THEN "
        elements += f"{self._json_at(path)} END)"
        equal = f"element = {self._parameters.json(queryable(value))}"
        return f"({contained} AND EXISTS (SELECT FROM {elements} AS element WHERE {equal}))"

    def _contains_any(self, path: Sequence[str], values: Sequence[JsonValue]) -> str:
        parts = [self._contains(path, value) for value in values if _is_container(value)]
        scalars = [queryable(_under(path, [value])) for value in values if not _is_container(value)]
        return self.disjunction([*self._any_contained(scalars), *parts])

    def _contains_all(self, path: Sequence[str], values: Sequence[JsonValue]) -> str:
        if not values:
            return f"(jsonb_typeof({self._json_at(path)}) = 'array')"
        scalars = [value for value in values if not _is_container(value)]
        parts = [self._contains(path, value) for value in values if _is_container(value)]
        if scalars:
            parts.append(f"(metadata @> {self._parameters.json(queryable(_under(path, scalars)))})")
        return self.conjunction(parts)

    def _any_contained(self, documents: list[bytes]) -> list[str]:
        if not documents:
            return []
        if len(documents) == 1:
            return [f"(metadata @> {self._parameters.json(documents[0])})"]
        return [f"(metadata @> ANY({self._parameters.array(documents, 'jsonb')}))"]

    def _text(self, path: Sequence[str], test: str) -> str:
        return f"({test} AND jsonb_typeof({self._json_at(path)}) = 'string')"

    def _operand_text(self, value: JsonValue) -> str:
        if not isinstance(value, str):
            raise TypeError("the parser lets only a string be a prefix")
        return self._parameters.text(value)

    def _json_at(self, path: Sequence[str]) -> str:
        """Return the value at *path* as jsonb: NULL where a key is missing or its parent is no object."""
        return "metadata" + "".join(f" -> {self._parameters.text(key)}" for key in path)

    def _text_at(self, path: Sequence[str]) -> str:
        parents = "".join(f" -> {self._parameters.text(key)}" for key in path[:-1])
        return f"(metadata{parents} ->> {self._parameters.text(path[-1])})"


def _under(path: Sequence[str], value: JsonValue) -> JsonValue:
    """Return the object in which *value* stands at *path*."""
    for key in reversed(path):
        value = {key: value}
    return value


def _is_container(value: JsonValue) -> bool:
    return isinstance(value, (list, tuple, Mapping))
