"""Linearizability of one register: is there an order of overlapping calls that explains every answer?

The search of Wing and Gong (1993), with Lowe's memory of states that were tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Call", "explained"]


@attrs.frozen(kw_only=True)
class Call:
    """One finished call.

    Attributes:
        kind: What it did.
        began: A tick of a counter, before it.
        ended: A later tick, after it.
        value: What was written or read; None is "no document".
        counted: What a delete answered; None where it does not matter.
    """

    kind: Literal["put", "get", "delete"]
    began: int
    ended: int
    value: int | None = None
    counted: int | None = 0


def explained(calls: Sequence[Call]) -> bool:
    """Return whether *calls* on one id are linearizable, from "no document" on."""
    seen: set[tuple[frozenset[int], int | None]] = set()
    stack: list[tuple[frozenset[int], int | None]] = [(frozenset(range(len(calls))), None)]
    while stack:
        left, state = stack.pop()
        if not left:
            return True
        if (left, state) in seen:
            continue
        seen.add((left, state))
        first_end = min(calls[number].ended for number in left)
        for number in left:
            call = calls[number]
            if call.began <= first_end and _possible(call, state):
                stack.append((left - {number}, _after(call, state)))
    return False


def _possible(call: Call, state: int | None) -> bool:
    if call.kind == "get":
        return call.value == state
    return call.kind == "put" or call.counted is None or call.counted == (state is not None)


def _after(call: Call, state: int | None) -> int | None:
    if call.kind == "put":
        return call.value
    return None if call.kind == "delete" else state
