"""Filters over numbers, strings, paths and own fields that backends get wrong, and filters that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import TYPE_CHECKING

from pygent_vec import F, VectorDocument, VectorQuery
from pygent_vec_conformance import expect, values
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec_conformance.world import World

_VECTOR = [1.0, 2.0, 3.0, 4.0]
_TESTS: Mapping[str, Callable[[object, object], bool]] = {
    "$eq": lambda a, b: a == b,
    "$gt": lambda a, b: a > b,  # type: ignore[operator]  # both of one kind
    "$gte": lambda a, b: a >= b,  # type: ignore[operator]  # both of one kind
    "$lt": lambda a, b: a < b,  # type: ignore[operator]  # both of one kind
    "$lte": lambda a, b: a <= b,  # type: ignore[operator]  # both of one kind
}


async def _ids(world: World, condition: Mapping[str, object] | Filter) -> list[str]:
    return [one.id async for one in world.store.iter_documents(filter=condition)]


async def _written(world: World, metadatas: Sequence[Mapping[str, object]]) -> list[str]:
    await world.collection()
    ids = [f"d{n:03}" for n in range(len(metadatas))]
    await world.store.add_documents(
        [VectorDocument(id=one, embedding=_VECTOR, metadata=metadatas[row]) for row, one in enumerate(ids)]
    )
    return ids


@check("VS-321")
async def numbers_compare_exactly(world: World) -> None:
    """Integers and floats compare as exact numbers: 2**53 + 1 is not 2.0**53, 0.1 + 0.2 is not 0.3."""
    ids = await _written(world, [{"v": one} for one in values.NUMBERS])
    exact = [Fraction(one) for one in values.NUMBERS]
    for operand in values.NUMBERS:
        truth = Fraction(operand)
        for operator, test in _TESTS.items():
            wanted = [one for one, value in zip(ids, exact, strict=True) if test(value, truth)]
            seen = await _ids(world, {"v": {operator: operand}})
            wrong = sorted(set(seen) ^ set(wanted))
            shown = [values.NUMBERS[int(one[1:])] for one in wrong]
            expect.that(not wrong, f"v {operator} {operand!r} is wrong for the stored {shown}")


@check("VS-321")
async def numbers_inside_lists_compare_exactly_too(world: World) -> None:
    """$in, $contains and whole lists compare numbers exactly, int with float."""
    some = (1, 1.5, 2**53, 2**53 + 1, 2.0**53 + 2, 0.1, 0.1 + 0.2, -0.0, 2**63 - 1, 2.0**63)
    ids = await _written(world, [{"v": one, "l": [one, "x"], "o": {"k": [one]}} for one in some])
    for operand in some:
        equal = [one for one, value in zip(ids, some, strict=True) if Fraction(value) == Fraction(operand)]
        filters: Sequence[Mapping[str, object]] = (
            {"v": {"$in": [operand, "y"]}},
            {"l": {"$contains": operand}},
            {"l": {"$contains_all": [operand, "x"]}},
            {"l": [operand, "x"]},
            {"o": {"$eq": {"k": [operand]}}},
        )
        for condition in filters:
            expect.equal(await _ids(world, condition), equal, f"ids by {condition}")


@check("VS-322")
async def strings_compare_by_code_point(world: World) -> None:
    """Strings are equal, ordered and begin as their code points say, in every script."""
    texts = [one for one in values.TEXTS if len(one) < 100]  # noqa: PLR2004  # long ones show nothing more here
    ids = await _written(world, [{"v": one} for one in texts])
    for operand in texts:
        for operator, test in (*_TESTS.items(), ("$startswith", lambda a, b: a.startswith(b))):
            wanted = [one for one, value in zip(ids, texts, strict=True) if test(value, operand)]
            seen = await _ids(world, {"v": {operator: operand}})
            shown = [texts[int(one[1:])] for one in sorted(set(seen) ^ set(wanted))]
            expect.that(not shown, f"v {operator} {operand!r} is wrong for the stored {shown}")


@check("VS-322")
async def prefixes_may_end_anywhere(world: World) -> None:
    """A prefix may end within a word, before a combining mark or at a wildcard."""
    texts = (
        "ab",
        "abc",
        "ab%c",
        "ab_c",
        "AB",
        "abé",
        "abe\u0301",
        "\U0010ffff",
        "\U0010ffffx",
        "\uffff",
        "a\\b",
        "",
    )
    ids = await _written(world, [{"v": one} for one in texts])
    for prefix in (
        "a",
        "ab",
        "ab%",
        "ab_",
        "abe",
        "abé",
        "AB",
        "\U0010ffff",
        "\uffff",
        "a\\",
        "b",
        "%b",
        "_b",
        "abc%",
    ):
        wanted = [one for one, value in zip(ids, texts, strict=True) if value[: len(prefix)] == prefix]
        expect.equal(
            await _ids(world, {"v": {"$startswith": prefix}}), wanted, f"ids by the prefix {prefix!r}"
        )


@check("VS-324")
async def any_key_can_be_reached_by_its_path(world: World) -> None:
    r"""Keys with dots, backslashes, a leading @ or $, quotes or blanks are reached by an escaped path."""
    ids = await _written(world, [{key: n, "of": {key: [n]}} for n, key in enumerate(values.KEYS)])
    for n, key in enumerate(values.KEYS):
        path = "".join(f"\\{letter}" if letter in "\\." else letter for letter in key)
        top = f"\\{path}" if path[0] in "@$" else path
        expect.equal(await _ids(world, {top: n}), [ids[n]], f"ids by the key {key!r}, written {top!r}")
        expect.equal(
            await _ids(world, {f"of.{path}": {"$contains": n}}), [ids[n]], f"by 'of' and then {key!r}"
        )
        expect.equal(await _ids(world, {top: {"$exists": True}}), [ids[n]], f"by the existence of {key!r}")


@check("VS-324")
async def a_dotted_key_is_not_a_path(world: World) -> None:
    r"""`a.b` is a path and `a\.b` a key with a dot; a document may have both."""
    ids = await _written(
        world, [{"a.b": 1, "a": {"b": 2}}, {"a.b": 2}, {"a": {"b": 1}}, {"a": {"b": {"c": 1}, "b.c": 2}}]
    )
    table: Mapping[str, tuple[object, list[int]]] = {
        "a.b": (1, [2]),
        "a\\.b": (1, [0]),
        "a.b.c": (1, [3]),
        "a.b\\.c": (2, [3]),
    }
    for path, (value, rows) in table.items():
        expect.equal(
            await _ids(world, {path: value}), [ids[row] for row in rows], f"ids by {path!r} = {value}"
        )
    expect.equal(await _ids(world, {"a\\.b": {"$exists": False}}), ids[2:], "ids without the key a.b")


@check("VS-325")
async def own_fields_are_filtered_by_their_at_names(world: World) -> None:
    """The document's own fields filter by their @ names, and no metadata key shadows them."""
    await world.collection()
    documents = [
        VectorDocument(id="a", embedding=_VECTOR, title="T", source="s", chunk_index=0, chunk_count=2),
        VectorDocument(id="b", embedding=_VECTOR, title="U", document_type="t", chunk_index=1, chunk_count=2),
        VectorDocument(
            id="c", embedding=_VECTOR, metadata={"title": "T", "id": "a", "@id": "a", "chunk_index": 0}
        ),
        VectorDocument(id="d", embedding=_VECTOR, title=""),
    ]
    await world.store.add_documents(documents)
    table: Sequence[tuple[Mapping[str, object], str]] = (
        ({"@id": "a"}, "a"),
        ({"@id": {"$gt": "b"}}, "cd"),
        ({"@id": {"$in": ["a", "c", "x"]}}, "ac"),
        ({"@id": {"$ne": "a"}}, "bcd"),
        ({"@id": {"$startswith": "b"}}, "b"),
        ({"@title": "T"}, "a"),
        ({"@title": {"$ne": "T"}}, "bcd"),
        ({"@title": {"$exists": True}}, "abd"),
        ({"@title": {"$gte": "U"}}, "b"),
        ({"title": "T"}, "c"),
        ({"\\@id": "a"}, "c"),
        ({"@source": "s"}, "a"),
        ({"@source": {"$exists": False}}, "bcd"),
        ({"@document_type": {"$in": ["t"]}}, "b"),
        ({"@chunk_index": 0}, "a"),
        ({"@chunk_index": {"$gte": 0.5}}, "b"),
        ({"@chunk_index": "0"}, ""),
        ({"@chunk_index": False}, ""),
        ({"@chunk_count": 2.0, "@title": "U"}, "b"),
        ({"$or": [{"@title": "T"}, {"title": "T"}]}, "ac"),
        ({"$not": {"@title": "T", "@id": "a"}}, "bcd"),
    )
    for condition, wanted in table:
        expect.equal(await _ids(world, condition), list(wanted), f"ids by {condition}")
        expect.equal(
            await world.store.count_documents(filter=condition), len(wanted), f"count by {condition}"
        )


