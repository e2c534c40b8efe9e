"""Plots of the kept runs, as SVG: recall against rate, latencies, growth."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from bench.measure import Measurement
    from bench.runs import Run

__all__ = ["draw"]

_MARKS = "os^vDP*X<>"
_COLOURS = 10
"""As many lines differ by their colour; the next ones have another mark, too."""


def draw(runs: Iterable[Run], place: Path) -> list[Path]:
    """Draw what the runs have figures for, into the directory *place*; return the files.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        matplotlib: Any = import_module("matplotlib")
    except ImportError as error:
        raise ImportError("the plots need matplotlib: pip install matplotlib") from error
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "pygent-vec", "svg.fonttype": "none", "font.size": 9})
    pyplot: Any = import_module("matplotlib.pyplot")
    place.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for run in runs:
        figures = [one for part in run.parts.values() for one in part.measurements]
        for name, plot in (("search", _recall), ("cdf", _latencies), ("growth", _growth)):
            some = [one for one in figures if one.topic == name]
            if some:
                panels = list(dict.fromkeys(one.who for one in some)) if plot is _growth else [None]
                made.append(_drawn(pyplot, place / f"{run.name}-{name}.svg", plot, some, panels))
    return made


def _drawn(
    pyplot: Any,
    path: Path,
    plot: Callable[[Any, Sequence[Measurement]], None],
    some: Sequence[Measurement],
    panels: Sequence[str | None],
) -> Path:
    """Draw one panel, or one for each contestant, with the legend beside them."""
    rows, columns = (len(panels) + 1) // 2, min(2, len(panels))
    size = (8.5, 4.5) if rows == 1 else (8.5, 3.5 * rows)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=size, squeeze=False, sharey=True, layout="constrained"
    )
    for axes, who in zip(grid.flat, panels, strict=False):
        plot(axes, [one for one in some if who is None or one.who == who])
        for number, line in enumerate(axes.get_lines()):
            line.set(marker=_MARKS[number // _COLOURS], markersize=4 if plot is not _latencies else 0)
        axes.set(title=who or "")
        axes.grid(visible=True, alpha=0.3)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, loc="outside right center")
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
    return path


def _recall(axes: Any, some: Sequence[Measurement]) -> None:
    for who in dict.fromkeys(one.who for one in some):
        rates, recalls = (
            {one.case["effort"]: one.value for one in some if one.who == who and one.what == what}
            for what in ("rate", "recall@10")
        )
        points = sorted((recalls[effort], rates[effort]) for effort in rates)
        axes.plot(*zip(*points, strict=True), label=who)
    axes.set(xlabel="recall@10", ylabel="searches a second", yscale="log")


def _latencies(axes: Any, some: Sequence[Measurement]) -> None:
    for who in dict.fromkeys(one.who for one in some):
        ours = [one for one in some if one.who == who]
        last = ours[-1].case["effort"]
        points = [(one.value, one.case["share"]) for one in ours if one.case["effort"] == last]
        axes.plot(*zip(*points, strict=True), label=f"{who}, {last}")
    axes.set(xlabel="µs a search", ylabel="share of the searches, %", xscale="log")


def _growth(axes: Any, some: Sequence[Measurement]) -> None:
    """Draw the costs of one contestant."""
    sized = [one for one in some if "rows" in one.case]
    for what in dict.fromkeys(one.what for one in sized):
        points = [(one.case["rows"], one.value) for one in sized if one.what == what]
        axes.plot(*zip(*points, strict=True), label=what)
    axes.set(xlabel="rows", ylabel="µs", xscale="log", yscale="log")
    axes.tick_params(axis="x", which="minor", labelbottom=False)
