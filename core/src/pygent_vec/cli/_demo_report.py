"""The demo's report: as tables for a person to judge, and as JSON."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

import attrs

from pygent_vec.cli._demo_steps import COLLECTION
from pygent_vec.cli._output import (
    Cell,
    Column,
    byte_count,
    first_line,
    print_command,
    print_line,
    print_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pygent_vec.cli._demo_steps import Answer, Measurement

__all__ = [
    "DemoReport",
    "DemoTimes",
    "answers_json",
    "print_answers",
    "print_how_to_go_on",
    "print_report",
    "store_url",
]


@attrs.frozen(kw_only=True)
class DemoTimes:
    """Seconds of each step.

    Attributes:
        read: Reading the docstrings.
        embed: Embedding them.
        write: Writing them, durably where the backend is durable.
        index: Building the index.
        reopen: Opening the store again; None for a backend that keeps nothing.
    """

    read: float
    embed: float
    write: float
    index: float
    reopen: float | None


@attrs.frozen(kw_only=True)
class DemoReport:
    """What the demo did, and how long it took.

    Attributes:
        documents: How many were written.
        python: The version of the Python whose library was read.
        model: The embedding model.
        dimension: Of its vectors.
        backend: The backend's name.
        path: Where the store is or was; None for a backend without a path.
        index: The index, in the backend's words.
        effort: The search effort that was chosen, such as ef_search; None for an exact index.
        disk_bytes: The collection's size on disk; None where the backend cannot tell.
        answers: To the questions.
        measurement: Recall and search times.
        times: How long each step took.
    """

    documents: int
    python: str
    model: str
    dimension: int
    backend: str
    path: Path | None
    index: str
    effort: int | None
    disk_bytes: int | None
    answers: Sequence[Answer]
    measurement: Measurement
    times: DemoTimes

    @property
    def texts_per_second(self) -> float:
        """How many texts were embedded in a second."""
        return self.documents / self.times.embed

    @property
    def rows_per_second(self) -> float:
        """How many documents were written in a second."""
        return self.documents / self.times.write

    def to_json(self) -> dict[str, object]:
        """Return the report as a JSON object."""
        return {
            "documents": self.documents,
            "python": self.python,
            "model": self.model,
            "dimension": self.dimension,
            "backend": self.backend,
            "path": None if self.path is None else str(self.path),
            "collection": COLLECTION,
            "index": self.index,
            "effort": self.effort,
            "disk_bytes": self.disk_bytes,
            "answers": answers_json(self.answers),
            "recall_at_10": self.measurement.recall,
            "recall_queries": self.measurement.queries,
            "kept": None if self.times.reopen is None else True,
            "times": {
                "read_seconds": self.times.read,
                "embed_texts_per_second": self.texts_per_second,
                "ingest_rows_per_second": self.rows_per_second,
                "index_seconds": self.times.index,
                "search_p50_ms": self.measurement.p50_ms,
                "search_p95_ms": self.measurement.p95_ms,
                "reopen_ms": None if self.times.reopen is None else 1000 * self.times.reopen,
            },
        }


def answers_json(answers: Sequence[Answer]) -> list[object]:
    """Return the answers as a JSON array."""
    return [
        {
            "text": answer.question.text,
            "filter": answer.question.filter,
            "results": [
                {
                    "rank": one.rank,
                    "similarity_score": one.similarity_score,
                    "id": one.document.id,
                    "first_line": first_line(one.document.content),
                }
                for one in answer.results
            ],
        }
        for answer in answers
    ]


def print_answers(answers: Sequence[Answer]) -> None:
    """Print a table for each question."""
    columns = [Column("Score", "right"), Column("Name"), Column("What it says of itself", cut=True)]
    for answer in answers:
        condition = answer.question.filter
        where = "" if condition is None else f"\nwhere {json.dumps(condition)}"
        rows = [
            (f"{one.similarity_score:.3f}", Cell(one.document.id, "cyan"), first_line(one.document.content))
            for one in answer.results
        ]
        print_table(columns, rows, title=f'"{answer.question.text}"{where}')


def print_report(report: DemoReport) -> None:
    """Print the answers and a summary."""
    print_answers(report.answers)
    found = report.measurement
    rows = [
        (
            "Documents",
            f"{report.documents:,}",
            f"public docstrings of Python {report.python}, read in {report.times.read:.1f} s",
        ),
        (
            "Embedding",
            f"{report.texts_per_second:,.0f} texts/s",
            f"{report.model}, {report.dimension} dimensions",
        ),
        ("Writing", f"{report.rows_per_second:,.0f} rows/s", _where(report)),
        ("Index", f"{report.times.index:.2f} s", _index(report)),
        ("Search", f"{found.p50_ms:.2f} ms", f"median; 95 of 100 within {found.p95_ms:.2f} ms"),
        (
            "recall@10",
            f"{found.recall:.3f}",
            f"against exact search, {found.queries} sampled documents as queries",
        ),
        ("Reopening", *_kept(report)),
    ]
    columns = [Column("What"), Column("How much", "right"), Column("Of what")]
    print_table(columns, [(Cell(what, "bold"), much, of_what) for what, much, of_what in rows])


def print_how_to_go_on(backend: str, path: Path) -> None:
    """Print the commands that use a store that was kept."""
    url = shlex.quote(store_url(backend, path))
    print_line("The store was kept. Go on with:")
    print_command(f"  pygent-vec stats {url}")
    print_command(f"  pygent-vec search {url} {COLLECTION} 'open a compressed file'")


def store_url(backend: str, path: Path) -> str:
    """Return the URL of the store at *path*."""
    return f"{backend}:{quote(str(path))}"


def _index(report: DemoReport) -> str:
    effort = "" if report.effort is None else f"; search effort {report.effort}, chosen by measuring"
    return f"{report.index}{effort}"


def _where(report: DemoReport) -> str:
    size = "" if report.disk_bytes is None else f", {byte_count(report.disk_bytes)} on disk"
    return f"into {report.backend}{size}"


def _kept(report: DemoReport) -> tuple[str, str]:
    if report.times.reopen is None:
        return "none", f"{report.backend} keeps nothing"
    return (
        f"{1000 * report.times.reopen:,.0f} ms",
        f"all {report.documents:,} documents and the same answers are there",
    )
