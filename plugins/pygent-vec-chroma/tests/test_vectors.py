"""Vectors in memory are those of the collection, and never more than the limit allows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pygent_vec_chroma.driver import NativeRows
from pygent_vec_chroma.vectors import VectorCache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROW = 2 * 4
IDS = [f"d{n}" for n in range(12)]


def _fetch(held: dict[str, float], asked: list[str]) -> Callable[[Sequence[str]], NativeRows]:
    def fetch(ids: Sequence[str]) -> NativeRows:
        asked.extend(ids)
        found = [one for one in ids if one in held]
        vectors = np.array([[held[one], 1.0] for one in found], dtype=np.float32).reshape(len(found), 2)
        return NativeRows(ids=found, vectors=vectors)

    return fetch


steps = st.lists(
    st.tuples(
        st.sampled_from(["read", "write", "delete"]),
        st.lists(st.sampled_from(IDS), min_size=1, max_size=6, unique=True),
    ),
    max_size=25,
)


@given(limit=st.integers(0, 10), steps=steps)
@settings(deadline=None)
def test_what_is_read_is_what_is_stored(limit: int, steps: list[tuple[str, list[str]]]) -> None:
    cache, held = VectorCache(limit * ROW), dict.fromkeys(IDS[:8], 0.0)
    for number, (step, ids) in enumerate(steps, 1):
        if step == "read":
            names, vectors = cache.rows(ids, _fetch(held, []))
            assert sorted(names) == sorted(one for one in ids if one in held)
            assert [float(vector[0]) for vector in vectors] == [held[one] for one in names]
            continue
        cache.forget(ids)
        if step == "write":
            held.update(dict.fromkeys(ids, float(number)))
            cache.keep(ids, _fetch(held, [])(ids).vectors)
            continue
        for one in ids:
            held.pop(one, None)


def test_what_was_read_is_not_asked_for_again() -> None:
    cache, asked = VectorCache(), list[str]()
    fetch = _fetch(dict.fromkeys(IDS, 1.0), asked)
    cache.rows(IDS[:5], fetch)
    cache.rows(IDS[2:8], fetch)
    assert asked == IDS[:8]


def test_the_oldest_make_place() -> None:
    cache, asked = VectorCache(4 * ROW), list[str]()
    fetch = _fetch(dict.fromkeys(IDS, 1.0), asked)
    cache.rows(IDS[:4], fetch)
    cache.rows(IDS[4:6], fetch)
    asked.clear()
    cache.rows(IDS[2:6], fetch)
    assert asked == []
    cache.rows(IDS[:2], fetch)
    assert asked == IDS[:2]


def test_a_long_scan_leaves_the_others_where_they_are() -> None:
    cache, asked = VectorCache(4 * ROW), list[str]()
    fetch = _fetch(dict.fromkeys(IDS, 1.0), asked)
    cache.rows(IDS[:3], fetch)
    assert not cache.has_place_for(len(IDS), 2)
    names, _ = cache.rows(IDS, fetch, keep=False)
    assert sorted(names) == sorted(IDS)
    asked.clear()
    cache.rows(IDS[:3], fetch)
    assert asked == []


def test_threads_that_read_the_same_rows_do_not_disturb_each_other() -> None:
    held = {one: float(place) for place, one in enumerate(IDS)}
    cache, wrong = VectorCache(6 * ROW), list[str]()

    def read(seed: int) -> None:
        draw = np.random.default_rng(seed)
        for _ in range(300):
            ids = [IDS[place] for place in draw.permutation(len(IDS))[:5]]
            names, vectors = cache.rows(ids, _fetch(held, []))
            wrong.extend(one for one, vector in zip(names, vectors, strict=True) if vector[0] != held[one])

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
