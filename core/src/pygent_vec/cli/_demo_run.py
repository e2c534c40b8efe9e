"""One run of the demo, from reading the docstrings to opening the store again."""

from __future__ import annotations

import platform
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from pygent_vec.cli._corpus import standard_library_docstrings
from pygent_vec.cli._demo_report import DemoReport, DemoTimes
from pygent_vec.cli._demo_steps import COLLECTION, ask, check_kept, embed, fill, measure, optimize
from pygent_vec.cli._output import error_console
from pygent_vec.errors import ConfigError
from pygent_vec.plugin import embedders
from pygent_vec.sync import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.progress import Progress

    from pygent_vec.cli._corpus import Passage
    from pygent_vec.cli._demo_steps import Answer
    from pygent_vec.contract import Embedder
    from pygent_vec.model import JsonObject
    from pygent_vec.sync import SyncVectorStore

__all__ = ["EMBEDDER", "run_demo"]

EMBEDDER = "static"

T = TypeVar("T")


def run_demo(backend: str, path: Path | None, *, library: Path | None = None) -> DemoReport:
    """Run the demo on a store of *backend* and return what happened.

    Args:
        backend: A backend's name.
        path: An empty or new directory for the store; None for a backend that has no path.
        library: The folder of the docstrings' sources; None means this Python's standard library.

    Raises:
        ConfigError: no docstrings are there.
        CorruptStoreError: the store that was opened again is not as it was closed.
    """
    opened = partial(open_store, backend) if path is None else partial(open_store, backend, path=path)
    embedder = embedders().load(EMBEDDER).embedder()
    with _progress() as progress:
        passages, read = _timed(lambda: _passages(library, progress))
        embedder.embed(["the first text loads the data, which is not what the clock is for"])
        vectors, embedding = _timed(lambda: embed(passages, embedder, progress))
        with opened() as store:
            source: JsonObject = {"embedder": EMBEDDER, "embedder_model": embedder.model}
            _, writing = _timed(lambda: fill(store, passages, vectors, source, progress))
            built, indexing = _timed(lambda: optimize(store))
            answers = ask(store, embedder)
            measurement = measure(store, vectors, progress)
            sizes = store.get_stats().collections[COLLECTION]
        reopening = _reopened(opened, len(passages), answers, embedder)
    return DemoReport(
        documents=len(passages),
        python=platform.python_version(),
        model=embedder.model,
        dimension=embedder.dimension,
        backend=backend,
        path=path,
        index=sizes.index,
        effort=built.effort,
        disk_bytes=sizes.disk_bytes,
        answers=answers,
        measurement=measurement,
        times=DemoTimes(read=read, embed=embedding, write=writing, index=indexing, reopen=reopening),
    )


def _passages(library: Path | None, progress: Progress) -> list[Passage]:
    task = progress.add_task("Reading docstrings", total=None)
    passages = [passage for passage in standard_library_docstrings(library) if passage.public]
    if not passages:
        raise ConfigError(
            "no docstrings of the standard library were found; the demo needs a Python whose library "
            "is there as source files"
        )
    progress.update(task, total=len(passages), completed=len(passages))
    return passages


def _reopened(
    opened: Callable[[], SyncVectorStore], documents: int, answers: Sequence[Answer], embedder: Embedder
) -> float | None:
    """Open the store again, check that it was kept, and return the seconds that opening took.

    None for a store that keeps nothing.
    """
    store, opening = _timed(opened)
    if not store.store.capabilities.durable:
        return None
    _, initializing = _timed(store.initialize)
    with store:
        check_kept(store, documents, answers, embedder)
    return opening + initializing


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what *work* returned, and its time in seconds."""
    started = perf_counter()
    result = work()
    return result, perf_counter() - started


def _progress() -> Progress:
    """Return a progress bar on standard error; it is silent where that is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = error_console()
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
