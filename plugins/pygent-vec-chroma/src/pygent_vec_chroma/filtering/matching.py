"""The ids of the documents that satisfy a filter, however large the filter is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import attrs

from pygent_vec.filters import And, Comparison, Not, Operator, Or
from pygent_vec_chroma.filtering.where import MAX_CONDITIONS, MAX_OPERANDS, where_of
from pygent_vec_chroma.specs import is_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import JsonValue
    from pygent_vec_chroma.driver import Driver, NativeCollection

__all__ = ["matching_ids"]

_T = TypeVar("_T")


def matching_ids(
    driver: Driver, native: NativeCollection, node: Filter, *, limit: int | None = None
) -> list[str]:
    """Return the ids of the documents that satisfy a pushed filter, in no order; at most *limit*.

    What one statement cannot take is put together from the ids that its parts find.
    """
    where = where_of(node, foreign=is_foreign(native))
    if where is not None:
        return driver.get(native, where=where, limit=limit).ids
    return list(_found(driver, native, node))[:limit]


def _found(driver: Driver, native: NativeCollection, node: Filter) -> set[str]:
    where = where_of(node, foreign=is_foreign(native))
    if where is not None:
        return set(driver.get(native, where=where).ids)
    match node:
        case And(children):
            return set.intersection(*(_found(driver, native, child) for child in children))
        case Or(children):
            return set().union(*(_found(driver, native, child) for child in children))
        case Not(child):
            return set(driver.get(native).ids) - _found(driver, native, child)
        case Comparison():
            return _listed(driver, native, node)


def _listed(driver: Driver, native: NativeCollection, node: Comparison) -> set[str]:
    """Return the ids where one comparison holds that has many operands, or names ids themselves."""
    operands = cast("Sequence[JsonValue]", [node.value] if node.operator is Operator.EQ else node.value)
    found: set[str] = set()
    if node.field.own and node.field.path[0] == "id":
        for ids in _cut([one for one in operands if isinstance(one, str)], MAX_OPERANDS):
            found.update(driver.get(native, ids=ids).ids)
        return found
    if node.operator is Operator.CONTAINS_ALL:
        each = (Comparison(node.field, Operator.CONTAINS, one) for one in operands if isinstance(one, str))
        return _found(driver, native, And(tuple(each)))
    size = MAX_OPERANDS if node.operator is Operator.IN else MAX_CONDITIONS
    for part in _cut(operands, size):
        found |= _found(driver, native, attrs.evolve(node, value=tuple(part)))
    return found


def _cut(operands: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(operands), size):
        yield operands[start : start + size]