@check("VS-325")
async def timestamps_compare_with_datetimes(world: World) -> None:
    """@created_at and @updated_at compare with datetimes of any zone and with RFC 3339 text, exactly."""
    await world.collection()
    start = datetime(2024, 2, 29, 12, tzinfo=UTC)
    steps = [start + timedelta(microseconds=n) for n in range(4)]
    documents = [
        VectorDocument(id=f"t{n}", embedding=_VECTOR, created_at=one, updated_at=one + timedelta(days=1))
        for n, one in enumerate(steps)
    ]
    await world.store.add_documents(documents, preserve_timestamps=True)
    elsewhere = steps[2].astimezone(timezone(timedelta(hours=-7)))
    for operand in (steps[2], elsewhere, "2024-02-29T12:00:00.000002Z", "2024-02-29T05:00:00.000002-07:00"):
        for operator, wanted in (
            ("$eq", [2]),
            ("$gt", [3]),
            ("$gte", [2, 3]),
            ("$lt", [0, 1]),
            ("$ne", [0, 1, 3]),
        ):
            ids = [f"t{n}" for n in wanted]
            expect.equal(
                await _ids(world, {"@created_at": {operator: operand}}),
                ids,
                f"created_at {operator} {operand}",
            )
    day_after = steps[2] + timedelta(days=1)
    expect.equal(await _ids(world, F("@updated_at") < day_after), ["t0", "t1"], "ids by @updated_at")
    expect.equal(
        await _ids(world, {"@updated_at": {"$in": [day_after]}}), ["t2"], "ids by $in of @updated_at"
    )


