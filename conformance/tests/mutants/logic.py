"""Mutants whose logic, fields and paths mean something else than the contract's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec.filters import And, Comparison, Field, Filter, Operator, Or

from .meaning import ABSENT, Meaning
from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec import VectorQuery, VectorSearchResult


class NotEqualLosesMissing(Meaning):
    """PostgreSQL: `$ne` where the field is missing compares as unknown, and the row is gone."""

    breaks: ClassVar = ("VS-302",)

    def negation(self, child: Filter, metadata: Mapping[str, object], own: Mapping[str, object]) -> bool:
        if isinstance(child, Comparison) and child.operator is Operator.EQ:
            present = self.value(child.field, metadata, own) is not ABSENT
            return present and super().negation(child, metadata, own)
        return super().negation(child, metadata, own)


class NotInLosesMissing(Meaning):
    """PostgreSQL: NOT IN over a missing field is unknown."""

    breaks: ClassVar = ("VS-304",)

    def negation(self, child: Filter, metadata: Mapping[str, object], own: Mapping[str, object]) -> bool:
        if isinstance(child, Comparison) and child.operator is Operator.IN:
            present = self.value(child.field, metadata, own) is not ABSENT
            return present and super().negation(child, metadata, own)
        return super().negation(child, metadata, own)


class NotIsThreeValued(Meaning):
    """SQL: the negation of an order, or of `$contains`, over a missing field is unknown."""

    breaks: ClassVar = ("VS-309",)

    def negation(self, child: Filter, metadata: Mapping[str, object], own: Mapping[str, object]) -> bool:
        plain = {Operator.EQ, Operator.IN, Operator.EXISTS}
        if isinstance(child, Comparison) and child.operator not in plain:
            present = self.value(child.field, metadata, own) is not ABSENT
            return present and super().negation(child, metadata, own)
        return super().negation(child, metadata, own)


class OrWithoutParentheses(Meaning):
    """`(a | b) & c` pasted together without parentheses reads `a | (b & c)`: a tenant leak."""

    breaks: ClassVar = ("VS-309",)

    def matches(self, node: Filter, metadata: Mapping[str, object], own: Mapping[str, object]) -> bool:
        if isinstance(node, And) and len(node.children) > 1 and isinstance(node.children[0], Or):
            first, *rest = node.children[0].children or (None,)
            if rest and first is not None:
                tail = And((rest[-1], *node.children[1:]))
                return self.matches(Or((first, *rest[:-1], tail)), metadata, own)
        return super().matches(node, metadata, own)


class OnlyTheFirstTwoConditions(Meaning):
    """A binary node for a list of conditions."""

    breaks: ClassVar = ("VS-309", "VS-310")

    def conjunction(self, held: Sequence[bool]) -> bool:
        return super().conjunction(held[:2])


class SiblingOfAndDropped(Broken):
    """`{"$and": [{"color": "red"}], "n": 1}`: a backend of a popular framework drops the sibling."""

    breaks: ClassVar = ("VS-310",)

    async def public_count_documents(
        self, *, collection: str | None = None, filter: Filter | Mapping[str, object] | None = None
    ) -> int:
        return await super().count_documents(collection=collection, filter=_without_siblings(filter))

    async def public_search_similar(self, query: VectorQuery) -> list[VectorSearchResult]:
        dropped = _without_siblings(query.metadata_filter)
        return await super().search_similar(attrs.evolve(query, metadata_filter=dropped))


def _without_siblings(
    condition: Filter | Mapping[str, object] | None,
) -> Filter | Mapping[str, object] | None:
    if isinstance(condition, Mapping) and "$and" in condition:
        return {"$and": condition["$and"]}
    return condition


class LastOperatorOfAFieldCounts(Broken):
    """`{"n": {"$gte": 1, "$lt": 5}}`: a wrapper that reads one operator of a field."""

    breaks: ClassVar = ("VS-310",)

    async def public_count_documents(
        self, *, collection: str | None = None, filter: Filter | Mapping[str, object] | None = None
    ) -> int:
        return await super().count_documents(collection=collection, filter=_last_operators(filter))


def _last_operators(condition: Filter | Mapping[str, object] | None) -> Filter | Mapping[str, object] | None:
    if not isinstance(condition, Mapping):
        return condition
    changed: dict[str, object] = {}
    for key, item in condition.items():
        several = (
            isinstance(item, Mapping) and len(item) > 1 and all(str(one).startswith("$") for one in item)
        )
        changed[key] = dict([list(item.items())[-1]]) if several else item  # type: ignore[attr-defined]  # a mapping
    return changed


class NullIsMissing(Meaning):
    """SQL: a null value and no value are one."""

    breaks: ClassVar = ("VS-305", "VS-301")

    def value(self, field: Field, metadata: Mapping[str, object], own: Mapping[str, object]) -> object:
        found = super().value(field, metadata, own)
        return ABSENT if found is None else found


class MissingEqualsNull(Meaning):
    """MongoDB: {"color": null} matches documents without a colour."""

    breaks: ClassVar = ("VS-301",)

    def comparison(self, value: object, operator: Operator, operand: object) -> bool:
        if value is ABSENT and operator is Operator.EQ and operand is None:
            return True
        return super().comparison(value, operator, operand)


class ExistsIsTruthy(Meaning):
    """`$exists` answered by the value's truth."""

    breaks: ClassVar = ("VS-305",)

    def comparison(self, value: object, operator: Operator, operand: object) -> bool:
        if operator is Operator.EXISTS and value is not ABSENT:
            return bool(value)
        return super().comparison(value, operator, operand)


