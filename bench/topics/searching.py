"""Searches: recall against rate, percentiles, many tasks at once, and filters of every selectivity."""

from __future__ import annotations

import asyncio
import statistics
from time import perf_counter
from typing import TYPE_CHECKING

from bench.contestants import Where, field_of
from bench.contestants.field import opened, settings_of
from bench.measure import Measurement, percentile
from bench.truth import truth_of
from bench.workshop import bandwidth
from pygent_vec import VectorQuery, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from bench.contestants import Answers, Contestant
    from bench.data import Corpus
    from bench.suites import Finding, Setup
    from bench.truth import Truth

__all__ = ["measure_filtered", "measure_search"]

_SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)
_TASKS = (1, 4, 16, 64)
_BLOCK = 25
_PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_CDF = tuple(range(5, 100, 5))
_LOSING = 20.0
"""Seconds after which a contestant is left out of further rounds of one case."""


def measure_search(setup: Setup) -> Iterator[Finding]:
    """Yield recall, rate and percentiles of each contestant at each effort, then rates of many tasks."""
    notes: list[str] = []
    truth = truth_of(setup.data)
    rounds = 3 if setup.quick else 12
    with field_of(setup, notes) as field:
        yield from _told(notes)
        everyone = list(_filled(field, setup.data, notes))
        done: set[tuple[str, str]] = set()
        for step in range(max(1, *(len(one.efforts) for one in everyone))):
            turned = {one: one.turn(one.efforts[step]) for one in everyone if step < len(one.efforts)}
            if not step:
                turned |= {one: "as it comes" for one in everyone if not one.efforts}
            turned = {one: effort for one, effort in turned.items() if (one.name, effort) not in done}
            done |= {(one.name, effort) for one, effort in turned.items()}
            answers = _in_turns(list(turned), setup.data, rounds)
            for one, effort in turned.items():
                yield from _figures(one, answers[one], truth, {"effort": effort})
    yield from notes
    rate = bandwidth()
    yield (
        f"One core reads {rate:.1f} GB/s here, so that no exact scan of these vectors on it takes less than "
        f"{setup.data.vectors.nbytes / rate / 1e3:.0f} µs."
    )
    yield from _concurrent(setup)


def _told(notes: list[str]) -> Iterator[str]:
    """Yield the notes so far, and take them off the list: the time may be up before the end."""
    while notes:
        yield notes.pop(0)


def _filled(field: Sequence[Contestant], data: Corpus, notes: list[str]) -> Iterator[Contestant]:
    """Fill each contestant; leave out, with a note, who cannot take the documents."""
    for one in field:
        try:
            one.fill(data)
            one.finish()
        except NotImplementedError as error:
            notes.append(f"{one.name} is left out: {error}")
            continue
        yield one


def _figures(
    one: Contestant, answers: Sequence[Answers], truth: Truth, case: dict[str, str | float]
) -> Iterator[Measurement]:
    seconds = [second for answer in answers for second in answer.seconds]
    found = [ids for answer in answers for ids in answer.found]
    recall = statistics.mean(truth.recall(place, _rows(ids)) for place, ids in enumerate(found))
    rates = [len(answer.seconds) / sum(answer.seconds) for answer in answers]
    yield _more("search", one, "recall@10", "", recall, case)
    yield _more("search", one, "rate", "1/s", len(seconds) / sum(seconds), case, rates)
    for name, share in _PERCENTILES:
        yield _less("search", one, name, "µs", percentile(seconds, share) * 1e6, case)
    for share in _CDF:
        cut = percentile(seconds, share / 100) * 1e6
        yield _less("cdf", one, "latency", "µs", cut, {**case, "share": share})


def _in_turns(
    everyone: Sequence[Contestant], data: Corpus, rounds: int, where: Where | None = None
) -> dict[Contestant, list[Answers]]:
    """Ask blocks of queries of one after the other, round by round, after a block that does not count."""
    answers: dict[Contestant, list[Answers]] = {one: [] for one in everyone}
    for one in everyone:
        one.search(data.queries[-_BLOCK:], where)
    for start in range(0, min(rounds * _BLOCK, len(data.queries)), _BLOCK):
        for one in everyone:
            if sum(sum(block.seconds) for block in answers[one]) < _LOSING:
                answers[one].append(one.search(data.queries[start : start + _BLOCK], where))
    return answers


def _rows(ids: Sequence[str]) -> list[int]:
    return [int(one.removeprefix("doc-")) for one in ids]