@check("VS-311")
async def a_mapping_without_operators_is_a_value(world: World) -> None:
    """A mapping without operators is compared whole; an empty one is a value too."""
    ids = await _written(world, [{"o": {}}, {"o": {"a": 1}}, {"o": {"a": 1, "b": 2}}, {"o": [{}]}, {}])
    table: Sequence[tuple[Mapping[str, object], list[int]]] = (
        ({"o": {}}, [0]),
        ({"o": {"a": 1}}, [1]),
        ({"o": {"b": 2, "a": 1.0}}, [2]),
        ({"o": {"$eq": {}}}, [0]),
        ({"o": {"$ne": {"a": 1}}}, [0, 2, 3, 4]),
        ({"o": {"$in": [{}, {"a": 1}]}}, [0, 1]),
        ({"o": {"$contains": {}}}, [3]),
    )
    for condition, rows in table:
        expect.equal(await _ids(world, condition), [ids[row] for row in rows], f"ids by {condition}")


@check("VS-329")
async def in_takes_twenty_thousand_values(world: World) -> None:
    """$in and $nin take 20 000 values of mixed kinds, in count, search, iteration and delete."""
    ids = await _written(world, [{"v": n if n % 2 else str(n)} for n in range(100)])
    many: list[object] = [*range(1, 20_000, 2), *(str(n) for n in range(40, 20_040, 2))]
    wanted = [one for n, one in enumerate(ids) if n % 2 or n >= 40]  # noqa: PLR2004  # as above
    expect.equal(await _ids(world, {"v": {"$in": many}}), wanted, "ids by a large $in")
    expect.equal(await world.store.count_documents(filter={"v": {"$nin": many}}), 20, "count by a large $nin")
    query = VectorQuery(query_vector=_VECTOR, metadata_filter={"v": {"$in": many}}, limit=100)
    expect.equal(len(await world.store.search_similar(query)), 80, "results by a large $in")
    expect.equal(await world.store.delete_where({"v": {"$in": many}}), 80, "deleted by a large $in")