class DottedKeysAreTaken(Meaning):
    """Flattened metadata: the path a.b also finds the key "a.b"."""

    breaks: ClassVar = ("VS-324",)

    def descended(self, path: tuple[str, ...], metadata: Mapping[str, object]) -> object:
        return metadata.get(".".join(path), super().descended(path, metadata))


class LiteralDotsArePaths(Meaning):
    """Every dot descends, escaped or not."""

    breaks: ClassVar = ("VS-324",)

    def descended(self, path: tuple[str, ...], metadata: Mapping[str, object]) -> object:
        return super().descended(tuple(part for key in path for part in key.split(".")), metadata)


class PathsGoThroughLists(Meaning):
    """MongoDB: authors.name descends into the objects of a list."""

    breaks: ClassVar = ("VS-324",)

    def comparison(self, value: object, operator: Operator, operand: object) -> bool:
        if isinstance(value, _Many):
            return any(
                super(PathsGoThroughLists, self).comparison(one, operator, operand) for one in value.values
            )
        return super().comparison(value, operator, operand)

    def descended(self, path: tuple[str, ...], metadata: Mapping[str, object]) -> object:
        found = super().descended(path, metadata)
        parent = super().descended(path[:-1], metadata) if len(path) > 1 else ABSENT
        if isinstance(parent, list):
            return _Many([one[path[-1]] for one in parent if isinstance(one, dict) and path[-1] in one])
        return found


@attrs.frozen
class _Many:
    values: list[object]


class NumbersIndexLists(Meaning):
    """PostgreSQL's #> operator: tags.0 is the first tag."""

    breaks: ClassVar = ("VS-324",)

    def descended(self, path: tuple[str, ...], metadata: Mapping[str, object]) -> object:
        parent = super().descended(path[:-1], metadata) if len(path) > 1 else ABSENT
        if isinstance(parent, list) and path[-1].isdecimal() and int(path[-1]) < len(parent):
            return parent[int(path[-1])]
        return super().descended(path, metadata)


class OnlyTheLastKeyCounts(Meaning):
    """A path's parents are ignored."""

    breaks: ClassVar = ("VS-324",)

    def descended(self, path: tuple[str, ...], metadata: Mapping[str, object]) -> object:
        return super().descended(path[-1:], metadata)


class OwnFieldsReadFromMetadata(Meaning):
    """`@title` looks for metadata of that name."""

    breaks: ClassVar = ("VS-325",)

    def value(self, field: Field, metadata: Mapping[str, object], own: Mapping[str, object]) -> object:
        return super().value(Field(field.path), metadata, own)


class MetadataShadowsOwnFields(Meaning):
    """One table of names: metadata called title hides the document's title."""

    breaks: ClassVar = ("VS-325",)

    def value(self, field: Field, metadata: Mapping[str, object], own: Mapping[str, object]) -> object:
        if field.own and field.path[0] in metadata:
            return metadata[field.path[0]]
        return super().value(field, metadata, own)


class TimesComparedByTheSecond(Meaning):
    """Timestamps cut to seconds in filters."""

    breaks: ClassVar = ("VS-325",)

    def value(self, field: Field, metadata: Mapping[str, object], own: Mapping[str, object]) -> object:
        found = super().value(field, metadata, own)
        if field.own and field.path[0] in {"created_at", "updated_at"} and isinstance(found, str):
            return f"{found[:19]}.000000Z"
        return found


class UnsetOwnFieldsAreNull(Meaning):
    """A column is always there: a title that was never set exists."""

    breaks: ClassVar = ("VS-325", "VS-305")

    def value(self, field: Field, metadata: Mapping[str, object], own: Mapping[str, object]) -> object:
        return own.get(field.path[0]) if field.own else super().value(field, metadata, own)
