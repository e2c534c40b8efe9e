"""The split of a filter: what the backend answers, and what core finishes.

Law: `pushed` holds wherever the filter holds, and `pushed and residual` is the filter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from pygent_vec.filters._nodes import And, Comparison, Filter, Not, Or

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pushdown", "Split", "split"]


_EVERYTHING, _NOTHING = And(()), Or(())


class Pushdown(StrEnum):
    """How well a backend answers a comparison."""

    EXACT = "exact"
    SUPERSET = "superset"
    NONE = "none"


@attrs.frozen
class Split:
    """A filter in two parts; None stands for "everything".

    Attributes:
        pushed: For the backend: a superset of what matches.
        residual: For core, over what the backend returns.
    """

    pushed: Filter | None
    residual: Filter | None


def split(node: Filter, grade: Callable[[Comparison], Pushdown]) -> Split:
    """Return the largest part of *node* that the backend can answer, and the rest.

    A backend is never given a constant, which it might not understand.

    Args:
        node: A parsed filter.
        grade: How well the backend answers one comparison. EXACT promises its negation too.
    """
    plain = _folded(node)
    if plain is _EVERYTHING:
        return Split(None, None)
    return Split(None, _NOTHING) if plain is _NOTHING else _split(plain, grade)


def _folded(node: Filter) -> Filter:
    """Return *node* without constants in it, or one of the two constants."""
    match node:
        case Comparison():
            return node
        case Not(child):
            inner = _folded(child)
            if inner is _EVERYTHING:
                return _NOTHING
            return _EVERYTHING if inner is _NOTHING else Not(inner)
        case And(children):
            parts = [part for part in map(_folded, children) if part is not _EVERYTHING]
            if any(part is _NOTHING for part in parts):
                return _NOTHING
            return And(tuple(parts)) if parts else _EVERYTHING
        case Or(children):
            parts = [part for part in map(_folded, children) if part is not _NOTHING]
            if any(part is _EVERYTHING for part in parts):
                return _EVERYTHING
            return Or(tuple(parts)) if parts else _NOTHING


def _split(node: Filter, grade: Callable[[Comparison], Pushdown]) -> Split:
    match node:
        case Comparison():
            how = grade(node)
            return Split(None if how is Pushdown.NONE else node, None if how is Pushdown.EXACT else node)
        case And(children):
            return _split_and([_split(child, grade) for child in children])
        case Or(children):
            return _split_or(node, [_split(child, grade) for child in children])
        case Not(child):
            return _split_not(node, child, grade)


def _split_and(parts: list[Split]) -> Split:
    return Split(
        _all_of([part.pushed for part in parts if part.pushed is not None]),
        _all_of([part.residual for part in parts if part.residual is not None]),
    )


def _split_or(node: Or, parts: list[Split]) -> Split:
    exact = all(part.residual is None for part in parts)
    pushed = [part.pushed for part in parts if part.pushed is not None]
    return Split(Or(tuple(pushed)) if len(pushed) == len(parts) else None, None if exact else node)


def _split_not(node: Not, child: Filter, grade: Callable[[Comparison], Pushdown]) -> Split:
    """Split a negation: a superset's negation is no superset, so logic is moved inwards first."""
    match child:
        case Not(inner):
            return _split(inner, grade)
        case And(children):
            return _split(Or(tuple(Not(one) for one in children)), grade)
        case Or(children):
            return _split(And(tuple(Not(one) for one in children)), grade)
        case Comparison():
            exact = grade(child) is Pushdown.EXACT
            return Split(node if exact else None, None if exact else node)


def _all_of(parts: list[Filter]) -> Filter | None:
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))
