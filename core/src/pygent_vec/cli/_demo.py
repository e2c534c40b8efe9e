"""`pygent-vec demo`: a vector store's main job, on real data."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pygent_vec.cli._demo_report import (
    answers_json,
    print_answers,
    print_how_to_go_on,
    print_report,
    store_url,
)
from pygent_vec.cli._demo_run import EMBEDDER, run_demo
from pygent_vec.cli._demo_steps import ask
from pygent_vec.cli._opening import existing_store
from pygent_vec.cli._options import AsJson, Traceback
from pygent_vec.cli._output import errors_reported, print_json
from pygent_vec.errors import ConfigError
from pygent_vec.plugin import backends, embedders

__all__ = ["demo"]

_BACKEND = "faiss"


_Path: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="A new or empty directory for the store, which is kept. By default a temporary one.",
        show_default=False,
    ),
]
_Queries: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--queries", help="Only ask the questions, of the store that an earlier demo left in --path."
    ),
]


def demo(
    *,
    path: _Path = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary directory too.")] = False,
    queries: _Queries = False,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Show on real data what a vector store does, and how well.

    Fill a store, search it with and without filters, close it, open it again, and measure.

    The data are the docstrings of this Python's own standard library, some thousands of short texts.
    They are embedded by pygent-vec-embed-static and kept by pygent-vec-faiss; nothing is downloaded.

    Judge the answers by reading them. The report at the end tells how fast the store was, and the
    share of the true ten nearest documents that its index found (recall@10).
    """
    if queries and path is None:
        raise typer.BadParameter("needs --path, the directory of an earlier demo", param_hint="--queries")
    with errors_reported(traceback=traceback):
        if queries and path is not None:
            _ask_again(path, as_json=as_json)
            return
        # Before anything is made or read: a missing plugin is told at once.
        backends().load(_BACKEND)
        embedders().load(EMBEDDER)
        with _directory(path, keep=keep) as directory:
            report = run_demo(_BACKEND, directory)
        if as_json:
            print_json(report.to_json())
            return
        print_report(report)
        if keep or path is not None:
            print_how_to_go_on(_BACKEND, directory)


@contextmanager
def _directory(path: Path | None, *, keep: bool) -> Iterator[Path]:
    """Yield an empty directory for the store; a temporary one is removed at the end, unless it is kept."""
    if path is not None:
        if path.is_dir() and next(path.iterdir(), None) is not None:
            raise ConfigError(
                f"the directory {str(path)!r} is not empty; give a new one, or ask the questions again "
                "of an earlier demo's store with --queries"
            )
        yield path
    elif keep:
        yield Path(tempfile.mkdtemp(prefix="pygent-vec-demo-"))
    else:
        with tempfile.TemporaryDirectory(prefix="pygent-vec-demo-") as directory:
            yield Path(directory)


def _ask_again(path: Path, *, as_json: bool) -> None:
    embedder = embedders().load(EMBEDDER).embedder()
    with existing_store(store_url(_BACKEND, path)) as store:
        answers = ask(store, embedder)
    if as_json:
        print_json({"answers": answers_json(answers)})
    else:
        print_answers(answers)
