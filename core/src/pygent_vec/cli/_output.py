"""What the commands write: tables for people, JSON for programs, errors without tracebacks."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from unicodedata import category

import attrs

from pygent_vec.errors import PygentVecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

__all__ = [
    "Cell",
    "Column",
    "byte_count",
    "clean",
    "error_console",
    "errors_reported",
    "first_line",
    "print_command",
    "print_json",
    "print_line",
    "print_table",
]

FAILURE = 1
INTERRUPTED = 130
_UNIT = 1024
_WIDEST = 40
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        header: What stands above it.
        justify: Where a cell's text stands.
        cut: Whether a long text is cut at the column's end, and the column takes the width that the others
            leave; otherwise a long text goes on below.
    """

    header: str
    justify: Literal["left", "right"] = "left"
    cut: bool = False


@attrs.frozen
class Cell:
    """A text in a table with its style, such as `"green"`."""

    text: str
    style: str = ""


def print_json(value: object) -> None:
    """Write *value* as JSON to standard output. NaN and infinities, which JSON lacks, become null."""
    ascii_only = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    text = json.dumps(_finite(value), indent=2, ensure_ascii=ascii_only, allow_nan=False)
    sys.stdout.write(f"{text}\n")


def print_line(text: str = "", *, style: str = "") -> None:
    """Write a paragraph, wrapped at the terminal's width."""
    from rich.text import Text

    _console().print(Text(clean(text, keep="\n"), style=style))


def print_command(text: str) -> None:
    """Write one line that is never wrapped, so that it can be copied whole."""
    _console().print(clean(text), soft_wrap=True)


def print_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str | Cell]], *, title: str | None = None
) -> None:
    """Write a table that fits the terminal, or 80 columns where there is none."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cuts = any(column.cut for column in columns)
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        title_justify="left",
        expand=cuts,
    )
    if title is not None:
        table.title = Text(clean(title, keep="\n"), style="bold")
    for column in columns:
        table.add_column(
            column.header,
            justify=column.justify,
            overflow="ellipsis" if column.cut else "fold",
            no_wrap=column.cut,
            ratio=1 if column.cut else None,
            max_width=_WIDEST if cuts and not column.cut else None,
        )
    for row in rows:
        cells = (cell if isinstance(cell, Cell) else Cell(cell) for cell in row)
        table.add_row(*(Text(clean(cell.text, keep="\n"), style=cell.style) for cell in cells))
    _console().print(table)
    _console().print()


@contextmanager
def errors_reported(*, traceback: bool) -> Iterator[None]:
    """Turn an error into its message on standard error and an exit code; with *traceback*, let it through.

    An interruption (Ctrl-C) exits with 130, as a shell expects it.
    """
    import typer

    try:
        yield
    except BrokenPipeError:
        raise  # typer ends quietly: the reader of our output has gone
    except (PygentVecError, OSError) as error:
        if traceback:
            raise
        _print_error(str(error) or type(error).__name__)
        raise typer.Exit(FAILURE) from error
    except KeyboardInterrupt as error:
        if traceback:
            raise
        _print_error("interrupted")
        raise typer.Exit(INTERRUPTED) from error


def clean(text: str, *, keep: str = "") -> str:
    """Return *text* without what could steer a terminal: each control character becomes a space."""
    return "".join(" " if character not in keep and _steers(character) else character for character in text)


def first_line(text: str) -> str:
    """Return the first line of *text* that is not blank, or nothing."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def byte_count(count: int | None) -> str:
    """Return a number of bytes for people.

    >>> byte_count(1536)
    '1.5 KiB'
    """
    if count is None:
        return "unknown"
    if count < _UNIT:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        size /= _UNIT
        if size < _UNIT:
            return f"{size:.1f} {unit}"
    return f"{size / _UNIT:.1f} TiB"


def error_console() -> Console:
    """Return a console on standard error, for errors and progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _print_error(message: str) -> None:
    from rich.text import Text

    text = Text.assemble(("Error: ", "bold red"), clean(message, keep="\n"))
    error_console().print(text, soft_wrap=True)


def _steers(character: str) -> bool:
    return category(character) in {"Cc", "Cs"} or character in _BIDI_CONTROLS


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value
