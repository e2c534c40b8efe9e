"""Progress of long moves: a bar on standard error, where that is a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pygent_vec.cli._output import error_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["progress_shown"]


@contextmanager
def progress_shown() -> Iterator[Callable[[str, int, int | None], None]]:
    """Give a function that shows how far something has come: its name, what is done, and the whole, if known.

    The bar has the rate and the time that is left. Without a terminal nothing is shown.
    """
    console = error_console()
    if not console.is_terminal:
        yield lambda _name, _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in tasks:  # what an earlier run has done is no part of the rate
                tasks[name] = progress.add_task(name, total=total, completed=done, rate="")
            task = tasks[name]
            speed = next(one.speed for one in progress.tasks if one.id == task)
            progress.update(
                task, completed=done, total=total, rate="" if speed is None else f"{speed:,.0f}/s"
            )

        yield show
