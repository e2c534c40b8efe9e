"""Comparisons with numbers, in a way that Chroma answers right or with too much, never with too little.

Chroma compares a number with the integers and with the floats of a key apart. An integer literal `n` is
compared with integers as it is and with floats as `float(n)`; a float literal `x` with floats as it is and
with integers as `trunc(x)`, cut off at 64 bits. Stored floats may be off by a few ulps, but never on the
other side of an integer below 2^50; see `document`.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import TYPE_CHECKING

from pygent_vec.filters import Operator
from pygent_vec.model import rfc3339_from_micros, to_micros

if TYPE_CHECKING:
    from pygent_vec_chroma.driver import Where

__all__ = [
    "LOWEST",
    "is_plain_integer",
    "micros_bounds",
    "micros_of",
    "ordered_integers",
    "where_equal",
    "where_ordered",
]

LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_MARGIN_ULPS = 16
"""More than a float may move on its way into Chroma: two ulps by Chroma's parser, and four by `document`."""
_PLAIN = 2**50
"""Below, a float is not mistaken for an integer on its way into Chroma."""
_FIRST_INSTANT = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z in microseconds since 1970, the first that a datetime can hold."""
_LAST_INSTANT = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z, the last."""
_ASCENDING = (Operator.GT, Operator.GTE)


def is_plain_integer(number: float) -> bool:
    """Return whether a literal is an integer that Chroma compares exactly, also with floats."""
    return -_PLAIN < number < _PLAIN and number == int(number)


def where_equal(key: str, number: float) -> list[Where]:
    """Return conditions that all hold where the key equals *number*; exactly there for a plain integer."""
    if is_plain_integer(number):
        return [{key: {"$eq": int(number)}}]
    low, high = _around(number)
    parts: list[Where] = [{key: {"$gte": low}}, {key: {"$lte": high}}]
    whole = math.trunc(number)
    if number != whole and whole == math.trunc(low) == math.trunc(high) and not low <= whole <= high:
        parts.append({key: {"$gt" if number > 0 else "$lt": whole}})  # no integer equals a fraction
    return parts


def where_ordered(key: str, operator: Operator, number: float) -> Where:
    """Return a condition that holds where the key stands in the given order to *number*."""
    if is_plain_integer(number):
        return {key: {operator.value: int(number)}}
    low, high = _around(number)
    if operator in _ASCENDING:
        return {key: {"$gt" if number > 0 else "$gte": low}}  # integers are compared with the truncated bound
    return {key: {"$lte" if number > 0 else "$lt": high}}


def _around(number: float) -> tuple[float, float]:
    """Return floats below and above *number*, by more than a stored float may be off."""
    near = float(number)
    margin = _MARGIN_ULPS * math.ulp(near)
    largest = sys.float_info.max
    return max(near - margin, -largest), min(near + margin, largest)


def ordered_integers(operator: Operator, number: float) -> tuple[int, int]:
    """Return the 64-bit integers `low <= i <= high` that stand in the given order to *number*.

    >>> ordered_integers(Operator.GT, 2.5), ordered_integers(Operator.LTE, -1)
    ((3, 9223372036854775807), (-9223372036854775808, -1))
    """
    if operator is Operator.GT:
        low, high = math.floor(number) + 1, _HIGHEST
    elif operator is Operator.GTE:
        low, high = math.ceil(number), _HIGHEST
    elif operator is Operator.LT:
        low, high = LOWEST, math.ceil(number) - 1
    else:
        low, high = LOWEST, math.floor(number)
    return max(low, LOWEST), min(high, _HIGHEST)


def micros_bounds(operator: Operator, text: str) -> tuple[int, int]:
    """Return the microseconds `low <= m <= high` whose RFC 3339 text stands in the given order to *text*.

    The texts have one length, so their order is the order of time, and a binary search over all instants
    finds the bounds of any text, also of one that is no timestamp. STARTSWITH is an order too.
    """
    instants = range(_FIRST_INSTANT, _LAST_INSTANT + 1)
    if operator is Operator.STARTSWITH:
        first = bisect_left(instants, text, key=rfc3339_from_micros)
        after = bisect_right(instants, text, key=lambda micros: rfc3339_from_micros(micros)[: len(text)])
    elif operator in _ASCENDING:
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
