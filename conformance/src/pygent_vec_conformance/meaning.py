"""What a filter means, read from the contract's table anew: on mappings, with no parser and no tree.

Written apart from core's evaluator, so that neither can hide a fault of the other.
It reads valid filters only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygent_vec import VectorDocument

__all__ = ["equal", "holds"]

_ABSENT = object()
_OWN = ("id", "title", "source", "document_type", "chunk_index", "chunk_count")


def holds(condition: Mapping[str, object], document: VectorDocument) -> bool:
    """Return whether *document* satisfies the mapping form of a filter."""
    return all(_entry(key, value, document) for key, value in condition.items())


def _entry(key: str, value: object, document: VectorDocument) -> bool:
    if key == "$and":
        return all(holds(part, document) for part in value)  # type: ignore[attr-defined]  # a list of filters
    if key == "$or":
        return any(holds(part, document) for part in value)  # type: ignore[attr-defined]  # a list of filters
    if key == "$not":
        return not holds(value, document)  # type: ignore[arg-type]  # a filter
    found = _at(key, document)
    if isinstance(value, dict) and value and all(str(name).startswith("$") for name in value):
        return all(_operator(name, operand, found) for name, operand in value.items())
    return found is not _ABSENT and equal(found, value)


def _at(path: str, document: VectorDocument) -> object:
    if path.startswith("@"):
        held = getattr(document, path[1:]) if path[1:] in _OWN else None
        return _ABSENT if held is None else held
    found: object = document.metadata
    for key in _keys(path):
        if not isinstance(found, dict) or key not in found:
            return _ABSENT
        found = found[key]
    return found


def _keys(path: str) -> list[str]:
    keys, escaped = [""], False
    for letter in path:
        if escaped or letter not in "\\.":
            keys[-1] += letter
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            keys.append("")
    return keys


def _operator(name: str, operand: object, found: object) -> bool:
    if name in {"$ne", "$nin"}:
        return not _operator({"$ne": "$eq", "$nin": "$in"}[name], operand, found)
    if name == "$exists":
        return (found is not _ABSENT) is operand
    if found is _ABSENT:
        return False
    return _PRESENT[name](found, operand)


def _kind(value: object) -> str:
    for kind, name in (
        (bool, "bool"),
        ((int, float), "number"),
        (str, "string"),
        (list, "list"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return "null"


def equal(left: object, right: object) -> bool:
    """Return whether two JSON values are equal as the contract says: typed, exact, whole."""
    if _kind(left) != _kind(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return set(left) == set(right) and all(equal(left[key], right[key]) for key in left)
    return left == right


def _ordered(test: Callable[[object, object], bool]) -> Callable[[object, object], bool]:
    def compare(found: object, operand: object) -> bool:
        kind = _kind(found)
        return kind == _kind(operand) and kind in {"number", "string"} and test(found, operand)

    return compare


def _in(found: object, operand: object) -> bool:
    return any(equal(found, one) for one in operand)  # type: ignore[attr-defined]  # a list


def _contains(found: object, operand: object) -> bool:
    return isinstance(found, list) and any(equal(one, operand) for one in found)


_PRESENT: Mapping[str, Callable[[object, object], bool]] = {
    "$eq": equal,
    "$gt": _ordered(lambda found, operand: found > operand),  # type: ignore[operator]  # of one kind
    "$gte": _ordered(lambda found, operand: found >= operand),  # type: ignore[operator]  # of one kind
    "$lt": _ordered(lambda found, operand: found < operand),  # type: ignore[operator]  # of one kind
    "$lte": _ordered(lambda found, operand: found <= operand),  # type: ignore[operator]  # of one kind
    "$in": _in,
    "$contains": _contains,
    "$contains_any": lambda found, operand: any(_contains(found, one) for one in operand),  # type: ignore[attr-defined]  # a list
    "$contains_all": lambda found, operand: (
        isinstance(found, list) and all(_contains(found, one) for one in operand)  # type: ignore[attr-defined]  # a list
    ),
    "$startswith": lambda found, operand: isinstance(found, str) and found[: len(str(operand))] == operand,
}
