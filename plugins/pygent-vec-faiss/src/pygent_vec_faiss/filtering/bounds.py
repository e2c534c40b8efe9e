"""Exact bounds: a comparison with any literal, as a comparison that integer or float64 cells can answer."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime
from math import ceil, floor

from pygent_vec.filters import Operator
from pygent_vec.model import rfc3339_from_micros, to_micros

__all__ = ["float_bound", "instant_bounds", "int_bounds", "micros_of"]

_FIRST_INSTANT = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z in microseconds since 1970, the first that a datetime can hold."""
_LAST_INSTANT = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z, the last."""
_BEYOND = 2**64
"""More than any 64-bit integer."""


def int_bounds(operator: Operator, literal: float) -> tuple[int, int]:
    """Return the integers `low <= i <= high` for which `i operator literal` holds.

    >>> int_bounds(Operator.GT, 2.5), int_bounds(Operator.LTE, 2.0**53)
    ((3, 18446744073709551616), (-18446744073709551616, 9007199254740992))
    """
    if operator is Operator.GT:
        return floor(literal) + 1, _BEYOND
    if operator is Operator.GTE:
        return ceil(literal), _BEYOND
    if operator is Operator.LT:
        return -_BEYOND, ceil(literal) - 1
    return -_BEYOND, floor(literal)


def float_bound(operator: Operator, literal: float) -> tuple[Operator, float]:
    """Return the operator and the float64 that select the same floats as the order with *literal*.

    An integer beyond 2^53 may lie between two floats; then the float beside it is the bound.

    >>> float_bound(Operator.LTE, 2**53 + 1) == (Operator.LTE, 2.0**53)
    True
    """
    near = float(literal)
    if near == literal:
        return operator, near
    if operator in (Operator.GT, Operator.GTE):
        return (Operator.GTE if near > literal else Operator.GT), near
    return (Operator.LT if near > literal else Operator.LTE), near


def instant_bounds(operator: Operator, text: str) -> tuple[int, int]:
    """Return the microseconds `low <= m <= high` whose RFC 3339 text stands in the given order to *text*.

    The texts have one length, so their order is the order of time, and a binary search over all instants
    finds the bounds of any text, also of one that is no timestamp. STARTSWITH is an order too.
    """
    instants = range(_FIRST_INSTANT, _LAST_INSTANT + 1)
    if operator is Operator.STARTSWITH:
        first = bisect_left(instants, text, key=rfc3339_from_micros)
        after = bisect_right(instants, text, key=lambda micros: rfc3339_from_micros(micros)[: len(text)])
    elif operator in (Operator.GT, Operator.GTE):
        search = bisect_right if operator is Operator.GT else bisect_left
        first, after = search(instants, text, key=rfc3339_from_micros), len(instants)
    else:
        search = bisect_left if operator is Operator.LT else bisect_right
        first, after = 0, search(instants, text, key=rfc3339_from_micros)
    return _FIRST_INSTANT + first, _FIRST_INSTANT + after - 1


def micros_of(text: str) -> int | None:
    """Return the instant whose RFC 3339 text is exactly *text*; None if there is none."""
    try:
        micros = to_micros(datetime.fromisoformat(text))
    except ValueError:
        return None
    return micros if rfc3339_from_micros(micros) == text else None
