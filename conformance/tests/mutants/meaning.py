"""A second evaluator of filters, written apart from core's, in small steps that mutants replace."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from pygent_vec.filters import And, Comparison, Field, Filter, Not, Operator, Or
from pygent_vec.stores import MemoryConfig

from .copies import MEMORY, copied, store_of
from .mutant import Mutant, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec import VectorStore
    from pygent_vec.contract import Embedder

__all__ = ["ABSENT", "Meaning", "kind"]


class _Absent:
    """A field that a document does not have."""


ABSENT = _Absent()


def kind(value: object) -> str:
    """Return the JSON kind of a value."""
    kinds = {bool: "bool", int: "number", float: "number", str: "string", type(None): "null"}
    return kinds.get(type(value), "object" if isinstance(value, dict) else "list")


class Meaning:
    """What a filter means: right by itself; each mutant replaces one of its steps."""

    breaks: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def mutant(cls) -> Mutant:
        """Return a store that filters by this meaning."""

        def make(_: Mapping[str, object], embedder: Embedder | None) -> VectorStore:
            return store_of(copied(MEMORY), cls().matches)(MemoryConfig(), embedder=embedder)

        return Mutant(name=words(cls.__name__), story=cls.__doc__ or "", breaks=cls.breaks, make=make)

    def matches(self, node: Filter, metadata: Mapping[str, object], own: Mapping[str, object]) -> bool:
        """Return whether a document satisfies *node*."""
        match node:
            case And(children):
                return self.conjunction([self.matches(child, metadata, own) for child in children])
            case Or(children):
                return self.disjunction([self.matches(child, metadata, own) for child in children])
            case Not(child):
                return self.negation(child, metadata, own)
            case Comparison(field, operator, operand):
                return self.comparison(self.value(field, metadata, own), operator, operand)

    def conjunction(self, held: Sequence[bool]) -> bool:
        """Return the *and* of what the children say."""
        return False not in held

    def disjunction(self, held: Sequence[bool]) -> bool:
        """Return the *or* of what the children say."""
        return True in held

    def negation(self, child: Filter, metadata: Mapping[str, object], own: Mapping[str, object]) -> bool:
        """Return the *not* of a child."""
        return not self.matches(child, metadata, own)

    def value(self, field: Field, metadata: Mapping[str, object], own: Mapping[str, object]) -> object:
        """Return the value of a field, or `ABSENT`."""
        if field.own:
            return own.get(field.path[0], ABSENT)
        return self.descended(field.path, metadata)

    def descended(self, path: tuple[str, ...], metadata: Mapping[str, object]) -> object:
        """Return what stands at the end of *path*."""
        place: object = metadata
        for key in path:
            if not isinstance(place, dict) or key not in place:
                return ABSENT
            place = place[key]
        return place

    def comparison(self, value: object, operator: Operator, operand: object) -> bool:
        """Return whether a comparison holds; never of an absent value."""
        if value is ABSENT:
            return False
        several = list(operand) if isinstance(operand, (list, tuple)) else []
        match operator:
            case Operator.EQ:
                return self.equal(value, operand)
            case Operator.GT | Operator.GTE | Operator.LT | Operator.LTE:
                return self.ordered(value, operator, operand)
            case Operator.IN:
                return self.among(value, several)
            case Operator.EXISTS:
                return True
            case Operator.CONTAINS:
                return self.contains(value, operand)
            case Operator.CONTAINS_ANY:
                return self.contains_any(value, several)
            case Operator.CONTAINS_ALL:
                return self.contains_all(value, several)
            case Operator.STARTSWITH:
                return self.startswith(value, operand)

    def equal(self, left: object, right: object) -> bool:
        """Return whether two values are equal."""
        if kind(left) != kind(right):
            return False
        match kind(left):
            case "number":
                return self.exact(left) == self.exact(right)
            case "list":
                return self.equal_lists(list(left), list(right))  # type: ignore[call-overload]  # lists
            case "object":
                return self.equal_objects(dict(left), dict(right))  # type: ignore[call-overload]  # objects
            case _:
                return left == right

    def exact(self, number: object) -> object:
        """Return a number as it is compared."""
        return Fraction(number)  # type: ignore[call-overload]  # a number

    def equal_lists(self, left: list[object], right: list[object]) -> bool:
        """Return whether two lists are equal."""
        return len(left) == len(right) and all(self.equal(a, b) for a, b in zip(left, right, strict=True))

    def equal_objects(self, left: dict[str, object], right: dict[str, object]) -> bool:
        """Return whether two objects are equal."""
        return set(left) == set(right) and all(self.equal(left[key], right[key]) for key in left)

    def ordered(self, value: object, operator: Operator, operand: object) -> bool:
        """Return whether an order holds."""
        if kind(value) != kind(operand) or kind(value) not in {"number", "string"}:
            return False
        if kind(value) == "number":
            return self.in_order(self.exact(value), operator, self.exact(operand))
        return self.in_order(self.sorting(str(value)), operator, self.sorting(str(operand)))

    def sorting(self, text: str) -> object:
        """Return what a text is ordered by: its code points."""
        return [ord(character) for character in text]

    def in_order(self, left: Any, operator: Operator, right: Any) -> bool:
        """Return whether two comparable values stand in an order."""
        less, equal = bool(left < right), bool(left == right)
        return {
            Operator.LT: less,
            Operator.LTE: less or equal,
            Operator.GT: not (less or equal),
            Operator.GTE: not less,
        }[operator]

    def among(self, value: object, operands: list[object]) -> bool:
        """Return whether some operand equals the value."""
        return any(self.equal(value, one) for one in operands)

    def contains(self, value: object, operand: object) -> bool:
        """Return whether a list has an element."""
        return kind(value) == "list" and self.among(operand, list(value))  # type: ignore[call-overload]  # a list

    def contains_any(self, value: object, operands: list[object]) -> bool:
        """Return whether a list has some of the operands."""
        return kind(value) == "list" and any(self.contains(value, one) for one in operands)

    def contains_all(self, value: object, operands: list[object]) -> bool:
        """Return whether a list has every operand."""
        return kind(value) == "list" and all(self.contains(value, one) for one in operands)

    def startswith(self, value: object, prefix: object) -> bool:
        """Return whether a text begins with another."""
        return isinstance(value, str) and value[: len(str(prefix))] == prefix
