"""Filters that are none are refused, with the place and the nearest valid name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec import InvalidFilterError, VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_conformance.world import World

_VECTOR = [1.0, 2.0, 3.0, 4.0]
_BAD: Mapping[str, tuple[object, str]] = {
    "an unknown operator": ({"a": {"$gte1": 1}}, "$gte"),
    "an unknown operator deep inside": ({"$or": [{"a": 1}, {"b": {"$inn": [1]}}]}, "$in"),
    "an unknown logic": ({"$nor": []}, "$or"),
    "an operator above the fields": ({"$gt": 1}, "$gt"),
    "logic under a field": ({"a": {"$and": []}}, "$and"),
    "$in without a list": ({"a": {"$in": 1}}, "$in"),
    "$in with a string": ({"a": {"$in": "abc"}}, "$in"),
    "$nin without a list": ({"a": {"$nin": {"b": 1}}}, "$"),
    "$contains_any without a list": ({"a": {"$contains_any": "x"}}, "$contains_any"),
    "$contains_all without a list": ({"a": {"$contains_all": None}}, "$contains_all"),
    "$exists without a bool": ({"a": {"$exists": 1}}, "$exists"),
    "$startswith without a string": ({"a": {"$startswith": 1}}, "$startswith"),
    "$gt null": ({"a": {"$gt": None}}, "$gt"),
    "$lte a bool": ({"a": {"$lte": True}}, "$lte"),
    "$gte a list": ({"a": {"$gte": [1]}}, "$gte"),
    "$and without a list": ({"$and": {"a": 1}}, "$and"),
    "$or of no filters": ({"$or": [1]}, "$or"),
    "$not of a list": ({"$not": [{"a": 1}]}, "$not"),
    "operators mixed with keys": ({"a": {"$gt": 1, "b": 2}}, "a"),
    "NaN": ({"a": float("nan")}, "a"),
    "2**63": ({"a": {"$eq": 2**63}}, "a"),
    "an object that is no value": ({"a": {"$eq": object()}}, "a"),
    "NUL in a value": ({"a": "\0"}, "a"),
    "a lone surrogate in a value": ({"a": {"$in": ["\ud800"]}}, "a"),
    "an empty path": ({"": 1}, "empty"),
    "a path with an empty key": ({"a..b": 1}, "empty"),
    "a path that ends in a dot": ({"a.": 1}, "empty"),
    "an unknown own field": ({"@titel": 1}, "title"),
    "a backslash that escapes nothing": ({"a\\b": 1}, "a"),
    "a key that is no string": ({1: 1}, "1"),
    "a list": ([{"a": 1}], "filter"),
    "a string": ("a = 1", "filter"),
}


@check("VS-326")
async def filters_that_are_none_are_refused_everywhere(world: World) -> None:
    """Bad filters are InvalidFilterError that says where, in every method, on an empty collection too."""
    await world.collection()
    store = world.store

    async def iterate(condition: object) -> None:
        async for _ in store.iter_documents(filter=condition):  # type: ignore[arg-type]  # on purpose
            return

    for round_ in ("an empty collection", "a collection with a document"):
        for what, (condition, named) in _BAD.items():
            query = VectorQuery(query_vector=_VECTOR, metadata_filter=condition)  # type: ignore[arg-type]  # on purpose
            calls = {
                "count_documents": store.count_documents(filter=condition),  # type: ignore[arg-type]  # on purpose
                "delete_where": store.delete_where(condition),  # type: ignore[arg-type]  # on purpose
                "search_similar": store.search_similar(query),
                "search_many": store.search_many([query]),
                "iter_documents": iterate(condition),
            }
            for method, call in calls.items():
                error = await expect.raises(InvalidFilterError, call, f"{what} in {method} of {round_}")
                expect.that(
                    named in str(error), f"{what} in {method}: the error does not name {named!r}: {error}"
                )
        await store.add_documents([VectorDocument(id="a", embedding=_VECTOR, metadata={"a": 1})])
    expect.equal(await store.count_documents(), 1, "documents afterwards")
