"""Filters over columns: a tree becomes a boolean mask over slots, by the meaning of `filters.matches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.filters import And, Comparison, FilterCompiler, Not, Operator, Or, kind_of
from pygent_vec_faiss.filtering.arrays import BoolMask
from pygent_vec_faiss.filtering.bounds import float_bound, instant_bounds, int_bounds, micros_of
from pygent_vec_faiss.filtering.column import Code
from pygent_vec_faiss.filtering.dictionary import LISTS, STRINGS, key_of, string_key
from pygent_vec_faiss.filtering.masks import among, among_codes, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pygent_vec.filters import Field, Filter
    from pygent_vec.model import JsonValue
    from pygent_vec_faiss.filtering.arrays import GrowingArray, IntVector, Vector
    from pygent_vec_faiss.filtering.column import Column
    from pygent_vec_faiss.filtering.columns import FilterColumns

__all__ = ["MaskCompiler", "fields_of", "matching_slots"]

_AFTER_TEXT = b"\xff"
"""Greater than any byte of UTF-8: `prefix + _AFTER_TEXT` follows every string with the prefix."""
_SUCCESSOR = b"\0"
"""`key + _SUCCESSOR` is the least key after `key`."""


def matching_slots(node: Filter, columns: FilterColumns, *, slots: int) -> BoolMask:
    """Return which of the slots `[0, slots)` match, as a fresh bool `[slots]`.

    A dead slot may match by its old values: the caller knows which slots are alive.

    Raises:
        ValueError: there are fewer slots in the columns.
    """
    if slots > len(columns):
        raise ValueError(f"{slots} slots were asked for, the filter columns hold {len(columns)}")
    return MaskCompiler(columns.columns(fields_of(node)), slots=slots).compile(node)


def fields_of(node: Filter) -> Iterator[Field]:
    """Yield the fields that a filter names, one for each comparison."""
    match node:
        case And(children) | Or(children):
            for child in children:
                yield from fields_of(child)
        case Not(child):
            yield from fields_of(child)
        case Comparison(field):
            yield field


class MaskCompiler(FilterCompiler[BoolMask]):
    """Turns a filter into a mask over the slots `[0, slots)`.

    Args:
        columns: The column of every field that the filter names, each of at least *slots* cells.
        slots: How many slots to look at.
    """

    def __init__(self, columns: Mapping[Field, Column], *, slots: int) -> None:
        self._columns = columns
        self._slots = slots

    def conjunction(self, parts: Sequence[BoolMask]) -> BoolMask:
        """Return "all of *parts*"; every part is fresh, so the first is reused."""
        if not parts:
            return np.ones(self._slots, np.bool_)
        for part in parts[1:]:
            np.logical_and(parts[0], part, out=parts[0])
        return parts[0]

    def disjunction(self, parts: Sequence[BoolMask]) -> BoolMask:
        """Return "some of *parts*"; every part is fresh, so the first is reused."""
        if not parts:
            return self._none()
        for part in parts[1:]:
            np.logical_or(parts[0], part, out=parts[0])
        return parts[0]

    def negation(self, part: BoolMask) -> BoolMask:
        """Return "not *part*", in its place."""
        return np.logical_not(part, out=part)

    def comparison(self, node: Comparison) -> BoolMask:
        """Return the slots where one comparison holds."""
        column, operand = self._columns[node.field], node.value
        match node.operator:
            case Operator.EQ:
                return self._equal(column, [operand])
            case Operator.IN:
                return self._equal(column, operand)  # type: ignore[arg-type]  # a tuple by contract
            case Operator.EXISTS:
                return np.not_equal(self._codes(column), Code.MISSING)
            case Operator.CONTAINS:
                return self._containing(column, [operand], every=True)
            case Operator.CONTAINS_ANY:
                return self._containing(column, operand, every=False)  # type: ignore[arg-type]  # as above
            case Operator.CONTAINS_ALL:
                return self._containing(column, operand, every=True)  # type: ignore[arg-type]  # as above
            case _ if kind_of(operand) == "string":
                return self._ordered_text(column, node.operator, operand)  # type: ignore[arg-type]  # a string
            case _ if kind_of(operand) == "number":
                return self._ordered_number(column, node.operator, operand)  # type: ignore[arg-type]  # a number
            case _:
                return self._none()

    def _none(self) -> BoolMask:
        return np.zeros(self._slots, np.bool_)

    def _codes(self, column: Column) -> IntVector:
        return column.codes.view[: self._slots]

    def _with_keys(self, column: Column, keys: IntVector) -> BoolMask:
        """Return the slots with one of the key codes *keys*."""
        wanted = keys.astype(np.int64) + Code.KEYS
        return among_codes(self._codes(column), wanted, Code.KEYS + len(column.keys))

    def _equal(self, column: Column, operands: Sequence[JsonValue]) -> BoolMask:
        """Return the slots that equal one of the operands."""
        if column.is_instant:
            instants = {micros_of(text) for text in operands if isinstance(text, str)}
            return self._equal_numbers(column, [micros for micros in instants if micros is not None])
        codes: list[int] = []
        keys: dict[bytes, None] = {}
        numbers: list[float] = []
        for operand in operands:
            if operand is None:
                codes.append(Code.NULL)
            elif isinstance(operand, bool):
                codes.append(Code.TRUE if operand else Code.FALSE)
            elif isinstance(operand, (int, float)):
                numbers.append(operand)
            else:
                keys[key_of(operand)] = None
        found = column.keys.find(list(keys))
        wanted = np.concatenate((np.array(sorted(set(codes)), np.int64), found[found >= 0] + Code.KEYS))
        if numbers and not wanted.size:
            return self._equal_numbers(column, numbers)
        mask = among_codes(self._codes(column), wanted, Code.KEYS + len(column.keys))
        if numbers:
            mask |= self._equal_numbers(column, numbers)
        return mask

    def _equal_numbers(self, column: Column, numbers: Sequence[float]) -> BoolMask:
        parts: list[BoolMask] = []
        if column.ints is not None:
            cells = self._cells(column.ints)
            info = np.iinfo(cells.dtype)
            whole = {int(number) for number in numbers if number == int(number)}
            ints = [number for number in whole if info.min <= number <= info.max]
            mask = among(cells, np.array(ints, cells.dtype))
            parts.append(self._of_kind(column, Code.INT, mask, zero=0 in whole))
        if column.floats is not None:
            exact = {float(number) + 0.0 for number in numbers if float(number) == number}
            mask = among(self._cells(column.floats), np.array(list(exact), np.float64))
            parts.append(self._of_kind(column, Code.FLOAT, mask, zero=0.0 in exact))
        return self.disjunction(parts)

    def _ordered_number(self, column: Column, operator: Operator, literal: float) -> BoolMask:
        parts: list[BoolMask] = []
        if column.ints is not None and not column.is_instant:
            parts.append(self._ints_within(column, *int_bounds(operator, literal)))
        if column.floats is not None:
            order, bound = float_bound(operator, literal)
            mask = _compared(self._cells(column.floats), order, bound)
            zero = bool(_compared(np.zeros(1), order, bound)[0])
            parts.append(self._of_kind(column, Code.FLOAT, mask, zero=zero))
        return self.disjunction(parts)

    def _ordered_text(self, column: Column, operator: Operator, text: str) -> BoolMask:
        """Return the slots with a string that stands in the given order to *text*, or begins with it."""
        if column.is_instant:
            return self._ints_within(column, *instant_bounds(operator, text))
        key = string_key(text)
        first, end = STRINGS
        match operator:
            case Operator.GT:
                low, high = key + _SUCCESSOR, end
            case Operator.GTE:
                low, high = key, end
            case Operator.LT:
                low, high = first, key
            case Operator.LTE:
                low, high = first, key + _SUCCESSOR
            case _:
                low, high = key, key + _AFTER_TEXT
        return self._with_keys(column, column.keys.between(low, high))

    def _containing(self, column: Column, operands: Sequence[JsonValue], *, every: bool) -> BoolMask:
        """Return the slots with a list that holds every, or some, of the operands."""
        if every and not operands:
            return self._with_keys(column, column.keys.between(*LISTS))
        elements = list(dict.fromkeys(map(key_of, operands)))
        return self._with_keys(column, column.elements.holding(elements, every=every))

    def _ints_within(self, column: Column, low: int, high: int) -> BoolMask:
        if column.ints is None:
            return self._none()
        mask = within(self._cells(column.ints), low, high)
        return self._of_kind(column, Code.INT, mask, zero=low <= 0 <= high)

    def _of_kind(self, column: Column, code: int, mask: BoolMask, *, zero: bool) -> BoolMask:
        """Leave only the slots of one kind; cells of other kinds are 0, so only a match of *zero* can err."""
        if zero:
            mask &= self._codes(column) == code
        return mask

    def _cells(self, array: GrowingArray) -> Vector:
        return array.view[: self._slots]


def _compared(cells: Vector, operator: Operator, bound: float) -> BoolMask:
    match operator:
        case Operator.GT:
            return cells > bound
        case Operator.GTE:
            return cells >= bound
        case Operator.LT:
            return cells < bound
        case _:
            return cells <= bound
