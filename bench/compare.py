"""Two runs beside each other: what became worse by more than the runs' own noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from bench.runs import load_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.runs import Run

__all__ = ["Change", "changes", "compare"]

_NOISE = 0.10
"""A change below this share is never told: machines differ by more from day to day."""
_COUNTED = frozenset({"recall@10", "results"})
"""Shares that no clock measures; of these any loss of more than a hundredth counts."""


@attrs.frozen(kw_only=True)
class Change:
    """One figure in two runs.

    Attributes:
        what: The figure.
        before: In the first run.
        after: In the second.
        worse: By which share of the first it is worse; negative where it is better.
        noise: The share that the runs' quartiles, or the least noise, explain.
    """

    what: str
    before: float
    after: float
    worse: float
    noise: float

    @property
    def regression(self) -> bool:
        """Whether it became worse by more than the noise."""
        return self.worse > self.noise


@attrs.frozen(kw_only=True)
class _Figure:
    value: float
    spread: tuple[float, float] | None
    less: bool
    least: float = _NOISE


def compare(first: Path, second: Path) -> int:
    """Print what changed beyond the noise from the one run to the other; return 1 if any became worse."""
    one, other = load_run(first), load_run(second)
    for name, left, right in _differences(one, other):
        print(f"the runs differ in {name}: {left} and {right}")
    found = list(changes(one, other))
    worse = [change for change in found if change.regression]
    better = [change for change in found if -change.worse > change.noise]
    for title, some in (("worse", worse), ("better", better)):
        for change in some:
            print(
                f"{title:7} {abs(change.worse):6.0%} (noise {change.noise:.0%})  "
                f"{change.before:.4g} -> {change.after:.4g}  {change.what}"
            )
    missing = sorted(set(_figures(one)) - set(_figures(other)))
    for what in missing:
        print(f"missing in the second: {what}")
    print(
        f"{len(found)} figures in both: {len(worse)} worse, {len(better)} better, the rest within the noise"
    )
    return 1 if worse else 0


def _differences(one: Run, other: Run) -> Iterator[tuple[str, object, object]]:
    """Yield what makes two runs hard to compare; the load and the rates of a machine always differ."""
    yours = [{**run.machine, **run.versions, **run.settings, "quick": run.quick} for run in (one, other)]
    for name in dict.fromkeys([*yours[0], *yours[1]]):
        left, right = yours[0].get(name), yours[1].get(name)
        if left != right and name not in {"load", "bandwidth"}:
            yield name, left, right


def changes(one: Run, other: Run) -> Iterator[Change]:
    """Yield each figure that both runs have.

    The noise is the larger of a tenth and the distance from the median to the farther quartile, of both runs
    added up. Where quartiles of the two overlap, the noise is at least the change itself.
    """
    before, after = _figures(one), _figures(other)
    for what in before.keys() & after.keys():
        left, right = before[what], after[what]
        if not left.value or not right.value:
            continue
        ratio = right.value / left.value if left.less else left.value / right.value
        noise = max(left.least, _width(left) + _width(right))
        worse = ratio - 1
        if left.spread and right.spread and _overlap(left.spread, right.spread):
            noise = max(noise, abs(worse))
        yield Change(what=what, before=left.value, after=right.value, worse=worse, noise=noise)


def _figures(run: Run) -> dict[str, _Figure]:
    found: dict[str, _Figure] = {}
    for suite, part in run.parts.items():
        for claim in part.claims:
            least = 0.01 if "recall" in claim.key else _NOISE
            figure = _Figure(value=claim.measured, spread=claim.spread, less=claim.at_most, least=least)
            found[f"{claim.key}: {claim.text}"] = figure
        for one in part.measurements:
            case = ", ".join(f"{name} {value}" for name, value in sorted(one.case.items()))
            least = 0.01 if one.what in _COUNTED else _NOISE
            figure = _Figure(value=one.value, spread=one.spread, less=one.better == "less", least=least)
            found[f"{suite}: {one.who}, {one.what} [{one.unit}] {case}"] = figure
    return found


def _width(figure: _Figure) -> float:
    if figure.spread is None:
        return 0.0
    return max(abs(one - figure.value) for one in figure.spread) / abs(figure.value)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
