"""Timestamps in filters: their meaning is that of RFC 3339 text, their column holds microseconds.

The text form has a fixed width and keeps the order, so whatever text a timestamp is compared with, the
timestamps that satisfy the comparison are a range of microseconds.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pygent_vec.filters import Operator
from pygent_vec.model import rfc3339_from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["instant_range"]

_FIRST = to_micros(datetime.min.replace(tzinfo=UTC))
_AFTER = to_micros(datetime.max.replace(tzinfo=UTC)) + 1


def instant_range(operator: Operator, text: str) -> tuple[int | None, int | None]:
    """Return `[first, after)` in microseconds, of the timestamps whose text satisfies *operator* with *text*.

    None means unbounded; a range whose end is not after its beginning is empty.
    """
    reached = _first(lambda instant: instant >= text)
    if operator is Operator.GTE:
        return _open(reached), None
    if operator is Operator.LT:
        return None, reached
    if operator is Operator.STARTSWITH:
        return reached, _first(lambda instant: instant[: len(text)] > text)
    passed = _first(lambda instant: instant > text)
    if operator is Operator.GT:
        return _open(passed), None
    return (None, passed) if operator is Operator.LTE else (reached, passed)


def _first(holds: Callable[[str], bool]) -> int:
    """Return the first microsecond whose text satisfies a condition that holds from there on."""
    instants = range(_FIRST, _AFTER)
    return _FIRST + bisect_left(instants, 1, key=lambda micros: int(holds(rfc3339_from_micros(micros))))


def _open(bound: int) -> int | None:
    return None if bound == _FIRST else bound
