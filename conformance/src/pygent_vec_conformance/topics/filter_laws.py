"""Filters at random: for any filter every way of asking agrees with its meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from pygent_vec import VectorDocument, VectorQuery, evaluate
from pygent_vec_conformance import expect, meaning
from pygent_vec_conformance.checks import check
from pygent_vec_conformance.laws import holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_conformance.world import World

_SCALARS: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        0.0,
        -0.0,
        1.0,
        0.5,
        2.2,
        -1.5,
        1e-323,
        2**53,
        2**53 + 1,
        2.0**53,
        -(2**53) - 1,
    ),
    *(
        2**63 - 1,
        -(2**63),
        2.0**63,
        1e300,
        0.1 + 0.2,
        0.3,
        "",
        "a",
        "A",
        "1",
        "1.0",
        "true",
        "null",
        "red",
        "Red",
        "re",
    ),
    *(
        "redder",
        "'",
        '"',
        "%",
        "_",
        "\\",
        "a%b",
        "a.b",
        "é",
        "e\u0301",
        "日本",
        "😀",
        "\U0010ffff",
        "' OR '1'='1",
        "0",
    ),
)
_KEYS = ("a", "b", "c", "a b", "x'y", 'q"', "d.e", "é")
_PATHS = (
    "a",
    "b",
    "c",
    "a.a",
    "a.b",
    "b.c",
    "a.a.a",
    "a b",
    "x'y",
    'q"',
    "d\\.e",
    "é",
    "@id",
    "@title",
    "@chunk_index",
    "nobody",
)
_DOCUMENTS = 120

scalars = st.sampled_from(_SCALARS)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(("a", "b", "c")), inner, max_size=2)
    ),
    max_leaves=4,
)
_ordered = st.sampled_from(
    [one for one in _SCALARS if isinstance(one, (int, float, str)) and not isinstance(one, bool)]
)
_texts = st.sampled_from([one for one in _SCALARS if isinstance(one, str)])
_lists = st.lists(json_values, max_size=4)


def _operands() -> st.SearchStrategy[Mapping[str, object]]:
    one = st.one_of(
        *(st.tuples(st.just(name), json_values) for name in ("$eq", "$ne", "$contains")),
        *(st.tuples(st.just(name), _ordered) for name in ("$gt", "$gte", "$lt", "$lte")),
        *(st.tuples(st.just(name), _lists) for name in ("$in", "$nin", "$contains_any", "$contains_all")),
        st.tuples(st.just("$exists"), st.booleans()),
        st.tuples(st.just("$startswith"), _texts),
    )
    return st.lists(one, min_size=1, max_size=2).map(dict)


_comparisons = st.dictionaries(
    st.sampled_from(_PATHS), st.one_of(_operands(), _operands(), json_values), min_size=1, max_size=2
)


def _above(inner: st.SearchStrategy[Mapping[str, object]]) -> st.SearchStrategy[Mapping[str, object]]:
    parts = st.lists(inner, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"$and": parts}),
        st.fixed_dictionaries({"$or": parts}),
        st.fixed_dictionaries({"$not": inner}),
        st.tuples(inner, st.fixed_dictionaries({"$or": parts})).map(lambda pair: {**pair[0], **pair[1]}),
    )


filters = st.recursive(_comparisons, _above, max_leaves=5)


def corpus(world: World) -> list[VectorDocument]:
    """Return documents with adversarial metadata, the same in every run."""
    dice = world.dice

    def value(depth: int) -> object:
        kind = dice.random()
        if depth < 2 and kind < 0.2:  # noqa: PLR2004  # a die
            return [value(depth + 1) for _ in range(dice.randrange(4))]
        if depth < 2 and kind < 0.4:  # noqa: PLR2004  # a die
            return {key: value(depth + 1) for key in dice.sample(("a", "b", "c"), dice.randrange(3))}
        return dice.choice(_SCALARS)

    return [
        VectorDocument(
            id=dice.choice(("a", "A", "1", "é", "😀", "'")) + f"{n:03}",
            embedding=[n, 1, 2, 3],
            metadata={key: value(0) for key in _KEYS if dice.random() < 0.6},  # noqa: PLR2004  # a die
            title=dice.choice((None, "", "a", "red", "1", "%")),
            chunk_index=dice.choice((None, 0, 1, 2**53 + 1)),
        )
        for n in range(_DOCUMENTS)
    ]


def _agree(
    seen: set[str], wanted: set[str], condition: object, how: str, by_id: Mapping[str, VectorDocument]
) -> None:
    wrong = sorted(seen ^ wanted)
    if wrong:
        one = by_id.get(wrong[0])
        held = None if one is None else (one.id, one.title, one.chunk_index, one.metadata)
        verb = "lets through" if wrong[0] in seen else "leaves out"
        raise expect.Violation(
            f"{how} by {condition!r} {verb} the document {held!r} (id, title, chunk_index, metadata) "
            f"and is wrong for {len(wrong)} of {len(by_id)}"
        )


@check("VS-327", timeout=300)
def any_filter_means_the_same_in_every_call(world: World) -> None:
    """For random filters over adversarial values, iteration, count and search agree with the meaning."""
    documents = corpus(world)
    by_id = {one.id: one for one in documents}
    world.run(world.collection())
    world.run(world.store.add_documents(documents))

    async def ask(condition: Mapping[str, object]) -> tuple[set[str], int, set[str]]:
        iterated = {one.id async for one in world.store.iter_documents(filter=condition)}
        count = await world.store.count_documents(filter=condition)
        query = VectorQuery(
            query_vector=[1, 1, 1, 1], metadata_filter=condition, limit=_DOCUMENTS, include_content=False
        )
        return iterated, count, {one.document.id for one in await world.store.search_similar(query)}

    def law(condition: Mapping[str, object]) -> None:
        world.trace.clear()
        wanted = {one.id for one in documents if meaning.holds(condition, one)}
        iterated, count, found = world.run(ask(condition))
        _agree(iterated, wanted, condition, "an iteration", by_id)
        _agree(found, wanted, condition, "a search", by_id)
        expect.equal(count, len(wanted), f"the count by {condition!r}")

    holds(world, 250, filters, law)


@check("VS-327", timeout=300)
def any_filter_deletes_what_it_means(world: World) -> None:
    """For random filters delete_where deletes exactly what the filter means."""
    documents = corpus(world)[:40]
    by_id = {one.id: one for one in documents}
    world.run(world.collection())

    async def delete(condition: Mapping[str, object]) -> tuple[int, set[str]]:
        await world.store.add_documents(documents)
        deleted = await world.store.delete_where(condition)
        return deleted, {one.id async for one in world.store.iter_documents()}

    def law(condition: Mapping[str, object]) -> None:
        world.trace.clear()
        wanted = {one.id for one in documents if meaning.holds(condition, one)}
        deleted, left = world.run(delete(condition))
        _agree(set(by_id) - left, wanted, condition, "delete_where", by_id)
        expect.equal(deleted, len(wanted), f"the count of delete_where({condition!r})")

    holds(world, 60, filters, law)


@check("VS-327", timeout=300)
def evaluate_is_the_meaning_too(world: World) -> None:
    """Core's evaluate(filter, document) agrees with the meaning, read from the contract anew."""
    documents = corpus(world)[:60]

    def law(condition: Mapping[str, object]) -> None:
        wrong = [one for one in documents if evaluate(condition, one) != meaning.holds(condition, one)]
        if wrong:
            shown = (wrong[0].id, wrong[0].title, wrong[0].chunk_index, wrong[0].metadata)
            raise expect.Violation(f"evaluate({condition!r}) is wrong for {shown!r}")

    holds(world, 250, filters, law)
