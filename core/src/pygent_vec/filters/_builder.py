"""The builder: filters written as Python expressions.

>>> to_dict((F("year") >= 2020) & ~F("draft").exists())
{'$and': [{'year': {'$gte': 2020}}, {'draft': {'$exists': False}}]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.filters._nodes import Comparison, Not, Operator, to_dict  # noqa: F401  # to_dict: the doctest
from pygent_vec.filters._parser import comparison, parse_field

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["F"]


class F:
    """A field of a document, to compare with values.

    Args:
        path: A metadata path such as `author.name`, or an own field such as `@created_at`.

    Raises:
        InvalidFilterError: a bad path, here; a bad operand, where it is compared.
    """

    __slots__ = ("_field",)

    def __init__(self, path: str) -> None:
        self._field = parse_field(path, place="F()")

    def __eq__(self, value: object) -> Comparison:  # type: ignore[override]
        return self._compare(Operator.EQ, value)

    def __ne__(self, value: object) -> Not:  # type: ignore[override]
        return Not(self._compare(Operator.EQ, value))

    def __gt__(self, value: object) -> Comparison:
        return self._compare(Operator.GT, value)

    def __ge__(self, value: object) -> Comparison:
        return self._compare(Operator.GTE, value)

    def __lt__(self, value: object) -> Comparison:
        return self._compare(Operator.LT, value)

    def __le__(self, value: object) -> Comparison:
        return self._compare(Operator.LTE, value)

    __hash__ = None  # type: ignore[assignment]  # equality builds a filter

    def is_in(self, values: Iterable[object]) -> Comparison:
        """Return whether the field equals one of *values*."""
        return self._compare(Operator.IN, list(values))

    def not_in(self, values: Iterable[object]) -> Not:
        """Return whether the field equals none of *values*, or is missing."""
        return Not(self.is_in(values))

    def exists(self) -> Comparison:
        """Return whether the field is present, even as null."""
        return self._compare(Operator.EXISTS, True)  # noqa: FBT003  # an operand

    def contains(self, value: object) -> Comparison:
        """Return whether the field is a list with an element equal to *value*."""
        return self._compare(Operator.CONTAINS, value)

    def contains_any(self, values: Iterable[object]) -> Comparison:
        """Return whether the field is a list with some of *values*."""
        return self._compare(Operator.CONTAINS_ANY, list(values))

    def contains_all(self, values: Iterable[object]) -> Comparison:
        """Return whether the field is a list with every one of *values*."""
        return self._compare(Operator.CONTAINS_ALL, list(values))

    def startswith(self, prefix: str) -> Comparison:
        """Return whether the field is a string that begins with *prefix*."""
        return self._compare(Operator.STARTSWITH, prefix)

    def _compare(self, operator: Operator, value: object) -> Comparison:
        return comparison(self._field, operator, value, place=f"F({str(self._field)!r}) {operator}")
