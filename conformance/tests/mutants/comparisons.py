"""Mutants whose equality or order of scalars means something else than the contract's."""

from __future__ import annotations

from typing import ClassVar

from pygent_vec.filters import Operator

from .meaning import Meaning, kind


class TrueEqualsOne(Meaning):
    """Python's ==, and SQLite's booleans."""

    breaks: ClassVar = ("VS-320",)

    def equal(self, left: object, right: object) -> bool:
        both = {kind(left), kind(right)} == {"bool", "number"}
        return left == right if both else super().equal(left, right)


class TextEqualsNumber(Meaning):
    """Values compared as text: "1" equals 1."""

    breaks: ClassVar = ("VS-320",)

    def equal(self, left: object, right: object) -> bool:
        both = {kind(left), kind(right)} == {"string", "number"}
        return str(left) == str(right) if both else super().equal(left, right)


class NullEqualsFalse(Meaning):
    """Truthiness instead of equality."""

    breaks: ClassVar = ("VS-320",)

    def equal(self, left: object, right: object) -> bool:
        both = {kind(left), kind(right)} == {"null", "bool"}
        return bool(left) == bool(right) if both else super().equal(left, right)


class EqualityTruncates(Meaning):
    """Chroma: `$eq 0.5` matches the integer 0."""

    breaks: ClassVar = ("VS-321",)

    def equal(self, left: object, right: object) -> bool:
        if kind(left) == kind(right) == "number" and type(left) is not type(right):
            return bool(int(left) == int(right))  # type: ignore[call-overload]  # numbers
        return super().equal(left, right)


class IntegersComparedAsDoubles(Meaning):
    """9007199254740993 equals 9007199254740992.0."""

    breaks: ClassVar = ("VS-321",)

    def exact(self, number: object) -> object:
        return float(number)  # type: ignore[arg-type]  # a number


class FloatsComparedWithATolerance(Meaning):
    """isclose() instead of equality."""

    breaks: ClassVar = ("VS-321", "VS-301")

    def exact(self, number: object) -> object:
        return round(float(number), 9)  # type: ignore[arg-type]  # a number


class IntegerAndFloatNeverEqual(Meaning):
    """Columns by type: 1 is not 1.0."""

    breaks: ClassVar = ("VS-321",)

    def equal(self, left: object, right: object) -> bool:
        if kind(left) == kind(right) == "number" and type(left) is not type(right):
            return False
        return super().equal(left, right)


class OrderTruncates(Meaning):
    """Chroma: `n < 2.2` on integers compares truncated and loses rows."""

    breaks: ClassVar = ("VS-303",)

    def ordered(self, value: object, operator: Operator, operand: object) -> bool:
        if kind(operand) == "number" and abs(float(operand)) < 2**62:  # type: ignore[arg-type]  # a number
            operand = int(operand)  # type: ignore[call-overload]  # a number
        return super().ordered(value, operator, operand)


class GreaterIsAtLeast(Meaning):
    """One operator's boundary is another's."""

    breaks: ClassVar = ("VS-303",)

    def ordered(self, value: object, operator: Operator, operand: object) -> bool:
        return super().ordered(value, Operator.GTE if operator is Operator.GT else operator, operand)


class AtMostIsLess(Meaning):
    """One operator's boundary is another's."""

    breaks: ClassVar = ("VS-303",)

    def ordered(self, value: object, operator: Operator, operand: object) -> bool:
        return super().ordered(value, Operator.LT if operator is Operator.LTE else operator, operand)


class NumbersOrderedAsText(Meaning):
    """Metadata in a text column: "10" < "9"."""

    breaks: ClassVar = ("VS-303",)

    def exact(self, number: object) -> object:
        return str(float(number))  # type: ignore[arg-type]  # a number


class NullSortsFirst(Meaning):
    """Null is smaller than everything, as in some databases."""

    breaks: ClassVar = ("VS-303", "VS-323")

    def ordered(self, value: object, operator: Operator, operand: object) -> bool:
        if value is None and operator in {Operator.LT, Operator.LTE}:
            return True
        return super().ordered(value, operator, operand)


class KindsHaveAnOrder(Meaning):
    """MongoDB: every string is greater than every number."""

    breaks: ClassVar = ("VS-303",)

    def ordered(self, value: object, operator: Operator, operand: object) -> bool:
        if (kind(value), kind(operand)) == ("string", "number"):
            return operator in {Operator.GT, Operator.GTE}
        return super().ordered(value, operator, operand)


class StringsOrderedWithoutCase(Meaning):
    """A database's collation instead of code points."""

    breaks: ClassVar = ("VS-322",)

    def sorting(self, text: str) -> object:
        return text.casefold()


class StringsOrderedByUtf16(Meaning):
    """Languages whose strings are UTF-16: an emoji sorts before U+FF21."""

    breaks: ClassVar = ("VS-322",)

    def sorting(self, text: str) -> object:
        return text.encode("utf-16-be")


class StringsEqualWithoutCase(Meaning):
    """A citext column."""

    breaks: ClassVar = ("VS-301", "VS-320")

    def equal(self, left: object, right: object) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return left.lower() == right.lower()
        return super().equal(left, right)


class TrailingSpacesIgnored(Meaning):
    """A char(n) column."""

    breaks: ClassVar = ("VS-301", "VS-320", "VS-328")

    def equal(self, left: object, right: object) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return left.rstrip(" ") == right.rstrip(" ")
        return super().equal(left, right)
