"""Any text is data: nothing that is stored or asked can speak to the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec import VectorDocument, VectorQuery
from pygent_vec_conformance import expect
from pygent_vec_conformance.checks import check

if TYPE_CHECKING:
    from pygent_vec_conformance.world import World

_ATTACKS = (
    *(
        "' OR '1'='1",
        "' OR 1=1 --",
        '" OR ""="',
        "'; DROP TABLE documents; --",
        "'); DELETE FROM documents; --",
        "x'||'y",
    ),
    *(
        "\\'; SELECT 1; --",
        "$$; SELECT 1; $$",
        "%' OR '%'='",
        "') OR ('1'='1",
        "1; DROP SCHEMA public CASCADE",
        "a'--",
    ),
    *(
        '{"$ne": null}',
        '{"$gt": ""}',
        "$where",
        "[$ne]",
        "{$or: [{}]}",
        "} || true || {",
        "*:*",
        "* OR *",
        "field:*",
    ),
    *(
        '"}}, "match_all": {}',
        "@id:{*}",
        "(@x:[-inf inf])",
        "%s",
        "%(x)s",
        "%d%n",
        ":name",
        "?",
        "$1",
        "{0}",
        "{__class__}",
    ),
    *(
        "../../etc/passwd",
        "a/../b",
        "C:\\x",
        "file:///x",
        "${jndi:ldap://x}",
        "`id`",
        "$(id)",
        "; ls",
        "| cat",
        "\n--\n",
    ),
    *(
        'a"]["b',
        "a']['b",
        "a->>'b'",
        "#>>'{a}'",
        "a::text",
        "E'\\x27'",
        "U&'\\0027'",
        "\u02bc OR 1=1",
        "\uff07 OR 1=1",
        "/*",
        "*/",
    ),  # look-alikes on purpose
)


async def _filled(world: World) -> list[VectorDocument]:
    await world.collection()
    documents = [
        VectorDocument(
            id=text,
            content=text,
            embedding=[n, 1, 1, 1],
            metadata={"v": text, "l": [text], text: n},
            title=text,
            source=text,
        )
        for n, text in enumerate(_ATTACKS)
    ]
    await world.store.add_documents(documents)
    return documents


async def _whole(world: World, after: str) -> None:
    expect.equal(await world.store.count_documents(), len(_ATTACKS), f"documents after {after}")


@check("VS-328")
async def hostile_ids_are_only_ids(world: World) -> None:
    """Hostile ids are written, read, found and deleted as the one document that they name."""
    await _filled(world)
    for text in _ATTACKS:
        found = await world.store.get_document(text)
        expect.equal(found.id if found else None, text, "the id of the document that was asked for")
        count = await world.store.count_documents(filter={"@id": text})
        expect.equal(count, 1, f"documents with @id {text!r}")
    await _whole(world, "reading every id")
    for number, text in enumerate(_ATTACKS):
        expect.equal(await world.store.delete_documents([text]), 1, f"documents deleted by the id {text!r}")
        expect.equal(await world.store.count_documents(), len(_ATTACKS) - number - 1, "documents left")


@check("VS-328")
async def hostile_values_are_only_values(world: World) -> None:
    """Hostile values match the one document that has them, under every operator that takes text."""
    await _filled(world)
    for text in _ATTACKS:
        for condition, wanted in (
            ({"v": text}, 1),
            ({"v": {"$in": [text]}}, 1),
            ({"v": {"$ne": text}}, len(_ATTACKS) - 1),
            ({"l": {"$contains": text}}, 1),
            ({"@title": text}, 1),
            ({"$and": [{"v": text}, {"v": {"$ne": text}}]}, 0),
        ):
            count = await world.store.count_documents(filter=condition)
            expect.equal(count, wanted, f"documents by {condition}")
        begins = sum(one.startswith(text) for one in _ATTACKS)
        count = await world.store.count_documents(filter={"v": {"$startswith": text}})
        expect.equal(count, begins, f"documents that begin with {text!r}")
    await _whole(world, "every filter")


@check("VS-328")
async def hostile_field_names_are_only_names(world: World) -> None:
    """Hostile field names match the one document that has the field, in count, search and delete_where."""
    await _filled(world)
    for number, text in enumerate(_ATTACKS):
        path = "".join(f"\\{letter}" if letter in "\\." else letter for letter in text)
        path = f"\\{path}" if path[0] in "@$" else path
        count = await world.store.count_documents(filter={path: number})
        expect.equal(count, 1, f"documents by the field {text!r}")
        query = VectorQuery(query_vector=[1, 1, 1, 1], limit=100, metadata_filter={path: {"$exists": True}})
        found = [one.document.id for one in await world.store.search_similar(query)]
        expect.equal(found, [text], f"found by the field {text!r}")
        expect.equal(await world.store.delete_where({path: "nobody has it"}), 0, f"deleted by {text!r}")
    await _whole(world, "every field name")
