"""Mutants whose comparisons of lists, objects and prefixes mean something else than the contract's."""

from __future__ import annotations

import re
from typing import ClassVar

from pygent_vec.filters import Operator

from .meaning import ABSENT, Meaning, kind


class ListsEqualInAnyOrder(Meaning):
    """Lists compared as sets."""

    breaks: ClassVar = ("VS-323",)

    def equal_lists(self, left: list[object], right: list[object]) -> bool:
        return super().equal_lists(sorted(left, key=repr), sorted(right, key=repr))


class ListsEqualByTheirBeginning(Meaning):
    """zip() without strict: the longer list's rest is ignored."""

    breaks: ClassVar = ("VS-323",)

    def equal_lists(self, left: list[object], right: list[object]) -> bool:
        return all(self.equal(a, b) for a, b in zip(left, right, strict=False))


class ObjectsEqualByContainment(Meaning):
    """PostgreSQL's @> where = was meant."""

    breaks: ClassVar = ("VS-323",)

    def equal_objects(self, left: dict[str, object], right: dict[str, object]) -> bool:
        return all(key in left and self.equal(left[key], item) for key, item in right.items())


class ScalarEqualsAnElement(Meaning):
    """MongoDB: {"tags": "a"} matches a list with "a" in it."""

    breaks: ClassVar = ("VS-301", "VS-320", "VS-323")

    def equal(self, left: object, right: object) -> bool:
        if kind(left) == "list" and kind(right) != "list":
            return any(self.equal(one, right) for one in left)  # type: ignore[attr-defined]  # a list
        return super().equal(left, right)


class ContainsIsASubstring(Meaning):
    """`$contains` on text, as in a text search."""

    breaks: ClassVar = ("VS-306",)

    def contains(self, value: object, operand: object) -> bool:
        if isinstance(value, str) and isinstance(operand, str):
            return operand in value
        return super().contains(value, operand)


class ContainsLooksDeeper(Meaning):
    """PostgreSQL's JSON containment finds an element of an element."""

    breaks: ClassVar = ("VS-306",)

    def contains(self, value: object, operand: object) -> bool:
        deeper = [one for one in value if kind(one) == "list"] if kind(value) == "list" else []  # type: ignore[attr-defined]
        return super().contains(value, operand) or any(self.contains(one, operand) for one in deeper)


class ContainsTakesObjectsByPart(Meaning):
    """PostgreSQL's @> on a list of objects: a part of an element is enough."""

    breaks: ClassVar = ("VS-306",)

    def contains(self, value: object, operand: object) -> bool:
        if kind(value) == "list" and isinstance(operand, dict):
            elements = [one for one in value if isinstance(one, dict)]  # type: ignore[attr-defined]  # a list
            return any(
                all(key in one and self.equal(one[key], item) for key, item in operand.items())
                for one in elements
            )
        return super().contains(value, operand)


class ContainsAllIsAny(Meaning):
    """One implementation for two operators."""

    breaks: ClassVar = ("VS-307",)

    def contains_all(self, value: object, operands: list[object]) -> bool:
        return super().contains_any(value, operands)


class ContainsAllOfNothingIsFalse(Meaning):
    """An empty list of operands answers nothing."""

    breaks: ClassVar = ("VS-307",)

    def contains_all(self, value: object, operands: list[object]) -> bool:
        return bool(operands) and super().contains_all(value, operands)


class ContainsAllOfNothingIsAlwaysTrue(Meaning):
    """An empty list of operands is no condition at all, so it takes what is no list too."""

    breaks: ClassVar = ("VS-307",)

    def contains_all(self, value: object, operands: list[object]) -> bool:
        return not operands or super().contains_all(value, operands)


class ContainsAnyOfNothingIsTrue(Meaning):
    """An empty list of operands is left out of the query."""

    breaks: ClassVar = ("VS-307",)

    def contains_any(self, value: object, operands: list[object]) -> bool:
        return not operands or super().contains_any(value, operands)


class StartswithIsLike(Meaning):
    """LIKE with % and _ as wildcards."""

    breaks: ClassVar = ("VS-308",)

    def startswith(self, value: object, prefix: object) -> bool:
        pattern = re.escape(str(prefix)).replace("%", ".*").replace("_", ".")
        return isinstance(value, str) and re.match(pattern, value, re.DOTALL) is not None


class StartswithIgnoresCase(Meaning):
    """ILIKE."""

    breaks: ClassVar = ("VS-308",)

    def startswith(self, value: object, prefix: object) -> bool:
        return isinstance(value, str) and value.lower().startswith(str(prefix).lower())


class StartswithTurnsNumbersToText(Meaning):
    """A cast to text before LIKE."""

    breaks: ClassVar = ("VS-308",)

    def startswith(self, value: object, prefix: object) -> bool:
        return value is not ABSENT and str(value).startswith(str(prefix))


class InTakesAThousandValues(Meaning):
    """A driver's limit on parameters, met by cutting."""

    breaks: ClassVar = ("VS-329",)

    def among(self, value: object, operands: list[object]) -> bool:
        return super().among(value, operands[:1000])


class InComparesAsText(Meaning):
    """`IN` over a text column: 1 is among ["1"]."""

    breaks: ClassVar = ("VS-304", "VS-320")

    def comparison(self, value: object, operator: Operator, operand: object) -> bool:
        if operator is Operator.IN and value is not ABSENT and kind(value) in {"number", "string"}:
            return str(value) in {str(one) for one in operand}  # type: ignore[attr-defined]  # a tuple
        return super().comparison(value, operator, operand)