def _concurrent(setup: Setup) -> Iterator[Measurement]:
    """Yield the rate and the percentiles of searches by 1 to 64 tasks of one event loop."""
    count = 200 if setup.quick else 2_000
    with opened(setup) as (address, stores):
        for one in stores:
            one.fill(setup.data)
            one.finish()
            one.release()
            if one.name == "memory":
                continue  # it ended with its store; it is not made for many tasks
            settings = settings_of(one.name, setup.work, address)
            for tasks in _TASKS:
                yield from asyncio.run(_by_tasks(one.name, settings, setup.data.queries, tasks, count))


async def _by_tasks(
    name: str, settings: dict[str, str], vectors: np.ndarray, tasks: int, count: int
) -> list[Measurement]:
    seconds: list[float] = []
    queries = iter([VectorQuery(query_vector=vectors[turn % len(vectors)]) for turn in range(count)])
    async with open_store(name, **settings) as store:
        await store.search_similar(VectorQuery(query_vector=vectors[0]))

        async def work() -> None:
            for query in queries:
                started = perf_counter()
                await store.search_similar(query)
                seconds.append(perf_counter() - started)

        started = perf_counter()
        await asyncio.gather(*(work() for _ in range(tasks)))
        whole = perf_counter() - started
    case = {"tasks": tasks}
    rate = Measurement(
        topic="tasks", who=name, what="rate", unit="1/s", value=count / whole, case=case, better="more"
    )
    cuts = [
        Measurement(
            topic="tasks", who=name, what=what, unit="µs", value=percentile(seconds, share) * 1e6, case=case
        )
        for what, share in _PERCENTILES
    ]
    return [rate, *cuts]


def measure_filtered(setup: Setup) -> Iterator[Finding]:
    """Yield recall, results and latency of each contestant under each filter."""
    notes: list[str] = []
    rounds = 2 if setup.quick else 8
    rows = len(setup.data.ids)
    with field_of(setup, notes) as field:
        yield from _told(notes)
        everyone = list(_filled(field, setup.data, notes))
        for name in ("row", "near"):
            for below in dict.fromkeys(max(1, round(rows * share)) for share in _SHARES):
                where = Where(field=name, below=below)
                able = list(_able(everyone, setup.data, where, notes))
                answers = _in_turns(able, setup.data, rounds, where)
                truth = truth_of(setup.data, mask=where.mask(setup.data))
                for one in able:
                    yield from _under(one, answers[one], setup.data, truth, where)
    yield from dict.fromkeys(notes)


def _able(
    everyone: Sequence[Contestant], data: Corpus, where: Where, notes: list[str]
) -> Iterator[Contestant]:
    """Yield who can say the filter; note who cannot, and why."""
    for one in everyone:
        try:
            one.search(data.queries[:1], where)
        except NotImplementedError as error:
            notes.append(f"{one.name} is left out where {where.field!r} is filtered: {error}")
        else:
            yield one


def _under(
    one: Contestant, answers: Sequence[Answers], data: Corpus, truth: Truth, where: Where
) -> Iterator[Measurement]:
    """Yield what one contestant made of a filter."""
    matching = "at random" if where.field == "row" else "along the vectors"
    case: dict[str, str | float] = {"matching": where.below / len(data.ids), "which": matching}
    found = [ids for answer in answers for ids in answer.found]
    seconds = [second for answer in answers for second in answer.seconds]
    recall = statistics.mean(truth.recall(place, _rows(ids)) for place, ids in enumerate(found))
    results = statistics.mean(map(len, found)) / truth.wanted
    yield _more("filtered", one, "recall@10", "", recall, case)
    yield _more("filtered", one, "results", "of wanted", results, case)
    yield _less("filtered", one, "p50", "µs", percentile(seconds, 0.5) * 1e6, case)


def _more(
    topic: str,
    one: Contestant,
    what: str,
    unit: str,
    value: float,
    case: dict[str, str | float],
    rounds: Sequence[float] = (),
) -> Measurement:
    spread = (percentile(rounds, 0.25), percentile(rounds, 0.75)) if rounds else None
    return Measurement(
        topic=topic, who=one.name, what=what, unit=unit, value=value, case=case, spread=spread, better="more"
    )


def _less(
    topic: str, one: Contestant, what: str, unit: str, value: float, case: dict[str, str | float]
) -> Measurement:
    return Measurement(topic=topic, who=one.name, what=what, unit=unit, value=value, case=case)
