"""Filters, by a truth table that was written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec import InvalidFilterError, VectorDocument, VectorQuery
from pygent_vec.filters import parse_filter, to_dict
from pygent_vec_conformance import expect, truth
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_conformance.world import World

_ORDERS = ("$gt", "$lt", "a range", "an empty range")


def documents() -> list[VectorDocument]:
    """Return the documents of the truth table."""
    return [
        VectorDocument(id=one, embedding=[row, 1, 1, 1], metadata=metadata)
        for row, (one, metadata) in enumerate(truth.DOCUMENTS.items())
    ]


async def ids_by_every_way(world: World, condition: Mapping[str, object], wanted: str, what: str) -> None:
    """Check which documents of the truth table a filter lets through: counted, iterated and found."""
    store, letters = world.store, list(wanted)
    expect.equal(await store.count_documents(filter=condition), len(letters), f"{what}: count of {condition}")
    seen = [one.id async for one in store.iter_documents(filter=condition)]
    expect.equal(seen, letters, f"{what}: ids iterated by {condition}")
    for limit in (20, 3):
        query = VectorQuery(
            query_vector=[1, 1, 1, 1], metadata_filter=condition, limit=limit, include_metadata=False
        )
        found = [one.document.id for one in await store.search_similar(query)]
        expect.equal(
            len(found),
            min(limit, len(letters)),
            f"{what}: results of a search with limit {limit} by {condition}",
        )
        expect.that(
            set(found) <= set(letters), f"{what}: a search by {condition} found {found}, of {letters}"
        )


async def _holds(world: World, rows: Mapping[str, tuple[Mapping[str, object], str]]) -> None:
    expect.that(bool(rows), "the truth table has no such rows")
    await world.collection()
    await world.store.add_documents(documents())
    for what, (condition, wanted) in rows.items():
        await ids_by_every_way(world, condition, wanted, what)


def _operator(*beginnings: str) -> dict[str, tuple[Mapping[str, object], str]]:
    return {name: row for name, row in truth.OPERATORS.items() if name.startswith(beginnings)}


@check("VS-301")
async def eq_and_bare_values_mean_equality(world: World) -> None:
    """$eq and a bare value match where the field is present and equal."""
    await _holds(world, _operator("$eq", "a bare value"))


@check("VS-302")
async def ne_is_true_where_the_field_is_missing(world: World) -> None:
    """$ne matches all that $eq does not, documents without the field included."""
    await _holds(world, _operator("$ne"))


@check("VS-303")
async def orders_hold_between_numbers_and_between_strings(world: World) -> None:
    """$gt, $gte, $lt and $lte match numbers against numbers and strings against strings only."""
    await _holds(world, _operator(*_ORDERS))


@check("VS-304")
async def in_and_nin_mean_some_value_and_none(world: World) -> None:
    """$in matches if some value is equal, $nin wherever $in does not."""
    await _holds(world, _operator("$in", "$nin"))


@check("VS-305")
async def exists_tells_null_from_missing(world: World) -> None:
    """$exists matches a field that is present, even as null."""
    await _holds(world, _operator("$exists"))


@check("VS-306")
async def contains_means_an_equal_element(world: World) -> None:
    """$contains matches a list with an equal element, and never a substring."""
    await _holds(world, {name: row for name, row in _operator("$contains").items() if "_a" not in name[:11]})


@check("VS-307")
async def contains_any_and_all_mean_some_and_every(world: World) -> None:
    """$contains_any and $contains_all match lists with some, and with every one, of the values."""
    await _holds(world, _operator("$contains_any", "$contains_all"))


@check("VS-308")
async def startswith_takes_its_text_literally(world: World) -> None:
    """$startswith matches strings that begin so; wildcards are letters."""
    await _holds(world, _operator("$startswith"))


@check("VS-320")
async def values_of_different_kinds_are_never_equal(world: World) -> None:
    """Bools, numbers, strings, lists, objects and null are never equal or ordered across kinds."""
    await _holds(world, {name: row for name, row in truth.TYPES.items() if not _is_whole(name)})


def _is_whole(name: str) -> bool:
    return any(word in name for word in ("list", "object", "order"))


@check("VS-323")
async def lists_and_objects_compare_whole(world: World) -> None:
    """Lists and objects are compared whole; bools, lists, objects and null have no order."""
    await _holds(world, {name: row for name, row in truth.TYPES.items() if _is_whole(name)})
    for operand in (True, None, [1], {"k": 1}):
        for operator in ("$gt", "$gte", "$lt", "$lte"):
            call = world.store.count_documents(filter={"n": {operator: operand}})
            await expect.raises(InvalidFilterError, call, f"an order, {operator} {operand!r}")


@check("VS-309")
async def logic_is_two_valued(world: World) -> None:
    """$and, $or and $not combine as two-valued logic does, at any nesting."""
    await _holds(world, {name: row for name, row in truth.LOGIC.items() if not _is_conjunction(name)})


def _is_conjunction(name: str) -> bool:
    return "sibling" in name or "several" in name


@check("VS-310")
async def siblings_mean_and(world: World) -> None:
    """Several keys and several operators mean and; siblings of $and, $or and $not count."""
    await _holds(world, {name: row for name, row in truth.LOGIC.items() if _is_conjunction(name)})


@check("VS-324")
async def paths_descend_into_objects(world: World) -> None:
    """A dotted path descends into objects, and into nothing else."""
    await _holds(world, truth.PATHS)


@check("VS-240")
async def delete_where_obeys_the_truth_table(world: World) -> None:
    """delete_where deletes what the truth table says, for every row of it."""
    await world.collection()
    everything = documents()
    rows = {**truth.OPERATORS, **truth.TYPES, **truth.LOGIC, **truth.PATHS}
    await world.store.add_documents(everything)
    for what, (condition, wanted) in rows.items():
        deleted = await world.store.delete_where(condition)
        expect.equal(deleted, len(wanted), f"{what}: the count of delete_where({condition})")
        left = [one.id async for one in world.store.iter_documents()]
        expect.equal(
            left, [one for one in truth.DOCUMENTS if one not in wanted], f"{what}: what {condition} left"
        )
        await world.store.add_documents([one for one in everything if one.id in wanted])


@check("VS-330")
async def both_spellings_mean_the_same(world: World) -> None:
    """A filter tree, and the mapping that it is written as, match what the original mapping matches."""
    await world.collection()
    await world.store.add_documents(documents())
    rows = {**truth.OPERATORS, **truth.TYPES, **truth.LOGIC, **truth.PATHS}
    for what, (condition, wanted) in rows.items():
        tree = parse_filter(condition)
        count = await world.store.count_documents(filter=tree)
        expect.equal(count, len(wanted), f"{what}: the count by the tree of {condition}")
        seen = [one.id async for one in world.store.iter_documents(filter=to_dict(tree))]
        expect.equal(
            seen, list(wanted), f"{what}: the ids by {to_dict(tree)}, written from the tree of {condition}"
        )
