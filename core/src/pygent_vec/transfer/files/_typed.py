"""Metadata keys that get a column of their own, because their values are of one kind in all documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MOST_KEYS", "KeyKinds", "column_of"]

MOST_KEYS = 256
"""So many keys are watched; more would be no columns that anybody reads."""
_KINDS = {bool: "bool", int: "int64", float: "float64", str: "string"}
_EXACT = 2**53
"""Integers up to it are the same as floats."""


class KeyKinds:
    """The kinds of values that the top-level keys of metadata have had so far.

    A key whose values are numbers, integers and others, counts as `float64` while all its integers are
    exact as floats. Null and absence say nothing.

    Attributes:
        unwatched: Whether there were more keys than are watched.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, str | None] = {}
        self._large: set[str] = set()
        self.unwatched = False

    def watch(self, metadatas: Sequence[Mapping[str, object]]) -> None:
        """Take notice of the values of some documents."""
        for key in sorted(set().union(*metadatas)):
            if key not in self._kinds and len(self._kinds) >= MOST_KEYS:
                self.unwatched = True
            elif self._kinds.get(key, "") is not None:
                self._watch(key, [metadata.get(key) for metadata in metadatas])

    def columns(self) -> dict[str, str]:
        """Return the keys that can have a column, each with its kind, sorted."""
        return {key: kind for key, kind in sorted(self._kinds.items()) if kind is not None}

    def _watch(self, key: str, values: list[object]) -> None:
        for kind in sorted(set(map(type, values)) - {type(None)}, key=repr):
            if kind is int:
                integers = [value for value in values if type(value) is int]
                if max(integers) > _EXACT or min(integers) < -_EXACT:
                    self._large.add(key)
            self._note(key, _KINDS.get(kind))

    def _note(self, key: str, kind: str | None) -> None:
        known = self._kinds.setdefault(key, kind)
        if {known, kind} == {"int64", "float64"}:
            known = kind = "float64"
        exact = known == kind and not (kind == "float64" and key in self._large)
        self._kinds[key] = kind if exact else None


def column_of(metadatas: Sequence[Mapping[str, object]], key: str, kind: str) -> list[object]:
    """Return the values of a key; None where there is none, or where it is of another kind.

    A value of another kind shows that the key gets no column: what is made then is not used.
    """
    values = [metadata.get(key) for metadata in metadatas]
    wanted = {"bool": bool, "int64": int, "float64": float, "string": str}[kind]
    if {wanted, type(None)}.issuperset(map(type, values)):
        return values
    if kind == "float64":
        return [float(value) if type(value) in (int, float) else None for value in values]  # type: ignore[arg-type]
    return [value if type(value) is wanted else None for value in values]
