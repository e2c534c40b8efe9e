"""What core itself does in a call, counted in bytecode instructions: the same number on every machine.

Only instructions of the package `pygent_vec` count, so that a count depends on its code and on Python's
version, and neither on the clock nor on other packages.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import pygent_vec
from bench.null import NullStore
from bench.runs import RESULTS
from pygent_vec import F, SyncVectorStore, VectorBatch, VectorQuery
from pygent_vec.sync import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

__all__ = ["KEPT", "TOLERANCE", "counted", "counts", "instructions", "kept_counts", "risen"]

KEPT = RESULTS / "instructions.json"
TOLERANCE = 0.10
_DIMENSION = 16
_ROWS = 200


def counted(call: Callable[[], object]) -> int:
    """Return how many bytecode instructions of `pygent_vec` a call executes in this thread."""
    root = str(Path(pygent_vec.__file__).parent) + os.sep
    executed = 0

    def inside(_: FrameType, event: str, __: object) -> Callable[..., Any]:
        nonlocal executed
        executed += event == "opcode"
        return inside

    def entered(frame: FrameType, _: str, __: object) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(root):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return inside

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        call()
    finally:
        sys.settrace(before)
    return executed


def counts() -> dict[str, int]:
    """Return the count of each call, on the store in memory and on one that does nothing."""
    found: dict[str, int] = {}
    for name, store in (("memory", open_store("memory")), ("null", SyncVectorStore(NullStore(_DIMENSION)))):
        with store:
            if name == "memory":
                store.create_collection("default", _DIMENSION)
            for what, call in _calls(store).items():
                call()  # what is cached is made now
                found[f"{name}.{what}"] = counted(call)
    return found


def _calls(store: SyncVectorStore) -> Mapping[str, Callable[[], object]]:
    vectors = np.random.default_rng(0).standard_normal((_ROWS, _DIMENSION), dtype=np.float32)
    batch = VectorBatch(
        ids=[f"doc-{row}" for row in range(_ROWS)],
        vectors=vectors,
        contents=["text"] * _ROWS,
        metadatas=[{"row": row, "tags": ["a", "b"]} for row in range(_ROWS)],
    )
    query = VectorQuery(query_vector=vectors[0])
    many = [VectorQuery(query_vector=vector) for vector in vectors[:20]]
    filtered = VectorQuery(query_vector=vectors[0], metadata_filter=F("row") < 50)
    return {
        "add_batch": lambda: store.add_batch(batch),
        "search_similar": lambda: store.search_similar(query),
        "search_similar, filtered": lambda: store.search_similar(filtered),
        "search_many": lambda: store.search_many(many),
        "get_document": lambda: store.get_document("doc-7"),
    }


def kept_counts() -> dict[str, int] | None:
    """Return the kept counts for this version of Python; None where there are none."""
    if not KEPT.exists():
        return None
    found: dict[str, dict[str, int]] = json.loads(KEPT.read_text(encoding="utf-8"))["counts"]
    return found.get(_python())


def risen(kept: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Return a line for each call that costs over 10 % more than was kept, or is not counted any more."""
    lines = [f"{what} is no longer counted" for what in kept if what not in found]
    return lines + [
        f"{what}: {found[what]:,} instructions, {found[what] / kept[what] - 1:+.0%} against {kept[what]:,}"
        for what in kept
        if found.get(what, 0) > kept[what] * (1 + TOLERANCE)
    ]


def instructions(*, save: bool) -> int:
    """Print the counts beside the kept ones, keep them if asked to; return 1 where one has risen."""
    found, kept = counts(), kept_counts()
    for what, count in found.items():
        was = f"{count / kept[what] - 1:+.1%}" if kept and what in kept else "new"
        print(f"{what:32} {count:10,}  {was}")
    if save:
        body = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"counts": {}}
        body["what"] = "bytecode instructions of the package pygent_vec in one call, by Python's version"
        body["counts"][_python()] = found
        KEPT.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        return 0
    if kept is None:
        print(f"nothing is kept for Python {_python()}; keep it by: python -m bench instructions --save")
        return 0
    lines = risen(kept, found)
    print("\n".join(lines) or f"none has risen by more than {TOLERANCE:.0%}")
    return 1 if lines else 0


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
