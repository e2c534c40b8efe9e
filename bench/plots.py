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
        for name, chosen, plot in (
            ("search", "search", _recall),
            ("cdf", "cdf", _latencies),
            ("growth", "growth", _growth),
        ):
            some = [one for one in figures if one.topic == chosen]
            if some:
                made.append(_drawn(pyplot, place / f"{run.name}-{name}.svg", plot, some))
    return made


def _drawn(
    pyplot: Any, path: Path, plot: Callable[[Any, Sequence[Measurement]], None], some: Sequence[Measurement]
) -> Path:
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    plot(axes, some)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=7)
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
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=who)
    axes.set(xlabel="recall@10", ylabel="searches a second", yscale="log")


def _latencies(axes: Any, some: Sequence[Measurement]) -> None:
    for who in dict.fromkeys(one.who for one in some):
        ours = [one for one in some if one.who == who]
        last = ours[-1].case["effort"]
        points = [(one.value, one.case["share"]) for one in ours if one.case["effort"] == last]
        axes.plot(*zip(*points, strict=True), label=f"{who}, {last}")
    axes.set(xlabel="µs a search", ylabel="share of the searches, %", xscale="log")


def _growth(axes: Any, some: Sequence[Measurement]) -> None:
    for who, what in dict.fromkeys((one.who, one.what) for one in some if "rows" in one.case):
        points = [
            (one.case["rows"], one.value)
            for one in some
            if (one.who, one.what) == (who, what) and "rows" in one.case
        ]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=f"{who}: {what}")
    axes.set(xlabel="rows", ylabel="µs", xscale="log", yscale="log")
