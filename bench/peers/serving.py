"""The other end of `bench.contestants.program`: a peer's program reads questions, and times its own answers.

It imports nothing of the project, because it runs where the project is not installed.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Engine", "Rows", "Where", "serve", "sqlalchemy_address"]


class Where(TypedDict):
    """A filter: an integer field of the metadata is below a bound."""

    field: str
    below: int


class Rows(TypedDict):
    """Documents as columns; `vectors` is float32 `[n, d]`."""

    ids: list[str]
    vectors: np.ndarray
    contents: list[str]
    metadatas: list[dict[str, Any]]


class Engine(Protocol):
    """What a peer's program does. It raises `NotImplementedError` for what its library lacks."""

    def fill(self, rows: Rows) -> None:
        """Keep the documents, and build what is needed to search them."""

    def search(self, vector: list[float], k: int, where: Where | None) -> Sequence[str]:
        """Return the ids of the nearest documents, read with content and metadata."""


def serve(make: Callable[[Path, str], Engine], *modules: str) -> None:
    """Answer questions, one a line, until the input ends.

    Args:
        make: Opens the library in a directory, with the address of a PostgreSQL server, which may be empty.
        modules: What it will need, imported when it is opened, so that no import is timed.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    work, engine = Path(), None
    for line in sys.stdin:
        asked = json.loads(line)
        answer: Mapping[str, object]
        try:
            if asked["do"] == "open":
                work = Path(asked["work"])
                for name in modules:
                    import_module(name)
                engine = make(work, asked["server"])
                answer = {"versions": ", ".join(f"{one} {version(one)}" for one in asked["packages"])}
            elif engine is None:
                raise RuntimeError("asked before it was opened")
            elif asked["do"] == "fill":
                answer = _filled(engine, work)
            else:
                answer = _searched(engine, work, asked["k"], asked["where"])
        except NotImplementedError as error:
            answer = {"refused": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


def _filled(engine: Engine, work: Path) -> Mapping[str, object]:
    columns = json.loads((work / "rows.json").read_text(encoding="utf-8"))
    vectors = np.load(work / "vectors.npy")
    rows = Rows(
        ids=columns["ids"], vectors=vectors, contents=columns["contents"], metadatas=columns["metadatas"]
    )
    started = perf_counter()
    engine.fill(rows)
    return {"seconds": perf_counter() - started}


def _searched(engine: Engine, work: Path, k: int, where: Where | None) -> Mapping[str, object]:
    seconds, found = [], []
    for vector in np.load(work / "queries.npy").tolist():
        started = perf_counter()
        ids = list(engine.search(vector, k, where))
        seconds.append(perf_counter() - started)
        found.append(ids)
    return {"seconds": seconds, "found": found}


def sqlalchemy_address(address: str, driver: str) -> str:
    """Return a PostgreSQL address as SQLAlchemy spells it."""
    return address.replace("postgresql://", f"postgresql+{driver}://", 1)
