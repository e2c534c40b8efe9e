"""One query to many stores: in parallel, each with its own deadline."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Literal

import attrs

from pygent_vec.contract import EMBEDDING_MODEL, spec_of
from pygent_vec.errors import InvalidQueryError, InvalidVectorError, hint, shown
from pygent_vec.manager._fusion import by_rank, by_score
from pygent_vec.manager._reports import FederatedAnswer, StoreAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.contract import VectorStore
    from pygent_vec.manager._calls import Calls
    from pygent_vec.manager._slot import Slot
    from pygent_vec.model import VectorQuery, VectorSearchResult

__all__ = ["Fusion", "ask_all", "fused"]

_RANK_WINDOW = 100
"""How many places of each list count at least where those of an id are summed, so that pages fit."""

Fusion = Literal["auto", "score", "rrf"]


@attrs.frozen(kw_only=True)
class _Kind:
    """What must agree before distances may be compared."""

    metric: str
    model: str | None


@attrs.frozen(kw_only=True)
class _Found:
    results: list[VectorSearchResult]
    kind: _Kind | None


async def ask_all(
    slots: Sequence[Slot], calls: Calls, query: VectorQuery, deadline: float
) -> dict[str, StoreAnswer]:
    """Return what each store answers; one that fails or is too slow has an error in place of results."""
    found = await _asked(slots, calls, query, deadline, kinds=False)
    return {name: answer for name, (answer, _) in found.items()}


async def fused(
    slots: Sequence[Slot],
    calls: Calls,
    query: VectorQuery,
    deadline: float,
    *,
    fusion: Fusion,
    deduplicate: bool,
) -> FederatedAnswer:
    """Return one ranked list from the stores that answer.

    Raises:
        InvalidQueryError: the fusion is unknown, or by score where scores cannot be compared.
        PygentVecError: no store answers; the error of the first one.
    """
    allowed = ("auto", "score", "rrf")
    if fusion not in allowed:
        raise InvalidQueryError(f"fusion={shown(fusion)}{hint(str(fusion), allowed)}")
    depth = query.offset + query.limit
    if deduplicate and fusion != "score":
        depth = max(depth, _RANK_WINDOW)
    whole = attrs.evolve(query, limit=depth, offset=0)
    found = await _asked(slots, calls, whole, deadline, kinds=fusion != "rrf")
    errors = {name: answer.error for name, (answer, _) in found.items() if answer.error is not None}
    if len(errors) == len(found):
        _raise_all(errors)
    answers = {name: answer.results for name, (answer, _) in found.items() if answer.results is not None}
    chosen, reason = _chosen(fusion, {name: kind for name, (_, kind) in found.items() if name in answers})
    fuse = by_score if chosen == "score" else by_rank
    results = fuse(answers, deduplicate=deduplicate)[query.offset : query.offset + query.limit]
    return FederatedAnswer(results=results, errors=errors, fusion=chosen, reason=reason)


async def _asked(
    slots: Sequence[Slot], calls: Calls, query: VectorQuery, deadline: float, *, kinds: bool
) -> dict[str, tuple[StoreAnswer, _Kind | None]]:
    import asyncio

    async def one(slot: Slot) -> tuple[StoreAnswer, _Kind | None]:
        async def work() -> _Found:
            store = await slot.open()
            results = await store.search_similar(query)
            if store.name != slot.name:  # it was made by somebody else, under another name
                results = [attrs.evolve(result, store=slot.name) for result in results]
            return _Found(results=results, kind=await _kind(store, query) if kinds else None)

        started = perf_counter()
        try:
            found = await calls.bounded(deadline, slot.name, "search_similar", work)
        except Exception as error:  # noqa: BLE001  # it is part of the answer
            seconds = perf_counter() - started
            return StoreAnswer(
                store=slot.name, results=None, error=_named(error, slot), seconds=seconds
            ), None
        seconds = perf_counter() - started
        return StoreAnswer(store=slot.name, results=found.results, error=None, seconds=seconds), found.kind

    answers = await asyncio.gather(*(one(slot) for slot in slots))
    return {slot.name: answer for slot, answer in zip(slots, answers, strict=True)}


async def _kind(store: VectorStore, query: VectorQuery) -> _Kind:
    spec = await spec_of(store, query.collection)
    model = spec.metadata.get(EMBEDDING_MODEL)
    if query.query_text is not None and store.embedder is not None:
        model = store.embedder.model
    metric = query.distance_metric or spec.distance_metric
    return _Kind(metric=str(metric), model=None if model is None else str(model))


def _chosen(fusion: Fusion, kinds: Mapping[str, _Kind | None]) -> tuple[str, str]:
    """Return the fusion to use, and why."""
    if fusion == "rrf":
        return "rrf", "it was asked for"
    known = {name: kind for name, kind in kinds.items() if kind is not None}
    if len(set(known.values())) <= 1:
        return "score", "metric and embedding model agree in all stores that answered"
    words = "; ".join(
        f"{name}: {kind.metric}, {kind.model or 'no model named'}" for name, kind in sorted(known.items())
    )
    if fusion == "score":
        raise InvalidQueryError(
            f"scores cannot be compared where metric or embedding model differ ({words}); "
            'use fusion="rrf" or "auto"'
        )
    return "rrf", f"metric or embedding model differ ({words})"


def _named(error: Exception, slot: Slot) -> Exception:
    """Return an error that says which store it comes from."""
    if isinstance(error, InvalidVectorError):
        named = InvalidVectorError(f"the store {slot.name!r}: {error}")
        named.__cause__ = error
        return named
    error.add_note(f"in the store {slot.name!r}")
    return error


def _raise_all(errors: Mapping[str, Exception]) -> None:
    if not errors:
        raise InvalidQueryError("there is no store to search; add one with add_store()")
    first, *others = errors.items()
    for name, error in others:
        first[1].add_note(f"and the store {name!r}: {type(error).__name__}: {error}")
    raise first[1]
