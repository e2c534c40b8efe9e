"""The suites: what can be measured, by name, and what each may cost."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import attrs

from bench.measure import Claim, Measurement

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.data import Corpus

__all__ = ["BACKENDS", "SUITES", "Finding", "Setup", "Suite", "chosen", "suite"]

BACKENDS = ("faiss", "chroma", "postgres", "memory")

Finding: TypeAlias = Claim | Measurement | str
"""A promise measured, a figure, or a note that a reader must know."""


@attrs.frozen(kw_only=True, eq=False)
class Setup:
    """What a suite is given.

    Attributes:
        data: Documents and queries.
        work: An empty directory of its own.
        rounds: How often things are repeated.
        backends: Ours that are asked for.
        dsn: A PostgreSQL server with pgvector; None starts a private one.
        peers: Whether other people's libraries run too.
        quick: Whether it shall be short rather than exact.
    """

    data: Corpus
    work: Path
    rounds: int
    backends: tuple[str, ...] = BACKENDS
    dsn: str | None = None
    peers: bool = True
    quick: bool = False


@attrs.frozen(kw_only=True)
class Suite:
    """One subcommand.

    Attributes:
        name: Of the subcommand.
        place: "module:function" that measures it.
        about: What it measures, for the help.
        claims: Whether it measures promises, and so belongs to every run that names nothing else.
        plain: Whether its function takes `(data, work, *, rounds)` instead of a `Setup`.
        rows: How many documents, in a quick run and in a whole one.
        seconds: Its time box, likewise.
    """

    name: str
    place: str
    about: str
    claims: bool = False
    plain: bool = False
    rows: tuple[int, int] = (5_000, 100_000)
    seconds: tuple[float, float] = (60.0, 1_800.0)

    def measure(self, setup: Setup) -> Iterable[Finding]:
        """Run it; raises ImportError where its module or a package that it needs is missing."""
        module, _, name = self.place.partition(":")
        function = getattr(import_module(module), name)
        found: Iterable[Finding] = (
            function(setup.data, setup.work, rounds=setup.rounds) if self.plain else function(setup)
        )
        return found


SUITES = (
    Suite(
        name="import",
        place="bench.weight:measure_import",
        about="seconds of `import pygent_vec`",
        claims=True,
        seconds=(20, 60),
    ),
    Suite(
        name="embedded",
        place="bench.embedded:measure_embedded",
        about="FAISS against raw faiss, SQLite and files",
        claims=True,
        plain=True,
        rows=(25_000, 100_000),
        seconds=(90, 1_800),
    ),
    Suite(
        name="postgres",
        place="bench.postgres:measure_postgres",
        about="PostgreSQL against hand-written asyncpg",
        claims=True,
        rows=(20_000, 100_000),
        seconds=(90, 3_600),
    ),
    Suite(
        name="chroma",
        place="bench.chroma:measure_chroma",
        about="Chroma against its own client",
        claims=True,
        plain=True,
        rows=(20_000, 50_000),
        seconds=(90, 1_800),
    ),
    Suite(
        name="telemetry",
        place="bench.telemetry:measure_telemetry",
        about="what observing costs",
        claims=True,
        plain=True,
        rows=(5_000, 100_000),
        seconds=(60, 900),
    ),
    Suite(
        name="habits",
        place="bench.habits:measure_habits",
        about="batches, indexes, streaming and concurrency against the habits that they replace",
        claims=True,
        rows=(25_000, 100_000),
        seconds=(50, 900),
    ),
    Suite(
        name="transfer",
        place="bench.transfer:measure_transfer",
        about="copying between stores",
        claims=True,
        plain=True,
        rows=(5_000, 100_000),
        seconds=(60, 900),
    ),
    Suite(
        name="files",
        place="bench.files:measure_files",
        about="export and import against pyarrow",
        claims=True,
        plain=True,
        rows=(10_000, 100_000),
        seconds=(50, 600),
    ),
    Suite(
        name="search",
        place="bench.topics.searching:measure_search",
        about="recall against rate over efforts; percentiles; 1 to 64 tasks",
        seconds=(180, 3_600),
    ),
    Suite(
        name="filtered",
        place="bench.topics.searching:measure_filtered",
        about="50 to 0.01 % of the rows, at random and along the vectors",
        seconds=(180, 3_600),
    ),
    Suite(
        name="ingest",
        place="bench.topics.writing:measure_ingest",
        about="rows a second, and bytes on disk a row",
        seconds=(120, 3_600),
    ),
    Suite(
        name="mixed",
        place="bench.topics.writing:measure_mixed",
        about="searches while others write",
        seconds=(120, 900),
    ),
    Suite(
        name="life",
        place="bench.topics.living:measure_life",
        about="opening again, a cold start, peak memory",
        seconds=(180, 3_600),
    ),
    Suite(
        name="stall",
        place="bench.topics.living:measure_stall",
        about="how long the event loop is held",
        seconds=(120, 1_800),
    ),
    Suite(
        name="growth",
        place="bench.topics.growth:measure_growth",
        about="the cost of each call against the number of rows",
        rows=(8_000, 100_000),
        seconds=(120, 3_600),
    ),
)


_ALSO = {"reopen": "life", "cold": "life", "memory": "life", "disk": "ingest"}
"""Names of what a suite measures among other things."""


def suite(name: str) -> Suite:
    """Return the suite of that name, or that measures it too; raises `LookupError`, which lists all."""
    for one in SUITES:
        if one.name == _ALSO.get(name, name):
            return one
    raise LookupError(f"no suite {name!r}; there are {', '.join(one.name for one in SUITES)}")


def chosen(names: Iterable[str]) -> list[Suite]:
    """Return the suites asked for: by name, or "claims" (also for no name), "topics", "all"."""
    found: list[Suite] = []
    for name in list(names) or ["claims"]:
        if name in {"claims", "topics", "all"}:
            some = [one for one in SUITES if name == "all" or one.claims == (name == "claims")]
        else:
            some = [suite(name)]
        found += [one for one in some if one not in found]
    return found
