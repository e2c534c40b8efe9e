"""The filter tree: a closed union of four nodes.

`$ne` and `$nin` are `Not` of `$eq` and `$in`, and `$exists: false` is `Not` of `$exists`, so that a compiler
meets each meaning once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from pygent_vec.model import JsonObject, JsonValue

__all__ = ["OWN_FIELD_NAMES", "And", "Comparison", "Field", "Filter", "Not", "Operator", "Or", "to_dict"]

OWN_FIELD_NAMES = (
    "id",
    "title",
    "source",
    "document_type",
    "chunk_index",
    "chunk_count",
    "created_at",
    "updated_at",
)
"""The document's own fields, written with a leading `@` in a filter."""


class Operator(StrEnum):
    """What a comparison asks of a field's value."""

    EQ = "$eq"
    GT = "$gt"
    GTE = "$gte"
    LT = "$lt"
    LTE = "$lte"
    IN = "$in"
    EXISTS = "$exists"
    CONTAINS = "$contains"
    CONTAINS_ANY = "$contains_any"
    CONTAINS_ALL = "$contains_all"
    STARTSWITH = "$startswith"


class _Logic:
    """The operators `&`, `|` and `~`, shared by every node."""

    __slots__ = ()

    def __and__(self, other: Filter) -> And:
        if not isinstance(other, _Logic):
            return NotImplemented
        return And((*_children(self, And), *_children(other, And)))

    def __or__(self, other: Filter) -> Or:
        if not isinstance(other, _Logic):
            return NotImplemented
        return Or((*_children(self, Or), *_children(other, Or)))

    def __invert__(self) -> Not:
        return Not(self)  # type: ignore[arg-type]  # every subclass is a member of the union

    def __bool__(self) -> bool:
        raise TypeError("a filter has no truth value: write & for and, | for or, ~ for not")


@attrs.frozen
class Field:
    """A place in a document.

    Attributes:
        path: The keys to descend, or the one name of an own field.
        own: Whether it names the document's own field rather than its metadata.
    """

    path: tuple[str, ...]
    own: bool = False

    def __str__(self) -> str:
        if self.own:
            return f"@{self.path[0]}"
        text = ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in self.path)
        return f"\\{text}" if text[0] in "@$" else text


@attrs.frozen
class Comparison(_Logic):
    """One operator applied to one field.

    Attributes:
        value: The operand. A tuple of operands for IN, CONTAINS_ANY and CONTAINS_ALL; True for EXISTS.
    """

    field: Field
    operator: Operator
    value: JsonValue


@attrs.frozen
class And(_Logic):
    """True when every child is true; true without children."""

    children: tuple[Filter, ...]


@attrs.frozen
class Or(_Logic):
    """True when some child is true; false without children."""

    children: tuple[Filter, ...]


@attrs.frozen
class Not(_Logic):
    """True when its child is false: logic here is two-valued."""

    child: Filter


Filter: TypeAlias = Comparison | And | Or | Not


def to_dict(node: Filter) -> JsonObject:
    """Return the mapping form of a filter; parsing it gives the same tree."""
    match node:
        case And(children):
            return {"$and": [to_dict(child) for child in children]}
        case Or(children):
            return {"$or": [to_dict(child) for child in children]}
        case Not(Comparison(field, Operator.EQ, value)):
            return {str(field): {"$ne": value}}
        case Not(Comparison(field, Operator.IN, value)):
            return {str(field): {"$nin": _listed(value)}}
        case Not(Comparison(field, Operator.EXISTS)):
            return {str(field): {"$exists": False}}
        case Not(child):
            return {"$not": to_dict(child)}
        case Comparison(field, operator, value):
            return {str(field): {operator.value: _listed(value)}}


def _listed(value: JsonValue) -> JsonValue:
    return list(value) if isinstance(value, tuple) else value


def _children(node: object, kind: type[And | Or]) -> tuple[Filter, ...]:
    return node.children if isinstance(node, kind) else (node,)  # type: ignore[return-value]
