"""Filters over values that look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec import VectorDocument
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec_conformance.world import World


async def _told_apart(world: World, values: Sequence[object]) -> None:
    """Store each value under its number; each must be equal to itself and to no other."""
    await world.collection()
    documents = [
        VectorDocument(id=f"d{n:02}", embedding=[1, 2, 3, n], metadata={"v": value, "l": ["x", value]})
        for n, value in enumerate(values)
    ]
    await world.store.add_documents(documents)
    ids = [one.id for one in documents]
    for n, value in enumerate(values):
        filters: Sequence[tuple[Mapping[str, object], list[str]]] = (
            ({"v": {"$eq": value}}, [ids[n]]),
            ({"v": {"$ne": value}}, [one for one in ids if one != ids[n]]),
            ({"v": {"$in": [value]}}, [ids[n]]),
            ({"l": {"$contains": value}}, [ids[n]]),
            ({"l": {"$contains_any": [value, "y"]}}, [ids[n]]),
            ({"l": ["x", value]}, [ids[n]]),
        )
        for condition, wanted in filters:
            seen = [one.id async for one in world.store.iter_documents(filter=condition)]
            shown = [values[ids.index(one)] for one in seen]
            expect.that(seen == wanted, f"{condition} lets through {shown}, of {list(values)}")


@check("VS-320")
async def empty_and_false_values_are_told_apart(world: World) -> None:
    """null, false, 0, "", [], {}, true, 1 and their texts are equal to themselves only."""
    await _told_apart(
        world, (None, False, 0, "", [], {}, True, 1, "0", "1", "null", "false", "true", "None", "[]")
    )


@check("VS-320")
async def elements_of_other_kinds_are_told_apart(world: World) -> None:
    """Lists and objects whose elements differ in kind only are different."""
    values: Sequence[object] = (
        [1],
        [True],
        ["1"],
        [None],
        [[1]],
        [{}],
        [False],
        [0],
        [""],
        {"a": 1},
        {"a": True},
        {"a": "1"},
        {"a": None},
    )
    await _told_apart(world, values)


@check("VS-323")
async def parts_are_not_the_whole(world: World) -> None:
    """Lists equal in another order or by their beginning, and objects that hold another, are different."""
    values = (
        [1, 2],
        [2, 1],
        [1],
        [1, 2, 3],
        [1, 1],
        {"a": 1},
        {"a": 1, "b": 2},
        {"b": 2},
        {"a": {"b": 2}},
        [{"a": 1}],
    )
    await _told_apart(world, values)


@check("VS-301")
async def strings_that_look_alike_are_told_apart(world: World) -> None:
    """Strings that differ in blanks, case, accents or normalisation are different."""
    values = (
        "red",
        "red ",
        " red",
        "Red",
        "RED",
        "red\n",
        "re d",
        "r\u00e9d",
        "re\u0301d",
        "reds",
        "re",
        "r\u0435d",
        "red\u200b",
    )
    await _told_apart(world, values)


@check("VS-306")
async def an_element_is_not_contained_by_part(world: World) -> None:
    """$contains takes an element that is equal whole, and no larger object, list or text."""
    await world.collection()
    lists: Sequence[list[object]] = (
        [{"a": 1, "b": 2}],
        [{"a": 1}],
        [[1, 2]],
        [[1]],
        ["ab"],
        ["a"],
        [{"a": 1.0}],
    )
    documents = [
        VectorDocument(id=f"d{n}", embedding=[1, 2, 3, n], metadata={"l": one}) for n, one in enumerate(lists)
    ]
    await world.store.add_documents(documents)
    for value, wanted in (
        ({"a": 1}, ["d1", "d6"]),
        ([1], ["d3"]),
        ("a", ["d5"]),
        ({}, []),
        ([], []),
        (1, []),
    ):
        for condition in ({"l": {"$contains": value}}, {"l": {"$contains_all": [value]}}):
            seen = [one.id async for one in world.store.iter_documents(filter=condition)]
            expect.equal(seen, wanted, f"ids by {condition}")


@check("VS-303")
async def numbers_are_ordered_as_numbers(world: World) -> None:
    """10 is above 9 and -1 above -2: numbers order by value and not by their digits."""
    await world.collection()
    values = (10, 9, 100, -1, -2, 2.5, 1e3, 0.09)
    documents = [
        VectorDocument(id=f"d{n}", embedding=[1, 2, 3, n], metadata={"n": one})
        for n, one in enumerate(values)
    ]
    await world.store.add_documents(documents)
    for operand in (*values, 9.5, -1.5):
        for operator, wanted in (
            ("$gt", [f"d{n}" for n, one in enumerate(values) if one > operand]),
            ("$lte", [f"d{n}" for n, one in enumerate(values) if one <= operand]),
        ):
            condition = {"n": {operator: operand}}
            seen = [one.id async for one in world.store.iter_documents(filter=condition)]
            expect.equal(seen, wanted, f"ids by {condition}")


@check("VS-324")
async def a_path_does_not_enter_a_list(world: World) -> None:
    """A path through a list matches nothing: neither the elements' fields nor their positions."""
    await world.collection()
    metadatas: Sequence[Mapping[str, object]] = (
        {"authors": [{"name": "x"}, {"name": "y"}]},
        {"authors": {"name": "x"}},
        {"authors": {"name": [{"name": "x"}]}},
        {"authors": "name"},
    )
    documents = [
        VectorDocument(id=f"d{n}", embedding=[1, 2, 3, n], metadata=one) for n, one in enumerate(metadatas)
    ]
    await world.store.add_documents(documents)
    table: Sequence[tuple[Mapping[str, object], list[str]]] = (
        ({"authors.name": "x"}, ["d1"]),
        ({"authors.name": {"$exists": True}}, ["d1", "d2"]),
        ({"authors.0": {"$exists": True}}, []),
        ({"authors.0.name": "x"}, []),
        ({"authors.name": {"$ne": "x"}}, ["d0", "d2", "d3"]),
        ({"authors.name.name": {"$exists": True}}, []),
    )
    for condition, wanted in table:
        seen = [one.id async for one in world.store.iter_documents(filter=condition)]
        expect.equal(seen, wanted, f"ids by {condition}")
